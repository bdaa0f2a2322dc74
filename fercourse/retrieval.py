"""New labels for hard faces by retrieval: the easy faces that look most alike vote.

Source: retrieval-based relabelling in DR-FER (Li et al. 2023); its formulas were not found, the vote is ours (DC).
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .device import exact
from .evaluate.neighbours import nearest

JURY = 10             # fewer faces above a lead say nothing about it


@dataclass(frozen=True)
class Votes:
    """What the neighbours of H faces say.

    Attributes:
        neighbours: int64 [H, K] rows of the training set, the nearest first; cosines: [H, K].
        shares: [H, C] of the vote for each class; all 0 where nobody votes.
    """

    neighbours: Tensor
    cosines: Tensor
    shares: Tensor

    def __getitem__(self, rows) -> "Votes":
        return Votes(self.neighbours[rows], self.cosines[rows], self.shares[rows])

    @property
    def best(self) -> Tensor:
        """Return the class with most of the vote, int64 [H]; -1 where nobody votes."""
        return torch.where(self.shares.amax(1) > 0, self.shares.argmax(1), -1)

    def margin(self, labels: Tensor) -> Tensor:
        """Return by how much the best class beats these labels int64 [H], [H]; 0 where it is the label itself."""
        return self.shares.amax(1) - self.shares.gather(1, labels[:, None])[:, 0]


def pictures(faces) -> Tensor:
    """Return the first row of each row's own picture, int64 [N]: rows of one id, or of one group, show the same.

    A repeated row is the same picture again; so are near-duplicates and the pictures of a video, where a group says so.
    """
    ids = faces.ids.cpu().unique(return_inverse=True)[1]
    group = faces.columns().get("group", torch.full_like(ids, -1)).cpu()
    kin = torch.where(group >= 0, group + len(ids), ids).unique(return_inverse=True)[1]
    return torch.full_like(ids, len(ids)).scatter_reduce(0, kin, torch.arange(len(ids)), "amin")[kin]


@torch.no_grad()
def ask(features: Tensor, labels: Tensor, easy: Tensor, asked: Tensor, classes: int, count: int = 20,
        pictures: Tensor | None = None) -> Votes:
    """Let the nearest easy faces vote on the asked ones, eq. (3.4); nobody votes on their own picture.

        s_ic = sum_{j in N_K(i), y_j = c} s_ij / sum_{j in N_K(i)} s_ij,    s_ij = max(cos(h_i, h_j), 0)

    Args:
        features: [N, D] embeddings; labels: int64 [N]; easy: bool [N], the gallery.
        asked: int64 [H] rows to be voted on; count: K, fewer where the gallery is smaller.
        pictures: int64 [N], the same number for rows that show the same, see `pictures`; default: every row is another.
    """
    gallery = easy.nonzero().flatten()
    own, others = (rows if pictures is None else pictures[rows] for rows in (asked, gallery))
    cosines, places = nearest(features[asked], features[gallery], min(count, len(gallery)), own, others)
    weights = cosines.clamp(min=0)                               # one's own picture has -inf
    ballots = F.one_hot(labels[gallery][places], classes) * weights[:, :, None]
    shares = ballots.sum(1) / weights.sum(1, keepdim=True).clamp(min=1e-12)
    return Votes(gallery[places], cosines, shares)


@torch.no_grad()
def lead(votes: Votes) -> Tensor:
    """Return by how much the best class beats the second, [H]."""
    first, second = votes.shares.topk(2, dim=1).values.unbind(1)
    return first - second


@torch.no_grad()
def least_lead(votes: Votes, labels: Tensor, noise: float, trust: float) -> float:
    """Return the smallest lead from which new labels would be right at least `trust` of the time; inf if none is.

    Asked is a jury: faces that were never trained on, so that nothing was learnt by heart, under labels of which
    the share n is wrong. If votes of this lead are right with chance A, they agree with a label with chance

        a = A (1 - n) + (1 - A) n / (C - 1),

    which gives A; and among votes that contradict a label, the new one is right with chance A n / (1 - a). The base
    rate decides: with n = 0.3 and votes that are right 4 times of 5, not even 3 of 5 new labels are.

    Args:
        votes: on the jury; labels: int64 [H] as given; noise: n.
    """
    if len(labels) < JURY or noise <= 0:
        return math.inf
    leads, order = exact(lead(votes)).sort(descending=True, stable=True)
    count = torch.arange(1, len(order) + 1, device=order.device)
    agreed = exact(votes.best == labels)[order].cumsum(0) / count
    low = agreed - (agreed * (1 - agreed) / count).sqrt()        # a small jury is believed less
    slip = noise / (votes.shares.shape[1] - 1)
    right = ((low - slip) / max(1 - noise - slip, 1e-6)).clamp(0, 1)
    precision = right * noise / (right * noise + (1 - right) * (1 - slip)).clamp(min=1e-6)
    last = torch.cat([leads[1:] < leads[:-1], leads.new_ones(1, dtype=torch.bool)])      # of those with the same lead
    trusted = (precision >= trust) & last & (count >= JURY)
    return float(torch.where(trusted, leads, math.inf).amin())


def anchored_noise(votes: Votes, labels: Tensor) -> float:
    """Return the share of a jury's labels that the surest quarter of its votes contradicts: an estimate of the noise.

    A jury of fewer than 10 faces finds no noise; the surest 10 speak for one of fewer than 40.

    Source: anchor points (Patrini et al. 2017): where there can be no doubt about the face, only the label errs.
    """
    sure = lead(votes).argsort(descending=True)[:max(JURY, len(labels) // 4)]
    return float(exact((votes.best != labels)[sure]).mean()) if len(labels) >= JURY else 0.0
