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
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/fercourse/blob/main/notebooks/00_faces.ipynb)
#
# # 00 · Faces
#
# About an hour and a half with the exercises. The code runs in about half a minute on two CPU cores, in up to two
# minutes on slow ones; no GPU is needed. You need Python and tensors, and no knowledge of faces. Exercises are easy
# (●○○), medium (●●○) or hard (●●●). Words that you do not know are in the
# [glossary](https://github.com/OWNER/fercourse/blob/main/site/glossary.md).
#
# This edition holds the solutions, and the outputs of a run. To solve the exercises yourself, open the [student edition in Colab](https://colab.research.google.com/github/OWNER/fercourse/blob/main/notebooks/student/00_faces.ipynb), or `notebooks/student/00_faces.ipynb` on your own machine.
#
# **You will be able to**
#
# - build an expression from facial action units and say what class, valence and arousal make of it
# - say where wrong labels come from, and make them on purpose
# - measure what a representation sorts faces by, and name whom a data set leaves out

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
from pathlib import Path

import pandas as pd
import torch

import fercourse as fc
from fercourse.synth import units

faces = fc.load_faces("synthfaces", split="train")
faces

# %% [markdown]
# These people do not exist. Each was drawn by a program that knows everything about them: who they are, how the light
# falls, and which expression was meant. That makes them good company for a first look: whenever a method guesses,
# we can look up the truth.
#
# Take eight faces, and for each find the one among all the others whose pixels are most like its own.

# %%
asked = faces.where(domain="wild").sample(8, seed=1)
pixels = faces.images.flatten(1).float()
distance = torch.cdist(asked.images.flatten(1).float(), pixels)
twin = distance.topk(2, largest=False).indices[:, 1]
fc.plots.image_rows(
    {"a face": asked.images, "most alike\nin pixels": faces.images[twin]},
    titles={"a face": asked.words("labels"), "most alike\nin pixels": faces[twin].words("labels")},
    alt="Eight faces, below each the face most alike in pixels: light and head agree, expression in three pairs",
    caption="Look for what each pair shares. Do the pairs agree in expression more often than by luck?")

# %% [markdown]
# The two faces of a pair are bright and dark in the same places: background, skin, hair, glasses. Three of these
# eight pairs agree in expression as well. With seven classes, one pair in seven agrees by luck, and eight pairs are
# few: the section *What pixels know* counts many. **How do we make expression the thing by which faces are near or
# far?** That is the question of this course. This lesson looks at what stands in the way.
#
# *Expression* is what a face does; *emotion* is what somebody feels. We predict a word for the first.

# %% [markdown]
# ## An expression, unit by unit
#
# FACS, the Facial Action Coding System, describes what can be *seen* to move in a face, and how much, in five steps
# from A to E; it names no feeling (Ekman and Friesen 1978). An *action unit* (AU) is one such movement, with the muscle
# or the muscles behind it. The head we draw has sliders for movements, called facial units, and each bears the number
# of the nearest action unit. Here are nine on the same person, each moved alone and fully.

# %%
nine = ["browInnerUp", "browOuterUp", "browDown", "eyeWide", "cheekSquint",
        "noseSneer", "mouthSmile", "mouthFrown", "mouthStretch"]


def pose(weights, person=13, size=112):
    """Return a picture of a pose as a uint8 tensor [3, size, size]."""
    return torch.tensor(fc.synth.render_face(weights, person=person, size=size)).permute(2, 0, 1)


shown = {"at rest": pose({})} | {f"{unit}\nAU {units.FACS[unit]}": pose({unit: 1.3}) for unit in nine}
pictures, names = torch.stack(list(shown.values())), list(shown)
fc.plots.image_rows(
    {"": pictures[:5], " ": pictures[5:]}, {"": names[:5], " ": names[5:]},
    alt="One person at rest and with one facial unit moved at a time, from raised inner brows to stretched lips",
    caption="The movements are small: cover the names and try to tell AU 1 from AU 2. They are a modeller's shapes, not a coder's "
            "examples: AU 9 looks much like AU 4 here, AU 20 pulls the corners down as AU 15 does, and AU 6 hardly shows.")

# %% [markdown]
# No single unit stands for an emotion. Expressions are combinations of units, and these combinations overlap.

# %%
words = faces.classes
textbook = {word: units.expression(word, 1.0) for word in words}
fc.plots.image_rows(
    {"": torch.stack([pose(textbook[word]) for word in words])}, {"": words},
    alt="The seven textbook expressions of one person, from neutral to anger",
    caption="Our standard poses, near those of the textbooks. Real faces are weaker, mixed, and one-sided.")

# %% [markdown]
# The six poses beside neutral are a theory: that a few basic emotions each have a face of their own (Ekman 1992). It is
# disputed, within cultures and between them (Barrett et al. 2019). We use it because the data sets do. When this course
# says *truth* or *truly*, it means the recipe from which the program drew; no feeling lies behind it.
#
# Here are the recipes, in action units:

# %%
moved = torch.tensor([units.action_units(textbook[word]).tolist() for word in words])
called = {f"AU{number}": unit for unit, number in reversed(units.FACS.items())}
rows = [f"{au} {called[au]}" for au in units.ACTION_UNITS]
table = pd.DataFrame(moved.T.numpy(), index=rows, columns=words)
table[(table > 0.35).any(axis=1)].round(1).replace(0.0, "·")

# %% [markdown]
# A number is how strongly the textbook pose moves an action unit, from 0 (·) to 1; a facial unit's weight above 1
# counts as 1. (These are our sliders, not a FACS coder's reading: there is no AU 23, 25 or 27, both sides count as one,
# and 0 to 1 is not A to E. In the smile, AU 10 and 16 only part the lips, which is AU 25.) Read the table row by row.
# AU 1, the raised inner brows, belongs to sadness, surprise *and* fear; AU 5, the wide eyes, to surprise and fear, and
# a little to anger; AU 9, the wrinkled nose, to disgust and, weaker, to anger; that is our choice, for FACS's own table
# of anger does not have it. AU 4, the lowered brows, is strongest in anger, but fear has some of it. Expressions that
# share units are often confused, by people and by networks; faint ones are confused with neutral, with which they share
# nothing.
#
# ### Class, valence, arousal
#
# There are two common languages for what a face shows. One names a **class**. The other gives two numbers between −1
# and 1: **valence**, from unpleasant to pleasant, and **arousal**, from still to stirred (after Russell 1980, who
# scaled words for feelings, not faces). A rule of thumb connects both languages to the action units $a$ of a face. Let
# $t_c$ be the action units of the textbook pose of class $c$, $p_c$ the (valence, arousal) that we chose for this pose
# in Russell's spirit, and $\langle\cdot,\cdot\rangle$ the scalar product. Then
#
# $$ c^\ast = \arg\max_c \; \cos(a, t_c), \qquad i = \frac{\langle a, t_{c^\ast}\rangle}{\lVert t_{c^\ast}\rVert^2}, \qquad
# (\text{valence}, \text{arousal}) = i \, p_{c^\ast} \tag{0.1} $$
#
# where $c$ is any class but neutral, a face that hardly moves ($\lVert a\rVert < 0.4$) counts as neutral, and $i$ is
# the intensity.

# %%
def read(weights):
    """Return class, valence and arousal of a pose, eq. (0.1)."""
    given = torch.from_numpy(units.action_units(units.both_sides(weights))).float()
    if given.norm() < 0.4:
        return "neutral", 0.0, 0.0
    cosines = torch.cosine_similarity(given, moved[1:], dim=1)          # row 0 is neutral: nothing moves
    best = int(cosines.argmax()) + 1
    intensity = float((given @ moved[best]) / moved[best].square().sum())
    valence, arousal = (intensity * value for value in units.CIRCUMPLEX[words[best]])
    return words[best], valence, arousal


def told(weights):
    """Return the reading of a pose as two short lines."""
    word, valence, arousal = read(weights)
    return f"{word}\nv {valence:+.2f}  a {arousal:+.2f}"


# %% tags=["nbval-check-output"]
for word in words:
    print(f"{word:10} is read as", told(textbook[word]).replace("\n", ", "))

given = faces.action_units
guess = torch.cosine_similarity(given[:, None], moved[None, 1:], dim=2).argmax(1) + 1
guess[given.norm(dim=1) < 0.4] = 0
angry = guess[faces.labels == words.index("anger")]
print(f"all training faces: {(guess == faces.labels).float().mean():.0%} are read as their class; the angry ones as",
      ", ".join(f"{word} {(angry == words.index(word)).float().mean():.0%}" for word in ("anger", "disgust", "fear")))

# %% [markdown]
# The rule reads its own textbook poses correctly. In a crowd, with everybody's manner and several recipes a class, it
# is right less often, and takes many angry faces for disgusted: most of our recipes for anger wrinkle the nose.
# Where does the crowd lie on the plane? Here valence and arousal are not read by eq. (0.1): the program knows them. A
# little noise, or a second class mixed in, takes a face off its ray.

# %%
some = faces.sample(1500, seed=0)
fc.plots.valence_arousal(
    some.valence_arousal, some,
    caption="Each class except neutral is a ray from the centre, with weak expressions near the centre. Fear and anger share a ray.")

# %% [markdown]
# Fear and anger lie on top of each other: both are unpleasant and stirred, so two numbers cannot tell them apart; a
# word can. (So could a third number, **dominance**, high in anger and low in fear, but few sets of faces have it:
# Fontaine et al. 2007.) A neutral face and a weak smile have different words, but nearly the same numbers. Each
# language loses something.
#
# Now move the sliders yourself. If you read this page without a running kernel, the strip below shows eight poses and
# how they are read.

# %%
from ipywidgets import FloatSlider, interact


def look(**weights):
    """Draw a pose under its reading."""
    reading = told(weights)
    return fc.plots.image_rows({"": pose(weights, size=160)[None]}, {"": [reading]}, alt=f"A face: {reading}")


_ = interact(look, **{unit: FloatSlider(value=0, min=0, max=1.5, step=0.1, continuous_update=False)
                      for unit in [*nine, "jawOpen"]})

# %%
surprise = {"browInnerUp": 1.1, "browOuterUp": 1.3, "eyeWide": 1.0, "jawOpen": 0.7, "mouthFunnel": 0.3}
anger = {"browDown": 1.5, "eyeSquint": 0.5, "mouthPress": 0.9, "noseSneer": 0.4, "mouthFrown": 0.4}
steps = [{unit: (1 - share) * surprise.get(unit, 0) + share * anger.get(unit, 0) for unit in surprise | anger}
         for share in torch.linspace(0, 1, 8).tolist()]
fc.plots.image_rows(
    {"": torch.stack([pose(step) for step in steps])}, {"": [told(step) for step in steps]},
    alt="One face in eight steps from surprise to anger, read as " + "; ".join(told(step) for step in steps),
    caption="The face changes evenly; the class jumps. Near a jump, a label tells you least.")

# %% [markdown]
# The face moves in even steps, and the class word flips at one of them. At that step valence jumps, because eq. (0.1)
# takes it from the class; arousal hardly changes, because surprise and anger are both stirred. A network that learns
# the two numbers directly does not have to jump.

# %% [markdown] nbgrader={"grade": false, "grade_id": "00-fear-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Exercise 1 · from surprise to fear (8 min, ●○○)
# Change `surprise` into a pose that eq. (0.1) reads as **fear**. It must agree with the fear column of the table in
# these points, too: the inner brows rise (AU 1), the eyes are wide (AU 5) and the lips are stretched (AU 20), each by
# at least 0.4; the brows are also drawn together (AU 4, at least 0.2); there is no smile; and the jaw (AU 26) is open
# by at most 0.6, so that one can see the lips stretch. (Real fear often drops the jaw, and lifts the outer brows.) Call
# it `my_fear`: a dict of facial units and weights between 0 and 1.5; the sliders help. Stuck?
# `fc.check.lesson00.fear.hint()` says a little more each time.

# %% nbgrader={"grade": false, "grade_id": "00-fear", "locked": false, "schema_version": 3, "solution": true, "task": false}
### BEGIN SOLUTION
my_fear = {"browInnerUp": 1.4, "browOuterUp": 0.5, "browDown": 0.4, "eyeWide": 1.1, "mouthStretch": 1.1, "jawOpen": 0.2}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "00-fear-test", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["nbval-check-output"]
fc.check.lesson00.fear(my_fear)

# %% [markdown]
# Before you run the next cell: by eq. (0.1), which of the two numbers changes more from surprise to your fear, valence
# or arousal? Does one of them change its sign?

# %%
second = told(my_fear) if my_fear else "surprise again:\nexercise 1 waits"
fc.plots.image_rows(
    {"": torch.stack([pose(surprise), pose(my_fear or surprise)])}, {"": [told(surprise), second]},
    alt=f"Surprise on the left, {'your fear' if my_fear else 'surprise again'} on the right",
    caption="Compare the jaw, the lips, the brows, and then the two numbers.")

# %% [markdown]
# In fear the jaw closes, the lips stretch and the brows draw together. Valence changes more, and it changes its sign:
# by eq. (0.1), surprise is a little pleasant and fear is unpleasant. Both are stirred, so arousal changes little.
#
# ## What annotators disagree about
#
# Few data sets list action units. Most give each picture one word, and often somebody looked at it and chose the word.
# Ten people voted on each of our pictures. These people are simulated, by a formula modelled loosely on FER+, which you
# will meet below: the usual mix-ups are there (sadness and neutral, fear and surprise, disgust and anger), but real
# people agree far more on happiness and far less on fear and disgust, and may say "unknown". Our ten do not see who is
# before them: neither skin nor age nor gender is in the formula. Real people see it, and some of their errors depend on
# it: prospective teachers wrongly took Black children for angry more often than White children (Halberstadt et al.
# 2022). Who votes matters, too: people read faces of their own cultural group somewhat better (Elfenbein and Ambady
# 2002), and few sets say who their annotators were. The wrong labels that we make in this course do not contain that
# error, so no lesson can measure what it does.
#
# Here are six faces on which the ten did not agree:

# %%
split = faces.votes.max(1).values <= 5
doubtful = faces[split & (faces.column("occluder") == 0)].sample(6, seed=2)
most = [sorted(zip(row, words), reverse=True)[:3] for row in doubtful.votes.tolist()]
ballots = ["\n".join([f"truly {truth}", *(f"{int(count)} {word}" for count, word in three if count)])
           for truth, three in zip(doubtful.words("labels"), most)]
fc.plots.face_grid(doubtful, columns=6, captions=ballots,
                   alt="Six faces with the three most frequent votes of ten annotators: " + "; ".join(ballots),
                   caption="Vote before you read. The line 'truly' shows what the program meant; below it are the three most frequent of the ten votes.")

# %%
def right(labels):
    """Return the share of right labels of each class and of all, in percent."""
    agrees = (labels == faces.labels).float()
    shares = [agrees[faces.labels == number].mean() for number in range(len(words))]
    return [round(100 * share.item()) for share in (*shares, agrees.mean())]


ten, one = (fc.load_faces("synthfaces", split="train", labels=kind).labels for kind in ("majority", "single"))
pd.DataFrame({"one vote": right(one), "most of ten": right(ten)}, index=[*words, "all"]).rename_axis("% right")

# %% [markdown]
# Ten votes beat one, but ten people who look at the same picture err together: the majority stays wrong where the
# picture itself misleads.
#
# And in real data? The photographs of FER2013 (Goodfellow et al. 2013) got their labels from a search engine: they
# were found by 184 emotion words such as *enraged*, joined with words for gender, age or ethnicity, and people only
# threw out what did not fit. Later, the words were mapped to our seven classes. For FER+ (Barsoum et al. 2016), ten
# people then looked at each of these pictures and chose a class. How often do they choose the class under which it was
# found?

# %% tags=["nbval-check-output"]
real = json.loads(Path("../results/ferplus-agreement.json").read_text())["counts"]
percent = {word: [f"{count[key] / count['labelled']:.0%}" for key in ("confirmed", "most_other_count")]
           for word, count in real.items()}
pd.DataFrame({word: [confirmed, f"{real[word]['most_other']} {other}"] for word, (confirmed, other) in percent.items()},
             index=["confirmed by the ten", "next"]).T

# %% [markdown]
# A label is confirmed if its class got more of the ten votes than any other. *Next* is the other class that most
# often came first. Where two classes share the first place, the face counts for neither. Happiness is the surest.
# Sadness, anger and disgust are confirmed less than half of the time, and of the faces labelled sad, more get most
# votes as neutral than as sad. (Fear is left out: too few of its images can be matched in the copy we counted.) Other
# people confirm only 40 % of the labels *sad*. A network that repeats far more of them on new faces has therefore not
# learnt what people see. It has learnt which words find which pictures. For scale: people who were tried on FER2013
# got about two thirds right (Goodfellow et al. 2013), and two annotators of AffectNet agreed on six of ten pictures
# that both saw (Mollahosseini et al. 2019). A score above that is agreement with somebody's habit of labelling, not a
# better eye.

# %% [markdown] nbgrader={"grade": false, "grade_id": "00-majority-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Exercise 2 · the vote (10 min, ●●○)
# FER+ turns ten votes into a label by this rule: the votes for a class count if there are at least two of them; the
# class with the most votes wins **if it has more than half of the votes that count**; otherwise the face gets no label,
# written −1. Write the rule for all faces at once: votes [N, C] go in, int64 labels [N] come out. The votes you are
# given must stay as they are.

# %% nbgrader={"grade": false, "grade_id": "00-majority", "locked": false, "schema_version": 3, "solution": true, "task": false}
def majority(votes):
    """Return the label of each face, -1 where the vote is open."""
    ### BEGIN SOLUTION
    counting = torch.where(votes > 1, votes, 0)
    most, label = counting.max(1)
    return torch.where(2 * most > counting.sum(1), label, -1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "00-majority-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["nbval-check-output"]
fc.check.lesson00.majority(majority)

# %%
from fercourse.faces.readers import ferplus

order = [words.index(word) for word in ferplus.COLUMNS[:7]]             # FER+ has the same classes in another order
named = [ferplus.majority(row) for row in faces.votes[:, order].numpy()]
voted = torch.tensor([words.index(word) if word else -1 for word in named])     # or majority(faces.votes): the same
kept = voted >= 0
print(f"Without a label: {(~kept).float().mean():.0%}.")
print(f"Right: {(voted == faces.labels)[kept].float().mean():.0%} of the others, "
      f"against {(ten == faces.labels).float().mean():.0%} of all without the rule.")

# %% [markdown]
# The rule buys better labels and pays with faces. The faces it gives up are the ambiguous ones, so a test set made this
# way is easier than the real world.

# %% [markdown]
# ### Who agreed to this
#
# Nobody in FER2013 was asked. The pictures were found by web search, and there is no list by which a person could be
# found and taken out. Other sets of which you will read, AffectNet, RAF-DB and ExpW, were gathered from the web, too.
# JAFFE, CK+ and KDEF were posed by people who agreed to take part in research as it was then. That a set can be
# downloaded does not mean that it may be used. Before you use one, read its datasheet, or write one: who is in it, how
# it came about, who agreed, and how one gets out (Gebru et al. 2021). Some of our lessons measure on FER2013, because
# research on such methods does. We show none of its faces and pass none on.

# %% [markdown]
# ## Noise on purpose
#
# To study wrong labels, we make some ourselves, in training sets only, and keep the true labels beside them.
# *Symmetric* noise draws any other class, *pair* noise takes the look-alike class (fear for surprise, anger for
# disgust, sadness for neutral, …); both change exactly the share of labels you ask for. *Votes* gives every face the
# word of one annotator: how many labels are then wrong depends on the annotators, not on the rate.

# %%
noisy = faces.with_noise(0.3, "symmetric", seed=0)
noisy[noisy.labels != noisy.true_labels].show(
    8, seed=3, title="Wrong on purpose: symmetric noise",
    caption="Any other class may be drawn, however unlike the face. Which of these would no annotator have chosen?")

# %%
spoilt = {kind: faces.with_noise(0.3, kind, seed=0).labels for kind in ("symmetric", "pair", "votes")}
wrong = {kind: [100 - share for share in right(labels)] for kind, labels in spoilt.items()}
pd.DataFrame(wrong, index=[*words, "all"]).rename_axis("% wrong")

# %% [markdown]
# Of the eight faces above, hardly anybody would call the frightened one happy, or the angry one neutral. A person
# might well call the faint smile neutral. Symmetric and pair noise spoil all classes alike. Real people err more on
# some classes than on others (our simulated ones hardly do), and they err on the faces that are hard to read. Such a
# face often looks like its wrong class, so the error is hard to find. Lesson 03 looks for wrong labels of each kind.

# %% [markdown] nbgrader={"grade": false, "grade_id": "00-spoil-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Exercise 3 · symmetric noise (10 min, ●●○)
# Write symmetric noise yourself: `round(rate * N)` faces, drawn at random, get **another** of the `classes` classes.
# All other classes are equally likely, including any that no label has yet. Afterwards, exactly that many labels are
# wrong. Leave the labels you are given as they are.

# %% nbgrader={"grade": false, "grade_id": "00-spoil", "locked": false, "schema_version": 3, "solution": true, "task": false}
def spoil(labels, rate, classes):
    """Return int64 [N] labels of which exactly round(rate * N) are wrong."""
    ### BEGIN SOLUTION
    chosen = torch.randperm(len(labels))[:round(rate * len(labels))]
    spoilt = labels.clone()
    spoilt[chosen] = (labels[chosen] + torch.randint(1, classes, (len(chosen),))) % classes
    return spoilt
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "00-spoil-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["nbval-check-output"]
fc.check.lesson00.spoil(spoil)

# %% [markdown]
# ## Two domains
#
# Every person was photographed in two places: in the *lab*, where pictures are grey and frontal and expressions are
# posed, and in the *wild*, mostly in colour, with any light, turned heads, sunglasses and hands in front of the mouth.
# The movements come from the same recipes in both. The step from posed to spontaneous faces, perhaps the larger one in
# life, is not in this data set.

# %%
lab, wild = (faces.where(domain=domain) for domain in ("lab", "wild"))
eight = lab.people[:8].tolist()
fc.plots.image_rows(
    {name: torch.cat([place.where(identity=person).sample(1, seed=4).images for person in eight])
     for name, place in (("lab", lab), ("wild", wild))},
    alt="Eight people twice: grey and frontal in the lab; mostly in colour, some turned or covered, in the wild",
    caption="The same eight people. What does the lower row have that a network trained on the upper has never seen?")

# %%
def mean_faces(place):
    """Return the mean picture of each class, uint8 [7, 3, H, W]."""
    return torch.stack([place.where(labels=word).images.float().mean(0) for word in words]).byte()


fc.plots.image_rows({"lab": mean_faces(lab), "wild": mean_faces(wild)}, {"wild": words},
                    alt="The mean face of each class: expressions show in the lab row, hardly in the wild row",
                    caption="The mean keeps what all faces of a class share, pixel by pixel.")

# %% [markdown]
# In the lab, the mean happy face still smiles: the pixels alone tell something about the class. In the wild, the mean
# face is washed out. Lesson 05 learns from labelled lab faces what it needs for unlabelled wild ones.

# %% [markdown]
# ## Who is in the data
#
# A model is only as fair as what it was shown. For each person we know the age, the gender they *present* as (here
# woman or man), and the skin tone: the swatch of the Monk scale (Monk 2019) from which the skin was painted, 1
# (lightest) to 10 (darkest). Nobody rated the finished pictures. The program takes a random number between 1 and 10
# and rounds it, so tones 1 and 10 are half as likely as the others. With a tone come hair, eyes and, on average, the
# shape of the head, so what differs between tones here is never the tone alone. Here are ten people, one of each tone:

# %%
plain = faces.where(domain="wild", occluder="none", labels="neutral")
tones = range(1, 11)
fc.plots.image_rows(
    {"": torch.cat([plain.where(skin_tone=tone)[0].images for tone in tones])},
    {"": [f"tone {tone}" for tone in tones]},
    alt="Ten neutral faces, skin tones 1 to 10 of the Monk scale",
    caption="The light changes what the tone looks like: the scale describes the person, not the picture.")

# %%
def who(faces):
    """Return how many people of each kind these faces show, as a table."""
    people = pd.DataFrame({"person": faces.identity, "presents as": faces.words("gender"), "age": faces.column("age"),
                           "tone": faces.column("skin_tone")}).drop_duplicates("person")
    people["tone"] = pd.cut(people["tone"], [0, 3, 7, 10], labels=["tone 1-3", "tone 4-7", "tone 8-10"])
    ages = ["under 18", "18-35", "35-60", "over 60"]
    people["age"] = pd.cut(people["age"], [0, 18, 35, 60, 100], labels=ages, right=False)
    return pd.crosstab([people["presents as"], people["age"]], people["tone"], margins=True)


who(faces)

# %% [markdown]
# Look for the smallest numbers: there are few people over 60. And these are the people one *learns* from. An error is
# measured on others, the 80 people of the test set:

# %%
who(fc.load_faces("synthfaces", split="test"))

# %% [markdown]
# Two cells are empty: no man over 60 has dark skin (tones 8 to 10), and no woman over 60 has a tone of 4 to 7. For
# them there is no error rate at all, and several other cells stand on one or two people. Then look for what both
# tables cannot show: other ways to present one's gender, faces marked by illness or injury, and contempt, the eighth
# class of FER+. **What is not in the table cannot be measured**, and no score tells you so.
#
# Gaps between groups are real. In 2018, commercial classifiers of *gender* erred on up to 35 % of darker-skinned
# women and on under 1 % of lighter-skinned men (Buolamwini and Gebru 2018; they sorted skin by the Fitzpatrick type,
# which was made to tell how easily skin burns in the sun). For *expressions*, two commercial services read more
# negative emotion into official portraits of Black basketball players than of White ones (Rhue 2018).

# %% [markdown]
# ## What pixels know
#
# Back to the question. Here are sixty people, and every picture of them is a point. UMAP (McInnes et al. 2018) places
# the points so that neighbours in the space of 12,288 pixel values stay neighbours on paper. You see the same points
# four times, in four sets of colours. Before you look, put four things in order: expression, domain, brightness,
# person. By which will the colours part most clearly, and by which least?

# %%
crowd = faces.where(identity=tuple(faces.people[:60].tolist()))
points = crowd.images.flatten(1).float() / 255
flat = fc.embed.project(points)
fc.plots.embedding(flat, crowd, title="by expression",
                   caption="All colours everywhere: pixels do not sort by expression.")

# %%
fc.plots.embedding(flat, crowd, "domain", title="by domain", caption="Lab faces gather in places of their own.")

# %%
brightness = crowd.images.float().mean((1, 2, 3)) / 255
fc.plots.embedding(flat, crowd, {"brightness": brightness}, title="by brightness",
                   caption="A slope from dark at one end to bright at the other.")

# %%
seven = crowd.people[:7].tolist()
by_person = [f"person {person}" if person in seven else "others" for person in crowd.identity.tolist()]
fc.plots.embedding(flat, crowd, {"person": by_person}, title="by person",
                   caption="Seven of sixty people, the others in grey: small clumps, and strays.")

# %% [markdown]
# A picture of an embedding can flatter. A number is harder to argue with: of the ten nearest neighbours of a face,
# measured in pixels and not on paper, how many belong to the same group as the face?

# %% [markdown] nbgrader={"grade": false, "grade_id": "00-neighbours-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Exercise 4 · neighbours (12 min, ●●○)
# Write `share(points, groups, count)`: for every face, take its `count` nearest other faces by Euclidean distance.
# Return the share of these neighbours, over all faces, that belong to the face's own group. `points` is [N, D],
# `groups` int64 [N].

# %% nbgrader={"grade": false, "grade_id": "00-neighbours", "locked": false, "schema_version": 3, "solution": true, "task": false}
def share(points, groups, count):
    """Return how often the nearest faces belong to the same group, from 0 to 1."""
    ### BEGIN SOLUTION
    apart = torch.cdist(points, points).fill_diagonal_(torch.inf)
    nearest = apart.topk(count, largest=False).indices
    return (groups[nearest] == groups[:, None]).float().mean().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "00-neighbours-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["nbval-check-output"]
fc.check.lesson00.neighbours(share)

# %%
from sklearn.neighbors import kneighbors_graph

near = torch.tensor(kneighbors_graph(points.numpy(), 10).toarray())       # 1 at each row's ten nearest faces


def shared(groups):
    """Return how often the ten nearest faces belong to the same group; or share(points, groups, 10): the same."""
    return (near * (groups[:, None] == groups)).sum().item() / near.sum().item()


def chance(groups):
    """Return how often a random face belongs to the same group."""
    return (groups.bincount() / len(groups)).square().sum().item()


groups = {"expression": crowd.labels, "domain": crowd.domain, "light": crowd.column("light"),
          "brightness": torch.bucketize(brightness, brightness.quantile(torch.tensor([0.2, 0.4, 0.6, 0.8]))),
          "person": crowd.identity, "skin tone": crowd.column("skin_tone")}
same = pd.DataFrame({"neighbours": {name: shared(group) for name, group in groups.items()},
                     "chance": {name: chance(group) for name, group in groups.items()}})
same["above chance"] = (same["neighbours"] - same["chance"]) / (1 - same["chance"])
same.round(2).rename_axis("same …")

# %% tags=["nbval-check-output"]
print("Pixels sort by expression no better than chance:", bool(same.loc["expression", "above chance"] < 0.02))
print("What they sort by most:", " and ".join(same["above chance"].nlargest(2).index))

# %% [markdown]
# Where groups are large, many neighbours share one by luck: more than half of all pairs of faces share their domain.
# The last column takes luck away: 0 means chance, and 1 would mean ten of ten. (*Light* is the kind of light: even,
# side, top, low, back or dim. *Brightness*, the mean pixel value, is cut into five groups of equal size.)
#
# This table is the course in a few rows: the first row should rise, the others should fall to 0. Lesson 01 asks how
# much a trained network sorts by expression and by domain, and whether it knows the person; lesson 05 works on the
# domain, lesson 06 on the person.

# %% [markdown]
# ## What such models must not be used for
#
# The label says what people *saw*, by which word a picture was found, or what somebody was asked to pose (CK+, JAFFE,
# Oulu-CASIA, KDEF); it never says what somebody *felt*. People scowl when they concentrate and smile when they are
# afraid. A review of the evidence found that people do smile when happy and scowl when angry more often than by chance,
# but far too seldom, and too differently between people, situations and cultures, to tell the feeling from the face
# (Barrett et al. 2019). How far faces and feelings go together is still argued about: others find that expressions go
# with contexts in similar ways across the world (Cowen et al. 2021). But that is about averages over very many people,
# in context; it gives nobody leave to read a feeling from one still picture. Accuracy on labels is agreement with
# whoever made them: annotators, a search engine, or here a program.
#
# - **Not for decisions about people**: hiring, grading, policing, insurance, border control.
# - **Not without consent**, and not on those who cannot refuse.
# - **Not as evidence** of lies, intent, illness or guilt.
# - **Acceptable uses turn the camera on the one who chose it**: a switch worked by one's own smile, animation,
#   studies with consent, learning how representations work. A tool that tells a blind or autistic person what
#   *others* feel means well, but guesses about people who were not asked, and its user cannot check it.
#
# **The law.** In the European Union, inferring the emotions of people at work or in education from their faces or
# voices has been prohibited since 2 February 2025, except for medical or safety reasons (Regulation (EU) 2024/1689,
# the AI Act, Article 5(1)(f)). Consent does not lift the ban. For other uses, such a system counts as high-risk
# (Annex III), and people must be told of it (Article 50). What falls under these rules is still being argued about,
# and the dates of other duties may move: read the current text.
#
# The Act does not count seeing a plain expression, such as a smile, as recognising an emotion, unless one infers an
# emotion from it (Recital 18). This is the distinction that our course makes, but it is no way around the law: the
# same recital names happiness, sadness, surprise, disgust and anger as emotions, and these are words that our models
# say.

# %% [markdown] nbgrader={"grade": false, "grade_id": "00-use-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Exercise 5 · a letter (15 min, ●●○, written)
# A school asks you for a camera system that shows teachers which pupils are bored. It would use a model trained on
# faces like ours that reaches 90 % on its test set. Answer in about 150 words: name one reason from **labels**, one
# from **data** and one from **law or ethics**, and offer something that would help the teachers instead.

# %% [markdown] nbgrader={"grade": true, "grade_id": "00-use", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# *One possible answer.* Labels: boredom is not a class of this model, and the 90 % say how often it chose the word from
# which a program drew the face. In real sets the word comes from annotators or from a search engine: of the FER2013
# faces that were found by a word for sadness, nearly half get most votes as neutral. A quiet face is not a bored pupil.
# Data: no face was taken in a classroom, and of the 80 people on whom the error is measured, only four are under 18
# with dark skin. For pupils with autism or a facial palsy nobody can measure it, because the data set does not say who
# they are. Law: inferring emotions in education is prohibited in the EU (Article 5(1)(f)), and a wish to help is no
# medical or safety reason; elsewhere, pupils can neither consent freely nor look away, and being watched changes how
# they learn. Instead: ask them. A one-minute anonymous question at the end of each lesson measures what the camera
# would guess, and tells the teacher why.

# %% [markdown]
# ## Check yourself
#
# Think first, then open the answer.
#
# **1.** A film shows a face that goes slowly from fear to anger. One network names its class, picture by picture;
# another gives its valence and arousal. Which of the two shows you the change?
#
# <details><summary>Answer</summary>
#
# The first. Two numbers look finer than one word, which makes the second tempting. But fear and anger lie on the same
# ray in our set, both unpleasant and stirred, so the two numbers hardly move while the brows and the lips do. Had the
# face gone from a weak smile to a broad one, it would be the other way round: the word stays, the numbers grow.
#
# </details>
#
# **2.** You ask a hundred people about each face instead of ten, and keep the word with most votes. Are the labels
# right now?
#
# <details><summary>Answer</summary>
#
# Not all of them. It is tempting to think that errors cancel out, and those that each person makes alone do. But all
# hundred look at the same picture: where it misleads one, it misleads many, and where they share a prejudice, they
# agree on it. More votes make a label surer, which is not the same as right.
#
# </details>
#
# **3.** A test set has two domains of equal size and sixty people with equally many pictures. Of the ten nearest
# neighbours of a face, five come from its own domain, and two show its own person. By which of the two does the space
# sort?
#
# <details><summary>Answer</summary>
#
# By the person. Five is more than two, but with two domains of equal size five of ten is what luck gives. With sixty
# people luck gives far less than one of ten. Compare with chance before you compare with each other.
#
# </details>

# %% [markdown]
# ## Recap
#
# **You can now**
#
# - build an expression from facial action units and say what class, valence and arousal make of it: classes jump where
#   faces move evenly, and expressions that share units are often confused
# - say where wrong labels come from, and make them on purpose: one vote errs, ten votes err together, and the rule that
#   turns votes into labels decides which faces remain
# - measure what a representation sorts faces by, and name whom a data set leaves out: pixels sort by brightness and
#   domain, not by expression, and what is not in the table cannot be measured

# %%
fc.check.progress()

# %% [markdown]
# Next: [01 · A baseline](01_baseline.ipynb) trains a network and asks what it sorts by. For more about the faces and
# the real data sets, see [data/README.md](../data/README.md).
#
# **References**
#
# - Barrett, Adolphs, Marsella, Martinez and Pollak 2019. Emotional expressions reconsidered.
#   https://doi.org/10.1177/1529100619832930
# - Barsoum, Zhang, Canton Ferrer and Zhang 2016. Training deep networks for facial expression recognition with
#   crowd-sourced label distribution (FER+). https://doi.org/10.1145/2993148.2993165
# - Buolamwini and Gebru 2018. Gender shades. https://proceedings.mlr.press/v81/buolamwini18a.html
# - Cowen, Keltner, Schroff, Jou, Adam and Prasad 2021. Sixteen facial expressions occur in similar contexts worldwide.
#   https://doi.org/10.1038/s41586-020-3037-7
# - Ekman 1992. An argument for basic emotions. https://doi.org/10.1080/02699939208411068
# - Ekman and Friesen 1978. Facial Action Coding System. Consulting Psychologists Press.
# - Elfenbein and Ambady 2002. On the universality and cultural specificity of emotion recognition.
#   https://doi.org/10.1037/0033-2909.128.2.203
# - Fontaine, Scherer, Roesch and Ellsworth 2007. The world of emotions is not two-dimensional.
#   https://doi.org/10.1111/j.1467-9280.2007.02024.x
# - Gebru et al. 2021. Datasheets for datasets. https://doi.org/10.1145/3458723
# - Goodfellow et al. 2013. Challenges in representation learning: a report on three machine learning contests (FER2013).
#   https://doi.org/10.1007/978-3-642-42051-1_16, free to read at https://doi.org/10.48550/arXiv.1307.0414
# - Halberstadt, Cooke, Garner, Hughes, Oertwig and Neupert 2022. Racialized emotion recognition accuracy and anger bias
#   of children's faces. https://doi.org/10.1037/emo0000756
# - McInnes, Healy and Melville 2018. UMAP. https://doi.org/10.48550/arXiv.1802.03426
# - Mollahosseini, Hasani and Mahoor 2019. AffectNet. https://doi.org/10.1109/taffc.2017.2740923
# - Monk 2019. The Monk Skin Tone scale. https://skintone.google
# - Regulation (EU) 2024/1689, the AI Act. https://eur-lex.europa.eu/eli/reg/2024/1689/oj
# - Rhue 2018. Racial influence on automated perceptions of emotions. https://doi.org/10.2139/ssrn.3281765
# - Russell 1980. A circumplex model of affect. https://doi.org/10.1037/h0077714
#
# **Read on.** Barrett et al. (2019) first: all that we do with faces rests on what a face can tell. Then Gebru et al.
# (2021), whose questions you can put to the next data set that you download.
#
# *By the fercourse authors. Text and figures are [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/), code is
# [Apache-2.0](https://www.apache.org/licenses/LICENSE-2.0), and the rendered faces are
# [CC0 1.0](https://creativecommons.org/publicdomain/zero/1.0/).*
