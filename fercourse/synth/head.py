"""The head: a linear mesh model, its parts and its 68 landmarks.

Decimetres; x to the person's left, y up, z forward.
"""

from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

SKIN, LEFT_EYE, RIGHT_EYE, UPPER_TEETH, LOWER_TEETH, TONGUE, LASHES, LONG_HAIR = 0, 1, 2, 3, 4, 5, (6, 7, 8, 9), 10
EYE_CENTRES = {LEFT_EYE: (0.308, 7.285, 1.24), RIGHT_EYE: (-0.308, 7.285, 1.24)}
PIVOT = np.float32([0, 7.0, 0.5])  # the head turns about this point

# One half of the iBUG landmarks on the neutral template, as (x, y) seen from the front; the person's right is x < 0.
_JAW = [(-0.735, 7.26), (-0.725, 7.08), (-0.705, 6.91), (-0.665, 6.74), (-0.60, 6.58), (-0.50, 6.44), (-0.36, 6.32),
        (-0.19, 6.225), (0, 6.195)]
_BROW = [(-0.565, 7.405), (-0.475, 7.468), (-0.36, 7.485), (-0.24, 7.470), (-0.125, 7.440)]
_NOSE = [(0, 7.30), (0, 7.17), (0, 7.05), (0, 6.94), (-0.145, 6.885), (-0.075, 6.862), (0, 6.850)]
_EYE = [(-0.434, 7.287), (-0.381, 7.326), (-0.265, 7.322), (-0.203, 7.272), (-0.276, 7.244), (-0.381, 7.250)]
_LIPS_OUT = [(-0.262, 6.612), (-0.175, 6.665), (-0.07, 6.702), (0, 6.692), (-0.175, 6.545), (-0.085, 6.505), (0, 6.495)]
_LIPS_IN = [(-0.225, 6.612), (-0.09, 6.615), (0, 6.610), (-0.09, 6.595), (0, 6.600)]


def _mirror(points):
    return [(-x, y) for x, y in points]


def _template_landmarks():
    """Return the 68 iBUG points as (x, y, lip): lip is +1 for the upper, -1 for the lower, 0 elsewhere."""
    out, inn = _LIPS_OUT, _LIPS_IN
    not_lips = (_JAW + _mirror(_JAW[7::-1]) + _BROW + _mirror(_BROW[::-1])
                + _NOSE[:4] + _NOSE[4:] + _mirror(_NOSE[5:3:-1])
                + _EYE + _mirror([_EYE[i] for i in (3, 2, 1, 0, 5, 4)]))
    upper_out = out[:4] + _mirror(out[2:0:-1])
    lower_out = _mirror(out[4:6]) + [out[6]] + out[5:3:-1]
    lips = ([(*p, 1) for p in upper_out] + [(*_mirror(out[:1])[0], 1)] + [(*p, -1) for p in lower_out]
            + [(*p, 1) for p in inn[:3]] + [(*p, 1) for p in _mirror(inn[1::-1])]
            + [(*p, -1) for p in (_mirror(inn[3:4]) + [inn[4], inn[3]])])
    return [(*p, 0) for p in not_lips] + lips


class Head:
    """The linear head model of `head.npz`, loaded once by `head()`.

    Attributes:
        base: [V, 3] the head with every weight zero; `template` is the same before the teeth are moved,
            and is what paint is a function of: it never deforms, so that paint sticks to the skin.
        triangles: int32 [T, 3]; `part` [V] and `triangle_part` [T] name what each belongs to (`SKIN`, …).
        index: name of a shape -> its row in `targets` [S, 3 V].
        lips, inside_mouth, ears: [V] region masks in 0…1.
    """

    def __init__(self, path):
        with np.load(path) as data:
            self.template = data["base"]
            self.triangles, self.part, self.triangle_part = data["faces"], data["part"], data["face_part"]
            self.targets = data["targets"].astype(np.float32).reshape(len(data["targets"]), -1)
            self.names = [str(n) for n in data["names"]]
            self.lips, self.inside_mouth, self.ears = data["masks"].astype(np.float32).T.copy()
        self.index = {name: row for row, name in enumerate(self.names)}
        self.units = tuple(n.removeprefix("unit:") for n in self.names if n.startswith("unit:"))
        self.base = self.template.copy()
        self.base[self.part == UPPER_TEETH, 1] -= 0.07  # bring the model's dentures to the lip line
        self.base[self.part == LOWER_TEETH, 1] += 0.02
        tongue = self.part == TONGUE  # shorten the tongue, or it shows through the lips
        self.base[tongue] += np.float32([0, -0.07, 0])
        self.base[tongue, 2] = 0.63 + (self.base[tongue, 2] - 0.63) * 0.86

    def vertices(self, weights: dict[str, float]) -> np.ndarray:
        """Return vertices [V, 3] for weights by shape name; names the model lacks are ignored."""
        rows = [self.index[name] for name, w in weights.items() if w and name in self.index]
        w = np.float32([weights[self.names[row]] for row in rows])
        return self.base + (w @ self.targets[rows]).reshape(-1, 3) if rows else self.base.copy()

    def normals(self, vertices: np.ndarray) -> np.ndarray:
        """Return unit vertex normals [V, 3], weighted by the triangles' areas."""
        summed = summed_normals(vertices, self.triangles)
        return (summed / (np.linalg.norm(summed, axis=1, keepdims=True) + 1e-12)).astype(np.float32)

    def smooth(self, vertices: np.ndarray) -> np.ndarray:
        """Return each vertex moved to the mean of its triangles' corners."""
        flat = self.triangles.ravel()
        middle = np.repeat(vertices[self.triangles].mean(1), 3, axis=0)
        count = np.bincount(flat, minlength=len(vertices)).clip(1)
        return np.stack([np.bincount(flat, middle[:, axis], len(vertices)) / count for axis in range(3)], 1)

    @cached_property
    def landmarks(self) -> np.ndarray:
        """Return the vertex numbers of the 68 iBUG landmarks, int [68]."""
        skin = np.flatnonzero((self.part == SKIN) & (self.template[:, 2] > 0.1) & (self.ears < 0.5))
        drop = self.targets[self.index["unit:jawOpen"]].reshape(-1, 3)[:, 1]
        return np.array([self._nearest(skin, drop, *point) for point in _template_landmarks()])

    def _nearest(self, skin, drop, x, y, lip):
        """Return the front-most skin vertex nearest to (x, y), on the wanted lip."""
        if lip:
            corner = abs(x) > 0.2
            rows = skin[(self.template[skin, 2] > 1.3) & (corner | (drop[skin] > -0.15) == (lip > 0))]
        else:
            rows = skin
        flat = np.hypot(*(self.template[rows, :2] - (x, y)).T)
        return rows[np.argmin(flat - 0.06 * self.template[rows, 2])]


def summed_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return for each vertex the sum of its triangles' normals [V, 3], each as long as twice the triangle's area."""
    corners = vertices[triangles]
    normals = np.repeat(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), 3, axis=0)
    flat = triangles.ravel()
    return np.stack([np.bincount(flat, normals[:, axis], len(vertices)) for axis in range(3)], 1)


@lru_cache(maxsize=1)
def head() -> Head:
    """Return the one head model, loaded on first use."""
    return Head(Path(__file__).with_name("head.npz"))
