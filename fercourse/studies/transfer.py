"""From synthetic to real faces: trained on synthetic faces alone, tested on photographs never seen."""

from dataclasses import replace
from functools import partial

import torch

from ..augment import Preset
from ..errors import InputError
from ..evaluate import accuracy, evaluate, seen, truth_in
from ..faces import SEVEN, concat, load_faces
from ..faces.cache import folder, used
from ..synth.population import VERSION, Population
from ..synth.population_file import write_population
from . import PAIRS, Scale, loader, study, train_classifier

# Photographs differ from renderings in light and lens more than in anything else: change those hard.
HARD = Preset(flip=.5, rotation=18, scale=(.82, 1.22), shift=.1, brightness=.35, contrast=.5, gamma=1.8, blur=.2,
              blur_width=(.005, .025), erase=.4, erase_area=(.02, .15))
MORE = {"smoke": 3, "cpu": 840, "full": 3780}         # people beside the 420 of the pack


@study("transfer", data="fer2013", cpu=dict(epochs=25, lr=3e-3))
def arms(scale: Scale, data, root) -> dict:
    """Train on all synthetic faces, without colour, then on more of them; test on a real set's public test part."""
    if data in PAIRS:
        raise InputError(f"transfer: {data} is a pair of domains; expected a set of photographs, such as fer2013, or "
                         f"the study of pairs: fercourse study domains --data {data}")
    return {"synthfaces": partial(_transfer, 0, scale, data, root),
            "with more people": partial(_transfer, MORE[scale.name], scale, data, root)}


def _transfer(more, scale, data, root, seed):
    loader(data, root, size=scale.size)("test")                           # a wrong root is told before much is rendered
    faces = load_faces("synthfaces", split=None, size=scale.size)
    if more:
        faces = concat(faces, more_people(more, scale.size))
    return train_and_test(faces.grey(), scale, data, root, seed)


def more_people(count: int, size: int):
    """Return faces of people who are not in the pack, rendered once into the cache, and resumed where it stopped."""
    path = folder() / f"study-people-{count}-{size}px-v{VERSION}.parquet"
    if not used(path):
        write_population(Population(people=count, size=size, seed=1), path)
    return load_faces(path, split=None)


def train_and_test(faces, scale: Scale, data, root, seed: int) -> dict:
    """Train on synthetic faces and return the scores on the test part of a real set.

    `accuracy` uses nothing of the real set, nor does `accuracy_mirrored`, which also asks about each face's mirror
    image. Synthetic classes are equally frequent, real ones are not: `accuracy_knowing_shares` adds the logarithm of
    the class shares of the real training part to the logits.
    """
    train, test = map(loader(data, root, size=scale.size), ("train", "test"))            # before the training
    faces = scale.limited(faces, seed)
    learner = train_classifier(faces, scale, seed, views=(HARD,), label_smoothing=.05)
    scores, truth = evaluate(learner, test, draws=0), truth_in(learner, test)
    sure = _log_probabilities(learner, test)
    knowing = (sure + _shares(truth_in(learner, train)).log()).argmax(1)
    return {"train_faces": len(faces), "accuracy": scores["accuracy"], "macro_recall": scores["macro_recall"],
            "accuracy_mirrored": accuracy(both_ways(learner, test).argmax(1), truth),
            "accuracy_knowing_shares": accuracy(knowing, truth), "majority_class": _shares(truth).max().item(),
            **{f"recall_{word}": value for word, value in scores["recall"].items()}}


def scores_both_ways(learner, faces) -> dict:
    """Return accuracy and macro means of each face asked once, and the accuracy with its mirror image asked as well."""
    scores = evaluate(learner, faces, draws=0)
    mirrored = accuracy(both_ways(learner, faces).argmax(1), truth_in(learner, faces))
    return {name: scores[name] for name in ("accuracy", "macro_recall", "macro_f1")} | {"accuracy_mirrored": mirrored}


def both_ways(learner, faces):
    """Return the sum of the log-probabilities [N, C] of each face and of its mirror image."""
    mirrored = replace(faces, images=faces.images.flip(-1))
    return _log_probabilities(learner, faces) + _log_probabilities(learner, mirrored)


def _log_probabilities(learner, faces):
    return seen(learner, faces)["logits"].cpu().log_softmax(1)


def _shares(labels):
    counts = torch.bincount(labels[labels >= 0], minlength=len(SEVEN))
    return counts / counts.sum()
