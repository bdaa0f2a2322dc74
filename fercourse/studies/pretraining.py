"""Do synthetic faces teach what labelled photographs are for? A real set learnt from scratch, and after them."""

from dataclasses import replace
from functools import lru_cache, partial

from ..faces import load_faces
from . import Scale, backbone_file, loader, study, train_classifier
from .transfer import HARD, scores_both_ways

SHARES = {"a tenth of the labels": 0.1, "all labels": 1.0}
LONGER = 3                        # epochs of the tenth, as a multiple: its epochs have few steps


@study("pretraining", data="fer2013", smoke=dict(limit=128), cpu=dict(epochs=15), full=dict(epochs=60))
def arms(scale: Scale, data, root) -> dict:
    """Train on a real set's labels, few or all, from random weights or from those that synthetic faces taught."""
    return {f"{labels}, {way}": partial(_trained, share, first, scale, data, root)
            for labels, share in SHARES.items() for way, first in (("from scratch", False), ("synthetic first", True))}


def _trained(share, first, scale, data, root, seed):
    """Train with the same budget on the real set either way; test once, at the last epoch."""
    load = loader(data, root, size=scale.size)
    train, test = scale.limited(load("train").fraction(share, seed), seed), load("test")
    given = {"weights": _taught(scale, seed)} if first else {}
    budget = replace(scale, epochs=scale.epochs * (LONGER if share < 1 else 1))
    learner = train_classifier(train, budget, seed, label_smoothing=.05, **given)
    return {"train_faces": len(train), **scores_both_ways(learner, test)}


@lru_cache(maxsize=1)
def _taught(scale, seed):
    """Return a file with the weights of a backbone that has seen synthetic faces alone, without colour."""
    return backbone_file(taught_by_rendered(scale, seed).backbone)


def taught_by_rendered(scale: Scale, seed: int, **more):
    """Return the baseline trained on all rendered faces, without colour; `more` as `train_classifier` takes it."""
    faces = load_faces("synthfaces", split=None, size=scale.size).grey()
    return train_classifier(scale.limited(faces, seed), scale, seed, views=(HARD,), label_smoothing=.05, **more)
