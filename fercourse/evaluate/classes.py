"""How well classes are predicted. Faces without a label (-1) are left out."""

import torch
from torch import Tensor

from ..device import exact
from ..errors import InputError


def confusion(predicted: Tensor, labels: Tensor, count: int) -> Tensor:
    """Return counts int64 [C, C]: row the label, column the prediction.

    Predictions come first here; `plots.confusion` takes the truth first.

    >>> confusion(torch.tensor([0, 1, 1]), torch.tensor([0, 0, -1]), 2)
    tensor([[1, 1],
            [0, 0]])

    Raises:
        InputError: a face with a label, whose label or prediction is none of the C classes.
    """
    labels = labels.to(predicted.device)
    known = labels >= 0
    labels, predicted = labels[known], predicted[known]
    for what, numbers in (("label", labels), ("prediction", predicted)):
        if (strange := numbers[(numbers < 0) | (numbers >= count)]).numel():
            raise InputError(f"{len(strange)} of {len(labels)} faces with a label have a {what} such as "
                             f"{int(strange[0])}; expected 0 to {count - 1} for {count} classes")
    return (labels * count + predicted).bincount(minlength=count * count).view(count, count)


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
    hits, given, predicted = table.diagonal(), table.sum(1), table.sum(0)
    present = given + predicted > 0
    return (2 * hits / (given + predicted))[present].mean().item()


def class_scores(predicted: Tensor, labels: Tensor, classes) -> dict:
    """Return accuracy, macro F1, mean recall, the recall of each class, and the confusion, as plain values."""
    table = confusion(predicted, labels, len(classes))
    by_class = recalls(table)
    return {"faces": int((labels >= 0).sum()), "accuracy": accuracy(predicted, labels), "macro_f1": macro_f1(table),
            "macro_recall": by_class.nanmean().item(),
            "recall": {word: None if torch.isnan(r) else r.item() for word, r in zip(classes, by_class)},
            "confusion": table.tolist()}
