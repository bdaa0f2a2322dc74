"""Which labels does a network learn early, and which against its will? Easy and hard faces, class by class.

Source: category-aware self-paced learning in DR-FER (Li et al. 2023); its formulas were not found. Ours (DC): two
groups of doubts in every class tell when to start, how fast to go and where to end.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .device import exact, order_within

APART = 1.5           # Ashman's D at which a class begins; 2 is the textbook's, and late: see the study `robust-tuning`
ROUNDS = 50           # of expectation and maximisation
NARROWEST = 0.05      # least standard deviation of a group of doubts
FEW = 1e-6            # of an average face is in every group, so that none is empty


@dataclass(frozen=True)
class Groups:
    """Two groups of doubts in each class: the low one is what the network has understood.

    Attributes:
        low, high: [C] mean doubts; share: [C] of the faces in the high group: the estimated noise of the class.
        apart: [C] Ashman's D, the distance of the means in standard deviations; 0 for a class of fewer than 2 faces.
        faces: [C] how many faces there are.
    """

    low: Tensor
    high: Tensor
    share: Tensor
    apart: Tensor
    faces: Tensor

    @property
    def noise(self) -> float:
        """Return the share of all faces that is in a high group: as much noise as there seems to be."""
        return float((self.share * self.faces).sum() / self.faces.sum().clamp(min=1))


def doubts(losses: Tensor) -> Tensor:
    """Return 1 - exp(-loss): the share that the network gives to other classes than the label, 0 to 1.

    Same order as the losses, but bounded: a few huge losses cannot make a group of their own.
    """
    return -torch.expm1(-losses)


@torch.no_grad()
def two_groups(doubt: Tensor, labels: Tensor, classes: int) -> Groups:
    """Fit a mixture of two normal distributions to the doubts of every class, all classes at once.

    Args:
        doubt: [N]; labels: int64 [N] into `classes`; faces without a label (-1) are left out.

    Source: Arazo et al. 2019 and Li et al. 2020 (DivideMix) for mixtures of losses; per class is our choice (DC).
    """
    device = doubt.device
    member = exact(F.one_hot(labels.clamp(min=0), classes) * (labels >= 0)[:, None])             # [N, C]
    doubt, own = exact(doubt), labels.clamp(min=0).to(member.device)
    middle = doubt @ member / member.sum(0).clamp(min=1)
    high = exact(doubt > middle[own])                                           # who belongs to the high group
    for _ in range(ROUNDS):
        means, variances, share = _moments(doubt, member, high)
        score = (share / variances.sqrt()).log()[:, own] - (doubt - means[:, own]) ** 2 / (2 * variances[:, own])
        high = score.softmax(0)[1]
    apart = (means[1] - means[0]).abs() * math.sqrt(2) / variances.sum(0).sqrt()
    apart = apart.masked_fill(member.sum(0) < 2, 0)
    return Groups(*(value.float().to(device) for value in (means[0], means[1], share[1], apart, member.sum(0))))


def _moments(doubt, member, high):
    """Return means, variances and shares [2, C] of both groups; a group of nobody lies where its class lies."""
    belongs = torch.stack([1 - high, high])                                                      # [2, N]
    weight, count = belongs @ member, member.sum(0).clamp(min=1)

    def moment(values):
        return ((belongs * values) @ member + FEW * (values @ member) / count) / (weight + FEW)

    means = moment(doubt)
    return means, (moment(doubt**2) - means**2).clamp(min=NARROWEST**2), (weight + FEW) / (weight + FEW).sum(0)


def quota(groups: Groups, noise: float | None = None) -> Tensor:
    """Return which share rho of each class counts as easy, [C]: the pace, eq. (3.3).

        rho_c = 1 - n_c learnt_c,    learnt_c = 1 - low_c,    n_c = share_c min(1, noise / seeming noise)

    It moves with what has been learnt, from everything where the low group is still all doubt to one minus the
    estimated noise of the class where the low group has none; no epoch number enters.

    Args:
        noise: share of wrong labels in the whole set, if something else than the groups tells: any broad heap of
            doubts falls into two groups, so that right labels that are hard to learn look like noise.
    """
    share = groups.share
    if noise is not None:
        share = share * min(1.0, noise / max(groups.noise, 1e-6))
    return 1 - share * (1 - groups.low)


@torch.no_grad()
def thresholds(losses: Tensor, labels: Tensor, shares: Tensor) -> Tensor:
    """Return each class's threshold lambda_c, [C]: the quantile of its losses at its share, eq. (3.2).

        lambda_c = Quantile_{rho_c} { loss_j : y_j = c }

    The quantile is the loss of a face, not a point between two: share 0 gives -inf, a class of nobody +inf.

    Args:
        losses: [N]; labels: int64 [N]; shares: [C] of each class that is to be at or below its threshold.
    """
    count = torch.bincount(labels[labels >= 0], minlength=len(shares))
    order = order_within(losses, labels)
    start = count.cumsum(0) - count + (labels < 0).sum()
    place = (shares * count).round().long()
    chosen = losses[order[(start + place - 1).clamp(0, len(losses) - 1)]]
    return torch.where(count == 0, math.inf, torch.where(place == 0, -math.inf, chosen))
