"""What the surface of a picture says of where it comes from: light, colour, sharpness, grain."""

import torch
from torch import Tensor, nn


class Surface(nn.Module):
    """Two strided convolutions, and the mean and spread of what they see: little but style passes.

    No batch norm: a domain with statistics of its own would be brought to the same mean and spread as the others,
    which is just what tells it.

    Args:
        width: of the feature; channels: of both convolutions.
    """

    def __init__(self, width: int, channels: int = 16):
        super().__init__()
        self.see = nn.Sequential(nn.Conv2d(3, channels, 3, stride=2, padding=1), nn.ReLU(),
                                 nn.Conv2d(channels, channels, 3, stride=2, padding=1), nn.ReLU())
        self.tell = nn.Sequential(nn.Linear(2 * channels, width), nn.LayerNorm(width))

    def forward(self, images: Tensor) -> Tensor:
        """Return features [B, width] of normalised images [B, 3, H, W]."""
        cells = self.see(images).flatten(2).float()           # the root of a still channel: no gradient in fp16
        return self.tell(torch.cat([cells.mean(2), (cells.var(2, correction=0) + 1e-6).sqrt()], 1))
