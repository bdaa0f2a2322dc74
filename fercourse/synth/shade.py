"""Light on the visible points: a wrapped key with reddish shadow edges, sky and ground light, highlights."""

import numpy as np

WRAP = np.float32([0.30, 0.16, 0.12])  # light bleeds into skin, red furthest
SHADOW = np.float32([0.10, 0.05, 0.04])  # what is left of the key in its own shadow
AMBIENT_RAYS, AMBIENT_REACH = 2, 0.9  # rays a point, decimetres
PATTERNS = 4  # neighbouring rays look in different directions, so that a pixel's mean is free of grain


def unit(vectors):
    """Return vectors [R, 3] scaled to length 1."""
    return vectors / np.sqrt(np.einsum("ij,ij->i", vectors, vectors) + 1e-12)[:, None]


def shade(points, normals, towards_eye, albedo, specular, gloss, light, scene, pattern, rng):
    """Return linear RGB [R, 3] of points under a `Light`.

    Args:
        points, normals, towards_eye: [R, 3]; albedo: linear RGB [R, 3]; specular, gloss: [R].
        scene: answers who stands in whose light.
        pattern: int [R] in 0…3, which of the four sets of shadow rays a point uses.
    """
    direction = unit(np.float32([light.direction]))[0]
    lifted = points + normals * np.float32(0.012)
    lit, open_sky = _visibility(lifted, normals, direction, scene, pattern, rng)
    facing = normals @ direction
    diffuse = np.clip((facing[:, None] + WRAP) / (1 + WRAP), 0, None) * (lit[:, None] + (1 - lit[:, None]) * SHADOW)
    upward = normals[:, 1:2] * 0.5 + 0.5
    around = (np.float32(light.sky) * upward + np.float32(light.ground) * (1 - upward)) * open_sky[:, None]
    half = unit(towards_eye + direction)
    mirror = np.exp(gloss * np.log(np.clip(np.einsum("ij,ij->i", normals, half), 1e-4, 1)))
    highlight = specular * mirror * (gloss + 8) / 60 * lit * (facing > 0)
    key = np.float32(light.key)
    return albedo * (diffuse * key / 2.2 + around) + highlight[:, None] * key * 0.10


def _visibility(points, normals, direction, scene, pattern, rng):
    """Return how much of the key and of the sky each point sees, both [R] in 0…1."""
    if not scene.shadows:
        return np.ones(len(points), np.float32), np.float32(0.75 + 0.25 * np.clip(normals[:, 2], 0, 1))
    spread = _sphere(PATTERNS * AMBIENT_RAYS, rng)
    softness = np.float32(0.06) * _sphere(PATTERNS, rng)
    lit = ~scene.blocked(points, unit(direction + softness[pattern]))
    closed = sum(
        scene.blocked(points, unit(normals + spread[pattern * AMBIENT_RAYS + k] * np.float32(0.98)), AMBIENT_REACH)
        for k in range(AMBIENT_RAYS))
    return lit.astype(np.float32), 1 - closed.astype(np.float32) / AMBIENT_RAYS


def _sphere(count, rng):
    """Return unit vectors [count, 3] spread evenly over the sphere (a Fibonacci lattice), turned at random."""
    height = 1 - (2 * np.arange(count) + 1) / count
    turn = np.arange(count) * np.pi * (3 - np.sqrt(5))
    flat = np.sqrt(1 - height**2)
    lattice = np.stack([flat * np.cos(turn), flat * np.sin(turn), height], 1)
    random_turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return rng.permutation(lattice @ random_turn).astype(np.float32)
