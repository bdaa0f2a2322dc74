"""The learning rate over a training: a pure function of progress, so that nothing about it needs saving."""

import math


def cosine(progress: float, warmup: float = 0.05, floor: float = 0.0) -> float:
    """Return the share of the full rate at progress in [0, 1]: a linear climb, then half a cosine down."""
    if progress < warmup:
        return progress / warmup
    return floor + (1 - floor) * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup))) / 2


def set_rates(optimisers, share: float):
    """Set every group's rate to a share of its first one; groups marked `constant` keep theirs."""
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            full = group.setdefault("full_lr", group["lr"])
            group["lr"] = full if group.get("constant") else full * share
