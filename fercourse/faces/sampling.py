"""Which rows: subsets that are balanced, small, or disjoint by person."""

from hashlib import sha256
from itertools import pairwise

import numpy as np
import torch

from ..errors import InputError

BALANCES = ("none", "inverse", "effective")


def stream(seed: int, use: str):
    """Return a generator of random numbers for one use.

    Uses do not share their numbers: else `with_noise(seed=0)` would spoil the very faces `sample(seed=0)` draws.
    """
    mixed = sha256(f"{use} {seed}".encode()).digest()[:8]
    return torch.Generator().manual_seed(int.from_bytes(mixed, "little") >> 1)


def shuffled(count: int, seed: int, use: str):
    """Return 0 … count - 1 in an order that the seed and its use decide, int64 [count]."""
    return torch.randperm(count, generator=stream(seed, use))


def rows_of(rows, count: int):
    """Return what was asked for as a slice that goes forward, or as int64 row numbers."""
    if isinstance(rows, (int, np.integer)) and not isinstance(rows, bool):
        row = range(count)[rows]                       # IndexError beyond the end, so that iteration stops
        return slice(row, row + 1)
    if isinstance(rows, slice):
        forward = rows.step is None or rows.step > 0
        return rows if forward else torch.tensor(range(count)[rows], dtype=torch.int64)
    rows = rows.cpu() if isinstance(rows, torch.Tensor) else torch.from_numpy(np.array(rows))
    if rows.dtype == torch.bool:
        if rows.shape != (count,):
            raise InputError(f"the mask has the shape {list(rows.shape)}, "
                             f"expected one boolean for each of {count} faces")
        return rows.nonzero().flatten()
    if rows.numel() and rows.is_floating_point():
        raise InputError("rows are numbers with a fraction; expected integers, booleans or a slice")
    return rows.to(torch.int64).flatten()


def rows_by_group(group, count: int, fractions, seed: int):
    """Return row tensors, one a fraction, such that no group (person, clip, …) is in two of them.

    Args:
        group: int64 [count], -1 where unknown (such rows are groups of their own); None: every row alone.
        count: number of rows.
        fractions: shares of the groups; what is left over after them is dropped.
        seed: decides which group goes where.

    Raises:
        InputError: shares that are no shares, or too few groups to give every part one.
    """
    if not fractions or min(fractions) < 0 or sum(fractions) > 1 + 1e-9:
        shares = ", ".join(f"{share:g}" for share in fractions) or "missing"
        raise InputError(f"fractions are {shares}; expected shares with a sum of at most 1")
    group = alone_where_unknown(torch.full((count,), -1) if group is None else group.cpu())
    groups = group.unique()
    groups = groups[shuffled(len(groups), seed, "split")]
    bounds = [round(len(groups) * sum(fractions[:i])) for i in range(len(fractions) + 1)]
    if count and any(share > 0 and a == b for share, (a, b) in zip(fractions, pairwise(bounds))):
        shares = ", ".join(f"{share:g}" for share in fractions)
        raise InputError(f"{len(groups)} people are too few for shares of {shares}; "
                         "take fewer or larger parts, or more faces")
    return [torch.isin(group, groups[a:b]).nonzero().flatten() for a, b in pairwise(bounds)]


def alone_where_unknown(group):
    """Return `group` with a number of its own for every unknown row."""
    group, alone = group.clone(), group < 0
    group[alone] = torch.arange(int(alone.sum())) + (int(group.max()) + 1 if len(group) else 0)
    return group


def balanced_rows(labels, per_class: int | None, seed: int):
    """Return rows with `per_class` faces of every class that occurs (default: as many as the rarest has)."""
    by_class = _rows_by_label(labels[labels >= 0], (labels >= 0).nonzero().flatten(), seed, "balance")
    rarest = min(map(len, by_class), default=0)
    per_class = rarest if per_class is None else per_class
    if not 0 <= per_class <= rarest:
        raise InputError(f"{per_class} faces of every class asked for, but the rarest class has {rarest}")
    return _sorted(rows[:per_class] for rows in by_class)


def stratified_rows(labels, share: float, seed: int):
    """Return a share of the rows of each class, at least one of each; unlabelled rows count as a class."""
    if not 0 < share <= 1:
        raise InputError(f"share of the faces (--labels) is {share:g}; expected more than 0 and at most 1, such as 0.1")
    by_class = _rows_by_label(labels, torch.arange(len(labels)), seed, "fraction")
    return _sorted(rows[:max(1, round(share * len(rows)))] for rows in by_class)


def class_weights(labels, count: int, balance: str = "inverse", beta: float = 0.999) -> torch.Tensor:
    """Return the weight of each class, float32 [C], with mean 1 over the labelled faces; absent classes get 0.

    Args:
        balance: `none`, `inverse` to the number of faces, or inverse to the `effective` number
            (1 - beta^n) / (1 - beta) of Cui et al. 2019.
    """
    counts = labels[labels >= 0].cpu().bincount(minlength=count).double()           # MPS has no float64
    size = {"none": torch.ones_like(counts), "inverse": counts, "effective": 1 - beta**counts}[balance]
    weights = torch.where(counts > 0, 1 / size.clamp(min=1e-12), 0)
    return (weights * counts.sum() / (weights * counts).sum().clamp(min=1e-12)).float().to(labels.device)


def _rows_by_label(labels, rows, seed, use):
    """Return the rows of each label that occurs, each in seeded order."""
    labels, rows = labels.cpu(), rows.cpu()
    order = shuffled(len(labels), seed, use)
    return [rows[order[labels[order] == label]] for label in labels.unique()]


def _sorted(parts):
    return torch.cat([torch.empty(0, dtype=torch.int64), *parts]).sort().values
