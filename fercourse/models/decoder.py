"""A light decoder from feature maps back to pixels; used in training only."""

import torch
from torch import Tensor, nn


class PixelDecoder(nn.Module):
    """A 1 x 1 convolution and a shuffle: every place of the map paints its own square of pixels (Xie et al. 2022).

    So little can be done here that what is needed to rebuild a face must already be in the encoder's map.
    """

    def __init__(self, channels: int, stride: int):
        super().__init__()
        self.paint = nn.Conv2d(channels, 3 * stride * stride, 1)
        self.shuffle = nn.PixelShuffle(stride)

    def forward(self, maps: Tensor, size: int) -> Tensor:
        """Return images [B, 3, size, size] of maps [B, C, h, w]; what hangs over the lower right edge is cut off."""
        return self.shuffle(self.paint(maps))[:, :, :size, :size]


@torch.no_grad()
def map_shape(backbone, size: int) -> tuple[int, int]:
    """Return (channels, stride) of a backbone's last map for images of `size` pixels; nothing is changed."""
    was_training = backbone.training
    maps = backbone.eval().maps(torch.zeros(1, 3, size, size, device=next(backbone.parameters()).device))
    backbone.train(was_training)
    return maps.shape[1], -(-size // maps.shape[2])
