"""The same labels in another form: as shares of the annotators' votes, or under other classes."""

from dataclasses import replace

import torch

from ..errors import InputError
from .shapes import UNKNOWN, places, renumbered


def soft_labels(faces, at_least: float = 0):
    """Return class shares of the votes, float32 [N, C]: see `FaceSet.soft_labels`."""
    numbers = torch.arange(len(faces.classes), device=faces.labels.device)
    hard = (faces.labels[:, None] == numbers).float()
    if faces.votes is None:
        return hard
    votes = torch.where(faces.votes >= at_least, faces.votes, 0.0)
    total = votes.sum(1, keepdim=True)
    return torch.where(total > 0, votes / total, hard)


def with_classes(faces, classes, unlabelled: bool = False):
    """Return the faces whose label is among `classes`, renumbered by name: see `FaceSet.with_classes`."""
    if len(set(classes)) < len(classes):
        raise InputError(f"classes {', '.join(classes)} name one twice; expected different words")
    def under(labels):
        return None if labels is None else renumbered(labels, faces.classes, classes)
    kept = faces.subset((under(faces.labels) != UNKNOWN) | (unlabelled & (faces.labels == UNKNOWN)))
    return replace(kept, classes=classes, labels=under(kept.labels), true_labels=under(kept.true_labels),
                   votes=_votes(kept, classes))


def _votes(faces, classes):
    """Return the votes in the order of `classes`; nobody voted for a class that is new."""
    if faces.votes is None:
        return None
    nobody = faces.votes.new_zeros(len(faces), 1)
    return torch.cat([faces.votes, nobody], 1)[:, places(classes, faces.classes)]
