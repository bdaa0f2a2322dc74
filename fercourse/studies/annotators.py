"""Real wrong labels: trained on FER2013's own, judged by the ten annotators of FER+, whom no training sees."""

from functools import lru_cache, partial

import torch
from torch import Tensor

from ..errors import InputError
from ..evaluate import accuracy
from ..evaluate.report import predicted
from ..faces import load_faces
from . import Place, Scale, set_of, study, train_classifier
from .suspects import MeanLoss, confident, found, most, out_of_sample

VIEW = ("weak",)
TEXTBOOK = 2.0        # Ashman's D; DR-FER's own was chosen under noise that people do not make
LEFT_OUT = ("fear", "contempt")   # FER+ votes on hardly any fear in our copy, and FER2013 has no contempt


@study("annotators", data="fer2013", smoke=dict(limit=200), cpu=dict(limit=6000, epochs=12), full=dict(epochs=40))
def arms(scale: Scale, data, root) -> dict:
    """Train on FER2013's labels; compare doubted faces and new labels with FER+, beside cleanlab and small losses.

    Raises:
        InputError: another set, for FER+ judges the faces of FER2013 alone.
    """
    if set_of(data) != "fer2013":
        raise InputError(f"annotators needs FER2013, whose faces FER+ judges, not {data}; leave out --data, or name a "
                         "pack of fer2013")
    place = Place(scale, data, root)
    return {"cross-entropy": partial(_baseline, place), "DR-FER": partial(_ours, place, {}),
            "DR-FER, one pace for all": partial(_ours, place, dict(by_class=False))}


@lru_cache(maxsize=1)
def _faces(place, seed):
    """Return training faces, and the annotators' word on each (-1: none, or one that is left out)."""
    faces = place.scale.drawn(load_faces(place.data, split="train", root=place.root).resize(place.scale.size), seed)
    return faces, annotated(faces, load_faces("ferplus", split="train", root=place.root))


def annotated(faces, ferplus) -> Tensor:
    """Return FER+'s label of each face in the faces' own classes, matched by row and by name; -1 where it has none.

    Faces on either side of which stands one of `LEFT_OUT` have none.
    """
    known = {word: i for i, word in enumerate(faces.classes) if word not in LEFT_OUT}
    voted = dict(zip(ferplus.ids.tolist(), ferplus.words("labels")))
    given = zip(faces.ids.tolist(), faces.words("labels"))
    return torch.tensor([known.get(voted.get(i, ""), -1) if word in known else -1 for i, word in given])


def _baseline(place, seed):
    return _cross_entropy(place, seed)[0]


@lru_cache(maxsize=1)
def _cross_entropy(place, seed):
    """Return the scores of cross-entropy, and the mean loss of every face over its epochs."""
    faces, _ = _faces(place, seed)
    watch = MeanLoss(faces)
    learner = train_classifier(faces, place.scale, seed, views=VIEW, label_smoothing=0.0, watch=watch)
    return _scores(learner, place), watch.doubt


def _ours(place, hyper, seed):
    """Train DR-FER; score whom it doubts and what it says instead, and the others' doubts at the same number."""
    faces, truth = _faces(place, seed)
    learner = train_classifier(faces, place.scale, seed, "dr-fer", views=VIEW, apart=TEXTBOOK, **hyper)
    memory = {name: value.cpu() for name, value in learner.memory.items()}
    changed = (memory["labels"] != memory["given"]) & (truth >= 0)
    flagged = memory["doubted"]
    facts = _against(truth, faces.labels, flagged) | _by_class(truth, faces, flagged)
    for name, doubt in _doubts(place, seed).items():
        facts[f"{name}_f1"] = _against(truth, faces.labels, _as_many(doubt, flagged, truth >= 0))["f1"]
    if changed.any():
        facts["new_labels_right"] = accuracy(memory["labels"][changed], truth[changed])
        facts["old_labels_right"] = accuracy(faces.labels[changed], truth[changed])
    return _scores(learner, place) | facts | {"relabelled": int(changed.sum()) / len(changed)}


def _against(truth, labels, flagged):
    """Score flags where annotators have a word."""
    known = truth >= 0
    return found(flagged[known], (labels != truth)[known])


def _by_class(truth, faces, flagged):
    """Return for every class the share of its judged faces that annotators contradict, and that was flagged."""
    facts = {}
    for number, word in enumerate(faces.classes):
        own = (truth >= 0) & (faces.labels == number)
        if own.any():
            facts[f"wrong_{word}"] = (truth != number)[own].float().mean().item()
            facts[f"flagged_{word}"] = flagged[own].float().mean().item()
    return facts


def _as_many(doubt, flagged, known):
    """Flag as many of the known faces as were flagged: those of the greatest doubt."""
    chosen = torch.zeros_like(flagged)
    chosen[known] = most(doubt[known], int(flagged[known].sum()))
    return chosen


def _doubts(place, seed):
    """Return two other doubts about every face: cleanlab's, and the mean loss under cross-entropy."""
    labels = _faces(place, seed)[0].labels
    return {"cleanlab": confident(labels, _shares(place, seed))[1], "small_loss": _cross_entropy(place, seed)[1]}


@lru_cache(maxsize=1)
def _shares(place, seed):
    return out_of_sample(_faces(place, seed)[0], place.scale, seed, views=VIEW)


def _scores(learner, place):
    """Return the accuracy on the public test part, under FER2013's labels and under FER+'s majority."""
    scores = {}
    for name, own in (("fer2013", place.data), ("ferplus", "ferplus")):
        test = load_faces(own, split="PublicTest", root=place.root).resize(place.scale.size)
        test = test.with_classes(learner.classes)
        scores[f"accuracy_{name}"] = accuracy(predicted(learner, test), test.labels)
    return scores
