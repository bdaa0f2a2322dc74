"""A light decoder from feature maps back to pixels; used in training only."""

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
