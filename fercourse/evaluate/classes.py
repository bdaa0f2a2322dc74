"""How well classes are predicted. Faces without a label (-1) are left out."""

import torch
from torch import Tensor

from ..device import exact


def confusion(predicted: Tensor, labels: Tensor, count: int) -> Tensor:
    """Return counts int64 [C, C]: row the label, column the prediction."""
    labels = labels.to(predicted.device)
    known = labels >= 0
    pairs = labels[known] * count + predicted[known]
    return pairs.bincount(minlength=count * count).view(count, count)


def accuracy(predicted: Tensor, labels: Tensor) -> float:
    """Return the share of right predictions, both int64 [N]; faces without a label (-1) do not count, NaN if all."""
    labels = labels.to(predicted.device)
    known = labels >= 0
    return (predicted == labels)[known].float().mean().item()


def recalls(table: Tensor) -> Tensor:
    """Return the share of each class that is found, [C], from a `confusion` [C, C]; NaN for absent classes."""
    table = exact(table)
    return table.diagonal() / table.sum(1)


def macro_f1(table: Tensor) -> float:
    """Return the mean F1 over the classes that occur as a label or as a prediction."""
    table = exact(table)
    hits, given, told = table.diagonal(), table.sum(1), table.sum(0)
    present = given + told > 0
    return (2 * hits / (given + told))[present].mean().item()


def class_scores(predicted: Tensor, labels: Tensor, classes) -> dict:
    """Return accuracy, macro F1, mean recall, the recall of each class, and the confusion, as plain values."""
    table = confusion(predicted, labels, len(classes))
    found = recalls(table)
    return {"faces": int((labels >= 0).sum()), "accuracy": accuracy(predicted, labels), "macro_f1": macro_f1(table),
            "macro_recall": found.nanmean().item(),
            "recall": {word: None if torch.isnan(r) else r.item() for word, r in zip(classes, found)},
            "confusion": table.tolist()}
