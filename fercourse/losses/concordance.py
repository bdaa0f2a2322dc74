"""Concordance correlation (Lin 1989), the measure of valence and arousal."""

import torch
from torch import Tensor

LEAST = 1e-4        # variance that the losses take at least: below it their gradients would drown all others


def _mean(values, weight):
    """Return the mean of each column, [K]; weight: [N] or [N, K], or None for all alike."""
    if weight is None:
        return values.mean(0)
    weight = weight if weight.ndim == 2 else weight[:, None]
    return (weight * values).sum(0) / weight.sum(0)


def _moments(guess, truth, weight):
    """Return covariance, both variances and the gap between the means, [K] each."""
    guess_mean, truth_mean = _mean(guess, weight), _mean(truth, weight)
    one, other = guess - guess_mean, truth - truth_mean
    return (_mean(one * other, weight), _mean(one.square(), weight), _mean(other.square(), weight),
            guess_mean - truth_mean)


def concordance(guess: Tensor, truth: Tensor, weight: Tensor | None = None, least: float = 0.0) -> Tensor:
    """Return the concordance correlation coefficient of each column, [K].

    2 cov / (var + var + (mean - mean)^2), with variances over N; 0 where both columns are constant and equal.

    Args:
        guess, truth: [N, K] numbers; weight: [N] or [N, K], how much each row counts (default: all alike).
        least: what the denominator is at least, for a loss.
    """
    covariance, one, other, gap = _moments(guess, truth, weight)
    return 2 * covariance / _at_least(one + other + gap.square(), least)


def correlation(guess: Tensor, truth: Tensor, weight: Tensor | None = None, least: float = 0.0) -> Tensor:
    """Return Pearson's correlation of each column, [K]; 0 where one of them is constant.

    Args:
        guess, truth: [N, K] numbers; weight: [N] or [N, K], how much each row counts (default: all alike).
        least: what each variance is at least, for a loss.
    """
    covariance, one, other, _ = _moments(guess, truth, weight)
    return covariance / (_at_least(one, least).sqrt() * _at_least(other, least).sqrt())


def _at_least(variance, least):
    return variance.clamp(min=max(least, torch.finfo(variance.dtype).tiny))


def concordance_loss(guess: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return 1 - CCC, averaged over the columns; needs batches of a hundred or so to mean anything."""
    return 1 - concordance(guess, truth, weight, LEAST).mean()


def affect_loss(guess: Tensor, truth: Tensor, weight: Tensor | None = None) -> dict[str, Tensor]:
    """Return MSE_V + MSE_A + (1 - mean PCC) / 2 + (1 - mean CCC) / 2 as `squared`, `correlation`, `concordance`.

    Args:
        guess, truth: [N, 2]; weight: [N] or [N, 2], how much each face counts (default: all alike).

    Source: found in code of the identity-invariant paper's authors (ELIM, 2022).
    """
    return {"squared": _mean((guess - truth).square(), weight).sum(),
            "correlation": (1 - correlation(guess, truth, weight, LEAST).mean()) / 2,
            "concordance": concordance_loss(guess, truth, weight) / 2}
