"""Whose label is doubted? The usual ways of finding wrong labels, and how well any of them finds them."""

import math

import torch
from torch import Tensor

from ..errors import InputError
from ..evaluate import seen
from ..look import see_all
from . import Scale, train_classifier

FOLDS = 3             # of the cross-validation that cleanlab asks for


def found(flagged: Tensor, wrong: Tensor) -> dict:
    """Return precision, recall and F1 of flagged faces, bool [N], against those whose label is wrong, bool [N]."""
    hit, said, true = (int(part.sum()) for part in (flagged & wrong, flagged, wrong))
    precision, recall = hit / max(said, 1), hit / max(true, 1)
    return {"flagged": said / len(wrong), "precision": precision, "recall": recall,
            "f1": 2 * hit / max(said + true, 1)}


def most(scores: Tensor, count: int) -> Tensor:
    """Return the `count` faces of the highest scores, bool [N]."""
    chosen = torch.zeros(len(scores), dtype=torch.bool)
    chosen[scores.argsort(descending=True)[:count]] = True
    return chosen


def out_of_sample(faces, scale: Scale, seed: int, as_long: bool = False, **hyper) -> Tensor:
    """Return class shares [N, C] of every face from a network that did not train on it.

    Each network has two thirds of the faces and, as is usual, the epochs of a training on all: two thirds of its steps.
    `as_long`: train for more epochs, so that the steps are as many.
    """
    fold = torch.randperm(len(faces), generator=torch.Generator().manual_seed(seed)) % FOLDS
    shares = torch.zeros(len(faces), len(faces.classes))
    for number in range(FOLDS):
        known = faces[fold != number]
        spent = scale.as_many_steps(len(known), len(faces)) if as_long else scale
        learner = train_classifier(known, spent, seed, label_smoothing=0.0, **hyper)
        shares[fold == number] = seen(learner, faces[fold == number])["logits"].softmax(1).cpu()
    return shares


def confident(labels: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """Return what cleanlab's confident learning flags, bool [N], and its doubt about every label, [N].

    Source: Northcutt et al. 2021; its default filter `prune_by_noise_rate`, doubt by self-confidence.
    """
    try:
        from cleanlab.filter import find_label_issues
    except ImportError as error:
        raise InputError("confident learning needs cleanlab; install it with: pip install \"cleanlab>=2.8\"") from error
    flagged = find_label_issues(labels.numpy(), shares.numpy(), n_jobs=1)
    return torch.from_numpy(flagged), -shares.gather(1, labels[:, None])[:, 0]


class MeanLoss:
    """A `watch` that keeps each face's mean loss over the epochs: the small-loss rule trusts the smallest."""

    def __init__(self, faces):
        self.faces, self.total, self.epochs = faces, torch.zeros(len(faces)), 0

    def __call__(self, epoch, method):
        """Look at all faces after an epoch."""
        losses = see_all(method, self.faces.images, ("loss",))["loss"].cpu()
        self.total, self.epochs = self.total + losses, self.epochs + 1

    @property
    def doubt(self) -> Tensor:
        """Return the mean loss of every face, [N]."""
        return self.total / self.epochs if self.epochs else torch.full_like(self.total, math.nan)
