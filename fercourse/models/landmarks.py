"""Facial landmarks as heatmaps: a small U-shaped network, trained on rendered faces; its weights come with the course.

68 points in iBUG order. A heatmap says where a point may be; its mean is the point, its width the doubt.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from .. import augment
from ..device import layout
from ..errors import InputError, with_extra
from .shipped import part_of, shipped

POINTS, SIZE, CELLS = 68, 64, 16              # heatmaps have a quarter of the input's side, as FAN's have
BROWS = 17                                    # the first point beyond the jaw: brows, nose, eyes, mouth follow
DETECTORS = ("embedded", "face-alignment")
FOUND = 0.35                                  # least mean visibility of brows, eyes, nose and mouth


def _opposites():
    """Return for each point the one that takes its place in a mirror, iBUG order."""
    pairs = [(i, 16 - i) for i in range(8)] + [(17 + i, 26 - i) for i in range(5)] + [(31, 35), (32, 34)]
    pairs += [(36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)]
    pairs += [(48, 54), (49, 53), (50, 52), (55, 59), (56, 58), (60, 64), (61, 63), (65, 67)]
    mirrored = list(range(POINTS))
    for one, other in pairs:
        mirrored[one], mirrored[other] = other, one
    return torch.tensor(mirrored)


MIRRORED = _opposites()


@dataclass(frozen=True)
class Landmarks:
    """What a detector says about N faces.

    Attributes:
        points: float32 [N, 68, 2] in pixels of the images asked about, x to the right, y down. Where no
            face was found, the embedded detector's are guesses, and those of face-alignment NaN.
        visible: float32 [N, 68] chance that a point is in the picture, neither covered nor turned away; face-alignment
            only tells faces from none, 1 or 0.
        found: bool [N] whether there is a face at all, as far as the detector can tell.
    """

    points: Tensor
    visible: Tensor
    found: Tensor

    def __len__(self):
        return len(self.points)


class HeatmapNet(nn.Module):
    """Normalised images [B, 3, 64, 64] to logits of heatmaps [B, 68, 16, 16] and of visibility [B, 68].

    Down to 4 x 4, where the whole face is seen, and up again, where places are told apart.
    """

    def __init__(self, widths=(24, 64, 128, 192)):
        super().__init__()
        first, second, third, fourth = widths
        self.enter = nn.Sequential(_layer(3, first, 2), _layer(first, first))                 # 32 x 32
        self.down = nn.ModuleList([nn.Sequential(_layer(a, b, 2), _layer(b, b))               # 16, 8, 4
                                   for a, b in ((first, second), (second, third), (third, fourth))])
        self.up = nn.ModuleList([nn.Conv2d(fourth, third, 1), nn.Conv2d(third, second, 1)])
        self.mix = nn.ModuleList([_layer(third, third), _layer(second, second)])
        self.heat, self.seen = nn.Conv2d(second, POINTS, 1), nn.Linear(fourth * 16, POINTS)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        maps = [self.enter(images)]
        for down in self.down:
            maps.append(down(maps[-1]))
        coarse = maps.pop()
        visible = self.seen(coarse.flatten(1))
        for up, mix in zip(self.up, self.mix):
            coarse = mix(F.interpolate(up(coarse), scale_factor=2.0) + maps.pop())
        return self.heat(coarse), visible


def _layer(inside, outside, stride=1):
    return nn.Sequential(nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside),
                         nn.ReLU(inplace=True))


def heatmaps(logits: Tensor) -> Tensor:
    """Return heatmaps [B, 68, h, w] with the sum 1."""
    return logits.float().flatten(2).softmax(2).view(logits.shape)


def centres(heat: Tensor) -> Tensor:
    """Return the mean place of each heatmap, [B, 68, 2] as shares (x, y) of the picture's sides."""
    across = (torch.arange(heat.shape[3], device=heat.device) + 0.5) / heat.shape[3]
    down = (torch.arange(heat.shape[2], device=heat.device) + 0.5) / heat.shape[2]
    return torch.stack([heat.sum(2) @ across, heat.sum(3) @ down], 2)


def gaussian_heatmaps(points: Tensor, cells: int, sigma: float) -> Tensor:
    """Return Gaussians exp(-d^2 / 2 sigma^2) around points, [..., cells, cells].

    Args:
        points: [..., 2] as shares (x, y) of the sides; sigma: likewise a share of the side.
    """
    place = (torch.arange(cells, device=points.device) + 0.5) / cells
    across, down = ((-(place - points[..., axis, None]).square() / (2 * sigma**2)).exp() for axis in (0, 1))
    return down[..., :, None] * across[..., None, :]


def error_by_eyes(found: Tensor, truth: Tensor, visible: Tensor | None = None) -> Tensor:
    """Return each face's mean distance to the true points, as a share of that of the outer eye corners (300-W), [N].

    Args:
        found, truth: [N, 68, 2]; visible: bool [N, 68], the points that count (default: all).
    """
    apart = (found - truth).norm(dim=2)
    counted = torch.ones_like(apart) if visible is None else visible.to(apart)
    eyes = (truth[:, 36] - truth[:, 45]).norm(dim=1)
    return (apart * counted).sum(1) / counted.sum(1).clamp(min=1) / eyes.clamp(min=1e-6)


# ---------------------------------------------------------------------- using it


def find_landmarks(images: Tensor, detector: str | nn.Module = "embedded", device="cpu",
                   batch_size: int = 256) -> Landmarks:
    """Find the landmarks of uint8 faces [N, 3, S, S].

    Args:
        detector: `embedded` (the course's own network, offline), `face-alignment` (a pre-trained one of that
            package, which fetches its weights), or a `HeatmapNet`.

    Raises:
        InputError: another detector, or a package or network that is not there.
    """
    if detector == "face-alignment":
        return _by_face_alignment(images, device)
    network = _network(detector).to(device)
    parts = [_located(*_see(network, part, device), part.shape[-1])
             for part in tqdm(images.split(batch_size), "landmarks", unit="batch", leave=False, delay=2)]
    return Landmarks(*(torch.cat(column) for column in zip(*parts)))


def face_heatmaps(images: Tensor, detector="embedded", device="cpu") -> Tensor:
    """Return the heatmaps [N, 68, 16, 16] that the course's network sees in uint8 faces, each with the sum 1."""
    return _see(_network(detector).to(device), images, device)[0].cpu()


@torch.no_grad()
def _see(network, images, device):
    """Return heatmaps and visibility, each the mean of what is seen in the face and in its mirror image."""
    pixels = augment.normalise(augment.resized(images.to(device), SIZE))
    pixels = pixels.contiguous(memory_format=layout(pixels.device))
    (logits, visible), (logits_there, visible_there) = network(pixels), network(pixels.flip(3))
    heat = heatmaps(logits) + heatmaps(logits_there)[:, MIRRORED].flip(3)
    return heat / 2, (visible.float().sigmoid() + visible_there.float().sigmoid()[:, MIRRORED]) / 2


def _located(heat, visible, side):
    found = visible[:, BROWS:].mean(1) >= FOUND
    return [column.cpu() for column in (centres(heat) * side, visible, found)]


def _network(detector) -> nn.Module:
    if isinstance(detector, nn.Module):
        return detector.eval()
    if detector != "embedded":
        raise InputError(f"detector {detector!r} is unknown; expected one of {', '.join(DETECTORS)}")
    return embedded_network()


@lru_cache(maxsize=1)
def embedded_network() -> HeatmapNet:
    """Return the network whose weights come with the course, in evaluation mode."""
    network = HeatmapNet()
    network.load_state_dict(part_of(shipped("landmarks")[1], "network."))
    return network.eval()


def _by_face_alignment(images, device):
    """Ask the face-alignment package, with the whole picture as the face's box."""
    try:
        from face_alignment import FaceAlignment, LandmarksType
        aligner = FaceAlignment(LandmarksType.TWO_D, device=str(device))
    except ImportError as error:
        raise InputError(f"the detector face-alignment is not installed; {with_extra('landmarks')}, or use the "
                         "embedded one") from error
    except OSError as error:
        raise InputError(f"face-alignment cannot fetch its weights ({error}); connect to a network, or use the "
                         "embedded detector") from error
    side = images.shape[-1]
    larger = math.ceil(256 / side)
    points = torch.full((len(images), POINTS, 2), torch.nan)
    for row, image in enumerate(tqdm(images.cpu(), "landmarks", unit="face", leave=False, delay=2)):
        picture = image.permute(1, 2, 0).repeat_interleave(larger, 0).repeat_interleave(larger, 1).numpy()
        candidates = aligner.get_landmarks_from_image(picture, detected_faces=[[0, 0, side * larger, side * larger]])
        if candidates:
            points[row] = torch.from_numpy(candidates[0]).float() / larger
    found = ~points.isnan().flatten(1).any(1)
    return Landmarks(points, found[:, None].float().expand(-1, POINTS).clone(), found)
