"""From a person and a shot to a picture: pose the head, cast rays, paint, light, and let the lens have its way."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .backdrop import backdrop
from .head import (
    LASHES,
    LEFT_EYE,
    LONG_HAIR,
    LOWER_TEETH,
    PIVOT,
    RIGHT_EYE,
    SKIN,
    TONGUE,
    UPPER_TEETH,
    Head,
    head,
    summed_normals,
)
from .paint import Surface, linear, mask_region, noise, paint, scalp, smoothstep
from .people import HAIR, MONK, Person
from .props import build
from .raycast import Hits, scene
from .shade import shade, unit
from .shots import Shot

# Where the eyes' middles and the mouth's middle of the resting face come to lie; the picture spans -1…1, y up.
CANONICAL = np.array([-0.355 + 0.25j, 0.355 + 0.25j, -0.53j])


@dataclass(frozen=True)
class Picture:
    """A rendered face.

    Attributes:
        image: uint8 RGB [size, size, 3].
        landmarks: float32 [68, 2] pixels (x right, y down; the first pixel's centre is 0.5), iBUG order.
        visible: bool [68] inside the picture, not turned away, not covered.
    """

    image: np.ndarray
    landmarks: np.ndarray
    visible: np.ndarray


@dataclass(frozen=True)
class GeometryBuffer:
    """What R rays see, interpolated over triangles; `rows` [R'] are the rays that meet something."""

    rows: np.ndarray
    hits: Hits
    points: np.ndarray
    normals: np.ndarray
    template: np.ndarray
    masks: np.ndarray
    part: np.ndarray  # part of the head, or 100 + number of the prop


def render(person: Person, shot: Shot, size: int = 64, engine: str = "auto", supersample: int = 2) -> Picture:
    """Render a shot at `size` pixels; `engine` as in `raycast.scene`.

    The same person, shot, size and engine give the same bytes on the same machine.
    """
    rng = np.random.default_rng(shot.seed)
    model, resting = head(), head_vertices(person, {})
    relaxed = head_vertices(person, shot.units, covered=shot.occluder == "mask")
    props = build(shot.occluder, relaxed, rng, _skin_colour(person))
    turn = rotation(shot.yaw, shot.pitch, shot.roll)
    posed = np.float32((relaxed - PIVOT) @ turn.T)
    frame = align(model, np.float32((resting - PIVOT) @ turn.T), shot.lens)
    rays = _rays(frame, size * supersample, shot.lens.distance)
    eye = np.float32([0, 0, shot.lens.distance])
    buffer, world = geometry(model, person, posed, [np.float32((p.vertices - PIVOT) @ turn.T) for p in props], props,
                             eye, rays, engine)
    picture = backdrop(shot.backdrop, size * supersample, rng).reshape(-1, 3)
    picture[buffer.rows] = _colours(person, shot, buffer, props, -rays[buffer.rows], world, rng)
    _draw_lashes(picture, model, person, posed, buffer, eye, rays, engine)
    landmarks = _project(posed[model.landmarks], frame, size, shot.lens.distance)
    visible = _visible(landmarks, posed[model.landmarks], eye, buffer.hits, size, supersample)
    picture *= _meter(picture[buffer.rows])
    small = picture.reshape(size, supersample, size, supersample, 3).mean((1, 3))
    return Picture(develop(small, shot, rng), landmarks.astype(np.float32), visible)


# ------------------------------------------------------------------ geometry


def head_vertices(person: Person, units: dict[str, float], covered: bool = False) -> np.ndarray:
    """Return vertices [V, 3] of a person under unit weights, hair and headwear included.

    `covered`: a cloth mask lies over nose and mouth and smooths what they do.
    """
    model = head()
    shape = model.vertices({**person.shape, **{f"unit:{name}": w for name, w in units.items()}})
    thick, curl, _ = HAIR[person.hair]
    if thick:
        cover = scalp(model.template, person, 0.08) * (model.part == SKIN) * (1 - model.ears)
        if person.hairline < 0:  # a fringe lies flat
            cover = cover * (1 - 0.65 * smoothstep(0.8, 1.1, model.template[:, 2]))
        bumps = 1 + 0.30 * curl * noise(model.template, person.seed, 3.0 + 2 * curl, 6)
        if person.hair in ("scarf", "beanie"):  # ears lie under the cloth
            shape[:, 0] *= np.where(model.ears > 0.3, 0.88, 1)
        shape = shape + model.normals(shape) * (cover * thick * bumps)[:, None]
    if covered:
        region = (mask_region(model.template) * (model.part == SKIN))[:, None]
        drop = model.vertices({**person.shape, "unit:jawOpen": 0.5 * units.get("jawOpen", 0)})
        for _ in range(30):  # cloth spans hollows and rounds off ridges
            drop = drop * (1 - region) + np.maximum(model.smooth(drop), drop * [1, 1, 0.97]) * region
        shape = shape * (1 - region) + (drop + model.normals(drop) * 0.05) * region
    eyes = (model.part == LEFT_EYE) | (model.part == RIGHT_EYE)
    shape = shape + model.template[eyes].mean(0) - shape[eyes].mean(0)      # short people are looked at level, too
    return shape.astype(np.float32)


def rotation(yaw, pitch, roll):
    """Return the matrix [3, 3] that turns a head: degrees, yaw to its left, pitch down, roll to its right."""
    (cy, cx, cz), (sy, sx, sz) = (f(np.radians([yaw, pitch, roll])) for f in (np.cos, np.sin))
    return (np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
            @ [[1, 0, 0], [0, cx, -sx], [0, sx, cx]]
            @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]]))


def _flat(points, distance):
    """Return the perspective image of points [P, 3] as complex numbers on the plane z = 0."""
    scale = distance / (distance - points[:, 2])
    return (points[:, 0] + 1j * points[:, 1]) * scale


def align(model: Head, resting, lens):
    """Return (factor, offset): the similarity from the plane z = 0 to the picture that puts eyes and mouth in place."""
    corners = resting[model.landmarks[[48, 54]]].mean(0)
    anchors = np.stack([resting[model.part == RIGHT_EYE].mean(0), resting[model.part == LEFT_EYE].mean(0), corners])
    source = _flat(anchors, lens.distance)
    a, b = source - source.mean(), CANONICAL - CANONICAL.mean()
    factor = np.vdot(a, b) / np.vdot(a, a)
    half_roll = (factor / abs(factor)) ** 0.5  # detectors straighten a face, but not quite
    factor = abs(factor) * lens.zoom * np.exp(1j * np.radians(lens.tilt)) * half_roll
    return factor, CANONICAL.mean() + complex(*lens.shift) - factor * source.mean()


def _rays(frame, side, distance):
    """Return unit directions [side², 3] of the pixels' rays from the eye at (0, 0, distance)."""
    factor, offset = frame
    at = (np.arange(side) + 0.5) / side * 2 - 1
    plane = ((at[None, :] - 1j * at[:, None]).ravel() - offset) / factor
    return unit(np.stack([plane.real, plane.imag, np.full(side * side, -distance)], 1).astype(np.float32))


def _project(points, frame, size, distance):
    factor, offset = frame
    at = _flat(points.astype(float), distance) * factor + offset
    return np.stack([(at.real + 1) / 2 * size, (1 - at.imag) / 2 * size], 1)


def _strips(model, person):
    """Return which triangles of the long-hair strips this person wears: those that leave the face free."""
    lowest = HAIR[person.hair][2]
    if lowest is None:
        return np.zeros(len(model.triangles), bool)
    centre = model.template[model.triangles].mean(1)
    before_face = (np.abs(centre[:, 0]) < 0.72) & (centre[:, 2] > 0.62)
    return (model.triangle_part == LONG_HAIR) & ~before_face & (centre[:, 1] > max(lowest, 5.2))


def geometry(model, person, posed, prop_vertices, props, eye, rays, engine="auto"):
    """Cast all rays against head and props; returns a `GeometryBuffer` and the scene."""
    wanted = (np.isin(model.triangle_part, (SKIN, LEFT_EYE, RIGHT_EYE, UPPER_TEETH, LOWER_TEETH, TONGUE))
              | _strips(model, person))
    triangles, part = [model.triangles[wanted]], [model.triangle_part[wanted].astype(int)]
    columns = [np.hstack([model.normals(posed), posed, model.template,
                          model.lips[:, None], model.inside_mouth[:, None], model.ears[:, None]])]
    start = len(posed)
    for number, (vertices, prop) in enumerate(zip(prop_vertices, props)):
        triangles.append(prop.triangles + start)
        part.append(np.full(len(prop.triangles), 100 + number))
        normals = unit(summed_normals(vertices, prop.triangles))
        columns.append(np.hstack([normals, vertices, np.zeros((len(vertices), 6))]))
        start += len(vertices)
    triangles, part, columns = (np.concatenate(triangles), np.concatenate(part),
                                np.concatenate(columns).astype(np.float32))
    world = scene(columns[:, 3:6], triangles, engine)
    hits = world.cast(eye, rays)
    rows = np.flatnonzero(hits.triangle >= 0)
    corners, u, v = triangles[hits.triangle[rows]], hits.u[rows][:, None], hits.v[rows][:, None]
    mixed = columns[corners[:, 0]] * (1 - u - v) + columns[corners[:, 1]] * u + columns[corners[:, 2]] * v
    normals = unit(mixed[:, :3])
    normals[np.einsum("ij,ij->i", normals, rays[rows]) > 0] *= -1
    return GeometryBuffer(
        rows, hits, mixed[:, 3:6], normals, mixed[:, 6:9], mixed[:, 9:], part[hits.triangle[rows]]), world


def _visible(landmarks, points, eye, hits, size, supersample):
    """Return bool [68]: nothing stands clearly before the landmark at its own pixel."""
    side = size * supersample
    column, row = np.floor(landmarks * supersample).astype(int).T
    inside = (column >= 0) & (column < side) & (row >= 0) & (row < side)
    first = np.full(len(points), np.inf)
    first[inside] = hits.distance[(row * side + column)[inside]]
    return inside & (first > np.linalg.norm(points - eye, axis=1) - 0.10)


# ------------------------------------------------------------------ colour


def _skin_colour(person):
    return linear(MONK[int(np.clip(round(person.tone) - 1, 0, 9))])


def _colours(person, shot, buffer, props, towards_eye, world, rng):
    """Return linear RGB of every ray that meets something."""
    on_head = buffer.part < 100
    surface = Surface(buffer.template[on_head], buffer.part[on_head], *buffer.masks[on_head].T)
    paint(surface, person, shot.units, cover=shot.occluder)
    count = len(buffer.rows)
    albedo, specular, gloss = np.zeros((count, 3), np.float32), np.zeros(count, np.float32), np.ones(count, np.float32)
    albedo[on_head], specular[on_head], gloss[on_head] = surface.albedo, surface.specular, surface.gloss
    for number, prop in enumerate(props):
        mine = buffer.part == 100 + number
        albedo[mine], specular[mine], gloss[mine] = np.float32(prop.albedo), prop.specular, prop.gloss
    side = round(len(buffer.hits.triangle) ** 0.5)
    pattern = buffer.rows // side % 2 * 2 + buffer.rows % 2
    return shade(buffer.points, buffer.normals, towards_eye, albedo, specular, gloss, shot.light, world, pattern, rng)


def _draw_lashes(picture, model, person, posed, buffer, eye, rays, engine):
    """Blend the lashes over the eyes: a second cast of the few rays around them."""
    t = buffer.template
    near = (np.abs(t[:, 0]) < 0.62) & (np.abs(t[:, 1] - 7.29) < 0.16) & (t[:, 2] > 1.0) & (buffer.part < 100)
    if not near.any() or engine == "zbuffer":
        return
    candidates = buffer.rows[near]
    lashes = scene(posed, model.triangles[np.isin(model.triangle_part, LASHES)], engine)
    if not lashes.shadows:
        return
    hits = lashes.cast(eye, rays[candidates])
    seen = candidates[hits.distance < buffer.hits.distance[candidates] + 0.004]
    picture[seen] = picture[seen] * (1 - person.lashes) + 0.012 * person.lashes


# ------------------------------------------------------------------ lens and file


def _meter(face) -> float:
    """Return the exposure a camera would choose: most of the way to a middle grey of the face."""
    return float((0.46 / max(face.mean(), 1e-3)) ** 0.65) if len(face) else 1.0


def develop(light, shot: Shot, rng) -> np.ndarray:
    """Turn linear light [S, S, 3] into the uint8 picture a camera and a file format would leave."""
    lens, size = shot.lens, len(light)
    exposed = (1 - np.exp(-1.02 * np.clip(light * lens.exposure, 0, None))) ** (lens.gamma / 2.2)
    grey = (exposed @ [0.299, 0.587, 0.114])[..., None]
    colour = 0 if lens.grey else (exposed - grey) * lens.contrast**0.3
    exposed = np.clip(0.5 + (grey - 0.5) * lens.contrast + colour, 0, 1) * np.ones(3)
    image = Image.fromarray((exposed * 255 + 0.5).astype(np.uint8))
    if shot.occluder == "lettering":
        _letter(image, rng)
    if lens.blur:
        image = image.filter(ImageFilter.GaussianBlur(lens.blur * size))
    if lens.coarse < 1:
        small = max(8, round(size * lens.coarse))
        image = image.resize((small, small), Image.BILINEAR).resize((size, size), Image.BICUBIC)
    grain = rng.normal(0, 1, (size, size, 1)) + (0 if lens.grey else rng.normal(0, 0.4, (size, size, 3)))
    noisy = Image.fromarray(np.clip(np.asarray(image, np.float32) + grain * lens.grain, 0, 255).astype(np.uint8))
    if lens.jpeg >= 95:
        return np.asarray(noisy)
    file = io.BytesIO()
    noisy.save(file, "JPEG", quality=lens.jpeg)
    return np.asarray(Image.open(file).convert("RGB"))


def _letter(image, rng):
    """Print a pale word across, as picture agencies do."""
    size = image.width
    layer = Image.new("L", (96, 20), 0)
    ImageDraw.Draw(layer).text((4, 4), "SAMPLE PICTURE", fill=int(rng.uniform(60, 130)))
    wide = int(size * rng.uniform(0.8, 1.3))
    layer = layer.resize((wide, max(6, wide // 5)), Image.BILINEAR).rotate(rng.uniform(-25, 25), expand=True)
    shade = int(rng.choice([30, 235]))
    at = (int(rng.uniform(-0.2, 0.2) * size), int(rng.uniform(0.1, 0.7) * size))
    image.paste(Image.new("RGB", layer.size, (shade,) * 3), at, layer)
