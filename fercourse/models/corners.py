"""Local views: the four overlapping corners of a feature map, each with a small branch of its own."""

import torch
from torch import Tensor, nn

SHARE = 5 / 7                     # found: corners of 5 x 5 in a map of 7 x 7


def corner_side(side: int) -> int:
    """Return the side of a corner: 5/7 of the map's, overlapping where it can, and smaller than the map."""
    return max(1, min(round(SHARE * side), side - 1))


def corners(maps: Tensor) -> list[Tensor]:
    """Return the four overlapping corners of maps [B, C, h, w]: top left, top right, bottom left, bottom right."""
    high, wide = (corner_side(side) for side in maps.shape[-2:])
    rows, columns = (slice(None, high), slice(-high, None)), (slice(None, wide), slice(-wide, None))
    return [maps[:, :, row, column] for row in rows for column in columns]


class Corners(nn.Module):
    """Four branches that share nothing: 3 x 3 convolutions to C/2 and C/4, the mean, a linear layer.

    Found for VGG16's 512 x 7 x 7: three convolutions to 256, 128, 64, then 1,600 -> 512. Ours are shorter, because the
    lesson network's map has 128 channels and 3 to 8 cells a side, and average over the cells, so that any size will do.

    Args:
        channels: C; width: of each corner's feature.
    """

    def __init__(self, channels: int, width: int = 32):
        super().__init__()
        self.width = 4 * width
        self.branches = nn.ModuleList(self._branch(channels, width) for _ in range(4))

    @staticmethod
    def _branch(channels, width):
        half, quarter = max(8, channels // 2), max(8, channels // 4)
        return nn.Sequential(nn.Conv2d(channels, half, 3, padding=1, bias=False), nn.BatchNorm2d(half), nn.ReLU(),
                             nn.Conv2d(half, quarter, 3, padding=1, bias=False), nn.BatchNorm2d(quarter), nn.ReLU(),
                             nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(quarter, width))

    def forward(self, maps: Tensor) -> Tensor:
        """Return the four local features side by side, [B, 4 width]."""
        return torch.cat([branch(part) for branch, part in zip(self.branches, corners(maps))], 1)
