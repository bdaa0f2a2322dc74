"""Which triangle does each pixel see? Two engines, one answer: embreex (fast, with shadow rays) or NumPy's z-buffer."""

from dataclasses import dataclass

import numpy as np

from ..errors import InputError


@dataclass(frozen=True)
class Hits:
    """The first thing each ray meets, for R rays.

    Attributes:
        triangle: int [R], -1 where the ray meets nothing.
        u, v: float32 [R] barycentric weights of the triangle's second and third corner.
        distance: float32 [R] along the unit direction, infinite where nothing is met.
    """

    triangle: np.ndarray
    u: np.ndarray
    v: np.ndarray
    distance: np.ndarray


class EmbreeScene:
    """Ray casting by Intel's Embree through the `embreex` package (extra `render`)."""

    shadows = True

    def __init__(self, vertices, triangles):
        from embreex import rtcore_scene
        from embreex.mesh_construction import TriangleMesh

        self.scene = rtcore_scene.EmbreeScene()
        self.mesh = TriangleMesh(self.scene, np.ascontiguousarray(vertices, np.float32),
                                 np.ascontiguousarray(triangles, np.int32))

    def cast(self, origin, directions) -> Hits:
        """Return what rays from one origin [3] along unit directions [R, 3] meet."""
        origins = np.ascontiguousarray(np.broadcast_to(np.float32(origin), directions.shape))
        met = self.scene.run(origins, directions, output=1)
        hit = met["primID"] >= 0
        return Hits(met["primID"], met["u"], met["v"], np.where(hit, met["tfar"], np.inf).astype(np.float32))

    def blocked(self, points, directions, reach=1e9):
        """Return bool [R]: does something stand within `reach` of the points along unit directions?"""
        if reach > 1e8:
            return self.scene.run(points, directions, query="OCCLUDED") >= 0
        return self.scene.run(points, directions, query="DISTANCE") < reach


class ZBufferScene:
    """The same geometry without embreex: rasterised in NumPy, no shadow rays."""

    shadows = False

    def __init__(self, vertices, triangles):
        self.vertices, self.triangles = np.asarray(vertices, np.float64), np.asarray(triangles)

    def cast(self, origin, directions) -> Hits:
        """Return what rays from one origin [3] along unit directions [R, 3] meet.

        The directions must be those of a regular pixel grid, row by row: `picture._rays` gives such.
        """
        side = round(len(directions) ** 0.5)
        ray = np.asarray(directions, np.float64)
        grid = _PixelGrid(ray[:, :2] / ray[:, 2:], side)
        relative = self.vertices - np.asarray(origin, np.float64)
        pixels = grid.pixels(relative[:, :2] / relative[:, 2:])
        return _rasterise(pixels, relative, self.triangles, ray, side)

    def blocked(self, points, directions, reach=1e9):
        """Return bool [R], all false: a z-buffer casts no shadows."""
        return np.zeros(len(points), bool)


class _PixelGrid:
    """The affine map from slopes (x/z, y/z) to pixel positions of a square grid."""

    def __init__(self, slopes, side):
        corner, right, below = slopes[0], slopes[side - 1], slopes[-side]
        basis = np.stack([(right - corner), (below - corner)], 1) / max(side - 1, 1)
        self.corner, self.inverse = corner, np.linalg.inv(basis)

    def pixels(self, slopes):
        return (slopes - self.corner) @ self.inverse.T


def _rasterise(pixels, points, triangles, rays, side):
    """Fill a z-buffer: [side * side] rays against triangles seen at `pixels` [V, 2], standing at `points` [V, 3]."""
    best = np.full(side * side, np.inf)
    triangle = np.full(side * side, -1, np.int32)
    bary = np.zeros((side * side, 2), np.float32)
    corner = pixels[triangles]
    low = np.maximum(np.ceil(corner.min(1) - 1e-9), 0).astype(int)
    high = np.minimum(np.floor(corner.max(1) + 1e-9), side - 1).astype(int)
    wide, tall = (high - low + 1).clip(0).T
    rows = np.flatnonzero((wide > 0) & (tall > 0))
    for box in np.unique(np.stack([wide[rows], tall[rows]], 1), axis=0):  # all triangles of one box size at once
        same = rows[(wide[rows] == box[0]) & (tall[rows] == box[1])]
        dx, dy = (a.ravel() for a in np.meshgrid(np.arange(box[0]), np.arange(box[1])))
        pixel = (low[same, 1, None] + dy) * side + low[same, 0, None] + dx
        which = np.repeat(same, len(dx))
        u, v, distance = _intersect(points[triangles[which]], rays[pixel.ravel()])
        inside = (u >= -1e-7) & (v >= -1e-7) & (u + v <= 1 + 1e-7) & (distance > 0)
        _keep_nearest(best, triangle, bary, pixel.ravel()[inside], which[inside], u[inside], v[inside],
                      distance[inside])
    return Hits(triangle, bary[:, 0].copy(), bary[:, 1].copy(), best.astype(np.float32))


def _intersect(corners, directions):
    """Return u, v and distance of rays from the origin against triangles, pair by pair (Möller and Trumbore 1997)."""
    edge1, edge2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    across = np.cross(directions, edge2)
    volume = np.einsum("ij,ij->i", edge1, across)
    scale = 1 / np.where(np.abs(volume) < 1e-14, np.inf, volume)
    u = np.einsum("ij,ij->i", -corners[:, 0], across) * scale
    turned = np.cross(-corners[:, 0], edge1)
    v = np.einsum("ij,ij->i", directions, turned) * scale
    return u, v, np.einsum("ij,ij->i", edge2, turned) * scale


def _keep_nearest(best, triangle, bary, pixel, which, u, v, distance):
    order = np.lexsort((distance, pixel))
    first = np.unique(pixel[order], return_index=True)[1]
    nearest = order[first]
    nearest = nearest[distance[nearest] < best[pixel[nearest]]]
    best[pixel[nearest]] = distance[nearest]
    triangle[pixel[nearest]] = which[nearest]
    bary[pixel[nearest]] = np.stack([u[nearest], v[nearest]], 1)


def scene(vertices, triangles, engine: str = "auto"):
    """Return a scene for these triangles: `embree`, `zbuffer`, or `auto` (embree where it is installed).

    Raises:
        InputError: another engine.
    """
    if engine not in ("auto", "embree", "zbuffer"):
        raise InputError(f"engine {engine!r} is unknown; expected auto, embree or zbuffer")
    if engine == "auto":
        engine = "embree" if _has_embree() else "zbuffer"
    return (EmbreeScene if engine == "embree" else ZBufferScene)(vertices, triangles)


def _has_embree():
    from importlib.util import find_spec

    return find_spec("embreex") is not None
