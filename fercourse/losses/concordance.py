"""Concordance correlation (Lin 1989), the measure of valence and arousal."""

from torch import Tensor


def concordance(guess: Tensor, truth: Tensor) -> Tensor:
    """Return the concordance correlation coefficient of each column, [K].

    2 cov / (var + var + (mean - mean)^2), with variances over N; 0 where both columns are constant and equal.

    Args:
        guess, truth: [N, K] numbers.
    """
    guess_mean, truth_mean = guess.mean(0), truth.mean(0)
    guess_off, truth_off = guess - guess_mean, truth - truth_mean
    spread = guess_off.square().mean(0) + truth_off.square().mean(0) + (guess_mean - truth_mean).square()
    return 2 * (guess_off * truth_off).mean(0) / spread.clamp(min=1e-12)


def concordance_loss(guess: Tensor, truth: Tensor) -> Tensor:
    """Return 1 - CCC, averaged over the columns; needs batches of a hundred or so to mean anything."""
    return 1 - concordance(guess, truth).mean()
