"""Decode the images of a listing: crop, turn upright, resize, and name every image that cannot be read."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from tqdm.auto import tqdm

from ..errors import InputError
from .listing import Listing, Reject

FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "GIF", "WEBP", "PPM")     # nothing that starts another program
MOST_PIXELS = 80_000_000                                           # 240 MB decoded; no face set has more
ORIENTATION = 0x0112
DEFAULT_SIZE = 112                                                 # of image files; sets of pixels keep their own


@dataclass(frozen=True)
class Crop:
    """Which part of an image becomes the square of `size` pixels.

    The part is the face box where the listing has one, else the whole image. `margin` widens the box by this
    share of its width and height on every side; what lies outside the image is cut off, never padded.

    `fit="squash"` scales a part that is not square to a square, width and height each on its own: what the
    field does with aligned faces (SCN, DAN and EAC resize to 224 x 224 whatever the shape), and neither chin
    nor forehead is lost. `fit="crop"` takes the square in the middle of the part and keeps proportions.
    """

    size: int
    margin: float = 0.0
    fit: str = "squash"

    def __post_init__(self):
        if not 8 <= self.size <= 1024:
            raise InputError(f"image size is {self.size}; expected 8 to 1024 pixels")
        if not 0 <= self.margin <= 2:
            raise InputError(f"margin is {self.margin}; expected a share of the face box between 0 and 2")
        if self.fit not in ("squash", "crop"):
            raise InputError(f"fit is {self.fit!r}; expected squash or crop")

    def part(self, box, width: int, height: int) -> tuple[float, float, float, float]:
        """Return left, top, right, bottom of the part in an image of width x height pixels.

        Args:
            box: left, top, right, bottom of the face, or NaN for the whole image.

        Raises:
            ValueError: the box is empty or outside the image.
        """
        if box is None or np.isnan(box).any():
            left, top, right, bottom = 0.0, 0.0, float(width), float(height)
        else:
            left, top, right, bottom = self._clipped(*map(float, box), width, height)
        if self.fit == "crop":
            side = min(right - left, bottom - top)
            left, top = (left + right - side) / 2, (top + bottom - side) / 2
            right, bottom = left + side, top + side
        return left, top, right, bottom

    def _clipped(self, left, top, right, bottom, width, height):
        wide, high = self.margin * (right - left), self.margin * (bottom - top)
        clipped = (max(left - wide, 0.0), max(top - high, 0.0),
                   min(right + wide, float(width)), min(bottom + high, float(height)))
        if right <= left or bottom <= top or clipped[2] - clipped[0] < 1 or clipped[3] - clipped[1] < 1:
            raise ValueError(f"face box {left:g}, {top:g}, {right:g}, {bottom:g} is empty or outside "
                             f"the image of {width}x{height}")
        return clipped


@dataclass(frozen=True)
class Decoded:
    """Some rows of a listing as pixels: `rows` [n] that could be read, `images` uint8 [n, 3, S, S],
    `landmarks` float32 [n, L, 2] in the new pixels (None where the listing has none), and the rejects."""

    rows: np.ndarray
    images: np.ndarray
    landmarks: np.ndarray | None
    rejects: tuple[Reject, ...]


def decode(listing: Listing, crop: Crop, rows=None, workers=None, chunk=512) -> Iterator[Decoded]:
    """Yield the listing's images in pieces of at most `chunk` rows, in the order of `rows`.

    At most two pieces are in memory at a time. Threads do: Pillow decodes and resizes without Python's lock.

    Args:
        rows: which rows, in which order; None for all.
        workers: threads; None for one a core.

    Raises:
        InputError: workers below 1.
    """
    if workers is not None and workers < 1:
        raise InputError(f"workers is {workers}; expected at least 1, or none for one a core")
    rows = np.arange(len(listing)) if rows is None else np.asarray(rows)
    pieces = [rows[start:start + chunk] for start in range(0, len(rows), chunk)]
    bar = tqdm(total=len(rows), desc=f"decode {listing.name}", unit=" faces", delay=2)
    with bar, ThreadPool(workers or cores()) as pool:
        ahead = None
        for piece in pieces:
            work = piece, pool.map_async(lambda row: _row(listing, row, crop), piece, chunksize=8)
            if ahead:
                yield _gather(listing, crop, bar, *ahead)
            ahead = work
        if ahead:
            yield _gather(listing, crop, bar, *ahead)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gather(listing, crop, bar, rows, work):
    results = work.get()
    bar.update(len(rows))
    good = [i for i, result in enumerate(results) if not isinstance(result, Reject)]
    images = np.empty((len(good), 3, crop.size, crop.size), np.uint8)
    for new, old in enumerate(good):
        images[new] = results[old][0]
    landmarks = None
    if listing.landmarks is not None:
        shape = len(good), *listing.landmarks.shape[1:]
        landmarks = np.array([results[i][1] for i in good], np.float32).reshape(shape)
    return Decoded(rows[good], images, landmarks, tuple(r for r in results if isinstance(r, Reject)))


def _row(listing, row, crop):
    """Return (uint8 [3, S, S], landmarks [L, 2] or None) of one row, or the Reject that says why not."""
    file = str(listing.files[row]) if listing.files is not None else f"row {int(listing.ids[row])}"
    box = None if listing.boxes is None else listing.boxes[row]
    try:
        if listing.pixels is not None:
            image, part = _from_pixels(listing.pixels[row], box, crop)
        else:
            image, part = _from_file(Path(listing.root) / file, box, crop)
    except Exception as error:                   # Pillow's decoders raise nearly everything on damaged bytes
        return Reject(file, reason(error))
    landmarks = None
    if listing.landmarks is not None:
        left, top, right, bottom = part
        scale = crop.size / (right - left), crop.size / (bottom - top)
        landmarks = (listing.landmarks[row] - (left, top)) * scale
    return image.transpose(2, 0, 1), landmarks


def reason(error: Exception) -> str:
    """Return in a few words why an image cannot be used."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, UnidentifiedImageError):
        return f"not an image ({', '.join(FORMATS)})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split())[:200] or type(error).__name__


def _from_pixels(pixels, box, crop):
    image = Image.fromarray(pixels)
    part = crop.part(box, *image.size)
    return _square(image.convert("RGB"), part, crop.size), part


def read_picture(path: Path) -> np.ndarray:
    """Return the whole picture of a file, upright, uint8 [H, W, 3]; errors are those that `reason` puts into words."""
    with _opened(path) as (image, turned):
        return np.asarray(_upright(image, turned))


def _from_file(path, box, crop):
    """Return the square uint8 [S, S, 3] and the part of the upright image that it shows."""
    with _opened(path) as (image, turned):
        width, height = image.size[::-1] if turned >= 5 else image.size
        part = crop.part(box, width, height)
        _read_smaller(image, 2 * crop.size / min(part[2] - part[0], part[3] - part[1]))
        upright = _upright(image, turned)
    shrunk = upright.width / width, upright.height / height
    return _square(upright, tuple(edge * shrunk[i % 2] for i, edge in enumerate(part)), crop.size), part


@contextmanager
def _opened(path):
    """Open an image of a safe kind and size; gives it with the camera's note on its orientation, 1 to 8."""
    if path.stat().st_size == 0:
        raise ValueError("empty file (0 bytes)")
    with Image.open(path, formats=FORMATS) as image:
        if image.width * image.height > MOST_PIXELS:
            raise ValueError(f"{image.width}x{image.height} is more than {MOST_PIXELS:,} pixels")
        if image.format != "JPEG":
            image.load()     # damage shows here; asking a PNG for its orientation would swallow it
        yield image, _orientation(image)


def _upright(image, turned):
    image.load()
    return _rgb(ImageOps.exif_transpose(image) if turned > 1 else image)


def _orientation(image):
    try:
        turned = image.getexif().get(ORIENTATION, 1)
        return turned if turned in range(1, 9) else 1
    except Exception:                            # broken camera notes are no reason to lose the picture
        return 1


def _read_smaller(image, share):
    """Let the JPEG decoder skip detail that the resize would throw away; twice the wanted pixels stay."""
    if share < 1:
        image.draft(None, (int(np.ceil(image.width * share)), int(np.ceil(image.height * share))))


def _rgb(image):
    if image.mode == "F":
        raise ValueError("its pixels are fractions, of whose scale nothing is known; save it with 8 or 16 bits")
    if image.mode.startswith("I"):               # 16 bits of grey; Pillow's own conversion would clip at 255
        grey = np.asarray(image).clip(0, 65535)
        if image.mode != "I" or grey.max() > 255:                # 32 bits may hold 8
            grey = grey // 257
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    return image.convert("RGB")


def _square(image, part, size):
    if part == (0, 0, size, size) and image.size == (size, size):
        return np.asarray(image)
    limit = (image.width, image.height)
    part = tuple(min(max(edge, 0.0), limit[i % 2]) for i, edge in enumerate(part))   # rounded last bits
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, box=part))
