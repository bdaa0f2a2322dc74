"""How well valence and arousal are predicted: each measure over the whole set, one number a column.

Rows with a NaN truth are left out. CCC after Lin 1989; SAGR after Nicolaou et al. 2011.
"""

from torch import Tensor

from ..device import exact
from ..losses.concordance import concordance, correlation


def _known(guess, truth):
    truth = truth.to(guess.device)
    rows = ~truth.isnan().any(1)
    return exact(guess[rows]), exact(truth[rows])


def ccc(guess: Tensor, truth: Tensor) -> Tensor:
    """Return the concordance correlation, [K]: 1 where guess and truth are equal, not merely in proportion.

    >>> import torch
    >>> round(ccc(torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [0.5]])).item(), 3)
    0.667
    """
    return concordance(*_known(guess, truth))


def pcc(guess: Tensor, truth: Tensor) -> Tensor:
    """Return Pearson's correlation, [K]."""
    return correlation(*_known(guess, truth))


def rmse(guess: Tensor, truth: Tensor) -> Tensor:
    """Return the root of the mean squared error, [K]."""
    guess, truth = _known(guess, truth)
    return (guess - truth).square().mean(0).sqrt()


def sagr(guess: Tensor, truth: Tensor) -> Tensor:
    """Return the share of faces whose sign is right, [K].

    A truth of exactly 0, frequent where people judged in steps, is met by a guess of exactly 0 only.
    """
    guess, truth = _known(guess, truth)
    return exact(guess.sign() == truth.sign()).mean(0)


def mean_ccc(guess: Tensor, truth: Tensor) -> float:
    """Return the mean concordance of valence and arousal, for tables by group and intervals."""
    return ccc(guess, truth).mean().item()


def mean_rmse(guess: Tensor, truth: Tensor) -> float:
    """Return the root of the squared error averaged over valence and arousal, for tables by group and intervals."""
    guess, truth = _known(guess, truth)
    return (guess - truth).square().mean().sqrt().item()


def affect_scores(guess: Tensor, truth: Tensor) -> dict:
    """Return every measure for valence and arousal and the mean CCC, as plain values."""
    scores = {"faces": int((~truth.isnan().any(1)).sum())}
    for name, measure in (("ccc", ccc), ("pcc", pcc), ("rmse", rmse), ("sagr", sagr)):
        scores[name] = dict(zip(("valence", "arousal"), measure(guess, truth).tolist()))
    return scores | {"mean_ccc": sum(scores["ccc"].values()) / 2, "mean_rmse": mean_rmse(guess, truth)}
