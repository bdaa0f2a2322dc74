"""Things in front of a face, as small meshes in the head's own space.

They turn with the head, cast shadows and hide what is behind.
"""

from dataclasses import dataclass

import numpy as np

from .head import LEFT_EYE, RIGHT_EYE, SKIN, head

OCCLUDERS = ("none", "glasses", "sunglasses", "mask", "hand", "object", "lettering")


@dataclass(frozen=True)
class Prop:
    """A mesh with one look: vertices [V, 3], triangles int [T, 3], linear albedo RGB, specular strength, gloss."""

    vertices: np.ndarray
    triangles: np.ndarray
    albedo: tuple
    specular: float = 0.2
    gloss: float = 20


def tube(path, radius, sides=8, closed=False, flatten=1.0):
    """Return vertices and triangles of a tube along points [P, 3]; `radius` is a number or one a point.

    `flatten` below 1 squeezes the tube along its second cross direction (a palm is a flat tube).
    """
    path = np.asarray(path, float)
    radius = np.broadcast_to(np.asarray(radius, float), len(path))
    ahead = np.roll(path, -1, 0) - np.roll(path, 1, 0) if closed else np.gradient(path, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True) + 1e-9
    up = np.where(np.abs(ahead[:, 2:]) > 0.9, [[0, 1.0, 0]], [[0, 0, 1.0]])
    across = np.cross(ahead, up)
    across /= np.linalg.norm(across, axis=1, keepdims=True) + 1e-9
    second = np.cross(across, ahead) * flatten
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = np.cos(turn)[None, :, None] * across[:, None] + np.sin(turn)[None, :, None] * second[:, None]
    vertices = (path[:, None] + ring * radius[:, None, None]).reshape(-1, 3)
    rows = np.arange(len(path) if closed else len(path) - 1)
    a = rows[:, None] * sides + np.arange(sides)
    b = rows[:, None] * sides + (np.arange(sides) + 1) % sides
    c, d = ((x + sides) % len(vertices) for x in (a, b))
    return vertices, np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)])


def merge(parts):
    """Join (vertices, triangles) pairs into one."""
    offset = np.cumsum([0] + [len(v) for v, _ in parts])
    return np.concatenate([v for v, _ in parts]), np.concatenate([t + o for (_, t), o in zip(parts, offset)])


def surface_depth(vertices, x, y):
    """Return how far forward the face reaches at (x, y): the largest z of the skin nearby."""
    skin = vertices[head().part == SKIN]
    near = np.hypot(skin[:, 0] - x, skin[:, 1] - y) < 0.13
    return float(skin[near, 2].max()) if near.any() else 0.6


def build(kind: str, vertices, rng, skin_colour=(0.4, 0.3, 0.2)) -> list[Prop]:
    """Return the meshes of an occluder for a face with these vertices; `mask` and `lettering` need none.

    Args:
        kind: one of `OCCLUDERS`.
        vertices: [V, 3] of the head, undisturbed by the pose.
        skin_colour: linear RGB of a hand.
    """
    builders = {"glasses": _glasses, "sunglasses": _sunglasses, "object": _object}
    if kind == "hand":
        return _hands(vertices, rng, skin_colour)
    return builders[kind](vertices, rng) if kind in builders else []


def _rims(vertices, rng):
    """Return the two lens outlines [40, 3] and where the temples start; lenses sit before the eyes."""
    part = head().part
    width, height = rng.uniform(0.20, 0.27), rng.uniform(0.15, 0.23)
    squareness = rng.choice([2.0, 3.0, 4.5])
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    outline = (np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** (2 / squareness),
               np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** (2 / squareness))
    rims = []
    for eye in (RIGHT_EYE, LEFT_EYE):
        centre = vertices[part == eye].mean(0) + [0, -0.03, 0]
        x = centre[0] * 1.04 + width * outline[0]
        y = centre[1] + height * outline[1]
        z = vertices[part == eye, 2].max() + 0.13 - 0.10 * (np.abs(x) / 0.6) ** 2
        rims.append(np.stack([x, y, z], 1))
    return rims


def _frame(vertices, rng):
    rims = _rims(vertices, rng)
    thick = rng.uniform(0.009, 0.022)
    inner = [rim[np.argmin(np.abs(rim[:, 0]))] for rim in rims]
    outer = [rim[np.argmax(np.abs(rim[:, 0]))] for rim in rims]
    bridge = np.stack([inner[0], (inner[0] + inner[1]) / 2 + [0, 0.02, 0.05], inner[1]]) + [0, 0.04, 0]
    parts = [tube(rim, thick, 5, closed=True) for rim in rims] + [tube(bridge, thick, 5)]
    for corner in outer:
        ear = np.array([np.sign(corner[0]) * 0.76, corner[1] + 0.02, 0.25])
        parts.append(tube(np.stack([corner + [0, 0.05, 0], corner * [1.08, 1, 0.85] + [0, 0.05, 0], ear]), thick, 5))
    return rims, parts


def _glasses(vertices, rng):
    _, parts = _frame(vertices, rng)
    colour = tuple(rng.choice([0.01, 0.02, 0.05, 0.25], p=[0.4, 0.3, 0.2, 0.1]) * rng.uniform(0.6, 1.2, 3))
    return [Prop(*merge(parts), colour, 0.5, 60)]


def _sunglasses(vertices, rng):
    rims, parts = _frame(vertices, rng)
    lenses = []
    for rim in rims:
        fan = np.arange(40)
        lenses.append((np.vstack([rim * [1, 1, 1] - [0, 0, 0.01], rim.mean(0, keepdims=True)]),
                       np.stack([fan, (fan + 1) % 40, np.full(40, 40)], 1)))
    return [Prop(*merge(parts), (0.02, 0.02, 0.02), 0.5, 60), Prop(*merge(lenses), (0.012, 0.012, 0.015), 0.9, 90)]


def _finger(base, tip, bend, thick):
    """Return a finger as a tube: two bent bones and a round tip."""
    base, tip = np.asarray(base), np.asarray(tip)
    t = np.array([0, 0.3, 0.55, 0.8, 0.93, 1.0])[:, None]
    path = base + (tip - base) * t + np.sin(np.pi * t) * bend
    return tube(path, thick * np.array([1.1, 1.0, 0.98, 0.9, 0.7, 0.15]), 8)


def _hand(vertices, side, target, lean, rng):
    """Return one hand whose fingers reach (x, y) `target` from below, leaning outwards by `lean`."""
    thick, parts, roots = rng.uniform(0.078, 0.095), [], []
    for k in range(4):
        x = target[0] + side * (k - 1.5) * 0.185
        length = (0.62, 0.76, 0.72, 0.58)[k] * rng.uniform(0.85, 1.0)
        y = target[1] + (0.0, 0.10, 0.07, -0.06)[k]
        tip = np.array([x, y, surface_depth(vertices, x, y) + thick * 0.9])
        root = np.array([x + side * lean * length, y - length, tip[2] + 0.05 + 0.1 * rng.random()])
        root[2] = max(root[2], surface_depth(vertices, root[0], root[1]) + thick * 0.9)
        parts.append(_finger(root, tip, np.array([0, 0, 0.06]), thick))
        roots.append(root)
    palm = np.mean(roots, 0)
    wrist = palm + np.array([side * lean * 0.8, -0.9, -0.05])
    parts.append(tube(np.stack([palm + [0, 0.08, 0], palm * 0.6 + wrist * 0.4, wrist]), [0.36, 0.36, 0.24], 12,
                      flatten=0.4))
    if rng.random() < 0.7:
        thumb = palm + np.array([-side * 0.36, 0.10, 0.02])
        parts.append(_finger(thumb - [0, 0.3, 0], thumb + [-side * 0.1, 0.28, 0], np.zeros(3), thick * 1.1))
    return parts


def _hands(vertices, rng, skin_colour):
    where = rng.choice(["mouth", "chin", "cheek", "cheeks"], p=[0.2, 0.3, 0.3, 0.2])
    side = rng.choice([-1, 1])
    if where == "mouth":
        parts = _hand(vertices, side, (rng.normal(0, 0.1), rng.uniform(6.5, 6.72)), rng.uniform(-0.1, 0.3), rng)
    elif where == "chin":
        parts = _hand(vertices, side, (rng.normal(0, 0.25), rng.uniform(6.1, 6.32)), rng.uniform(-0.1, 0.3), rng)
    else:
        parts = []
        for one in [side] if where == "cheek" else [-1, 1]:
            parts += _hand(vertices, one, (one * rng.uniform(0.56, 0.7), rng.uniform(6.75, 7.1)),
                           rng.uniform(0.05, 0.35), rng)
    return [Prop(*merge(parts), tuple(np.float32(skin_colour) * rng.uniform(0.9, 1.1)), 0.18, 12)]


def _object(vertices, rng):
    """A cup, a telephone or a microphone before mouth or chin."""
    kind = rng.choice(["cup", "telephone", "microphone"])
    x, colour = rng.normal(0, 0.12), tuple(rng.uniform(0.02, 0.8, 3))
    front = surface_depth(vertices, x, 6.5)
    if kind == "cup":
        path = np.array([[x, 5.7, front + 0.4], [x, 5.7, front + 0.4], [x, 6.55, front + 0.3], [x, 6.55, front + 0.3]])
        return [Prop(*tube(path, [0, 0.30, 0.38, 0.34], 20), colour, 0.35, 30)]
    if kind == "microphone":
        ball = np.linspace(-1, 1, 9)
        centre = np.array([x, 6.38, front + 0.25])
        path = centre + ball[:, None] * np.array([0, 0.17, 0])
        handle = np.stack([centre, centre + [rng.normal(0, 0.1), -1.1, 0.35]])
        return [Prop(*tube(path, 0.17 * np.sqrt(np.clip(1 - ball**2, 0, 1)) + 0.004, 14), (0.05, 0.05, 0.05), 0.3, 20),
                Prop(*tube(handle, 0.09, 10), (0.02, 0.02, 0.02), 0.5, 40)]
    side = rng.choice([-1, 1])
    path = np.array([[side * 0.72, 6.2, 1.0], [side * 0.72, 6.2, 1.0],
                     [side * 0.86, 7.3, 0.75], [side * 0.86, 7.3, 0.75]])
    return [Prop(*tube(path, [0, 0.26, 0.26, 0], 8, flatten=0.22), (0.03, 0.03, 0.04), 0.6, 60)]
