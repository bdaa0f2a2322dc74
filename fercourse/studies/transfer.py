"""From synthetic to real faces: trained on synthetic faces alone, tested on photographs never seen."""

import torch

from ..augment import Preset
from ..evaluate import evaluate
from ..faces import load_faces
from . import Scale, study, train_classifier

# Photographs differ from renderings in light and lens more than anything: change those hard.
HARD = Preset(flip=.5, rotation=15, scale=(.9, 1.25), shift=.08, brightness=.5, contrast=.5, blur=.15,
              blur_width=(.005, .02), erase=.35, erase_area=(.02, .15))
TESTS = {"fer2013": "PublicTest"}


@study("transfer", data="fer2013", cpu=dict(epochs=60))
def arms(scale: Scale, data, root) -> dict:
    """Train on all synthetic faces, without colour, and test on a real set's public test part."""
    return {"synthfaces": lambda seed: _transfer(scale, data, root, seed)}


def _transfer(scale, data, root, seed):
    train = load_faces("synthfaces", split="train+val+test").grey()
    learner = train_classifier(train, scale, seed, views=(HARD,))
    test = load_faces(data, split=TESTS.get(data, "test"), root=root, size=scale.size)
    scores = evaluate(learner, test, draws=0)
    most = torch.bincount(test.labels[test.labels >= 0]).max().item() / len(test)
    return {"train_faces": len(train), "accuracy": scores["accuracy"], "macro_recall": scores["macro_recall"],
            "majority_class": most, **{f"recall_{word}": value for word, value in scores["recall"].items()}}
