"""One number that makes a network as sure as it is right."""

import math

import torch.nn.functional as F
from torch import Tensor

from ..device import exact
from ..errors import InputError


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """Return the temperature T > 0 at which softmax(logits / T) predicts the labels best, by its mean log-likelihood.

    Convex in 1 / T, so a bounded search over log T in [-3, 3] finds it.

    Args:
        logits: [N, C] on faces that were not trained on; labels: int64 [N], -1 is left out.

    Source: Guo et al., On calibration of modern neural networks, ICML 2017, section 4.2.
    """
    known = labels >= 0
    if not known.any():
        raise InputError("none of the faces has a label; a temperature is fitted on labelled faces")
    logits, labels = exact(logits[known.to(logits.device)]), labels[known]
    labels = labels.to(logits.device)
    from scipy.optimize import minimize_scalar
    best = minimize_scalar(lambda log_t: F.cross_entropy(logits / math.exp(log_t), labels).item(), bounds=(-3, 3),
                           method="bounded", options={"xatol": 1e-9})
    return math.exp(best.x)
