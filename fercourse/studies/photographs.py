"""How far does the plain baseline go on photographs? A whole ResNet-18, from random weights and after rendered faces.

The recipe is chosen on the validation part of the set, with the lesson network (`photographs-tuning`), and so is the
best of the whole networks, which tell both parts: the test part is read once, when all is chosen.
"""

import hashlib
import shutil
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from ..augment import Preset
from ..checkpoint import WEIGHTS
from ..evaluate import accuracy, evaluate, truth_in
from ..faces import load_faces
from ..faces.cache import folder
from . import Scale, study, train_classifier
from .record import commit
from .transfer import HARD, TESTS, both_ways

# Photographs are cut more loosely than rendered faces and are grey already: no colour, more zoom and shift.
LOOSE = Preset(flip=.5, rotation=15, scale=(.85, 1.2), shift=.1, brightness=.3, contrast=.3, erase=.5)
AVERAGED = dict(ema=.999)
PARTS = {                                                    # of the recipe, one more in each row
    "weak views": ("weak", {}),
    "strong views": ("strong", {}),
    "the views that rendered faces need": (HARD, {}),
    "loose views": (LOOSE, {}),
    "loose views, averaged weights": (LOOSE, AVERAGED),
    "loose views, averaged weights, SGD": (LOOSE, AVERAGED | dict(optimiser="sgd", weight_decay=5e-4)),
}
RATES = {"sgd": .05}                                         # others learn at the scale's
BEST = "loose views, averaged weights"
PRECISION = "bf16"                                           # of the whole network: half the time, on CPUs too


@study("photographs-tuning", data="fer2013", smoke=dict(limit=128), cpu=dict(epochs=12, batch_size=128))
def tuning(scale: Scale, data, root) -> dict:
    """Train the lesson network with more and more of the recipe and tell it on the validation part alone."""
    return {arm: partial(_tried, arm, scale, data, root) for arm in PARTS}


def _tried(arm, scale, data, root, seed):
    views, hyper = PARTS[arm]
    load = partial(load_faces, data, root=root, size=scale.size)
    scale = replace(scale, lr=RATES.get(hyper.get("optimiser"), scale.lr))
    return told(train_classifier(load(split="train"), scale, seed, views=(views,), **hyper), load(split="val"))


@study("photographs", data="fer2013", smoke=dict(limit=128),
       cpu=dict(epochs=48, batch_size=128, backbone="resnet18"), full=dict(size=48, epochs=150))
def arms(scale: Scale, data, root) -> dict:
    """Train a ResNet-18 with the recipe; tell the validation part and the test part of the last epoch.

    The first layers halve a picture twice, so that of 48 pixels 12 are left for all that follows. An enlarged picture
    has nothing new to show, but leaves more room; it has half the epochs, in which it costs about twice as much.
    """
    larger = replace(scale, size=2 * scale.size, epochs=max(1, scale.epochs // 2))
    return {f"{way}, {told}": partial(_trained, first, spends, data, root)
            for way, first in (("from scratch", False), ("synthetic first", True))
            for told, spends in (("as it is", scale), ("enlarged", larger))}


def _trained(first, scale, data, root, seed):
    load = partial(load_faces, data, root=root, size=scale.size)
    views, hyper = PARTS[BEST]
    with _kept(first, scale, data, seed) as place:
        given = hyper | ({"weights": _taught(scale, seed, place / "rendered")} if first else {})
        learner = train_classifier(load(split="train"), scale, seed, views=(views,), out=place / "photographs",
                                   precision=PRECISION, **given)
        checked = {f"validation_{name}": value for name, value in told(learner, load(split="val")).items()}
        return told(learner, load(split=TESTS.get(data, "test"))) | checked | {"epochs": scale.epochs}


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


@contextmanager
def _kept(*run):
    """Give a folder of the cache to hours of training: what is stopped goes on there, with the same code."""
    place = folder() / f"photographs-{hashlib.sha256(repr((commit(), *run)).encode()).hexdigest()[:16]}"
    yield place
    shutil.rmtree(place, ignore_errors=True)
