"""Wrong labels on purpose: known noise, injected into training sets only; the truth stays beside."""

import torch

from ..errors import InputError

# Who is taken for whom when labels slip to the nearest look-alike (pair-confusion noise).
LOOKALIKE = {"neutral": "sadness", "happiness": "neutral", "sadness": "neutral", "surprise": "fear", "fear": "surprise",
             "disgust": "anger", "anger": "disgust", "contempt": "neutral"}


def add_noise(faces, rate: float, kind: str = "symmetric", seed: int = 0):
    """Return `faces` with wrong labels beside their `true_labels`.

    Args:
        faces: the set; every face needs a label.
        rate: share of faces whose label changes. Exactly `round(rate * N)` change. Ignored for `"votes"`.
        kind: `"symmetric"` draws another class uniformly (the protocol of SCN); `"pair"` takes the look-alike
            class; `"votes"` takes for each face the word of one annotator drawn from its votes.
        seed: the same seed changes the same faces in the same way.

    Raises:
        InputError: an unknown kind, a rate outside [0, 1], a face without label, or no votes to draw from.
    """
    if kind not in _KINDS:
        raise InputError(f"label noise kind {kind!r} is unknown; expected one of {', '.join(_KINDS)}")
    if not 0 <= rate <= 1:
        raise InputError(f"label noise rate is {rate}; expected a share between 0 and 1")
    if len(faces) and int(faces.labels.min()) < 0:
        raise InputError(f"{faces.name} has faces without a label; choose the labelled ones before adding noise")
    generator = torch.Generator().manual_seed(seed)
    labels = _KINDS[kind](faces, rate, generator)
    wrong = int((labels != faces.labels.cpu()).sum())
    return faces.relabel(labels.to(faces.labels.device), f"{wrong} labels changed by {kind} noise (seed {seed})")


def _chosen(count, rate, generator):
    return torch.randperm(count, generator=generator)[:round(rate * count)]


def _symmetric(faces, rate, generator):
    labels, rows = faces.labels.cpu().clone(), _chosen(len(faces), rate, generator)
    if len(faces.classes) < 2 and len(rows):
        raise InputError(f"{faces.name} has a single class; symmetric noise needs another one to change to")
    step = torch.randint(1, max(2, len(faces.classes)), (len(rows),), generator=generator)   # 1 … C-1: never the label itself
    labels[rows] = (labels[rows] + step) % len(faces.classes)
    return labels


def _pair(faces, rate, generator):
    labels, rows = faces.labels.cpu().clone(), _chosen(len(faces), rate, generator)
    missing = [c for c in faces.classes if LOOKALIKE.get(c) not in faces.classes]
    if missing:
        raise InputError(f"{faces.name} lacks the look-alike of {', '.join(missing)}; use symmetric noise")
    partner = torch.tensor([faces.classes.index(LOOKALIKE[c]) for c in faces.classes])
    labels[rows] = partner[labels[rows]]
    return labels


def _votes(faces, rate, generator):
    if faces.votes is None:
        raise InputError(f"{faces.name} has no annotator votes; use symmetric or pair noise")
    return torch.multinomial(faces.soft_labels().cpu(), 1, generator=generator).flatten()


_KINDS = {"symmetric": _symmetric, "pair": _pair, "votes": _votes}
