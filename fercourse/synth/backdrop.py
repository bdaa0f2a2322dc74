"""What is behind a face: studio paper, rooms and out-of-focus places."""

import numpy as np
from PIL import Image


def backdrop(kind: str, size: int, rng) -> np.ndarray:
    """Return linear RGB [size, size, 3] of a kind of place (`BACKDROPS`), out of focus."""
    return np.clip(BACKDROPS[kind](size, rng), 0, 3).astype(np.float32)


def _stretch(grid, size):
    """Enlarge a coarse grid [h, w, 3] smoothly to [size, size, 3]."""
    planes = [np.asarray(Image.fromarray(np.float32(grid[..., c])).resize((size, size), Image.BICUBIC))
              for c in range(3)]
    return np.stack(planes, -1)


def _colour(rng, light=None, spread=0.25):
    light = rng.uniform(0.03, 0.8) if light is None else light
    return np.clip(light * rng.normal(1, spread, 3), 0.005, 2)


def _clouds(size, rng, colours, octaves=(3, 6, 12)):
    """Return smooth patches between two colours."""
    share = sum(_stretch(rng.normal(0, 1 / k, (n, n, 1)).repeat(3, 2), size) for k, n in enumerate(octaves, 1))
    share = 1 / (1 + np.exp(-1.6 * share))
    return colours[0] * share + colours[1] * (1 - share)


def _paper(size, rng):
    shade = _colour(rng, spread=0.12)
    fall = np.linspace(rng.uniform(0.75, 1.25), rng.uniform(0.75, 1.25), size)[:, None, None]
    return shade * fall * np.ones((size, size, 3))


def _bright(size, rng):
    return np.full((size, size, 3), rng.uniform(1.2, 3.0)) * (1 - 0.05 * rng.random())


def _dark(size, rng):
    return _clouds(size, rng, (_colour(rng, 0.01), _colour(rng, 0.04)))


def _room(size, rng):
    """Walls with upright and level edges: doors, shelves, a window."""
    cells = int(rng.integers(5, 10))
    grid = np.tile(_colour(rng, rng.uniform(0.1, 0.6), 0.15), (cells, cells, 1))
    for _ in range(int(rng.integers(2, 6))):
        top, left = rng.integers(0, cells, 2)
        tall, wide = rng.integers(1, cells, 2)
        grid[top : top + tall, left : left + wide] = _colour(rng, spread=0.2)
    if rng.random() < 0.35:
        left = int(rng.integers(0, cells - 1))
        grid[: cells // 2 + 1, left : left + 2] = rng.uniform(1.0, 2.5)
    shelves = np.repeat(np.repeat(grid, 4, 0), 4, 1)
    return _stretch(shelves, size) * _clouds(size, rng, (np.full(3, 1.1), np.full(3, 0.85)))


def _outdoors(size, rng):
    """Sky or wall above, ground or leaves below."""
    leaves = _clouds(size, rng, (_colour(rng, 0.05, 0.4) * [0.9, 1.1, 0.6], _colour(rng, 0.35, 0.3) * [0.9, 1.1, 0.7]),
                     (5, 10, 20))
    sky = _clouds(size, rng, (_colour(rng, 0.9, 0.1), _colour(rng, 0.6, 0.1) * [0.8, 0.95, 1.2]))
    edge = size * rng.uniform(-0.2, 1.1) + size * 0.05 * rng.normal(0, 1)
    mix = 1 / (1 + np.exp(-(np.arange(size) - edge) / (size * 0.04)))[:, None, None]
    return sky * (1 - mix) + leaves * mix


def _lights(size, rng):
    """A dim place with round blurred lights."""
    picture = _clouds(size, rng, (_colour(rng, 0.02), _colour(rng, 0.12)))
    y, x = np.mgrid[:size, :size] / size
    for _ in range(int(rng.integers(3, 12))):
        centre, radius = rng.random(2), rng.uniform(0.03, 0.12)
        disc = 1 / (1 + np.exp((np.hypot(x - centre[0], y - centre[1]) - radius) / (0.15 * radius)))
        picture = picture + disc[..., None] * _colour(rng, rng.uniform(0.2, 1.2), 0.3)
    return picture


BACKDROPS = {"paper": _paper, "bright": _bright, "dark": _dark, "room": _room, "outdoors": _outdoors, "lights": _lights}
