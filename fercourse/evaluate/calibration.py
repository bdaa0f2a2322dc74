"""Is a network as sure as it is right? Accuracy bin by bin of confidence, and the expected calibration error."""

import numpy as np
import torch


def calibration(probabilities, truth, bins: int = 15) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return (faces, mean confidence, accuracy) of each of the bins, and the expected calibration error.

    Args:
        probabilities: [N, C], rows with the sum 1.
        truth: int64 [N]; -1 is left out.
        bins: equal slices of confidence.

    Source: Guo et al., On calibration of modern neural networks, ICML 2017, eq. (3).
    """
    probabilities, truth = (torch.as_tensor(one).cpu() for one in (probabilities, truth))
    confidence, predicted = probabilities[truth >= 0].double().max(1)
    confidence, hit = confidence.numpy(), (predicted == truth[truth >= 0]).numpy()
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    sure = np.bincount(place, confidence, bins) / count.clip(1)
    right = np.bincount(place, hit, bins) / count.clip(1)
    return count, sure, right, float((count * np.abs(sure - right)).sum() / max(count.sum(), 1))
