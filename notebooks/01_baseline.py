# ---
# jupyter:
#   accelerator: GPU
#   jupytext:
#     cell_metadata_filter: tags,nbgrader,cellView,-all
#     notebook_metadata_filter: kernelspec,accelerator,colab,-all
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/fercourse/blob/main/notebooks/01_baseline.ipynb)
#
# # 01 · A baseline
#
# About two hours with the exercises. The code runs in about a minute and a half on two CPU cores, in up to four
# minutes on slow ones; on a GPU it uses a larger network. You need [lesson 00](00_faces.ipynb) and PyTorch's tensors
# and modules, and should know what a gradient, a convolution and batch norm are. Words that you do not know are in the
# [glossary](https://github.com/OWNER/fercourse/blob/main/site/glossary.md).
#
# This edition holds the solutions, and the outputs of a run. To solve the exercises yourself, open the [student edition in Colab](https://colab.research.google.com/github/OWNER/fercourse/blob/main/notebooks/student/01_baseline.ipynb), or `notebooks/student/01_baseline.ipynb` on your own machine.
#
# **You will be able to**
#
# - write the training loop of a classifier yourself, and say what each of its lines is for
# - look into an embedding before, during and after training, and explain which expressions it confuses
# - question a good score: unseen people, groups of people, identity, wrong labels

# %% cellView="form"
# On Colab: fetch the course and what it lacks, leaving torch as it is. On your own machine: nothing.
import os
import shutil
import subprocess
import sys

if "google.colab" in sys.modules:
    home, part = "/content/course", "/content/course.part"
    if not os.path.exists(home):
        shutil.rmtree(part, ignore_errors=True)                            # left by a run that was cut off
        subprocess.run(["git", "clone", "--quiet", "--depth", "1", "https://github.com/OWNER/fercourse", part], check=True)
        os.rename(part, home)
    subprocess.run([sys.executable, f"{home}/fercourse/course/colab.py"], check=True)
    os.chdir(f"{home}/notebooks")

# %%
import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F

import fercourse as fc
from fercourse.device import pick_device

# %% [markdown]
# One switch decides how much is computed: little on a CPU, the whole set and a wider network on a GPU.

# %%
device = pick_device()
SIZE, FACES, EPOCHS, BACKBONE = (48, 3600, 12, "lesson") if device.type == "cpu" else (64, 7200, 20, "resnet18")

# %%
train = fc.load_faces("synthfaces", split="train").resize(SIZE).sample(FACES)
test = fc.load_faces("synthfaces", split="test").resize(SIZE)
train, test

# %% [markdown]
# The faces are rendered, so everything about them is known. Nobody in `test` is in `train`:
# a classifier must read expressions of people it has never seen.
#
# ## Which of these belong together?
# Here are twelve faces of **one** class.

# %%
fear = train.where(labels="fear")
fc.plots.face_grid(fear.sample(12, seed=4), columns=6,
                   alt="Twelve faces in fear that differ in person, light, pose, colour and what covers them",
                   caption="One class. What do these pictures have in common, as pictures?")

# %% [markdown]
# And here are pairs from **two** classes, each pair with a face in fear and a surprised face. They are the six pairs
# whose action units are most nearly alike, with no face used twice.

# %%
afraid = train.where(labels="fear", domain="lab")
surprised = train.where(labels="surprise", domain="lab")
gap = torch.cdist(afraid.column("action_units"), surprised.column("action_units"))
pairs = []
for place in gap.flatten().argsort().tolist():                      # from the nearest pair on
    one, other = divmod(place, len(surprised))
    if len(pairs) < 6 and not any(one == a or other == b for a, b in pairs):
        pairs.append((one, other))
above, below = map(list, zip(*pairs))
fc.plots.image_rows({"fear": afraid.images[above], "surprise": surprised.images[below]},
                    alt="Six faces in fear above six surprised faces that look much like them",
                    caption="Two classes. Which differences within a pair come from the expression, and which from the person?")

# %% [markdown]
# Within a pair, the expression shows in the mouth, if at all: in some pairs fear pulls its corners down or aside, and
# surprise makes it rounder. Skin, hair, beard and the shape of the head are the person's.
#
# A class is not a kind of picture. Most of what differs between two pictures is the person, the light and the pose; the
# little that decides the class may be one eyebrow. **How does a network find that little, and where does it keep it?**
#
# ## The idea in four formulas
# A network $f$ turns a face $x$ into a vector of $D$ numbers, its **embedding**. A linear layer, the **head**, turns
# the embedding into one number for each of $C$ classes, the **logits**:
#
# $$h = f(x) \in \mathbb{R}^D, \qquad z = W h + b \in \mathbb{R}^C \tag{1.1}$$
#
# **Softmax** turns the logits into shares that sum to 1:
#
# $$p_c = \frac{e^{z_c}}{\sum_{k} e^{z_k}} \tag{1.2}$$
#
# **Cross-entropy** measures how surprised the network is by the true class $y$:
#
# $$\ell(z, y) = -\log p_y = \log \sum_{k} e^{z_k} - z_y \tag{1.3}$$
#
# and training makes the mean of this loss over the faces small:
#
# $$L = \frac{1}{N} \sum_{i} \ell(z_i, y_i) \tag{1.4}$$
#
# The head is linear, so by the time $h$ is computed, the classes must already lie apart. That is why this course looks
# at embeddings: **the embedding is what the network sees just before its last, simple decision.**
#
# Here are three logits, and what formulas (1.2) and (1.3) give for each class that could be the true one:

# %% tags=["nbval-check-output"]
logits = torch.tensor([2.0, 1.0, -1.0])
share = logits.exp() / logits.exp().sum()
[f"{p:.3f} costs {loss:.3f}" for p, loss in zip(share, -share.log())]

# %% [markdown] nbgrader={"grade": false, "grade_id": "01-cross-entropy-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Exercise 1 · cross-entropy (10 min, ●●○)
# Write formulas (1.3) and (1.4) as a function: logits `[B, C]` and labels `[B]` give one number, a tensor from which
# a gradient goes back to the logits. Use neither `F.cross_entropy` nor `log_softmax`, and make your function survive
# logits of 1,000. Stuck? `fc.check.lesson01.cross_entropy.hint()`

# %% nbgrader={"grade": false, "grade_id": "01-cross-entropy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cross_entropy(logits, labels):
    ### BEGIN SOLUTION
    largest = logits.max(1, keepdim=True).values
    shifted = logits - largest
    true = shifted[torch.arange(len(labels)), labels]
    return (shifted.exp().sum(1).log() - true).mean()
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "01-cross-entropy-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["nbval-check-output"]
fc.check.lesson01.cross_entropy(cross_entropy)

# %% [markdown]
# ## What may change, and what must not
# A few thousand faces are not many. **Augmentation** changes each one a little, differently in every epoch, in ways
# that leave the expression alone: it tells the network what does *not* matter.

# %%
face = train.where(labels="anger", domain="wild", occluder="none")[5]
views = {}
for preset in ("none", "weak", "strong"):
    table = fc.augment.draw(preset, 7, seed=1)
    views[preset] = fc.augment.denormalise(fc.augment.apply(face.images.expand(7, -1, -1, -1), table))

# %%
fc.plots.image_rows(views, alt="One angry face in three rows of seven: unchanged, changed a little, changed much",
                    caption="Is the last row still anger? A preset that is too strong teaches wrong labels.")

# %% [markdown]
# Mostly, yes: lowered brows and an open mouth are left. Where blur takes the brows, or a block the mouth, only half of
# the expression is left to go by.
#
# `draw` makes one row of random numbers for each face, on the CPU, from a seed. `apply` works on a whole batch, on
# whichever device the batch lies. So the same seed gives the same pictures on every machine:

# %% tags=["nbval-check-output"]
same = torch.equal(fc.augment.draw("weak", 8, seed=1, epoch=3), fc.augment.draw("weak", 8, seed=1, epoch=3))
other = torch.equal(fc.augment.draw("weak", 8, seed=1, epoch=3), fc.augment.draw("weak", 8, seed=1, epoch=4))
{"same epoch": same, "next epoch": other}

# %% [markdown]
# ## The loop by hand
# Everything that training needs fits into a few small pieces. **The data** go to the device once, as bytes, so that
# there is nothing to wait for later.

# %%
images, labels = train.images.to(device), train.labels.to(device)
images.shape, images.dtype, f"{images.nbytes / 1e6:.0f} MB"

# %% [markdown]
# **The order** in which faces are seen comes from the seed and the epoch, and from nothing else. If you know both, you
# can repeat any step.

# %% tags=["nbval-check-output"]
def order(count, epoch, seed=0):
    return torch.randperm(count, generator=torch.Generator().manual_seed(1000 * seed + epoch))

order(6, epoch=0).tolist(), order(6, epoch=0).tolist(), order(6, epoch=1).tolist()

# %% [markdown]
# **The model** is formula (1.1): a small ResNet, then a linear head.

# %%
from fercourse.models.backbone import backbone

torch.manual_seed(0)
network = backbone(BACKBONE, size=SIZE).to(device)
head = torch.nn.Linear(network.width, len(train.classes)).to(device)

# %% [markdown]
# Follow eight faces through the model: they become maps that still know *where* things are, then one embedding for each
# face, and then seven logits.

# %%
eight = fc.augment.normalise(images[:8])
tuple(eight.shape), tuple(network.maps(eight).shape), tuple(network(eight).shape), tuple(head(network(eight)).shape)

# %% [markdown]
# **The loss** of a network that knows nothing is about $\log C$, because every class gets a share of about $1/C$. Look
# at this number first whenever you train: if it is far off, something is wrong. Take a few hundred faces, because the
# mean over eight could be anything.

# %%
many = fc.augment.normalise(images[:512])
first = F.cross_entropy(head(network(many)), labels[:512]).item()
print(f"loss before training {first:.2f}, log {len(train.classes)} = {math.log(len(train.classes)):.2f}")

# %% [markdown]
# **The optimiser** changes the weights. **The schedule** tells it how far to go: a short climb, then half a cosine down
# to 0.

# %%
from fercourse.schedule import cosine

optimiser = torch.optim.AdamW([*network.parameters(), *head.parameters()], lr=2e-3, weight_decay=0.05)

# %% tags=["nbval-check-output"]
[round(2e-3 * cosine(progress), 5) for progress in (0.01, 0.05, 0.5, 0.9, 1.0)]

# %% [markdown]
# **One step**: augment, forward, loss, backward, step. Gradients add up in PyTorch, so they are cleared first.

# %%
def step(rows, table, rate):
    for group in optimiser.param_groups:
        group["lr"] = rate
    pixels = fc.augment.apply(images[rows.to(device)], table)
    loss = F.cross_entropy(head(network(pixels)), labels[rows.to(device)])    # or your own: the same number
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()

# %% [markdown]
# **An epoch** is one walk through the set. The last, smaller batch is left out, so that all steps weigh the same. (If
# you run the training below a second time, it goes on with the trained network. To begin anew, run the cells from **the
# model** on.)

# %%
def run_epoch(epoch, epochs, batch_size=64):
    walk, table = order(len(train), epoch), fc.augment.draw("weak", len(train), epoch=epoch)
    steps, losses = len(train) // batch_size, []
    for number in range(steps):
        place = slice(number * batch_size, (number + 1) * batch_size)
        progress = (epoch * steps + number) / (epochs * steps)
        losses.append(step(walk[place], table[place], 2e-3 * cosine(progress)))
    return losses

# %%
network.train()
losses = [loss for epoch in range(2) for loss in run_epoch(epoch, epochs=2)]

# %%
records = [{"step": number, "loss": loss} for number, loss in enumerate(losses)]
fc.plots.curves(records, title="Two epochs by hand", caption="Noisy, because each step sees other faces; but it falls.")

# %% [markdown]
# **Evaluation** looks at the whole test set, in evaluation mode. In training, batch norm scales features by the mean
# and the variance of the batch. In evaluation mode it uses the running ones that it has kept, so that a face's result
# does not depend on its neighbours in the batch. Forgetting `eval()` is a classic mistake.

# %%
network.eval()
with torch.no_grad():
    parts = test.images.split(512)
    told = torch.cat([head(network(fc.augment.normalise(part.to(device)))).argmax(1) for part in parts]).cpu()
chance = test.labels.bincount().max() / len(test)
print(f"right on unseen people: {fc.evaluate.accuracy(told, test.labels):.1%} (always the same class: {chance:.1%})")

# %% [markdown]
# ### Take it apart (10 min, not marked)
# For each slip, say what you would see: an error, a loss that does not fall, another score, or nothing at all. (a)
# `loss.backward()` is left out. (b) `head.parameters()` is not given to the optimiser. (c) `head(network(pixels))` goes
# through a softmax before `F.cross_entropy`. (d) `network.eval()` is left out before the evaluation. (e)
# `torch.no_grad()` is left out there.
#
# <details><summary>Answer</summary>
#
# (a) No error. The loss only wobbles, because no weight ever gets a gradient. (b) It learns all the same: gradients
# pass through the head, and the network adapts to a head that stays random. (c) The loss falls, but never comes near
# 0: shares lie between 0 and 1, so a second softmax cannot pull them far apart. (d) No error. A face's answer now
# depends on the others in its batch. (e) The same score, from more memory. Only (a) and (c) show in the loss. So look
# at the first losses, at the score in evaluation mode, and at what the optimiser was given.
#
# </details>
#
# Then fold `step` away and write it from memory, in a cell of your own, as `my_step(network, head, optimiser, pixels,
# labels)`, which returns the loss. On one batch, seen again and again, the loss must fall:
#
# ```python
# import copy
#
# twin, its_head = copy.deepcopy(network).train(), copy.deepcopy(head)
# own = torch.optim.AdamW([*twin.parameters(), *its_head.parameters()], lr=2e-3)
# batch = fc.augment.normalise(images[:64])
# [round(my_step(twin, its_head, own, batch, labels[:64]), 2) for _ in range(15)]
# ```

# %% [markdown]
# ## The same with `fc.fit`
# `fercourse/train.py` does what you have just written, and adds what you do not want to write twice (mixed precision,
# clipping, a log, checkpoints, several GPUs). One thing differs in the method, not in the loop: the baseline smooths
# its labels. A tenth of each is spread over all classes, so its loss is not quite (1.3) and cannot reach 0. Where we
# watch a network learn by heart, below, we switch this off. Open `fercourse/train.py` beside your cells: its loop
# fits on one screen.
#
# `watch` is called after every epoch. We use it to keep the embedding of some unseen people.
#
# If you have no time to train, run the next cell, and instead of the two below it these lines in a cell of your own:
#
# ```python
# moments["before"] = fc.evaluate.seen(create("baseline", train).to(device), shown)["embedding"]
# model = fc.trained("baseline", device)
# moments["trained"] = fc.evaluate.seen(model, shown)["embedding"]
# ```
#
# Then go on below the training loss. The course trained this network on the lab's faces only. `test` has faces of the
# wild, too, so it gets about half of them right, and your numbers are not those of the text.

# %%
from fercourse.methods import create

shown = fc.embed.at_most(test, 1000)
moments = {}

def keep(epoch, method):
    if epoch + 1 in (1, 3, EPOCHS // 2, EPOCHS):
        moments[f"epoch {epoch + 1}"] = fc.evaluate.seen(method, shown)["embedding"]

# %%
torch.manual_seed(0)
model = create("baseline", train, backbone=BACKBONE)
moments["before"] = fc.evaluate.seen(model.to(device), shown)["embedding"]
history = fc.fit(model, train, epochs=EPOCHS, batch_size=64, lr=2e-3, seed=0, watch=keep)

# %%
fc.plots.curves(history, title="Training loss",
                caption="Labels are smoothed here: a tenth of each is spread evenly over all seven classes, so the loss cannot fall below 0.45.")

# %%
scores = fc.evaluate.evaluate(model, test)
low, high = scores["accuracy_interval"]
drawn = "people" if scores["people"] else "faces, as nobody knows the people"
print(f"accuracy {scores['accuracy']:.1%} (95 % interval over {drawn}: {low:.1%} to {high:.1%}), "
      f"macro F1 {scores['macro_f1']:.1%}")
if scores["people"]:
    half = 1.96 * math.sqrt(scores["accuracy"] * (1 - scores["accuracy"]) / len(test))
    print(f"half the width of the interval: {(high - low) / 2:.1%}; if every face came from a different person: {half:.1%}")

# %% [markdown]
# The interval comes from drawing as many *people* as there are, with replacement, many times, and scoring all their
# faces; the middle 95 % of these scores are the interval. We draw people, not faces: the 24 pictures of one person
# may fail together, and then 1,920 faces say less than 1,920 independent ones would. How much this matters here, the
# second line shows; you know it only once you have looked. (*Macro F1* comes after exercise 2.)
#
# ## The embedding before, during and after
# UMAP draws the embedding of each face, a long row of numbers, as a point in the plane, so that neighbours stay
# neighbours. Each picture starts from the one before it and is turned to match it, so that a point moves only if the
# embedding of its face does.

# %%
sequence = fc.embed.aligned_sequence(list(moments.values()))
fc.plots.embedding_sequence(sequence, shown, titles=list(moments), columns=3,
    caption="Unseen people only. Which colours separate first, and which stay mixed to the end?")

# %% [markdown]
# In the run shown here happiness comes loose first, by epoch 3. Later surprise and fear lie at one end, anger at the
# other. Neutral and disgust stay mixed with the rest to the end.
#
# The axes of such a picture mean nothing, and neither do large distances: read only who is near whom. So put a number
# beside the picture, measured in all dimensions of the embedding. The **silhouette** compares a face's distance to its
# own class with its distance to the nearest other class: at 1 the classes are far apart, at 0 both distances are equal,
# and below 0 another class is, on average, nearer than the face's own.

# %%
for moment, features in moments.items():
    print(f"{moment:10} silhouette {fc.evaluate.silhouette(features, shown.labels):+.2f} by expression, "
          f"{fc.evaluate.silhouette(features, shown.column('domain')):+.2f} by domain")

# %% [markdown]
# One change comes after the other: the domain fades in the first epoch, while expressions rise above 0 only later. The
# silhouette by expression stays small even where the accuracy is not: it asks for round, compact classes, while a
# linear head needs only a border between them. Here are the first and the last picture again, coloured by where the
# faces come from:

# %%
fc.plots.embedding_sequence([sequence[0], sequence[-1]], shown, titles=["before", list(moments)[-1]],
                            colour_by="domain", columns=2,
                            caption="Random weights sort by grey and colour, untaught. Training mixes the domains.")

# %% [markdown]
# And here is the last picture with faces in it, so that you can ask why a face lies where it does. To hover over every
# point, try `fc.plots.explorer(sequence[-1], shown)`.

# %%
fc.plots.embedding_thumbnails(sequence[-1], shown, most=90, size=0.45,
                              caption="Each face bears the mark of its class. Look where two classes meet: could you tell them apart?")

# %% [markdown]
# ## What it confuses, and why
# The rows are the truth, the columns what the network says.

# %%
predicted = fc.evaluate.seen(model, test)["logits"].argmax(1).cpu()
fc.plots.confusion(test.labels, predicted, test.classes, caption="Read along a row: where do the faces of this class go?")

# %% [markdown] nbgrader={"grade": false, "grade_id": "01-recalls-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Exercise 2 · recall of every class (8 min, ●○○)
# The diagonal of that picture is the **recall**: of the faces that truly belong to a class, the share that is found.
# Write it for `predicted [N]`, `labels [N]` and `count` classes; return `count` numbers. Every class occurs among the
# labels. Stuck? `fc.check.lesson01.recalls.hint()`

# %% nbgrader={"grade": false, "grade_id": "01-recalls", "locked": false, "schema_version": 3, "solution": true, "task": false}
def recalls(predicted, labels, count):
    ### BEGIN SOLUTION
    return torch.stack([(predicted[labels == c] == c).float().mean() for c in range(count)])
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "01-recalls-test", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["nbval-check-output"]
fc.check.lesson01.recalls(recalls)

# %%
table = fc.evaluate.confusion(predicted, test.labels, 7)
{word: f"{found:.0%}" for word, found in zip(test.classes, fc.evaluate.recalls(table).tolist())}

# %% [markdown]
# Recall, $R_c$, has a counterpart, the **precision** $P_c$: of the faces that are called a class, the share that
# truly belong to it. **Macro F1**, which stands beside the accuracy above, joins the two in each of the $C$ classes,
# and takes the mean:
#
# $$\text{macro F1} = \frac{1}{C} \sum_{c} \frac{2 P_c R_c}{P_c + R_c} \tag{1.5}$$
#
# So a rare class counts as much as a frequent one.
#
# Why these confusions and not others? Here is a guess: **classes that make the same movements are taken for each
# other.** We can test it, because the renderer recorded every action unit. Take the mean action units of each class,
# and the distance between the means of every two classes:

# %%
means = torch.stack([train.where(labels=word).column("action_units").mean(0) for word in train.classes])
distance = torch.cdist(means, means)

# %% [markdown]
# Compare it with how often two classes are taken for each other: the mean of both directions.

# %%
share = table / table.sum(1, keepdim=True)
mixed = (share + share.T) / 2

# %%
one, other = torch.triu_indices(7, 7, offset=1)
r = torch.corrcoef(torch.stack([distance[one, other], mixed[one, other]]))[0, 1].item()
print(f"correlation over the {len(one)} pairs of classes: r = {r:.2f}")

# %%
with fc.plots.style():
    figure, (axes,) = fc.plots.figure.new_figure(6.4, 3.8)
    axes.scatter(distance[one, other], mixed[one, other], color=fc.plots.COLOURS["sadness"], s=20)
    height = 1.0
    for i in mixed[one, other].argsort(descending=True).tolist()[:4]:
        x, y = distance[one[i], other[i]].item(), mixed[one[i], other[i]].item()
        height = min(y, height - 0.009)                                   # names keep clear of each other
        axes.text(x + 0.02, height, f"{train.classes[one[i]]} / {train.classes[other[i]]}", va="center")
    axes.set(xlabel="distance of the mean action units", ylabel="taken for each other (share)")
figure.describe(f"21 pairs of classes: the nearer their action units, the more often they are confused, r = {r:.2f}",
                "Each point is a pair of classes; the four most often taken for each other are named.")

# %% [markdown]
# A negative $r$ says: the nearer two classes are, the more often they are taken for each other, as guessed. In the run
# shown here neutral and fear are mixed up more often than their distance suggests, so near action units are not the
# only reason. (It is a finding about our recipes, and how a network follows them; about people it says nothing.) Which
# units do classes share? Here are the strongest units of each class, with their mean strength:

# %%
from fercourse.synth.units import FACS

called = {f"AU{number}": unit for unit, number in reversed(FACS.items())}
for word, strength in zip(train.classes, means):
    best, names = strength.topk(4), train.names["action_units"]
    units = (f"{names[i]} {called[names[i]]} {v:.2f}" for v, i in zip(best.values, best.indices))
    print(f"{word:10}", ", ".join(units))

# %% [markdown]
# ## What is the embedding worth without its head?
# If the classes lie apart in $h$, then *any* simple reader should find them. Two readers are standard: the **linear
# probe**, a new head on frozen features, and **k nearest neighbours**, which needs no training at all.

# %% [markdown] nbgrader={"grade": false, "grade_id": "01-neighbours-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Exercise 3 · nearest neighbours (12 min, ●●○)
# Given embeddings `train [N, D]` with `labels [N]`, and `test [M, D]`: return for each test face the most frequent
# class among its `count` nearest training faces. Nearest means having the largest **cosine**, so that the lengths of
# vectors do not matter. Stuck? `fc.check.lesson01.neighbours.hint()`

# %% nbgrader={"grade": false, "grade_id": "01-neighbours", "locked": false, "schema_version": 3, "solution": true, "task": false}
def neighbours(train, labels, test, count):
    ### BEGIN SOLUTION
    cosines = F.normalize(test, dim=1) @ F.normalize(train, dim=1).T
    rows = cosines.topk(count, dim=1).indices
    return labels[rows].mode(1).values
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "01-neighbours-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["nbval-check-output"]
fc.check.lesson01.neighbours(neighbours)

# %% [markdown]
# Here are three ways to see a face: 12 x 12 pixels as they are, a network with random weights, and the trained one.
# Both readers learn from the training faces and are asked about unseen people. (The library weights each neighbour's
# vote by its cosine; your function counts all votes alike. Try both.)

# %%
torch.manual_seed(0)
untrained = create("baseline", train, backbone=BACKBONE).to(device)
pixels = [F.interpolate(part.images.float(), 12).flatten(1) for part in (train, test)]
sights = {"pixels": pixels, "random network": [fc.evaluate.seen(untrained, part)["embedding"] for part in (train, test)],
          "trained network": [fc.evaluate.seen(model, part)["embedding"] for part in (train, test)]}

# %%
for name, (known, asked) in sights.items():
    near = fc.evaluate.knn_accuracy(known, train.labels.to(known.device), asked, test.labels, count=20)
    probe = fc.evaluate.linear_probe(known, train.labels, decay=1e-2)
    print(f"{name:16} k-NN {near:.1%}   "
          f"linear probe {fc.evaluate.accuracy(probe(asked).argmax(1).cpu(), test.labels):.1%}")

# %% [markdown]
# Compare the last row with the accuracy of the network's own head. Where they agree, any simple reader can replace the
# head, so the embedding did the work: you will judge every method of this course by such a table.
#
# ## What else does it know?
# The network was asked for expressions only. Can you still tell from its embedding **who** the person is? A linear
# probe learns from half of each test person's pictures, and names the person in the others.

# %%
for name, (_, asked) in sights.items():
    leak = fc.evaluate.identity_leak(asked.cpu(), test.column("identity"))
    print(f"{name:16} names the person in {leak['accuracy']:.1%} of pictures "
          f"(chance {leak['chance']:.1%}, {leak['people']} people)")

# %% [markdown]
# Pixels know the person best, and training for expressions does not make a network forget the person: nobody asked it
# to. A feature that knows the person is one way to be wrong. If smiling people in the training set happen to be young,
# "young" will count in favour of "happy". Lesson 06 removes such knowledge on purpose.
#
# ## Whom does it fail?
# A single accuracy for everybody hides the groups. Each dot is a group, and each bar is its 95 % interval over people.

# %%
everybody = scores["accuracy"]
groups = {column: fc.evaluate.by_group(test, predicted, column) for column in ("skin_tone", "age", "gender")}
axis = (min(table.low.min() for table in groups.values()) - 0.02, max(table.high.max() for table in groups.values()) + 0.05)
fc.plots.group_bars(groups["skin_tone"], whole=everybody, limits=axis,
                    title="Accuracy by skin tone (Monk scale)", caption="Which bars leave out the line, everybody's?")

# %%
fc.plots.group_bars(groups["age"], whole=everybody, limits=axis,
                    title="Accuracy by age", caption="Quarters of the test faces, by age in years. Does the accuracy fall from one to the next?")

# %%
fc.plots.group_bars(groups["gender"], whole=everybody, limits=axis,
                    title="Accuracy by gender presentation", caption="As the renderer drew it; nobody was asked. Does either bar leave out the line?")

# %%
bars = sum(map(len, groups.values()))
spoken = {"skin_tone": "tone", "age": "age", "gender": "gender presentation"}
clear = [f"{spoken[column]} {name}" for column, table in groups.items()
         for name in table.index[(table.low > everybody) | (table.high < everybody)]]
luck = fc.evaluate.clear_when_shuffled(test, predicted, groups)
print(f"clear of the line: {', '.join(clear) or 'none'}; {len(clear)} of {bars} bars")
print(f"this many or more, if people change places: in {(luck >= len(clear)).float().mean():.0%} of trials; "
      f"at least one: in {(luck > 0).float().mean():.0%}")

# %% [markdown]
# Before you tell a story about a low dot, look at its bar, and count the bars you have looked at: of sixteen fair
# groups, at least one 95 % interval misses the truth more often than not. The last printed line does this count for
# you: in five hundred trials it gives each person's answers to somebody else, so that no group can matter, and counts
# the clear bars again. (A formula for sixteen bars that each miss in 5 % of trials would not do: they cut the same
# eighty people three times.) A bar over few people misses most often, because it is often too short, however long it
# looks: tone 1 has three. In the run shown here its bar is the shortest of the ten, and clear of the line, because
# three people happened to fare alike.
#
# One bar clear of the line may well be luck. Several are a reason to look again, above all where neighbouring groups
# agree. And a bar that touches the line does not say that all is well: perhaps too few people stand behind it. Ten
# thin slices can hide a gap that three large groups show. So choose a few large groups before you look (here those of
# lesson 00) and ask for their difference:

# %%
tone = test.column("skin_tone")
ahead = fc.evaluate.gap(test, predicted, tone <= 3, tone >= 8)
print(f"tones 1 to 3 above tones 8 to 10: {100 * ahead['value']:+.1f} points "
      f"(95 % interval over people: {100 * ahead['low']:+.1f} to {100 * ahead['high']:+.1f})")
fc.evaluate.by_group(test, predicted, "skin_tone", ranges=fc.evaluate.TONES).round(3).rename_axis("tones")

# %% [markdown]
# If the interval of a difference stays on one side of 0, chance among people hardly explains it. In the run shown
# here it stays above 0, but only just: the lighter group is ahead by 6.0 points, and the interval reaches from about
# one point to eleven. (The bars of the two groups in the table overlap all the same: ask for the difference itself.)
# And the interval knows nothing of chance in training: another seed, or another computer, gives another network, and
# the gap may move by some points. So it is a gap of *this* network on *these* rendered people. Why it is there, the
# number does not say: with the tone go hair, eyes and head shape ([data/README.md](../data/README.md)), and a crease
# may change fewer grey levels on dark skin (a guess that nobody has tested here). Other differences have a plain
# cause:

# %%
fc.plots.group_bars(fc.evaluate.by_group(test, predicted, "occluder"), whole=everybody,
                    title="Accuracy by what covers the face",
                    caption="Which bars stay clear of the topmost one, and what do these things hide?")

# %% [markdown]
# In the run shown here four bars stay clear of the topmost one: glasses, sunglasses, masks and hands. They hide the
# eyes and the brows, or the mouth. Fewer faces have an object or lettering before them, and these two bars reach into
# the topmost.

# %% [markdown] nbgrader={"grade": false, "grade_id": "01-fairness-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Exercise 4 · a claim (15 min, ●●○, written)
# A company wants this model in a tool for job interviews, and quotes its accuracy from above. Answer in about 150
# words, with numbers from your cells: for which **group** is the claim least safe, and is that a finding, or are there
# too few people? What would you **measure** that nobody has measured here? What could **no score** on this set ever
# show?

# %% [markdown] nbgrader={"grade": true, "grade_id": "01-fairness", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# *One possible answer.* (Your numbers may differ.) Group: dark skin. On tones 8 to 10 the network is right less often
# than on tones 1 to 3, by 6.0 points (interval 0.8 to 11.1), with 25 people on either side. A finding about this
# network, but a weak one: the interval only just clears 0, so the gap may be tiny or large. Whether it stays needs new
# people and another seed. The oldest quarter of the faces is about as low, but that is one bar of sixteen, and behind
# most single tones stand too few people. Nobody needs a finding to refuse the claim, though: the burden of proof lies
# with the company. For covered faces the gap is larger, and there the cause is plain to see. Measure: both factors
# together (dark skin in dim light, glasses on old faces), which mistakes the groups suffer (being taken for angry is
# worse in an interview than being taken for neutral), real people instead of rendered ones, and the camera in use. No
# score on this set: whether a face shows what a person feels, or whether that says anything about how well she works.
# And in the European Union such a tool may be prohibited at work altogether (lesson 00).

# %% [markdown]
# ## When labels are wrong
# So far every label was right. Real sets are not like that: FER+ asked ten people about each face of FER2013, and
# most of the faces that FER2013 calls sad or disgusted did not get most votes for that word. Let us make labels wrong
# on purpose, and watch what happens.

# %% [markdown] nbgrader={"grade": false, "grade_id": "01-wrong-labels-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Exercise 5 · wrong labels (12 min, ●●○)
# You wrote *symmetric noise* in lesson 00. Write it again without looking it up; only the seed is new. Exactly
# `round(rate * N)` labels become another of the `classes` classes, drawn uniformly among the others, including any
# that no label has yet. The seed decides everything; leave the labels you are given as they are. Why exactly that
# many, and not each label with that probability? Because all runs then have the same number of wrong labels, and can
# be compared. Stuck? `fc.check.lesson01.wrong_labels.hint()`

# %% nbgrader={"grade": false, "grade_id": "01-wrong-labels", "locked": false, "schema_version": 3, "solution": true, "task": false}
def wrong_labels(labels, classes, rate, seed):
    ### BEGIN SOLUTION
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(labels), generator=generator)[:round(rate * len(labels))]
    steps = torch.randint(1, classes, (len(rows),), generator=generator)
    noisy = labels.clone()
    noisy[rows] = (labels[rows] + steps) % classes
    return noisy
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "01-wrong-labels-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["nbval-check-output"]
fc.check.lesson01.wrong_labels(wrong_labels)

# %% [markdown]
# The setting matters, so here it is: **few faces** (1,200 of the lab domain), **no augmentation**, enough epochs, 30 %
# of the labels wrong (`with_noise` does what you have just written). In a large set, with strong augmentation and short
# training, the same noise does much less.

# %%
lab = fc.load_faces("synthfaces", split="train", domain="lab").resize(48).sample(1200)
lab_test = fc.load_faces("synthfaces", split="test", domain="lab").resize(48)
noisy = lab.with_noise(0.3, seed=0)
noisy.where(labels="happiness").show(
    16, title="Labelled happiness", caption="The line 'truly' shows what the program meant. The network gets the other word.")

# %% [markdown]
# After every epoch we ask four things: how many of the right labels does the network repeat, how many of the wrong
# ones, on how many of the wrongly labelled faces does it see the truth *in spite of* the label, and how good is it on
# unseen people? Before you run the training, write down what you expect at its last epoch: the share of right labels
# repeated, the share of wrong labels repeated, and whether the third curve only rises.

# %%
wrong = noisy.labels != noisy.true_labels
story = []

def ask(epoch, method):
    seen, unseen = (fc.evaluate.seen(method, part)["logits"].argmax(1).cpu() for part in (noisy, lab_test))
    share = fc.evaluate.accuracy
    story.append({"step": epoch + 1, "right labels repeated": share(seen[~wrong], noisy.labels[~wrong]),
                  "wrong labels repeated": share(seen[wrong], noisy.labels[wrong]),
                  "wrong labels seen through": share(seen[wrong], noisy.true_labels[wrong]),
                  "unseen people": share(unseen, lab_test.labels)})

# %%
story.clear()                                    # of an earlier run of this cell
torch.manual_seed(0)
learner = create("baseline", noisy, label_smoothing=0.0)
learner.views = ("none",)
_ = fc.fit(learner, noisy, epochs=12, batch_size=32, lr=2e-3, watch=ask)

# %%
figure = fc.plots.curves(story, title="Learning by heart", caption="First it understands, then it memorises.")
figure.axes[0].set(xlabel="epoch", ylabel="share of faces", ylim=(0, 1.03))
figure

# %%
best = max(story, key=lambda row: row["wrong labels seen through"])
print(f"epoch {best['step']}: {best['wrong labels seen through']:.0%} of wrong labels seen through, "
      f"{best['wrong labels repeated']:.0%} repeated")
print(f"epoch {story[-1]['step']}: {story[-1]['wrong labels seen through']:.0%} seen through, "
      f"{story[-1]['wrong labels repeated']:.0%} repeated")

# %% [markdown]
# Read the curves from left to right. In the end the network repeats nearly every label it was given, wrong ones too:
# its **training accuracy is nearly perfect and worth nothing**. But early on it saw through many of the wrong labels,
# because what the faces of a class share is learnt before what makes one face special. Lesson 03 makes use of that
# moment.
#
# One run is an anecdote. Here is the same experiment with 14 epochs instead of 12, over three seeds, beside clean
# labels (the ceiling) and augmentation. The numbers come from `results/noise-synthfaces-lab-cpu.json`, which
# `fercourse study noise` writes:

# %% tags=["nbval-check-output"]
from fercourse.studies.record import in_columns, made

results = json.loads(Path("../results/noise-synthfaces-lab-cpu.json").read_text())
print(made(results))
display(in_columns(results["summary"], ("accuracy", "memorised")))

# %% [markdown]
# *none* and *weak* are the augmentation presets; *memorised* is the share of wrong labels that the network repeats. The
# table shows one remedy: change the faces, so that they cannot be learnt by heart. Where labels are wrong, this is
# worth eleven points. Where they are right, it gains nothing in so short a training: 70.5 % against 73.5 %, a
# difference about as large as the spread. The curve shows another remedy: stop in time. But somebody must tell you
# when, and you may not ask a test set.
#
# ## On your own data
# Change the line that loads the faces. Data sets are known by name, classes are matched by name, and every cell above
# that needs something the set does not have stops, and says what it lacks; go on with the next one. A set such as
# FER2013 has images and labels only. So skip the pairs of fear and surprise, the augmented face, the pictures and
# numbers of domains, all about action units, the naming of persons, and everything by groups.
#
# ```python
# train = fc.load_faces("fer2013", split="train", root="/path/to/it").resize(SIZE)
# test = fc.load_faces("fer2013", split="PublicTest", root="/path/to/it").resize(SIZE)
#
# train = fc.load_faces("rafdb", split="train", root="/path/to/it", size=SIZE)
# ```
#
# Some photographs of FER2013's test parts are in its training part as well, or nearly; `fercourse data check fer2013` counts
# those that look like one of another part. What a network gets right there may be memory.
#
# How far does such a baseline get on photographs? `docs/results.md` answers this for the small network used here and,
# from `fercourse study photographs`, for a whole ResNet-18, trained from scratch and after training on rendered faces,
# with pictures as they are and enlarged.
#
# `fercourse data list` tells you which data sets there are, and how to ask for each. A longer training on Colab should
# survive a disconnect: keep its files on your drive (one line, before the training), and afterwards call the training
# again with the same arguments. It continues at the step where it stopped, with the same numbers as if nothing had
# happened.
#
# ```python
# from fercourse.course import drive
# drive.use()                                  # asks for your drive; data/ and runs/ lie there from here on
# fc.fit(model, train, epochs=60, out="runs/baseline", resume=True, save_every=100)
# ```

# %% [markdown]
# ## Check yourself
#
# Think first, then open the answer.
#
# **1.** A friend moves `optimiser.zero_grad()` in `step` to the very end, below `optimiser.step()`. Does the network
# now learn something else?
#
# <details><summary>Answer</summary>
#
# No. It looks wrong, because the line stood elsewhere, but all that matters is that old gradients are gone before the
# next `loss.backward()` adds new ones. Between `loss.backward()` and `optimiser.step()` it would be a disaster: no
# step would find a gradient to follow, and nothing would be learnt.
#
# </details>
#
# **2.** In a UMAP picture, happiness lies next to surprise and far from disgust. May you say that the network takes
# happiness for surprise more often than for disgust?
#
# <details><summary>Answer</summary>
#
# No. The picture suggests it, but large distances in it mean nothing, and two groups may touch on paper with a clear
# border between them in the embedding. Read the row of happiness in the confusion matrix: it counts the mistakes
# themselves.
#
# </details>
#
# **3.** Somebody deals the *faces* at random into training and test set, and gets a higher accuracy than you, who
# dealt the *people*. Same network, same faces. Is the other way to deal the better one?
#
# <details><summary>Answer</summary>
#
# No. It answers an easier question: almost everybody in that test set was seen in training, and an embedding knows
# people. A test face can then be recognised by its person, hair and all, and by how this person shows things. Your
# lower number is the one that tells what happens with strangers.
#
# </details>

# %% [markdown]
# ## Recap
#
# **You can now**
#
# - write the training loop of a classifier yourself, and say what each of its lines is for: order and augmentation come
#   from a seed, the loss from formulas (1.1) to (1.4), the score from the whole test set in evaluation mode
# - look into an embedding before, during and after training, and explain which expressions it confuses: those whose
#   action units lie near each other
# - question a good score: unseen people, groups of people, identity, wrong labels; each had a number of its own
#
# The question of the beginning, how a network finds the little that decides the class: only by making (1.4) small, and
# nobody tells it where to look. It keeps it in the embedding: k-NN, which is never trained, finds the class there about
# as often as the network's own head. And it keeps there what nobody asked for, such as the person.

# %%
fc.check.progress()

# %% [markdown]
# Next: [lesson 02](02_wscfer.ipynb) shapes the embedding itself, by saying which faces attract each other and which do
# not.
#
# **References**
#
# - Barsoum, Zhang, Canton Ferrer and Zhang 2016. Training deep networks for facial expression recognition with
#   crowd-sourced label distribution (FER+). https://doi.org/10.1145/2993148.2993165
# - Alain and Bengio 2016. Understanding intermediate layers using linear classifier probes.
#   https://doi.org/10.48550/arXiv.1610.01644
# - Arpit et al. 2017. A closer look at memorization in deep networks. https://doi.org/10.48550/arXiv.1706.05394
# - Goodfellow et al. 2013. Challenges in representation learning (FER2013).
#   https://doi.org/10.1007/978-3-642-42051-1_16
# - He, Zhang, Ren and Sun 2016. Deep residual learning for image recognition. https://doi.org/10.1109/CVPR.2016.90
# - Li, Deng and Du 2017. Reliable crowdsourcing and deep locality-preserving learning for expression recognition in the
#   wild (RAF-DB). https://doi.org/10.1109/CVPR.2017.277
# - McInnes, Healy and Melville 2018. UMAP. https://doi.org/10.48550/arXiv.1802.03426
# - Monk 2019. The Monk Skin Tone scale. https://skintone.google
# - Rousseeuw 1987. Silhouettes. https://doi.org/10.1016/0377-0427(87)90125-7
# - Zhang, Bengio, Hardt, Recht and Vinyals 2021. Understanding deep learning (still) requires rethinking generalization.
#   https://doi.org/10.1145/3446776
#
# **Read on.** Zhang et al. (2021) first: they let networks learn labels that mean nothing, and ask what a training
# score is then worth. Then Arpit et al. (2017), who look at what is learnt before that: lesson 03 begins there.
#
# *By the fercourse authors. Text and figures are [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/), code is
# [Apache-2.0](https://www.apache.org/licenses/LICENSE-2.0), and the rendered faces are
# [CC0 1.0](https://creativecommons.org/publicdomain/zero/1.0/).*
