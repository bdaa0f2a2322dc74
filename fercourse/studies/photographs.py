"""How far does the plain baseline go on photographs? A whole ResNet-18, from random weights and after rendered faces.

The first settings of `photographs` were not chosen by any result. Twelve epochs of the lesson network on the validation
part had come before, where weak views were ahead of looser ones; that a larger network needs looser ones was a guess.
`photographs-tuning` tried it with the whole network, in a quarter of the epochs, on the validation part alone, and
found weak views ahead again; the whole training was not run with them. Finer maps in a narrower network, tried later,
were not ahead. Blocks that are awake from the first step were, by 1.7 points in one seed (as in a trial with the lesson
network that was not kept). In a last trial, not kept either, the lesson network with twice the width learnt as much as
the whole network in half the time; so it has an arm with five thirds of the epochs, blocks that are awake, and SGD,
which had been behind in twelve epochs. It is level with the best on the validation part, and nobody can say whether
width, blocks, optimiser or time did it.
The last arm has what nobody had tried together, because it takes long: finer maps, SGD and more time. It is ahead of
all others on the validation part, by more than three points; which of the three did it was not asked.
Which arm is the best is read off the validation part; the test part is told beside it.
"""

import hashlib
import os
import secrets
from dataclasses import replace
from functools import partial

import torch

from ..augment import PRESETS, Preset
from ..checkpoint import WEIGHTS
from ..evaluate import accuracy_apart, evaluate
from ..faces import load_faces
from ..faces.cache import folder, tidy
from ..models.backbone import backbone
from ..provenance import commit
from . import Scale, backbone_file, loader, study, train_classifier
from .pretraining import taught_by_rendered
from .transfer import scores_both_ways

# The photographs are grey: no change of colour, but more zoom and shift than `weak`, and erasing.
LOOSE = Preset(flip=.5, rotation=15, scale=(.85, 1.2), shift=.1, brightness=.3, contrast=.3, erase=.5)


def _awake(scale, seed, out=None):
    """Return a file of first weights with which a block adds something from the first step on.

    As timm makes them, a block's last normalisation begins at zero, so that the block passes on what it was given.
    `out`, which other beginnings need, stays empty.
    """
    torch.manual_seed(seed)
    return backbone_file(backbone(scale.backbone, zero_init_last=False))


SGD = dict(optimiser="sgd", weight_decay=5e-4)              # and a rate of its own

# What `photographs-tuning` tries, one at a time, but that SGD needs a rate and a decay of its own, and that some were
# tried after weak views had turned out ahead: what of the scale differs, the hyper-parameters (weights: the function
# of scale and seed that makes them), the views.
TRIED = {
    "as it is": ({}, {}, LOOSE),
    "half the rate": (dict(lr=1e-3), {}, LOOSE),
    "SGD": (dict(lr=0.05), SGD, LOOSE),
    "weak views": ({}, {}, PRESETS["weak"]),
    "nothing erased": ({}, {}, replace(LOOSE, erase=0.0)),
    "averaged weights": ({}, dict(ema=0.998), LOOSE),
    "weak views, fine18": (dict(backbone="fine18"), {}, PRESETS["weak"]),
    "nothing erased, fine18": (dict(backbone="fine18"), {}, replace(LOOSE, erase=0.0)),
    "weak views, awake blocks": ({}, dict(weights=_awake), PRESETS["weak"]),
}
CODE = commit() or secrets.token_hex()       # what runs is what was loaded now; without git nothing is taken up again
PRECISION = "bf16"               # also on CPUs, where networks of this size take hours


@study("photographs", data="fer2013", smoke=dict(limit=128),
       cpu=dict(epochs=48, batch_size=128, backbone="resnet18"), full=dict(size=48, epochs=150))
def arms(scale: Scale, data, root) -> dict:
    """Train a ResNet-18; tell the validation part and the test part at the last epoch.

    The first layers halve a picture twice, so that of 48 pixels 12 are left for all that follows. An enlarged picture
    has nothing new to show, but leaves more room; it has half the epochs, in which it costs about twice as much.
    """
    larger = replace(scale, size=2 * scale.size, epochs=max(1, scale.epochs // 2))
    wide = replace(scale, backbone="lesson-wide", epochs=scale.epochs * 5 // 3, lr=0.05)
    fine = replace(scale, backbone="fine18", epochs=scale.epochs * 5 // 2, lr=0.05)
    ways = {"from scratch, as it is": (None, LOOSE, scale),
            "from scratch, enlarged": (None, LOOSE, larger),
            "synthetic first, as it is": (_taught, LOOSE, scale),
            "synthetic first, enlarged": (_taught, LOOSE, larger),
            "from scratch, lesson-wide, SGD": (_awake, LOOSE, wide, SGD),
            "from scratch, fine18, SGD": (_awake, LOOSE, fine, SGD)}
    return {name: partial(_trained, way, data, root) for name, way in ways.items()}


@study("photographs-tuning", data="fer2013", smoke=dict(limit=128),
       cpu=dict(epochs=12, batch_size=128, backbone="resnet18"), full=dict(size=48, epochs=50))
def tuning(scale: Scale, data, root) -> dict:
    """Change one thing of `photographs` at a time; tell the validation part, and faces that were learnt from."""
    return {name: partial(_tried, *way, scale, data, root) for name, way in TRIED.items()}


def _tried(changes, hyper, views, scale, data, root, seed):
    scale = replace(scale, **changes)
    hyper = {name: value(scale, seed) if callable(value) else value for name, value in hyper.items()}
    faces, unseen = (load_faces(data, root=root, size=scale.size, split=split) for split in ("train", "val"))
    learner = train_classifier(scale.limited(faces, seed), scale, seed, views=(views,), precision=PRECISION, **hyper)
    again = evaluate(learner, faces.sample(min(len(unseen), len(faces)), seed), draws=0)
    return scores_both_ways(learner, unseen) | {"training_accuracy": again["accuracy"]}


def _trained(way, data, root, seed):
    """Train on photographs, from random weights or from the file that `begin(scale, seed, folder)` makes.

    A way is that, or None; the views; the scale; and hyper-parameters, if any.
    """
    (begin, views, scale), hyper = way[:3], dict(*way[3:])
    load = loader(data, root, size=scale.size)
    place = _kept(begin and begin.__name__, views, scale, data, seed, *hyper.items())
    given = {"weights": begin(scale, seed, place / "rendered")} if begin else {}
    train = scale.limited(load("train"), seed)
    learner = train_classifier(train, scale, seed, views=(views,), out=place / "photographs", precision=PRECISION,
                               **given, **hyper)
    checked = {f"validation_{name}": value for name, value in scores_both_ways(learner, load("val")).items()}
    test = load("test")
    scores = scores_both_ways(learner, test) | accuracy_apart(learner, test, train)
    return {"epochs": scale.epochs, **scores, **checked}


def _taught(scale, seed, out):
    """Return a file with the weights of a network that has seen rendered faces alone, for half the epochs."""
    taught_by_rendered(replace(scale, epochs=max(1, scale.epochs // 2)), seed, out=out, precision=PRECISION)
    return str(out / WEIGHTS)


def _kept(*run):
    """Return a folder of the cache for hours of training: what is stopped goes on there, with code of the same commit.

    The cache removes it when nobody has wanted it for a while.
    """
    tidy(folder())
    place = folder() / f"study-photographs-{hashlib.sha256(repr((CODE, *run)).encode()).hexdigest()[:16]}"
    place.mkdir(parents=True, exist_ok=True)
    os.utime(place)
    return place
