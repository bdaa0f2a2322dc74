"""How sure a number is: percentile bootstrap over faces, or over people where faces of one are alike."""

import math

import torch
from torch import Tensor

from ..faces.sampling import alone_where_unknown
from ..seeds import generator

LEAST = 6         # of five people, all lie on one side of the truth once in 16 times: more than the 5 % that may miss


def bootstrap(measure, *columns: Tensor, groups: Tensor | None = None, draws: int = 1000, level: float = 0.95,
              seed: int = 0, least: int = 1) -> dict:
    """Return `value`, `low` and `high` of a measure.

    Args:
        measure: called with rows of the columns, returns a number; such as `accuracy`.
        columns: tensors [N, …], resampled together.
        groups: int64 [N]; whole groups (people) are drawn, unknown ones (-1) each alone. Use it on sets with
            several pictures a person, whose errors go together.
        draws: number of resamples; level: share of them within the interval.
        least: of fewer groups (or faces where none are given) `low` and `high` are NaN; `LEAST` is a good choice.
    """
    source = generator("bootstrap", seed)
    rows = torch.arange(len(columns[0])) if groups is None else None
    members = None if groups is None else _members(groups.cpu())
    if len(rows if members is None else members) < least:
        return {"value": float(measure(*columns)), "low": math.nan, "high": math.nan}
    values = []
    for _ in range(draws):
        if members is None:
            drawn = rows[torch.randint(len(rows), (len(rows),), generator=source)]
        else:
            drawn = torch.cat([members[i] for i in torch.randint(len(members), (len(members),), generator=source)])
        values.append(float(measure(*(c[drawn.to(c.device)] for c in columns))))
    low, high = edges(torch.tensor(values, dtype=torch.float64), level)
    return {"value": float(measure(*columns)), "low": low, "high": high}


def edges(values: Tensor, level: float = 0.95) -> list[float]:
    """Return the two numbers between which a share `level` of the values lies, as many below as above."""
    return values.nanquantile(torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=values.dtype)).tolist()


def _members(groups):
    _, number, counts = alone_where_unknown(groups).unique(return_inverse=True, return_counts=True)
    return number.argsort(stable=True).split(counts.tolist())
