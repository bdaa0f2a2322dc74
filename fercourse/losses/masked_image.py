"""Masked image modelling: hide parts of a face and ask for them back.

Source: SimMIM (Xie et al. 2022) for masking in cells, for the light decoder and for the mean L1 over hidden pixels.
How DR-FER masks was not found; every number here is our own design choice (DC).
"""

import torch
from torch import Tensor

from ..errors import InputError

FEWEST = 6            # cells along a side: with fewer, one cell hides a whole eye and its brow, or the mouth


def cell_size(size: int, stride: int) -> int:
    """Return the side of a mask cell in pixels: the encoder's stride, or the next smaller divisor with 6 cells a side.

    Args:
        size: side of the images; stride: pixels from one place of the encoder's last map to the next.

    Raises:
        InputError: the only divisors are so small that what is hidden could be guessed from the pixels beside it.
    """
    most = max(1, min(stride, size // FEWEST))
    side = next(side for side in range(most, 0, -1) if size % side == 0)
    if 4 * side < most:
        raise InputError(f"images of {size} px can only be hidden in cells of {side} px, which their neighbours give "
                         f"away; expected a size with larger divisors, such as {size // 16 * 16 or 16}")
    return side


def random_cells(count: int, size: int, cell: int, ratio: float = 0.6, device=None) -> Tensor:
    """Return which pixels are hidden, bool [count, 1, size, size]: as many random cells in every image.

    Args:
        cell: side of a cell, a divisor of size; ratio: share of the cells that is hidden, rounded.
        device: where to draw; the random numbers are torch's own, which `fit` seeds at every step.

    Raises:
        InputError: a cell that does not divide the size, or a ratio outside 0 to 1.
    """
    if size % cell or not 0 <= ratio <= 1:
        raise InputError(f"cells of {cell} px hiding {ratio:g} of an image of {size} px; expected a divisor of the "
                         "size and a share between 0 and 1")
    across = size // cell
    order = torch.rand(count, across * across, device=device).argsort(1).argsort(1)
    hidden = (order < round(ratio * across * across)).view(count, 1, across, across)
    return hidden.repeat_interleave(cell, 2).repeat_interleave(cell, 3)


def hide(images: Tensor, hidden: Tensor) -> Tensor:
    """Return normalised images with their hidden pixels at 0, the mean colour."""
    return images.masked_fill(hidden, 0)


def masked_l1(rebuilt: Tensor, images: Tensor, hidden: Tensor) -> Tensor:
    """Return the mean absolute error over hidden pixels, eq. (3.1); a scalar, 0 with gradient if none is hidden.

        L_mim = 1 / |M| sum_{p in M} |rebuilt_p - image_p|

    Args:
        rebuilt, images: [B, 3, H, W] normalised; hidden: bool [B, 1, H, W]; M are its pixels, each counted once for
            every colour.
    """
    error = (rebuilt - images).abs().masked_fill(~hidden, 0)
    return error.sum() / (hidden.sum() * images.shape[1]).clamp(min=1)
