"""Judging a model on faces without labels: criteria that may choose an epoch or a setting where labels may not."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..seeds import generator


def entropy(logits: Tensor) -> float:
    """Return the mean entropy of the class shares, 0 (sure of everything) to 1 (of nothing), in units of log K.

    Lower is better only as long as not everything is told the same class; see `information`.
    """
    logs = logits.float().log_softmax(1)
    return (-(logs.exp() * logs).sum(1).mean() / math.log(logits.shape[1])).item()


def information(logits: Tensor) -> float:
    """Return the information that the decisions carry on which face it is: entropy of the mean minus mean entropy.

    Higher is better: every face decided, every class in use. 0 where all faces are told alike, 1 at most, in units of
    log K. It takes classes to be about equally frequent.

    Source: Bridle et al., NeurIPS 1991; Shi and Sha, ICML 2012.
    """
    shares = logits.float().softmax(1).mean(0)
    spread = -(shares * shares.clamp(min=1e-30).log()).sum() / math.log(logits.shape[1])
    return spread.item() - entropy(logits)


@torch.no_grad()
def neighbourhood_density(logits: Tensor, temperature: float = 0.05, chunk: int = 1024, most: int = 5000,
                          seed: int = 0) -> float:
    """Return the soft neighbourhood density (SND): how evenly a face's nearest others surround it. Higher is better.

    Class shares are compared by cosine; each face's similarities to all others, divided by the temperature, become
    shares by softmax, whose mean entropy it is, in nats. A network that tells everything the same class has the
    highest possible one, so that it needs a look at the classes beside it. Sets larger than `most` are sampled, and
    have the density of the sample.

    Source: Saito et al., Tune it the right way, ICCV 2021, eqs. (2) to (4).
    """
    if len(logits) > most:
        rows = torch.randperm(len(logits), generator=generator("density", seed))[:most]
        logits = logits[rows.to(logits.device)]
    unit, entropies = F.normalize(logits.float().softmax(1), dim=1), []
    for rows in torch.arange(len(unit), device=unit.device).split(chunk):
        similar = unit[rows] @ unit.T / temperature
        similar[torch.arange(len(rows), device=unit.device), rows] = -torch.inf
        logs = similar.log_softmax(1)
        entropies.append(-(logs.exp() * logs.masked_fill(logs.isinf(), 0)).sum(1))
    return torch.cat(entropies).mean().item()
