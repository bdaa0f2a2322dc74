"""Light on the visible points: a wrapped key with reddish shadow edges, sky and ground light, highlights."""

import numpy as np

WRAP = np.float32([0.30, 0.16, 0.12])  # light bleeds into skin, red furthest
SHADOW = np.float32([0.10, 0.05, 0.04])  # what is left of the key in its own shadow
AMBIENT_RAYS, AMBIENT_REACH = 2, 0.9  # rays a point, decimetres


def unit(vectors):
    """Return vectors [R, 3] scaled to length 1."""
    return vectors / np.sqrt(np.einsum("ij,ij->i", vectors, vectors) + 1e-12)[:, None]


def shade(points, normals, towards_eye, albedo, specular, gloss, light, scene, rng, wrap=WRAP):
    """Return linear RGB [R, 3] of points under a `Light`; `scene` answers who stands in whose light."""
    direction = unit(np.float32([light.direction]))[0]
    lifted = points + normals * np.float32(0.012)
    lit, open_sky = _visibility(lifted, normals, direction, scene, rng)
    facing = normals @ direction
    diffuse = np.clip((facing[:, None] + wrap) / (1 + wrap), 0, None) * (lit[:, None] + (1 - lit[:, None]) * SHADOW)
    upward = normals[:, 1:2] * 0.5 + 0.5
    around = (np.float32(light.sky) * upward + np.float32(light.ground) * (1 - upward)) * open_sky[:, None]
    half = unit(towards_eye + direction)
    mirror = np.exp(gloss * np.log(np.clip(np.einsum("ij,ij->i", normals, half), 1e-4, 1)))
    highlight = specular * mirror * (gloss + 8) / 60 * lit * (facing > 0)
    key = np.float32(light.key)
    return albedo * (diffuse * key / 2.2 + around) + highlight[:, None] * key * 0.10


def _visibility(points, normals, direction, scene, rng):
    """Return how much of the key and of the sky each point sees, both [R] in 0…1."""
    if not scene.shadows:
        return np.ones(len(points), np.float32), np.float32(0.75 + 0.25 * np.clip(normals[:, 2], 0, 1))

    def scatter():
        return rng.standard_normal(points.shape, dtype=np.float32)

    lit = ~scene.blocked(points, unit(direction + np.float32(0.06) * scatter()))
    closed = sum(
        scene.blocked(points, unit(normals + unit(scatter()) * np.float32(0.98)), AMBIENT_REACH)
        for _ in range(AMBIENT_RAYS)
    )
    return lit.astype(np.float32), 1 - closed.astype(np.float32) / AMBIENT_RAYS
