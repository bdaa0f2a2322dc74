"""Adversaries: a discriminator that names the domain of a feature, and a gradient that makes features worse for it."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _Scale(torch.autograd.Function):
    @staticmethod
    def forward(ctx, features, factor):
        ctx.factor = factor
        return features.view_as(features)

    @staticmethod
    def backward(ctx, gradient):
        return ctx.factor * gradient, None


def scale_gradient(features: Tensor, factor: float) -> Tensor:
    """Return the same values; on the way back their gradient is multiplied by the factor."""
    return _Scale.apply(features, factor)


def reverse(features: Tensor, strength: float = 1.0) -> Tensor:
    """Return the same values; on the way back their gradient is turned round: gradient reversal.

    What follows learns to make its loss small, what came before to make it large.

    Source: Ganin et al., JMLR 2016.
    """
    return scale_gradient(features, -strength)


def domain_ramp(progress: float, steepness: float = 10.0) -> float:
    """Return 2 / (1 + exp(-10 p)) - 1, from 0 to nearly 1, of the progress p in [0, 1].

    Found for the weight of L_SML with p the share of the training that is done, and for the reversed gradient with
    p = iteration / 10,000: after 300 steps that is 0.15, and a short training would hardly have an adversary. So p is
    the share of the training there, too (our choice).
    """
    return 2 / (1 + math.exp(-steepness * progress)) - 1


class Discriminator(nn.Module):
    """Names the domain: D -> hidden -> hidden -> 1, as found, but narrow; target is 1.

    Args:
        width: D; hidden: found 512 for features of 3,072 to 4,096; dropout: found 0.5.
    """

    def __init__(self, width: int, hidden: int = 128, dropout: float = 0.5):
        super().__init__()
        def layer(inside):
            return nn.Linear(inside, hidden), nn.ReLU(), nn.Dropout(dropout)
        self.layers = nn.Sequential(*layer(width), *layer(hidden), nn.Linear(hidden, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Return one logit a row, [N]: above 0 for the target."""
        return self.layers(features).squeeze(1)


def domain_loss(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the cross-entropy of two domains' logits, each domain weighing a half, and the share told right.

    The maximum over discriminators of log 2 minus the first is the Jensen-Shannon divergence of the two domains'
    features, which is the mutual information between domain and feature: small where nobody can tell.

    Args:
        source: [N], target: [M], logits of the discriminator.
    """
    source, target = source.float(), target.float()
    loss = (F.softplus(source).mean() + F.softplus(-target).mean()) / 2
    right = ((source < 0).float().mean() + (target > 0).float().mean()) / 2
    return loss, right.detach()


def conditioned(features: Tensor, logits: Tensor) -> Tensor:
    """Return the outer products of class shares and features, [N, K x D]: the adversary then sees class by class.

    Source: Long et al., conditional adversarial domain adaptation (CDAN), NeurIPS 2018: multilinear conditioning.
    """
    return (logits.softmax(1).detach()[:, :, None] * features[:, None]).flatten(1)
