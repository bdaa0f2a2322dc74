"""How far does the plain baseline go on photographs? A whole ResNet-18, from random weights and after rendered faces.

Nothing is tried out: views and settings were fixed before the first run. Which network is the best is read off the
validation part; the test part is told beside it.
"""

import hashlib
from dataclasses import replace
from functools import partial

from ..augment import Preset
from ..checkpoint import WEIGHTS
from ..evaluate import accuracy, evaluate, truth_in
from ..faces import load_faces
from ..faces.cache import folder, tidy, used
from . import Scale, study, train_classifier
from .record import commit
from .transfer import HARD, TESTS, both_ways

# Photographs are cut more loosely than rendered faces and are grey already: no colour, more zoom and shift.
LOOSE = Preset(flip=.5, rotation=15, scale=(.85, 1.2), shift=.1, brightness=.3, contrast=.3, erase=.5)
CODE = commit()                  # what runs is what was loaded now
PRECISION = "bf16"               # two thirds of the time of fp32 on a CPU that has it


@study("photographs", data="fer2013", smoke=dict(limit=128),
       cpu=dict(epochs=48, batch_size=128, backbone="resnet18"), full=dict(size=48, epochs=150))
def arms(scale: Scale, data, root) -> dict:
    """Train a ResNet-18; tell the validation part and the test part at the last epoch.

    The first layers halve a picture twice, so that of 48 pixels 12 are left for all that follows. An enlarged picture
    has nothing new to show, but leaves more room; it has half the epochs, in which it costs about twice as much.
    """
    larger = replace(scale, size=2 * scale.size, epochs=max(1, scale.epochs // 2))
    return {f"{way}, {told}": partial(_trained, first, spends, data, root)
            for way, first in (("from scratch", False), ("synthetic first", True))
            for told, spends in (("as it is", scale), ("enlarged", larger))}


def _trained(first, scale, data, root, seed):
    load = partial(load_faces, data, root=root, size=scale.size)
    place = _kept(first, scale, data, seed)
    given = {"weights": _taught(scale, seed, place / "rendered")} if first else {}
    learner = train_classifier(load(split="train"), scale, seed, views=(LOOSE,), out=place / "photographs",
                               precision=PRECISION, **given)
    checked = {f"validation_{name}": value for name, value in told(learner, load(split="val")).items()}
    return {"epochs": scale.epochs, **told(learner, load(split=TESTS.get(data, "test"))), **checked}


def _taught(scale, seed, out):
    """Return a file with the weights of a network that has seen rendered faces alone, for half the epochs."""
    faces = load_faces("synthfaces", split=None, size=scale.size).grey()
    train_classifier(faces, replace(scale, epochs=max(1, scale.epochs // 2)), seed, views=(HARD,), out=out,
                     precision=PRECISION)
    return str(out / WEIGHTS)


def told(learner, faces) -> dict:
    """Return what a study tells of a part: each face asked once, and together with its mirror image."""
    scores = evaluate(learner, faces, draws=0)
    return {"accuracy": scores["accuracy"], "macro_recall": scores["macro_recall"], "macro_f1": scores["macro_f1"],
            "accuracy_mirrored": accuracy(both_ways(learner, faces).argmax(1), truth_in(learner, faces))}


def _kept(*run):
    """Return a folder of the cache for hours of training: what is stopped goes on there, with code of the same commit.

    The cache removes it when nobody has wanted it for a while.
    """
    tidy(folder())
    place = folder() / f"photographs-{hashlib.sha256(repr((CODE, *run)).encode()).hexdigest()[:16]}"
    used(place)
    return place
