"""Comparing methods: representations with representations, and many methods over many circumstances."""

import torch
from torch import Tensor

from ..device import exact


def cka(one: Tensor, other: Tensor) -> float:
    """Return the linear centred kernel alignment of two features of the same N faces, from 0 to 1.

    1 says that one is the other rotated and scaled; the widths may differ. Kornblith et al., ICML 2019, equation 4.

    Args:
        one: [N, D]; other: [N, E].
    """
    one, other = (exact(features) - exact(features).mean(0) for features in (one, other))
    shared = (one.T @ other).square().sum()
    return (shared / ((one.T @ one).norm() * (other.T @ other).norm()).clamp(min=1e-300)).item()


def ranks(scores: Tensor) -> Tensor:
    """Return the rank of each method in each row, [N, K] float: 1 has the highest score, ties share their mean rank.

    Args:
        scores: [N, K], a row for each circumstance (and seed), a column for each method.
    """
    from scipy.stats import rankdata
    return torch.from_numpy(rankdata(-scores.cpu().numpy(), axis=1))


def critical_difference(methods: int, rows: int, level: float = 0.05) -> float:
    """Return by how much mean ranks must differ that two methods differ at a level: Nemenyi's test (Demšar, JMLR 2006).

    It takes rows to be independent data sets; repetitions with other seeds are less than that.

    Args:
        methods: how many are compared; rows: in how many circumstances each was ranked; level: chance of a false alarm.
    """
    from scipy.stats import studentized_range
    quantile = studentized_range.ppf(1 - level, methods, 1e6) / 2 ** 0.5
    return float(quantile * (methods * (methods + 1) / (6 * rows)) ** 0.5)


def wins(scores: Tensor) -> Tensor:
    """Return [K, K]: the share of rows in which the row's method is better than the column's; a tie counts a half."""
    better = exact(scores[:, :, None] > scores[:, None, :])
    same = exact(scores[:, :, None] == scores[:, None, :])
    return (better + same / 2).mean(0)
