"""Pseudo labels: what a network tells of faces without labels, and how much of that to believe."""

import torch
from torch import Tensor

from .device import order_within


def most_sure(logits: Tensor, share: float, balanced: bool = True) -> tuple[Tensor, Tensor]:
    """Return the likeliest class of each face, [N], and whether the network is sure enough to be believed, bool [N].

    Args:
        logits: [N, K]; share: how many are believed, from 0 to 1, rounded up, the surest first.
        balanced: that share of the faces told of every class; else of all faces, where easy classes crowd out others.
    """
    sure, likeliest = logits.float().softmax(1).max(1)
    group = likeliest if balanced else torch.zeros_like(likeliest)
    most = (share * (1 - 1e-6) * _sizes(group, logits.shape[1])).ceil()          # 0.6 of 50 is 30, also in float32
    return likeliest, _places(sure, group, logits.shape[1]) < most[group]


def _sizes(group, count):
    return (group[:, None] == torch.arange(count, device=group.device)).sum(0)


def _places(values, group, count):
    """Return each row's place in its group, 0 for the largest value; without a word to the host."""
    order = order_within(values, group, descending=True)
    first = _sizes(group, count).cumsum(0) - _sizes(group, count)
    places = torch.empty_like(order)
    places[order] = torch.arange(len(order), device=order.device) - first[group[order]]
    return places
