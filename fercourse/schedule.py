"""Rates and weights over a training: pure functions of progress, so that nothing about them needs saving."""

import math


def cosine(progress: float, warmup: float = 0.05) -> float:
    """Return the share of the full rate at progress in [0, 1]: a linear climb, then half a cosine down."""
    if progress < warmup:
        return progress / warmup
    return (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup))) / 2


def ramp(progress: float, start: float, end: float) -> float:
    """Return 0 before `start`, 1 after `end`, and a straight line between."""
    return min(max((progress - start) / max(end - start, 1e-9), 0.0), 1.0)


def set_rates(optimisers, share: float):
    """Set every group's rate to a share of its first one; groups marked `constant` keep theirs."""
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            full = group.setdefault("full_lr", group["lr"])
            group["lr"] = full if group.get("constant") else full * share
