"""Erasing a concept from features in closed form: no linear reader can tell it then, and little else has moved."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..device import exact


@dataclass(frozen=True)
class Erasure:
    """An affine map of features: `erasure(features)` gives them without the concept, [N, D].

    Attributes:
        mean: [D]; away: [D, D], what is taken from a centred feature.
    """

    mean: Tensor
    away: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        exactly = exact(features).to(self.away)
        return (exactly - (exactly - self.mean) @ self.away.T).to(features.dtype).to(features.device)


def leace(features: Tensor, labels: Tensor, classes: int | None = None) -> Erasure:
    """Fit least-squares concept erasure: x - W+ P W (x - mean), W = Sigma^(-1/2), P projects onto W Sigma_xz.

    Of all affine maps after which no linear reader beats a constant, it moves the features least (in squared
    distance). It holds exactly on the faces it was fitted to, nearly on others, and promises nothing against
    readers that are not linear.

    Args:
        features: [N, D]; labels: int64 [N] of the concept, faces without one (-1) are left out.

    Source: Belrose et al., LEACE, NeurIPS 2023, theorem 4.3.
    """
    known = labels.to(features.device) >= 0
    x, z = exact(features[known]), labels.to(features.device)[known]
    z = exact(F.one_hot(z, classes or int(z.max()) + 1))
    mean = x.mean(0)
    spread, covariance = (x - mean).T @ (x - mean) / len(x), (x - mean).T @ (z - z.mean(0)) / len(x)
    whiten, colour = _roots(spread)
    left, size, _ = torch.linalg.svd(whiten @ covariance, full_matrices=False)
    axes = left[:, size > 1e-6 * size.max().clamp(min=1e-12)]
    return Erasure(mean, colour @ axes @ axes.T @ whiten)


def _roots(spread):
    """Return Sigma^(-1/2) and its pseudo-inverse Sigma^(1/2), without directions in which nothing varies."""
    values, vectors = torch.linalg.eigh(spread)
    used = values > 1e-9 * values.max()
    values, vectors = values[used], vectors[:, used]
    return vectors @ (values.rsqrt()[:, None] * vectors.T), vectors @ (values.sqrt()[:, None] * vectors.T)
