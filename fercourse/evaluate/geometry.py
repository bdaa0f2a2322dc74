"""The shape of an embedding: are faces of a class together, and is the sphere used?"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..device import exact
from ..seeds import generator


@torch.no_grad()
def silhouette(features: Tensor, labels: Tensor, chunk: int = 1024) -> float:
    """Return the mean silhouette (Rousseeuw 1987), Euclidean, from -1 to 1; a class of one face counts 0.

    So does a set of one class. Exact: every pair of faces is compared, `chunk` rows at a time.

    Args:
        features: [N, D]; labels: int64 [N], faces without one (-1) are left out.
    """
    labels = labels.to(features.device)
    features, labels = exact(features[labels >= 0]), labels[labels >= 0]
    labels = labels.to(features.device)
    _, labels, sizes = labels.unique(return_inverse=True, return_counts=True)
    member = F.one_hot(labels).to(features)
    scores = []
    for first in range(0, len(features), chunk):
        own = labels[first:first + chunk, None]
        sums = torch.cdist(features[first:first + chunk], features,
                           compute_mode="donot_use_mm_for_euclid_dist") @ member      # to each class, [chunk, C]
        inside = sums.gather(1, own)[:, 0] / (sizes[own[:, 0]] - 1).clamp(min=1)
        outside = (sums / sizes).scatter(1, own, torch.inf).amin(1)
        score = (outside - inside) / torch.maximum(inside, outside).clamp(min=1e-300)
        scores.append(torch.where((sizes[own[:, 0]] > 1) & outside.isfinite(), score, 0))
    return torch.cat(scores).mean().item()


@torch.no_grad()
def alignment(first: Tensor, second: Tensor) -> float:
    """Return the mean squared distance of positive pairs on the unit sphere; 0 is best (Wang & Isola 2020)."""
    return (F.normalize(first, dim=1) - F.normalize(second, dim=1)).square().sum(1).mean().item()


@torch.no_grad()
def uniformity(features: Tensor, temperature: float = 2.0, most: int = 10_000, seed: int = 0,
               chunk: int = 2048) -> float:
    """Return `log mean exp(-t |x - y|^2)` over pairs on the unit sphere; lower is more uniform (Wang & Isola 2020).

    Sets larger than `most` are sampled. Needs two faces.
    """
    if len(features) > most:
        features = features[torch.randperm(len(features), generator=generator("uniformity", seed))[:most]]
    unit, total = F.normalize(exact(features), dim=1), 0.0
    for part in unit.split(chunk):
        total += (-temperature * (2 - 2 * part @ unit.T)).exp().sum().item()
    itself = (-temperature * (2 - 2 * unit.square().sum(1))).exp().sum().item()       # x = y, also of a zero row
    return torch.tensor((total - itself) / (len(unit) * (len(unit) - 1))).log().item()
