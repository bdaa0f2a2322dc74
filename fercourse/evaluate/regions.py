"""Where in a face does a network look? The share of a map's mass at the brows, the eyes, the nose and the mouth."""

import torch
import torch.nn.functional as F
from torch import Tensor

PARTS = {"brows": ((17, 22), (22, 27)), "nose": ((27, 36),), "eyes": ((36, 42), (42, 48)), "mouth": ((48, 68),)}
ROOM = 0.03           # around a part's landmarks, as a share of the side


def part_masks(landmarks: Tensor, size: int, parts=tuple(PARTS)) -> Tensor:
    """Return which pixels belong to the parts of a face, bool [N, size, size].

    A part is the box around its landmarks and a little room; left and right have boxes of their own.

    Args:
        landmarks: [N, 68, 2] pixels, x to the right, y down.
    """
    place = torch.arange(size, device=landmarks.device) + 0.5
    inside = torch.zeros(len(landmarks), size, size, dtype=torch.bool, device=landmarks.device)
    for first, last in (span for part in parts for span in PARTS[part]):
        low = landmarks[:, first:last].amin(1) - ROOM * size
        high = landmarks[:, first:last].amax(1) + ROOM * size
        across, down = ((place >= low[:, axis, None]) & (place <= high[:, axis, None]) for axis in (0, 1))
        inside |= down[:, :, None] & across[:, None, :]
    return inside


def mass_inside(maps: Tensor, masks: Tensor) -> Tensor:
    """Return the share of each map's mass inside its mask, [N]; a map of nothing has NaN.

    Args:
        maps: [N, h, w], not negative; enlarged bilinearly to the masks' size.
        masks: bool [N, H, W].
    """
    large = F.interpolate(maps[:, None], masks.shape[1:], mode="bilinear", align_corners=False)[:, 0]
    return (large * masks).sum((1, 2)) / large.sum((1, 2))
