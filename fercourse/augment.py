"""Batched augmentation on the device; every sample has parameters of its own.

The parameters of one epoch are one table, drawn on the CPU from (seed, epoch, view). Sample number `p` of
the epoch uses row `p`, so that neither the batch size nor the number of machines changes the result.
"""

import math
from dataclasses import dataclass
from functools import cache
from numbers import Real

import torch
import torch.nn.functional as F
from torch import Tensor

from .device import sent
from .errors import InputError
from .seeds import generator

MEAN = (0.485, 0.456, 0.406)      # the ImageNet figures, which pre-trained backbones expect
STD = (0.229, 0.224, 0.225)
LUMA = (0.299, 0.587, 0.114)      # ITU-R 601
BLUR_LIMIT = 0.03                 # widest blur, sigma as a share of the side; fixes the kernel's size
_LIMITS = dict.fromkeys(("flip", "grey", "blur", "erase", "shift", "brightness", "contrast", "saturation"), (0, 1)) | {
    "rotation": (0, 180), "scale": (0.01, 100), "gamma": (0.01, 100), "blur_width": (0, BLUR_LIMIT),
    "erase_area": (0, 0.5)}       # a rectangle twice as wide as high has room for no more than half of the picture


@dataclass(frozen=True)
class Preset:
    """How far a face may be changed; the defaults change nothing.

    Attributes:
        flip, grey, blur, erase: the chance of each.
        rotation: degrees to either side, 0 to 180.
        scale: range of the zoom, within 0.01 to 100; above 1 the face grows.
        shift: share of the side, in both directions, 0 to 1.
        brightness, contrast, saturation: x from 0 to 1; factors are drawn from 1 - x to 1 + x.
        gamma: the exponent of the brightness is drawn between 1 / gamma and gamma, 0.01 to 100; 1 leaves it.
        blur_width: range of the Gaussian's sigma as a share of the side, within 0 to `BLUR_LIMIT`.
        erase_area: range of the erased rectangle's share of the picture, within 0 to 0.5.

    Raises:
        InputError: a value is no number or outside of these limits, or a range is not two numbers, the smaller first.
    """

    flip: float = 0.0
    rotation: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    shift: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    grey: float = 0.0
    blur: float = 0.0
    blur_width: tuple[float, float] = (0.005, BLUR_LIMIT)
    erase: float = 0.0
    erase_area: tuple[float, float] = (0.02, 0.2)
    gamma: float = 1.0

    def __post_init__(self):
        for name, (least, most) in _LIMITS.items():
            value, is_range = getattr(self, name), name in ("scale", "blur_width", "erase_area")
            numbers = value if is_range and isinstance(value, (tuple, list)) else (value,)
            right = len(numbers) == 1 + is_range and all(isinstance(v, Real) and least <= v <= most for v in numbers)
            if not right or numbers[0] > numbers[-1]:
                expected = "two numbers, the smaller first, both from" if is_range else "a number from"
                raise InputError(f"{name} of the preset is {value!r}; expected {expected} {least} to {most}")


PRESETS = {
    "none": Preset(),
    "weak": Preset(flip=0.5, rotation=10, scale=(0.95, 1.15), shift=0.05, brightness=0.2, contrast=0.2,
                   saturation=0.2),
    "strong": Preset(flip=0.5, rotation=20, scale=(0.9, 1.4), shift=0.1, brightness=0.4, contrast=0.4,
                     saturation=0.4, grey=0.2, blur=0.3, erase=0.3),
}
COLUMNS = ("mirror", "angle", "zoom", "shift_x", "shift_y", "brightness", "contrast", "saturation",
           "blur", "erase_x", "erase_y", "erase_width", "erase_height", "gamma")
_AT_REST = (1, 0, 1, 0, 0)        # mirror … shift_y of a face that is not moved


def preset(name: str | Preset) -> Preset:
    """Return the preset of that name; a `Preset` is returned as it is."""
    if isinstance(name, Preset):
        return name
    if not isinstance(name, str) or name not in PRESETS:
        said = repr(name) if isinstance(name, str) else f"a {type(name).__name__}"
        raise InputError(f"augmentation {said} is unknown; expected one of {', '.join(PRESETS)}, or a "
                         "fercourse.augment.Preset of your own")
    return PRESETS[name]


def draw(name: str | Preset, count: int, seed: int = 0, epoch: int = 0, view: int = 0) -> Tensor:
    """Return the parameters of `count` samples, float32 [count, 14] on the CPU; the columns are `COLUMNS`.

    Mirror is -1 or 1, the angle in radians; zoom, brightness, contrast and saturation are factors, gamma an exponent;
    shifts, the sigma of the blur and the erased box are shares of the side, 0 for none. `view` tells the views of one
    face apart.

    Raises:
        InputError: an unknown preset.
    """
    wanted = preset(name)
    chance = torch.rand(count, 16, generator=generator("augment", seed, epoch, view))
    u = iter(chance.unbind(1))

    def either_way(limit):
        return (2 * next(u) - 1) * limit

    def between(low, high):
        return low + next(u) * (high - low)
    mirror = torch.where(next(u) < wanted.flip, -1.0, 1.0)
    angle = either_way(math.radians(wanted.rotation))
    zoom = between(*map(math.log, wanted.scale)).exp()                    # as often twice as half
    moved = [either_way(wanted.shift), either_way(wanted.shift)]
    colour = [1 + either_way(x) for x in (wanted.brightness, wanted.contrast, wanted.saturation)]
    colour[2] = torch.where(next(u) < wanted.grey, 0.0, colour[2])
    blur = torch.where(next(u) < wanted.blur, between(*wanted.blur_width), 0.0)
    erased = next(u) < wanted.erase
    area, aspect = between(*wanted.erase_area), between(math.log(0.5), math.log(2)).exp()
    width, height = [torch.where(erased, square.sqrt().clamp(max=1), 0.0)
                     for square in (area * aspect, area / aspect)]
    corner = [next(u) * (1 - width), next(u) * (1 - height)]
    tone = torch.rand(count, generator=generator("augment tone", seed, epoch, view))
    gamma = ((2 * tone - 1) * math.log(wanted.gamma)).exp()
    return torch.stack([mirror, angle, zoom, *moved, *colour, blur, *corner, width, height, gamma], 1)


def apply(images: Tensor, parameters: Tensor) -> Tensor:
    """Return each image changed by its row of parameters, normalised.

    Args:
        images: [B, 3, H, W] of 0 to 255, uint8 or float, on any device; they stay as they are.
        parameters: float32 [B, 14] on the CPU, rows of a table from `draw`.

    Returns:
        float32 [B, 3, H, W] on the images' device: resampled once, blurred, curved, coloured, normalised, erased.
    """
    pixels = _shares(images)
    if (parameters[:, :5] != torch.tensor(_AT_REST)).any():
        pixels = _move(pixels, sent(parameters[:, :5], images.device))
    blurred = (parameters[:, 8] > 0).nonzero().flatten()                  # chosen on the CPU: no wait
    if len(blurred):
        sigma, rows = (sent(v, images.device) for v in (parameters[blurred, 8], blurred))
        pixels[rows] = _blur(pixels[rows], sigma * pixels.shape[-1])
    if (parameters[:, 13] != 1).any():
        pixels = pixels.clamp_(min=0) ** sent(parameters[:, 13, None, None, None], images.device)
    if (parameters[:, 5:8] != 1).any():
        pixels = _colour(pixels, sent(parameters[:, 5:8], images.device))
    pixels = _standardise(pixels)
    if (parameters[:, 11:13] > 0).any():
        pixels = _erase(pixels, sent(parameters[:, 9:13], images.device))
    return pixels


def move_points(points: Tensor, parameters: Tensor) -> Tensor:
    """Return points where `apply` takes them in a square picture; the inverse of what resamples its pixels.

    Args:
        points: [B, L, 2] (x, y) as shares of the side, 0 to 1 from edge to edge.
        parameters: [B, 14], the rows that `apply` was given.
    """
    mirror, angle, zoom, shift_x, shift_y = (v[:, None] for v in parameters[:, :5].to(points).unbind(1))
    x, y = 2 * (points[..., 0] - 0.5 - shift_x), 2 * (points[..., 1] - 0.5 - shift_y)
    across = mirror * zoom * (angle.cos() * x + angle.sin() * y)
    down = zoom * (angle.cos() * y - angle.sin() * x)
    return torch.stack([across, down], 2) / 2 + 0.5


def views(images: Tensor, presets=("weak",), seed=0, epoch=0, positions: Tensor | None = None) -> Tensor:
    """Return one augmented view of the images for each preset, float32 [V, B, 3, H, W].

    Args:
        images: uint8 [B, 3, H, W].
        positions: int64 [B], each image's place in the epoch (default: 0 … B - 1).
    """
    positions = torch.arange(len(images)) if positions is None else positions.cpu()
    count = int(positions.max()) + 1 if len(positions) else 0
    tables = [draw(name, count, seed, epoch, view) for view, name in enumerate(presets)]
    return torch.stack([apply(images, table[positions]) for table in tables])


def resized(images: Tensor, size: int, mode: str = "bilinear") -> Tensor:
    """Return images [B, 3, H, W] as float32 of 0 to 255 at size x size pixels, antialiased.

    Apple's GPU has antialiasing only in some versions of torch: there the CPU resizes.
    """
    pixels = images.float()
    if pixels.shape[2:] == (size, size):
        return pixels
    near = pixels.cpu() if pixels.device.type == "mps" else pixels
    return F.interpolate(near, (size, size), mode=mode, antialias=True).clamp(0, 255).to(pixels.device)


def normalise(images: Tensor) -> Tensor:
    """Return images [B, 3, H, W] of 0 to 255, uint8 or float, as the float32 input of a backbone."""
    return _standardise(_shares(images))


def denormalise(pixels: Tensor) -> Tensor:
    """Return normalised images [..., 3, H, W] as uint8, for pictures."""
    mean, std = _channels(MEAN, pixels.device), _channels(STD, pixels.device)
    return ((pixels * std + mean) * 255).round().clamp(0, 255).byte()


def without_colour(pixels: Tensor) -> Tensor:
    """Return normalised images [B, 3, H, W] as grey ones, normalised too."""
    mean, std, luma = (_channels(v, pixels.device) for v in (MEAN, STD, LUMA))
    return (((pixels * std + mean) * luma).sum(1, keepdim=True) - mean) / std


def _shares(images):
    """Return 0 to 255 as float32 of 0 to 1, a copy to write into, also of images that are float32 already."""
    return images.to(torch.float32, copy=True).div_(255)


def _standardise(pixels):
    """Write into `pixels`, which must be a copy of one's own."""
    return pixels.sub_(_channels(MEAN, pixels.device)).div_(_channels(STD, pixels.device))


@cache
def _channels(values, device):
    """Return three numbers as [3, 1, 1], sent to each device once: sending makes the host wait."""
    return torch.tensor(values, device=device)[:, None, None]


def _move(pixels, geometry):
    """Resample once, bilinearly: mirror, rotation, zoom and shift are one matrix from output to input."""
    mirror, angle, zoom, shift_x, shift_y = geometry.unbind(1)
    tall = pixels.shape[2] / pixels.shape[3]                              # rotations turn pixels, not shares
    cos, sin = angle.cos() / zoom, angle.sin() / zoom
    across = (torch.arange(pixels.shape[3], device=pixels.device) * 2 + 1) / pixels.shape[3] - 1    # pixel centres
    down = ((torch.arange(pixels.shape[2], device=pixels.device) * 2 + 1) / pixels.shape[2] - 1)[:, None]
    along_x, along_y, at_x = (v[:, None, None] for v in (mirror * cos, -sin * tall, 2 * shift_x))
    x = along_x * across + along_y * down + at_x
    along_x, along_y, at_y = (v[:, None, None] for v in (mirror * sin / tall, cos, 2 * shift_y))
    y = along_x * across + along_y * down + at_y
    grid = torch.stack([x, y], 3)
    return F.grid_sample(pixels, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _blur(pixels, sigma):
    """Blur each image with its own Gaussian, sigma in pixels; rows, then columns."""
    radius = max(1, math.ceil(3 * BLUR_LIMIT * pixels.shape[-1]))
    place = torch.arange(-radius, radius + 1, device=pixels.device)
    kernel = torch.softmax(-place**2 / (2 * sigma[:, None] ** 2), 1).repeat_interleave(3, 0)[:, None]
    stacked = F.pad(pixels.flatten(0, 1)[None], (radius,) * 4, mode="replicate")
    stacked = F.conv2d(stacked, kernel[:, :, None, :], groups=len(kernel))
    return F.conv2d(stacked, kernel[:, :, :, None], groups=len(kernel)).view_as(pixels)


def _colour(pixels, factors):
    """Change brightness, contrast (about the mean luma) and saturation: one 3 x 3 matrix and an offset."""
    brightness, contrast, saturation = (f[:, None, None] for f in factors.unbind(1))
    luma = _channels(LUMA, pixels.device).flatten()
    flat = pixels.flatten(2)
    mix = saturation * torch.eye(3, device=pixels.device) + (1 - saturation) * luma
    middle = brightness * torch.einsum("bcp,c->b", flat, luma)[:, None, None] / flat.shape[2]
    matrix = contrast * brightness * mix
    offset = ((1 - contrast) * middle).expand(-1, 3, 1)
    return torch.baddbmm(offset, matrix, flat).clamp_(0, 1).view_as(pixels)


def _erase(pixels, boxes):
    """Set a rectangle of each image to the mean colour; width 0 erases nothing."""
    height, width = pixels.shape[2:]
    left, top, wide, high = boxes.unbind(1)
    across = (torch.arange(width, device=pixels.device) + 0.5) / width
    down = (torch.arange(height, device=pixels.device) + 0.5) / height
    inside_x = (across >= left[:, None]) & (across < (left + wide)[:, None])
    inside_y = (down >= top[:, None]) & (down < (top + high)[:, None])
    return pixels.masked_fill_((inside_y[:, :, None] & inside_x[:, None, :])[:, None], 0)
