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


def correlation(guess: Tensor, truth: Tensor) -> Tensor:
    """Return Pearson's correlation of each column, [K]; 0 where one of them is constant.

    Args:
        guess, truth: [N, K] numbers.
    """
    guess, truth = guess - guess.mean(0), truth - truth.mean(0)
    return (guess * truth).sum(0) / (guess.norm(dim=0) * truth.norm(dim=0)).clamp(min=1e-12)


def concordance_loss(guess: Tensor, truth: Tensor) -> Tensor:
    """Return 1 - CCC, averaged over the columns; needs batches of a hundred or so to mean anything."""
    return 1 - concordance(guess, truth).mean()


def affect_loss(guess: Tensor, truth: Tensor) -> dict[str, Tensor]:
    """Return MSE_V + MSE_A + (1 - mean PCC) / 2 + (1 - mean CCC) / 2 as `squared`, `correlation`, `concordance`.

    Source: found in code of the identity-invariant paper's authors (ELIM, 2022).
    """
    return {"squared": (guess - truth).square().mean(0).sum(),
            "correlation": (1 - correlation(guess, truth).mean()) / 2,
            "concordance": concordance_loss(guess, truth) / 2}
