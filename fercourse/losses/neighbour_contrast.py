"""Contrast with a queue in which some keys count as further positives: the loss of HNCL."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .contrastive import unit_rows


def neighbour_contrast(queries: Tensor, keys: Tensor, queue: Tensor, neighbours: Tensor, negatives: Tensor,
                       temperature: float = 0.2) -> tuple[Tensor, Tensor]:
    """Return the two terms of L = own + weight x near, each a mean over the batch.

        l(q, k) = -log[ e^{q.k/t} / ( e^{q.k/t} + sum_{n in D} e^{q.n/t} ) ]                  (4.4)
        own     = l(q, k+),        near = 1/|N| sum_{j in N} l(q, k_j)                        (4.5)

    Where D is a row's negatives: the queue without its neighbours N. With no neighbours `own` is MoCo's loss. A
    neighbour is never weighed against another neighbour, as it would be in SupCon.

    Args:
        queries: [B, D] of one view, keys: [B, D] of the other, any norm; compared by cosine.
        queue: [Q, D] earlier keys.
        neighbours: bool [B, Q] further positives; a row without any adds 0 to `near`.
        negatives: bool [B, Q] what a row is pushed away from; should exclude its neighbours and itself.
        temperature: t; smaller looks harder at the nearest negatives.

    Source: the form is our design choice; MoCo (He et al. 2020) for the queue, Shu et al. 2022 for neighbours
    that are taken from the negatives.
    """
    q, k, others = map(unit_rows, (queries, keys, queue))
    with torch.autocast(queries.device.type, enabled=False):                             # bf16 cosines are too coarse
        logits = q @ others.T / temperature
    pushed = logits.masked_fill(~negatives, -torch.inf)
    against = torch.cat([pushed, torch.full_like(pushed[:, :1], -1e4)], 1).logsumexp(1)  # finite for an empty D
    own = F.softplus(against - (q * k).sum(1) / temperature)                             # -log e^a / (e^a + e^b)
    each = F.softplus(against[:, None] - logits) * neighbours
    near = each.sum(1) / neighbours.sum(1).clamp(min=1)
    return own.mean(), near.mean()
