"""Semantic metric learning: class centres in each domain, features near their own, centres apart, domains agreed.

Found in the authors' released code (JDMAN), d in {s, t} a domain, h_i features of width D, c_k^d learnable centres:

    intra^d = 1/(2B) sum_i ||h_i^d - c^d_{y_i}||^2                                                          (5.1)
    inter^d = sum_{i<j} ||c_i^d - c_j^d||^2 / (K (K - 1));   penalty^d = max(0, margin - inter^d)           (5.2)
    dom     = 1/K sum_k ||c_k^s - c_k^t||^2                                                                 (5.3)
    L_SML   = sum_d (intra^d + penalty^d) + lambda dom                                                      (5.4)

Our choice: every squared distance is divided by D. The found margin is 100 for D = 3,072 to 4,096. Centres drawn from
N(0, 1) have inter = D, so that it is inert for wide features and absurd for narrow ones; now they have 1, whatever D.
"""

import torch
from torch import Tensor, nn

from ..distributed import counted

SOURCE, TARGET = 0, 1


def intra(features: Tensor, labels: Tensor, centres: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return half the mean squared distance to the own class's centre, eq. (5.1), divided by the width.

    Args:
        features: h [B, D] of this process; labels: [B] from 0 on, all known; centres: c [K, D].
        weights: [B] from 0 on, how much each face counts in a weighted mean; 0 if none does.
    """
    distances = (features - centres[labels]).square().mean(1) / 2
    if weights is None:
        return distances.mean()
    return (distances * weights).sum() / counted(weights.sum())


def inter(centres: Tensor) -> Tensor:
    """Return the sum of squared distances over pairs / (K (K - 1)) / D: 1 for centres drawn from N(0, 1), eq. (5.2).

    Features standardised column by column have it at K / (K - 1) at most, where classes are equally frequent and all
    variance is between them; rare classes can lie further out.
    """
    count = len(centres)
    apart = centres - centres.mean(0)
    return count * apart.square().sum() / (count * (count - 1) * centres.shape[1])


def margin_penalty(centres: Tensor, margin: float) -> Tensor:
    """Return how much the centres lack to be apart: max(0, margin - inter), eq. (5.2)."""
    return (margin - inter(centres)).clamp(min=0)


def agreement(source: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared distance between a class's two centres [K, D], divided by the width, eq. (5.3)."""
    return (source - target).square().mean()


def class_means(features: Tensor, labels: Tensor, count: int, weights: Tensor | None = None,
                otherwise: Tensor | None = None) -> Tensor:
    """Return the weighted mean feature of each class, [K, D].

    Args:
        features: [N, D]; labels: int64 [N], faces without one (-1) are left out; count: K; weights: [N].
        otherwise: [K, D], rows for classes without a face (default: the mean of all).
    """
    weights = torch.ones_like(features[:, 0]) if weights is None else weights.to(features)
    member = nn.functional.one_hot(labels.clamp(min=0), count).to(features) * (weights * (labels >= 0))[:, None]
    mass = member.sum(0)[:, None]
    means = member.T @ features / mass.clamp(min=1e-12)
    otherwise = features.mean(0, keepdim=True) if otherwise is None else otherwise
    return torch.where(mass > 0, means, otherwise.to(features))


class SemanticMetric(nn.Module):
    """L_SML with the learnable centres of both domains, eq. (5.4).

    Args:
        classes: K; width: D; margin: in widths, see `inter`; align: lambda.
    """

    def __init__(self, classes: int, width: int, margin: float = 0.5, align: float = 0.01):
        super().__init__()
        self.centres = nn.Parameter(torch.randn(2, classes, width))
        self.margin, self.align = margin, align

    def forward(self, domain: int, features: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return intra of one domain's faces; `between` has the terms of the centres alone."""
        return intra(features.float(), labels, self.centres[domain], weights)

    def between(self) -> dict[str, Tensor]:
        """Return `penalty`, of both domains, and `align`, lambda dom."""
        return {"penalty": sum(margin_penalty(centres, self.margin) for centres in self.centres),
                "align": self.align * agreement(*self.centres)}

    @torch.no_grad()
    def place(self, domain: int, centres: Tensor):
        """Put the centres of a domain somewhere, such as at the class means."""
        self.centres[domain] = centres.to(self.centres)

    def optimiser(self, rate: float) -> torch.optim.Optimizer:
        """Return plain gradient descent for the centres, at a constant rate.

        Found: rate 1, of a gradient times alpha w, at most 0.01, and without any division. Here the gradient is not
        scaled; that of `intra` for a class of share 1/K is (c - mean) / (K D), so with K D a centre goes `rate` of the
        way to the mean of the batch, whatever K and D.
        """
        count, width = self.centres.shape[1:]
        group = {"params": [self.centres], "lr": rate * count * width, "constant": True}
        return torch.optim.SGD([group], lr=rate * count * width, fused=self.centres.is_cuda)
