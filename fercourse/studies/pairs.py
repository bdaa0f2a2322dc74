"""What a contrast does to pairs of views: how hard the nearest one is pushed, and which pairs wrong labels spoil."""

from torch import Tensor


def nearest_share(cosines: Tensor, temperature: float) -> Tensor:
    """Return the share of the push, by eq. (2.3), that comes from the nearest of the negatives.

    Args:
        cosines: [N] of one view with its negatives; [R, N] gives [R], one share a view.
    """
    return (cosines / temperature).softmax(-1).amax(-1)


def spoilt(positive: Tensor, kept: Tensor, truth: Tensor) -> dict:
    """Count the pairs that attract and that repel, and those among them that do so against the true classes.

    Args:
        positive, kept: boolean [M, M], see `losses.contrastive.Pairs`; truth: int64 [M] of every view.
    """
    alike, repelled = truth[:, None] == truth, kept & ~positive
    pairs = {"attract": positive, "repel": repelled, "false attractions": positive & ~alike,
             "false repulsions": repelled & alike}
    return {name: int(pair.sum()) for name, pair in pairs.items()}
