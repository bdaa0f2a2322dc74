"""New labels for hard faces by retrieval: the easy faces that look most alike vote.

Source: retrieval-based relabelling in DR-FER (Li et al. 2023); its formulas were not found, the vote is ours (DC).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .evaluate.neighbours import nearest


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

    @property
    def best(self) -> Tensor:
        """Return the class with most of the vote, int64 [H]; -1 where nobody votes."""
        return torch.where(self.shares.amax(1) > 0, self.shares.argmax(1), -1)

    def margin(self, labels: Tensor) -> Tensor:
        """Return by how much the best class beats these labels int64 [H], [H]; 0 where it is the label itself."""
        return self.shares.amax(1) - self.shares.gather(1, labels[:, None])[:, 0]


@torch.no_grad()
def ask(features: Tensor, labels: Tensor, easy: Tensor, asked: Tensor, classes: int, count: int = 20) -> Votes:
    """Let the nearest easy faces vote on the asked ones, eq. (1.4); nobody votes on their own face.

        s_ic = sum_{j in N_K(i), y_j = c} s_ij / sum_{j in N_K(i)} s_ij,    s_ij = max(cos(h_i, h_j), 0)

    Args:
        features: [N, D] embeddings; labels: int64 [N]; easy: bool [N], the gallery.
        asked: int64 [H] rows to be voted on; count: K, fewer where the gallery is smaller.
    """
    gallery = easy.nonzero().flatten()
    cosines, places = nearest(features[asked], features[gallery], min(count, len(gallery)), asked, gallery)
    weights = cosines.clamp(min=0)                               # oneself has -inf
    ballots = F.one_hot(labels[gallery][places], classes) * weights[:, :, None]
    shares = ballots.sum(1) / weights.sum(1, keepdim=True).clamp(min=1e-12)
    return Votes(gallery[places], cosines, shares)


@torch.no_grad()
def least_margin(votes: Votes, labels: Tensor, trust: float) -> Tensor:
    """Return the smallest lead from which votes are right at least `trust` of the time; +inf if none is.

    Args:
        votes: on faces whose labels [H] are held to be right; the lead is that of the best class over the second.
    """
    first, second = votes.shares.topk(2, dim=1).values.unbind(1)
    lead, order = (first - second).sort(descending=True)
    right = (votes.best == labels)[order].double().cumsum(0) / torch.arange(1, len(order) + 1, device=order.device)
    return torch.where(right >= trust, lead, torch.inf).amin() if len(order) else lead.new_tensor(torch.inf)
