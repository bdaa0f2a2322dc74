"""Wrong labels on purpose: known noise, injected into training sets only; the truth stays beside."""

import torch

from ..errors import InputError
from .emotions import LOOKALIKE
from .sampling import shuffled, stream
from .shapes import renumbered


def add_noise(faces, rate: float = 0.3, kind: str = "symmetric", seed: int = 0):
    """Return `faces` with wrong labels beside their `true_labels`.

    Args:
        faces: a training set; every face needs a label.
        rate: share of faces whose label changes: exactly `round(rate * N)` do. Without effect for `"votes"`.
        kind: `"symmetric"` draws another class uniformly (the protocol of SCN); `"pair"` takes the look-alike
            class; `"votes"` takes for each face the word of one annotator drawn from its votes.
        seed: the same seed changes the same faces in the same way, and a higher rate changes those and more.

    Raises:
        InputError: a split other than `train` or `train+val`, an unknown kind, a rate outside [0, 1], a face without
            label, or nothing to change a label to.
    """
    _check(faces, rate, kind)
    labels = _vote(faces, seed) if kind == "votes" else _slip(faces, rate, kind, seed)
    wrong = int((labels != faces.labels.cpu()).sum())
    return faces.relabel(labels, f"{wrong} of {len(faces)} labels changed by {kind} noise (seed {seed})")


def _check(faces, rate, kind):
    words = set(faces.split.split("+"))
    if faces.split == "all":
        raise InputError(f"{faces.name} is the whole set, and its tests keep their labels; load split='train', or deal "
                         "parts of your own by split_by_person, before adding noise")
    if faces.split and not {"train"} <= words <= {"train", "val"}:
        raise InputError(f"{faces.name} is a {faces.split} split, which keeps its labels; "
                         "add noise to train, or to train+val, only")
    if kind not in ("symmetric", "pair", "votes"):
        raise InputError(f"label noise {kind!r} is unknown; expected symmetric, pair or votes")
    if not 0 <= rate <= 1:
        raise InputError(f"label noise rate is {rate:g}; expected a share between 0 and 1")
    if (faces.labels < 0).any():
        raise InputError(f"{faces.name} has faces without a label; "
                         "choose the labelled ones before adding noise")
    if kind == "votes" and faces.votes is None:
        raise InputError(f"{faces.name} has no annotator votes; use symmetric or pair noise")


def _slip(faces, rate, kind, seed):
    """Return labels of which exactly `round(rate * N)` have become another class."""
    labels = faces.labels.cpu().clone()
    rows = shuffled(len(faces), seed, "noise rows")[:round(rate * len(faces))]
    other = _lookalikes if kind == "pair" else _others
    labels[rows] = other(faces, seed)[rows]
    return labels


def _others(faces, seed):
    """Draw another class for every face, int64 [N]: a step of 1 to C - 1 never lands on the label itself."""
    count = len(faces.classes)
    if count < 2:
        raise InputError(f"{faces.name} has a single class; symmetric noise needs another one to change to")
    return (faces.labels.cpu() + torch.randint(1, count, (len(faces),), generator=stream(seed, "noise labels"))) % count


def _lookalikes(faces, _):
    partners = [LOOKALIKE.get(word) for word in faces.classes]
    other = renumbered(faces.labels.cpu(), partners, faces.classes)
    if (other < 0).any():
        alone = [faces.classes[label] for label in faces.labels.cpu()[other < 0].unique()]
        raise InputError(f"{faces.name} lacks the look-alike of {', '.join(alone)}; use symmetric noise")
    return other


def _vote(faces, seed):
    """Draw one annotator a face; a face without votes keeps its label."""
    shares = faces.soft_labels().cpu().cumsum(1)
    draw = torch.rand(len(faces), 1, generator=stream(seed, "vote")) * shares[:, -1:]
    return (shares <= draw).sum(1).clamp(max=len(faces.classes) - 1)
