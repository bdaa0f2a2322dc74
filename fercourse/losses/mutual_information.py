"""Mutual information between two features: estimates that an encoder can make smaller.

Each estimator owns a critic, a small network that learns to tell how the features go together. One call gives two
losses for one backward pass: `bound`, which moves the features and never the critic, and `fit`, which moves the
critic and never the features. Without that, an encoder would make its critic worse instead of its features better.

    estimator = VClub(64, 64)
    told = estimator(expression, identity.detach())          # detach what must not move
    (task + 0.01 * told["bound"] + told["fit"]).backward()

Both inputs are standardised over the batch, column by column: else features escape an estimate by shrinking.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from ..device import solve
from ..distributed import gather

LIMIT = 5.0               # of |log variance|: a critic may not become sure, or unsure, without bound


def standardise(features: Tensor) -> Tensor:
    """Return features [N, D] with mean 0 and variance 1 in each column; constant columns become 0."""
    centred = features - features.mean(0)
    return centred / centred.square().mean(0).add(1e-5).sqrt()


def beyond(features: Tensor, given: Tensor, ridge: float = 1e-4) -> Tensor:
    """Return what of the features [N, D] the columns of `given` [N, G] do not tell, by least squares over the batch.

    With the label as `given`, an estimate on what is left is one of the information beyond the label (as far as
    straight lines go). Where an attribute predicts the label, all other information on it would cost the label.
    """
    known = torch.cat([given, torch.ones_like(given[:, :1])], 1)
    square = known.T @ known / len(known) + ridge * torch.eye(known.shape[1], device=given.device, dtype=given.dtype)
    return features - known @ solve(square, known.T @ features / len(known))         # the ridge: it has an inverse


class Estimator(nn.Module):
    """What all estimators share: features of all processes, in full precision, and two losses that do not mix.

    Subclasses set `critic` and write `estimate` and `misfit`, both of (critic, x, y) on standardised rows.

    Args:
        x_width: D; y_width: E, or the number of answers; given_width: G, which only an adversary needs to know.

    Attributes:
        asks_answers: whether y are answers, int64 [B], and not features.
    """

    asks_answers = False

    def forward(self, x: Tensor, y: Tensor, given: Tensor | None = None) -> dict[str, Tensor]:
        """Return `bound`, the estimate in nats to make small, and `fit`, the critic's loss.

        Args:
            x: [B, D] and y: [B, E], this process's rows of two features of the same faces. `bound` has gradients
                to both: detach the one that shall stay as it is.
            given: [B, G] what both are allowed to share, such as the label; see `beyond`.
        """
        with torch.autocast(x.device.type, enabled=False):
            x, y, given = (v if v is None else gather(v.to(next(self.critic.parameters()))) for v in (x, y, given))
            x, y = (standardise(v if given is None else beyond(v, given)) for v in (x, y))
            return {"bound": self.estimate(self._frozen, x, y),
                    "fit": self.misfit(self.critic, x.detach(), y.detach())}

    def _frozen(self, *rows):
        still = {name: value.detach() for name, value in self.critic.named_parameters()}
        return functional_call(self.critic, still, rows)


class GaussianCritic(nn.Module):
    """q(y | x): a Gaussian whose mean and variance, a number for each column of y, follow from x."""

    def __init__(self, x_width: int, y_width: int, hidden: int = 128):
        super().__init__()
        self.mean = nn.Sequential(nn.Linear(x_width, hidden), nn.ReLU(), nn.Linear(hidden, y_width))
        self.log_variance = nn.Sequential(nn.Linear(x_width, hidden), nn.ReLU(), nn.Linear(hidden, y_width))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance, [N, E] each; the latter stays between -5 and 5, smoothly."""
        return self.mean(x), LIMIT * torch.tanh(self.log_variance(x) / LIMIT)


def log_likelihood(mean: Tensor, log_variance: Tensor, y: Tensor) -> Tensor:
    """Return log q(y_i | x_i) of each row, [N], without the constant -E/2 log 2 pi."""
    return -0.5 * ((y - mean).square() * (-log_variance).exp() + log_variance).sum(1)


def vclub(mean: Tensor, log_variance: Tensor, y: Tensor) -> Tensor:
    """Return the variational contrastive log-ratio upper bound: mean_i log q(y_i|x_i) - mean_ij log q(y_j|x_i).

    The mean over j needs only the first two moments of y, so that nothing of size N x N is made. With the true
    conditional as q it is at least the mutual information; with a poor q it bounds nothing. For two Gaussians of
    correlation rho it is rho^2 / (1 - rho^2), against -log(1 - rho^2) / 2 for the mutual information.

    Args:
        mean, log_variance: [N, E] of q(y | x_i); y: [N, E].

    Source: Cheng et al., CLUB, ICML 2020: vCLUB.
    """
    precision = (-log_variance).exp()
    matched = (y - mean).square()
    unmatched = y.square().mean(0) - 2 * mean * y.mean(0) + mean.square()
    return 0.5 * ((unmatched - matched) * precision).sum(1).mean()


class VClub(Estimator):
    """An upper bound where the critic is good: what is to become small is pressed from above."""

    def __init__(self, x_width: int, y_width: int, given_width: int = 0, *, hidden: int = 128):
        super().__init__()
        self.critic = GaussianCritic(x_width, y_width, hidden)

    def estimate(self, critic, x, y):
        return vclub(*critic(x), y)

    def misfit(self, critic, x, y):
        return -log_likelihood(*critic(x), y).mean()


class ScoreCritic(nn.Module):
    """Scores every pair: high where x_i and y_j look as if they came from the same face."""

    def __init__(self, x_width: int, y_width: int, hidden: int = 128, width: int = 32):
        super().__init__()
        self.x, self.y = (nn.Sequential(nn.Linear(w, hidden), nn.ReLU(), nn.Linear(hidden, width))
                          for w in (x_width, y_width))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return scores [N, M]."""
        return self.x(x) @ self.y(y).T / self.y[-1].out_features**0.5


def infonce(scores: Tensor) -> Tensor:
    """Return log N minus the cross-entropy of finding y_i for x_i: a lower bound that never exceeds log N.

    Args:
        scores: [N, N]; row x, column y, pairs that belong together on the diagonal.

    Source: van den Oord et al. 2018; the bound as in Poole et al., ICML 2019.
    """
    count = len(scores)
    return math.log(count) - F.cross_entropy(scores, torch.arange(count, device=scores.device))


class InfoNce(Estimator):
    """A lower bound: its critic pulls it up while the features pull it down. It saturates at log N."""

    def __init__(self, x_width: int, y_width: int, given_width: int = 0, *, hidden: int = 128):
        super().__init__()
        self.critic = ScoreCritic(x_width, y_width, hidden)

    def estimate(self, critic, x, y):
        return infonce(critic(x, y))

    def misfit(self, critic, x, y):
        return -infonce(critic(x, y))


def relative_predictive(scores: Tensor, alpha: float = 0.5, beta: float = 0.005, gamma: float = 0.5) -> Tensor:
    """Return E_P f - alpha E_Q f - beta/2 E_P f^2 - gamma/2 E_Q f^2: of low variance, but no longer in nats.

    P are the pairs that belong together, Q all others.

    Args:
        scores: [N, N]; row x, column y. A single pair has no others, and tells nothing: 0.

    Source: Tsai et al., relative predictive coding, ICLR 2021; constants of Kim et al., ECCV 2022 (AVCE).
    """
    if len(scores) < 2:
        return 0 * scores.sum()
    together = scores.diagonal()
    return (together.mean() - alpha * _mean_of_others(scores) - beta / 2 * together.square().mean()
            - gamma / 2 * _mean_of_others(scores.square()))


def _mean_of_others(pairs):
    """Return the mean of [N, N] without the diagonal."""
    return (pairs.sum() - pairs.diagonal().sum()) / (len(pairs) * (len(pairs) - 1))


class RelativePredictive(InfoNce):
    """The bound of the paper's authors in an earlier work; its critic's scores stay bounded without a softmax."""

    def estimate(self, critic, x, y):
        return relative_predictive(critic(x, y))

    def misfit(self, critic, x, y):
        return -relative_predictive(critic(x, y))


class Adversary(Estimator):
    """A lower bound of what x tells of an answer in words: -CE(q(a | x), a), up to the constant entropy of a.

    The features pull down what the critic pulls up, as behind a gradient reversal. With `given`, the critic is
    told the label as well, and only what x tells beyond it can help.

    Source: Barber and Agakov 2003 for the bound; Ganin et al. 2016 for the game.
    """

    asks_answers = True

    def __init__(self, x_width: int, y_width: int, given_width: int = 0, *, hidden: int = 128):
        super().__init__()
        self.critic = nn.Sequential(nn.Linear(x_width + given_width, hidden), nn.ReLU(), nn.Linear(hidden, y_width))

    def forward(self, x, y, given=None):
        """Return `bound` and `fit` as the others do; y: int64 [B], the answers."""
        with torch.autocast(x.device.type, enabled=False):
            x = standardise(gather(x.to(next(self.critic.parameters()))))
            x = x if given is None else torch.cat([x, gather(given.to(x))], 1)
            y = gather(y)
            return {"bound": -F.cross_entropy(self._frozen(x), y), "fit": F.cross_entropy(self.critic(x.detach()), y)}


ESTIMATORS = {"vclub": VClub, "infonce": InfoNce, "relative": RelativePredictive, "adversary": Adversary}
