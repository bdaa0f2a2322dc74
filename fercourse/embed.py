"""From features to pictures: projections to the plane, and where a network looked."""

import atexit
import os
import shutil
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm.auto import tqdm

from .device import exact
from .errors import InputError

FEW = 16      # fewer points than this have too few neighbours for UMAP


def at_most(faces, most: int = 5000, seed: int = 0):
    """Return the faces, or where there are more than `most` about that many, every class in its share.

    Raises:
        InputError: `most` is below 1.
    """
    if most < 1:
        raise InputError(f"most is {most}; expected at least 1 face")
    return faces if len(faces) <= most else faces.fraction(most / len(faces), seed)


def project(features, method: str = "umap", seed: int = 0, neighbours: int = 15) -> Tensor:
    """Project features to the plane.

    Args:
        features: [N, D].
        method: `umap` keeps neighbourhoods, `pca` keeps the two widest directions.
        seed: of UMAP; the same seed gives the same picture.
        neighbours: how many neighbours UMAP looks at; fewer show finer structure.

    Returns:
        float32 [N, 2], centred, with root mean square distance 1 from the centre. Fewer than 16 points
        are projected by PCA whatever the method.

    Raises:
        InputError: another method, or features that are not a finite matrix.
    """
    _check_method(method)
    features = _matrix(features)
    start = pca(features)
    return unit_size(start if method == "pca" else _umap(features, start, seed, neighbours))


def _check_method(method):
    if method not in ("umap", "pca"):
        raise InputError(f"projection {method!r} is unknown; expected 'umap' or 'pca'")


def aligned_sequence(sequence, method: str = "umap", seed: int = 0, neighbours: int = 15) -> list[Tensor]:
    """Project the features of the same faces at several moments so that a point moves little unless its face does.

    Every UMAP starts from the picture before it and is then turned onto it (orthogonal Procrustes). Against
    `umap.AlignedUMAP` neighbourhoods are kept as well, points move little more, and it takes a fifth of
    the time. How a group that lies apart is turned UMAP leaves open, so that it may turn though no face moved.

    Args:
        sequence: features [N, D] of the same N faces, one matrix a moment; D may change.
        method, seed, neighbours: as in `project`.

    Returns:
        One float32 [N, 2] a moment, each centred, with root mean square distance 1 from the centre.

    Raises:
        InputError: another method, other numbers of faces, or features that are not a finite matrix.
    """
    _check_method(method)
    pictures = []
    for features in tqdm(sequence, desc=f"aligned {method}", disable=len(sequence) < 3):
        features = _matrix(features)
        if pictures and len(features) != len(pictures[-1]):
            raise InputError(f"moment {len(pictures)} has {len(features)} faces, the one before has "
                             f"{len(pictures[-1])}; embed the same faces at every moment")
        flat = pca(features)
        if method == "umap":
            flat = _umap(features, pictures[-1] if pictures else flat, seed, neighbours)
        pictures.append(turn_onto(flat, pictures[-1]) if pictures else unit_size(flat))
    return pictures


def pca(features: Tensor) -> Tensor:
    """Return the scores on the two widest directions, [N, 2]; each direction's largest weight is positive."""
    exactly = exact(features.cpu())
    centred = exactly - exactly.mean(0)
    with torch.random.fork_rng(devices=[]):              # seeded here, and nobody else's numbers move
        torch.default_generator.manual_seed(0)
        _, _, directions = torch.svd_lowrank(centred, q=min(10, *features.shape), niter=8)
    axes = F.pad(directions, (0, max(0, 2 - directions.shape[1])))[:, :2]
    sign = torch.where(axes.gather(0, axes.abs().argmax(0, keepdim=True)) < 0, -1.0, 1.0)
    return (centred @ (axes * sign)).float().to(features.device)


def unit_size(points: Tensor) -> Tensor:
    """Return points centred and scaled to root mean square distance 1; points that all agree stay at 0."""
    centred = points - points.mean(0)
    return centred / centred.square().sum(1).mean().sqrt().clamp(min=1e-12)


def turn_onto(points: Tensor, reference: Tensor) -> Tensor:
    """Return `unit_size(points)` turned, and mirrored if need be, to lie nearest to the reference."""
    points = unit_size(points)
    left, _, right = torch.linalg.svd(points.T @ unit_size(reference))
    return points @ left @ right


def _umap(features, start, seed, neighbours):
    if len(features) < FEW:
        return pca(features)
    _place_for_compiled()
    from umap import UMAP  # compiles for seconds on its first import
    umap = UMAP(n_neighbors=min(neighbours, len(features) - 1), init=10 * unit_size(start).numpy(),
                random_state=seed % 2**32, n_jobs=1)
    threads = torch.get_num_threads()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        points = torch.from_numpy(umap.fit_transform(features.numpy())).float()
    torch.set_num_threads(threads)           # umap's compiler shares torch's threads, and wakes all of them
    return points


def _place_for_compiled():
    """Give umap's compiler a temporary folder on a locked-down hub, where it may write to none of its own."""
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    beside = [Path(spec.origin).parent / "__pycache__" for spec in map(find_spec, ("umap", "pynndescent")) if spec]
    if not all(map(_writable, beside)):
        if not _writable(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "numba"):
            os.environ["NUMBA_CACHE_DIR"] = folder = tempfile.mkdtemp(prefix="numba-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)


def _writable(folder):
    """Return whether a folder, or what it would be made in, can be written to."""
    there = next(place for place in (folder, *folder.parents) if os.access(place, os.F_OK))
    return os.access(there, os.W_OK | os.X_OK)


def _matrix(features):
    features = torch.as_tensor(features).detach().float().cpu()
    if features.ndim != 2 or len(features) == 0:
        raise InputError(f"features are {list(features.shape)}, expected a matrix [N, D] of at least one row")
    if not features.isfinite().all():
        row = int((~features.isfinite()).any(1).nonzero()[0])
        raise InputError(f"the features of face {row} hold NaN or infinity; expected finite numbers")
    return features


@torch.enable_grad()
def gradcam(images, maps_of, logits_of, classes=None, chunk: int = 64, by_place: bool = False) -> Tensor:
    """Return class activation maps: where a network looked to give these classes.

    A channel of the maps counts by the mean gradient of the class's logit over its positions; the counted
    channels are added, and what speaks against the class is dropped.

    Args:
        images: [N, …] whatever `maps_of` takes.
        maps_of: images -> feature maps [B, C, h, w].
        logits_of: feature maps -> logits [B, K].
        classes: int64 [N] explained class of each image; by default the one predicted.
        by_place: let a channel count at each position by the gradient there, not by the mean over all (HiResCAM): a
            position from which nothing comes to the logit is then 0.

    Returns:
        float32 [N, h, w], not negative, on the CPU.

    Source: Selvaraju et al., Grad-CAM, ICCV 2017, eqs. (1) and (2); by place Draelos and Carin, HiResCAM, 2020.
    """
    heat = []
    for first in range(0, len(images), chunk):
        maps = maps_of(images[first:first + chunk]).detach().requires_grad_()
        logits = logits_of(maps)
        wanted = logits.argmax(1) if classes is None else classes[first:first + chunk].to(logits.device)
        (slope,) = torch.autograd.grad(logits.gather(1, wanted[:, None]).sum(), maps)
        weights = slope if by_place else slope.mean((2, 3), keepdim=True)
        heat.append((weights * maps).sum(1).relu().detach().float().cpu())
    return torch.cat(heat)


def saliency(method, images, classes=None) -> Tensor:
    """Return Grad-CAM maps [N, h, w] of a method's decision on uint8 faces [N, 3, H, W].

    Raises:
        InputError: the backbone is a transformer, whose last maps do not decide by their mean.
    """
    from .augment import normalise
    with torch.no_grad():
        if method.backbone.trunk.forward_features(normalise(images[:1].to(method.device))).ndim != 4:
            raise InputError("class activation maps need a convolutional backbone, such as lesson or resnet18")
    return gradcam(images, lambda part: method.maps(part.to(method.device)),
                   lambda maps: method.decide(method.embed_maps(maps)), classes)
