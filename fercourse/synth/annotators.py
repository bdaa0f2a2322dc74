"""Ten simulated annotators: what people would have voted, given how clear the face is."""

import numpy as np

from ..faces.emotions import SEVEN

VOTERS = 10

# Row: the truth; columns: how strongly each other class tempts (0: hardly, above 1: often), loosely after FER+:
# sadness and neutral, fear and surprise, disgust and anger. Real people agree far more on happiness, less on fear.
TEMPTS = np.array([
    # neu hap  sad  sur  fea  dis  ang
    [0.0, 0.5, 1.3, 0.2, 0.0, 0.1, 0.7],
    [0.9, 0.0, 0.0, 0.4, 0.0, 0.2, 0.0],
    [1.5, 0.0, 0.0, 0.0, 0.7, 0.7, 0.4],
    [0.6, 0.5, 0.0, 0.0, 1.5, 0.1, 0.0],
    [0.2, 0.0, 0.8, 1.8, 0.0, 0.4, 0.4],
    [0.4, 0.1, 0.6, 0.0, 0.3, 0.0, 1.6],
    [0.9, 0.0, 0.4, 0.0, 0.3, 1.3, 0.0],
])


def vote_shares(truth: int, intensity: float, visibility: float, rng, blend: int | None = None, share: float = 0.0,
                resting: dict[int, float] | None = None) -> np.ndarray:
    """Return the shares [7] in which a crowd would name this one face.

    The truth gains with intensity and with visibility (0 covered … 1 clear), the blended class with its
    share, the class a resting face resembles with `resting[class]`, and neutral when the face hardly moves.
    One draw of misreading is shared by all annotators of a face: they look at the same picture, so they
    err together, and ten votes are worth less than ten independent ones.
    """
    appeal = TEMPTS[truth] + rng.normal(0, 0.6, len(SEVEN))
    strength = intensity if truth else 0.75
    appeal[truth] = 1.5 + 2.4 * strength * (0.35 + 0.65 * visibility) + rng.normal(0, 1.0)
    if truth:
        appeal[0] += 3.0 * max(0, 0.45 - intensity)
    if blend is not None:
        appeal[blend] += 4.0 * share
    for number, pull in (resting or {}).items():
        appeal[number] += pull
    shares = np.exp(appeal - appeal.max())
    return shares / shares.sum()


def votes(shares: np.ndarray, rng) -> np.ndarray:
    """Return how many of the ten annotators name each class, int [7]."""
    return rng.multinomial(VOTERS, shares)


def majority(counts: np.ndarray) -> int:
    """Return the class with most votes (the first of equals)."""
    return int(np.argmax(counts))
