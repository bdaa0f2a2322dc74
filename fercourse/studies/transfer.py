"""From synthetic to real faces: trained on synthetic faces alone, tested on photographs never seen."""

from functools import partial

import torch

from ..augment import Preset
from ..evaluate import evaluate
from ..faces import load_faces
from . import Scale, study, train_classifier

# Photographs differ from renderings in light and lens more than in anything else: change those hard.
HARD = Preset(flip=.5, rotation=15, scale=(.85, 1.25), shift=.08, brightness=.5, contrast=.5, blur=.2,
              blur_width=(.005, .025), erase=.4, erase_area=(.02, .15))
TESTS = {"fer2013": "PublicTest"}


@study("transfer", data="fer2013", cpu=dict(epochs=30))
def arms(scale: Scale, data, root) -> dict:
    """Train on all synthetic faces, without colour, and test on a real set's public test part."""
    return {"synthfaces": partial(_transfer, scale, data, root)}


def _transfer(scale, data, root, seed):
    return train_and_test(load_faces("synthfaces", split="train+val+test").grey(), scale, data, root, seed)


def train_and_test(faces, scale: Scale, data, root, seed: int) -> dict:
    """Train on synthetic faces and return the scores on the test part of a real set.

    Averaged weights: what a network fits last, it fits to the renderer.
    """
    learner = train_classifier(faces, scale, seed, views=(HARD,), ema=.999)
    test = load_faces(data, split=TESTS.get(data, "test"), root=root, size=scale.size)
    scores = evaluate(learner, test, draws=0)
    most = torch.bincount(test.labels[test.labels >= 0]).max().item() / len(test)
    return {"train_faces": len(faces), "accuracy": scores["accuracy"], "macro_recall": scores["macro_recall"],
            "majority_class": most, **{f"recall_{word}": value for word, value in scores["recall"].items()}}
