"""Partial consistency: the class space and the instance space should agree.

Found: a partial consistency loss ties the two spaces (Nie et al. 2023). Its formula was not found; both forms here
are our design choices. In form A the spaces agree on who is like whom; in form B what makes an instance, that two
views are one face, holds in the class space, too. `results/wscfer-*.json` says what they are worth.
"""

import math

import torch
from torch import Tensor

from ..distributed import anchors, counted, gather
from .contrastive import unit_rows, wide

_NEVER = -1e9                     # a logit whose share is exactly 0, and unlike -inf safe to multiply by 0


def similarity_consistency(features: Tensor, projections: Tensor, pairs, class_temperature: float = 0.2,
                           temperature: float = 0.1) -> Tensor:
    """Return how far the two spaces disagree on the partial set: form A.

        U_i = softmax over K(i) of cos(u_i, u_k) / t_c,      Z_i = softmax over K(i) of cos(z_i, z_k) / t     (2.4)
        L   = 1/2 mean_i [ KL(sg U_i || Z_i) + KL(sg Z_i || U_i) ]                                            (2.5)

    K(i) of WSC is the partial set: the other view of the face, and the views of other classes. sg stops the gradient,
    so that each space follows the other as it is now.

    Args:
        features: u [M, D] of the class space; projections: z [M, E] of the instance space; views of this process.
        pairs: of the views of all processes, as in `contrastive.instance_contrast`; of the rule `wsc`, for with another
            K(i) is not the partial set.
    """
    kept = pairs.masks(anchors(len(features), features.device))[1]
    p, q = (_log_shares(space, kept, t) for space, t in ((features, class_temperature), (projections, temperature)))
    return (_divergence(p.detach(), q) + _divergence(q.detach(), p)).mean() / 2


def view_consistency(first: Tensor, second: Tensor) -> Tensor:
    """Return the Jensen-Shannon divergence of the two views' class shares over faces whose views agree: form B.

        L = mean of [KL(p_i || m_i) + KL(p'_i || m_i)] / 2 over i with argmax p_i = argmax p'_i                   (2.6)

    with m the mean of p and p', the class shares of the two views.

    No label enters, so that none can be wrong.

    Args:
        first, second: logits [B, C] of the two views. The mean is over the agreeing faces of all processes; 0 if none.

    Source: Englesson and Azizpour 2021 for this divergence between views under wrong labels; agreeing faces are ours.
    """
    agree = first.argmax(1) == second.argmax(1)
    p, q = (wide(logits).log_softmax(1) for logits in (first, second))
    middle = torch.logaddexp(p, q) - math.log(2)
    losses = (_divergence(p, middle) + _divergence(q, middle)) / 2
    return (losses * agree).sum() / counted(agree.sum())


def _log_shares(space, kept, temperature):
    unit = unit_rows(space)
    with torch.autocast(unit.device.type, enabled=False):
        logits = unit @ gather(unit).T / temperature
    return logits.masked_fill(~kept, _NEVER).log_softmax(1)


def _divergence(p, q):
    """Return KL(P || Q) of each row from log shares."""
    return (p.exp() * (p - q)).sum(1)
