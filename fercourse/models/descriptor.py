"""What is left of landmarks when place, size, roll, and as much of pose and person as possible, are taken away.

The heatmaps of two faces are compared by their inner product. For Gaussians that needs no heatmap,

    <G(p), G(q)> / <G(p), G(p)> = exp(-|p - q|^2 / 4 sigma^2),                                 (4.1)

so that 51 points, 102 numbers, stand for 51 x 64 x 64 pixels. If all 102 are taken as one Gaussian's centre and have
length 1, this is exp((cos - 1) / 2 sigma^2): the nearest by cosine are the nearest by heatmap, whatever sigma.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError
from .landmarks import BROWS, DETECTORS, MIRRORED, POINTS, find_landmarks
from .shipped import part_of, shipped

KEPT = torch.arange(BROWS, POINTS)                      # brows, nose, eyes, mouth: the jaw says who, not what
TWIN = MIRRORED[KEPT] - BROWS
EXPRESSED_BY = (*DETECTORS, "given")
LEAST = 0.1                                             # a covered point is guessed, but not for nothing


class Descriptor(nn.Module):
    """Landmarks to expressions; what it knows of people and poses is fitted once, without expression labels.

    Attributes:
        mean: [51, 2] the shape that faces are laid on, symmetric, about 0, with root mean square radius 1.
        usual: [102] the mean of laid faces; unmix: [102, 102] the inverse root of what people and poses change.
    """

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(len(KEPT), 2))
        self.register_buffer("usual", torch.zeros(2 * len(KEPT)))
        self.register_buffer("unmix", torch.eye(2 * len(KEPT)))

    def forward(self, points: Tensor, visible: Tensor) -> Tensor:
        """Return descriptors of length 1, float32 [N, 102]; 0 for faces without landmarks (NaN or nothing visible).

        Args:
            points: [N, 68, 2] in any unit; visible: [N, 68] from 0 to 1, how far each point is trusted.
        """
        known = ~points.flatten(1).isnan().any(1) & (visible[:, KEPT] > 0).any(1)
        unlike = (self.shapes(points, visible).flatten(1) - self.usual) @ self.unmix
        return F.normalize(unlike, dim=1) * known[:, None]

    def shapes(self, points: Tensor, visible: Tensor) -> Tensor:
        """Return faces laid on the mean shape and made symmetric, [N, 51, 2].

        A head that turns aside changes the two halves of a face in opposite ways, most expressions change them
        alike: the mean of a face and its mirror image keeps these and drops those. A covered point borrows its
        twin's place. What is one-sided, such as contempt, is lost.
        """
        weights = visible[:, KEPT].to(self.mean).clamp(LEAST, 1)
        laid = lay_on(points[:, KEPT].to(self.mean).nan_to_num(), weights, self.mean)
        own, other = weights[..., None], weights[:, TWIN, None]
        return (own * laid + other * _mirrored(laid)) / (own + other)

    @torch.no_grad()
    def fit(self, points: Tensor, visible: Tensor, people: Tensor, yaw: Tensor, pitch: Tensor,
            floor: float = 0.05) -> "Descriptor":
        """Learn from faces of known people and poses what is *not* expression.

        The deviation from the usual face is divided by the root of a covariance: that of the people's mean faces,
        plus that of what yaw and pitch (degrees) explain, plus a floor for misplaced points.
        """
        self.mean.copy_(_mean_shape(points[:, KEPT].to(self.mean), visible[:, KEPT].to(self.mean).clamp(LEAST, 1)))
        shape = self.shapes(points, visible).flatten(1)
        self.usual.copy_(shape.mean(0))
        faces_of = torch.stack([shape[people == person].mean(0) for person in people.unique()])
        turned = torch.stack([pitch, pitch**2 / 30, yaw.abs(), yaw**2 / 30], 1).to(shape) / 30
        turned = turned - turned.mean(0)
        effect = turned @ torch.linalg.lstsq(turned, shape - self.usual).solution
        nuisance = faces_of.T.cov() + effect.T.cov() + floor**2 * torch.eye(shape.shape[1])
        values, axes = torch.linalg.eigh(nuisance.double())
        self.unmix.copy_(axes @ values.rsqrt().diag() @ axes.T)
        return self


def lay_on(shapes: Tensor, weights: Tensor, mean: Tensor) -> Tensor:
    """Return shapes [N, L, 2] shifted, scaled and turned onto a mean [L, 2] by weighted least squares (Procrustes).

    In the plane a turn with a scale is one complex factor: sum w conj(x) m / sum w |x|^2.
    """
    share = (weights / weights.sum(1, keepdim=True).clamp(min=1e-6))[..., None]
    centre, target = (share * shapes).sum(1, keepdim=True), (share * mean).sum(1, keepdim=True)
    x, m = (torch.view_as_complex((v).contiguous()) for v in (shapes - centre, mean - target))
    factor = (share[..., 0] * x.conj() * m).sum(1) / (share[..., 0] * x.abs().square()).sum(1).clamp(min=1e-12)
    return torch.view_as_real(factor[:, None] * x) + target


def _mirrored(shapes):
    return shapes[..., TWIN, :] * shapes.new_tensor([-1, 1])


def _mean_shape(shapes, weights, rounds=5):
    """Return the symmetric mean of shapes that are laid on their mean again and again."""
    mean = _unit((weights[..., None] * shapes).sum(0) / weights.sum(0)[:, None])
    for _ in range(rounds):
        laid = lay_on(shapes, weights, mean)
        mean = (weights[..., None] * laid).sum(0) / weights.sum(0)[:, None]
        mean = _unit(mean + _mirrored(mean))
    return mean


def _unit(mean):
    mean = mean - mean.mean(0)
    return mean / mean.square().sum(1).mean().sqrt()


def heatmap_likeness(points: Tensor, others: Tensor, sigma: float) -> Tensor:
    """Return the cosine of stacked Gaussian heatmaps without drawing any, eq. (4.1) averaged over points, [M, N].

    Args:
        points: [M, L, 2]; others: [N, L, 2]; sigma in their unit.

    Raises:
        InputError: other numbers of points.
    """
    if points.shape[1:] != others.shape[1:]:
        raise InputError(f"faces of {points.shape[1]} and of {others.shape[1]} points cannot be compared")
    apart = (points[:, None] - others[None]).square().sum(3)
    return (-apart / (4 * sigma**2)).exp().mean(2)


@lru_cache(maxsize=1)
def embedded_descriptor() -> Descriptor:
    """Return the descriptor that was fitted with the course's landmark network."""
    descriptor = Descriptor()
    descriptor.load_state_dict(part_of(shipped("landmarks")[1], "descriptor."))
    return descriptor


def expressions(faces, detector: str = "embedded", device="cpu") -> Tensor:
    """Return the descriptors of a set's faces, [N, 102] on the CPU; 0 where no landmarks are found.

    Args:
        detector: see `find_landmarks`; `given` takes the set's own landmarks.
        device: where landmarks are searched.

    Raises:
        InputError: an unknown detector, or `given` where the set has no landmarks, or other ones than iBUG's 68.
    """
    if isinstance(detector, str) and detector not in EXPRESSED_BY:
        raise InputError(f"detector {detector!r} is unknown; expected one of {', '.join(EXPRESSED_BY)}")
    if detector == "given":
        points = faces.column("landmarks")
        if points.shape[1] != POINTS:
            raise InputError(f"{faces.name} has {points.shape[1]} landmarks a face; expected {POINTS} points in the "
                             "order of iBUG: choose another detector, such as embedded")
        visible = torch.ones(points.shape[:2]) if faces.visible is None else faces.visible
    else:
        landmarks = find_landmarks(faces.images, detector, device)
        points, visible = landmarks.points, landmarks.visible * landmarks.found[:, None]
    return embedded_descriptor()(points.cpu(), visible.cpu().float())
