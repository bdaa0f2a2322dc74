"""A person's own picture: find the faces, turn them upright, cut them as the course's faces are cut.

Nothing leaves the machine: the detector's file comes with OpenCV, the landmark network with the course.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .errors import InputError, with_extra
from .faces.decode import read_picture, reason

# Where the embedded faces have their eyes and mouth: medians over the training part, as shares of the side.
EYES_AT, EYE_SPAN, EYES_TO_MOUTH = (0.50, 0.38), 0.475, 0.405
LOOK_AT = 960                 # pixels on the longer side, at most, in which faces are searched
SMALLEST = 40                 # pixels of the smallest face that is searched


@dataclass(frozen=True)
class Photo:
    """The faces of one picture, the largest first.

    Attributes:
        picture: uint8 [H, W, 3], upright as the camera's note says, and turned by `turned` degrees
            (0, 90, 180 or 270 counter-clockwise) if its faces are clearest then.
        boxes: float [N, 4] left, top, right, bottom of the detected faces in the picture, pixels.
        tilts: float [N] degrees by which each face was turned to stand upright.
        images: uint8 [N, 3, S, S] the aligned faces.
    """

    name: str
    picture: np.ndarray
    turned: int
    boxes: np.ndarray
    tilts: np.ndarray
    images: Tensor

    def __len__(self):
        return len(self.images)


def from_photo(picture, size: int = 64, most: int = 16) -> Photo:
    """Find and align the faces of a picture.

    Args:
        picture: the path of a file, or RGB as uint8 [H, W, 3].
        size: pixels on a side of the aligned faces.
        most: at most so many faces, the largest.

    Raises:
        InputError: the picture cannot be read, is another array, has no face, or OpenCV is not installed.
    """
    is_file = isinstance(picture, (str, os.PathLike))
    pixels, name = (_read(Path(picture)), str(picture)) if is_file else (_checked(picture), "the picture")
    turned, boxes = _upright(pixels)
    if not len(boxes):
        least = round(SMALLEST * max(1, max(pixels.shape[:2]) / LOOK_AT))
        raise InputError(f"{name}: no face found in {pixels.shape[1]} x {pixels.shape[0]} pixels; expected at least "
                         f"one face seen from the front, {least} pixels wide or more: try a closer picture in better "
                         "light, in which the head is not tilted")
    upright, boxes = _quarters(pixels, turned), boxes[:most]
    cut = [_aligned(upright, box, size) for box in boxes]
    images = torch.from_numpy(np.stack([face for face, _ in cut])).permute(0, 3, 1, 2).contiguous()
    return Photo(name, upright, turned, boxes, np.array([tilt for _, tilt in cut]), images)


def _read(path):
    try:
        return read_picture(path)
    except Exception as error:                                   # decoders raise anything on damaged files
        raise InputError(f"{path}: {reason(error)}; expected a picture (JPEG, PNG, WebP, …) with a face") from error


def _checked(pixels):
    is_array = isinstance(pixels, np.ndarray)
    if not is_array or pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        given = f"{pixels.dtype} {list(pixels.shape)}" if is_array else f"of type {type(pixels).__name__}"
        raise InputError(f"the picture is {given}; expected the path of a file, or a NumPy array of RGB as uint8 "
                         "[H, W, 3]")
    return pixels


def _cv2():
    try:
        import cv2
    except ImportError as error:
        raise InputError(f"finding faces in photographs needs OpenCV; {with_extra('photo')}") from error
    return cv2


def _upright(pixels):
    """Return the turn with the most evidence of faces, and their boxes; at equal evidence the picture as it is.

    All four are tried, as the cascade sees faces in some that stand on their heads, but is less sure of them.
    """
    tried = {turned: _detect(_quarters(pixels, turned)) for turned in (0, 90, 270, 180)}
    turned = max(tried, key=lambda turned: tried[turned][1])
    return turned, tried[turned][0]


def _quarters(pixels, turned):
    return np.ascontiguousarray(np.rot90(pixels, turned // 90))


def _detect(picture):
    """Return the boxes [N, 4] of frontal faces, largest first, and how sure the cascade is of them, summed.

    It is the Viola-Jones cascade that comes with OpenCV.
    """
    cv2 = _cv2()
    shrink = min(1.0, LOOK_AT / max(picture.shape[:2]))
    across, down = (max(shrink, 1 / side) for side in picture.shape[1::-1])          # at least a pixel is left
    small = cv2.resize(picture, None, fx=across, fy=down, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    squares, _, sure = _cascade(cv2).detectMultiScale3(grey, 1.1, 4, minSize=(SMALLEST, SMALLEST),
                                                       outputRejectLevels=True)
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in squares], float).reshape(-1, 4) / shrink
    return boxes[np.argsort(-(boxes[:, 2] - boxes[:, 0]), kind="stable")], float(np.sum(sure))


def _cascade(cv2):
    """Return the cascade; the file is read here, as OpenCV on Windows cannot open a path with an umlaut."""
    text = Path(cv2.data.haarcascades, "haarcascade_frontalface_alt2.xml").read_text("utf-8")
    storage, cascade = cv2.FileStorage(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY), cv2.CascadeClassifier()
    cascade.read(storage.getFirstTopLevelNode())
    return cascade


def _aligned(picture, box, size):
    """Return one face as uint8 [S, S, 3] and the degrees it was turned: first the box, then twice by its landmarks."""
    middle, side, tilt = (box[:2] + box[2:]) / 2, box[2] - box[0], 0.0
    for _ in range(2):
        place = _landmarks(_cut(picture, middle, side, tilt, 64), middle, side, tilt)
        if place is None:
            break
        middle, side, tilt = place
    return _cut(picture, middle, side, tilt, size), float(np.degrees(tilt))


def _cut(picture, middle, side, tilt, size):
    """Cut a square of `side` pixels about `middle`, turned by `tilt` radians, as `size` pixels; edges are repeated."""
    cv2 = _cv2()
    turn = _turn(tilt) * side / size
    matrix = np.hstack([turn, (middle - turn @ np.full(2, size / 2))[:, None]])
    smooth = side / size / 2
    if smooth > 1:                                               # no aliasing where the face shrinks a lot
        picture = cv2.GaussianBlur(picture, (0, 0), smooth / 2)
    return cv2.warpAffine(picture, matrix, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                          borderMode=cv2.BORDER_REPLICATE)


def _landmarks(face, middle, side, tilt):
    """Return middle, side and tilt of the square in which this face has its eyes and mouth where ours have them."""
    from .models.landmarks import find_landmarks
    landmarks = find_landmarks(torch.from_numpy(face).permute(2, 0, 1)[None])
    if not landmarks.found[0]:
        return None
    points = landmarks.points[0].double().numpy() / face.shape[0] - 0.5         # shares of the square, from its middle
    points = points @ _turn(tilt).T * side                                    # pixels of the picture
    right, left, mouth = points[36], points[45], (points[48] + points[54]) / 2
    across, eyes = left - right, (left + right) / 2
    larger = max(np.hypot(*across) / EYE_SPAN, np.hypot(*(mouth - eyes)) / EYES_TO_MOUTH)
    tilt = np.arctan2(across[1], across[0])
    return middle + eyes - _turn(tilt) @ (np.array(EYES_AT) - 0.5) * larger, larger, tilt


def _turn(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
