"""Paint: the colour and shine of every visible point.

All of it is a function of template coordinates, so that it sticks to the skin.
"""

from dataclasses import dataclass

import numpy as np

from .creases import crease_depth
from .head import EYE_CENTRES, LONG_HAIR, LOWER_TEETH, SKIN, TONGUE, UPPER_TEETH
from .people import HAIR, MONK, Person


def smoothstep(low, high, x):
    """Return 0 below `low`, 1 above `high` and a smooth step between (also downwards if low > high)."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def noise(points, seed, frequency, waves=10):
    """Return a smooth random function of points [R, 3], about normal with unit spread: a sum of plane waves."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(0, frequency, (3, waves)).astype(np.float32)
    phases = rng.uniform(0, 2 * np.pi, waves).astype(np.float32)
    return np.sin(points @ directions + phases).sum(1) / np.sqrt(waves / 2)


@dataclass
class Surface:
    """R visible points and how they look.

    Attributes:
        template: [R, 3] where each point lies on the undeformed head; `x` is its distance from the middle.
        part: int [R]; lips, inside_mouth, ears: [R] region masks.
        albedo: linear RGB [R, 3]; specular: [R] strength; gloss: [R] exponent of the highlight.
    """

    template: np.ndarray
    part: np.ndarray
    lips: np.ndarray
    inside_mouth: np.ndarray
    ears: np.ndarray

    def __post_init__(self):
        count = len(self.template)
        self.x, self.y, self.z = np.abs(self.template[:, 0]), self.template[:, 1], self.template[:, 2]
        self.front = smoothstep(0.55, 0.9, self.z)
        self.skin = self.part == SKIN
        self.albedo = np.zeros((count, 3), np.float32)
        self.specular = np.full(count, 0.2, np.float32)
        self.gloss = np.full(count, 14, np.float32)

    def tint(self, amount, factors):
        """Multiply the albedo towards `factors` (RGB) by `amount` [R] in 0…1."""
        self.albedo *= 1 - amount[:, None] * (1 - np.float32(factors))

    def cover(self, amount, colour):
        """Lay an opaque `colour` (linear RGB, [3] or [R, 3]) over the albedo with `amount` [R]."""
        self.albedo += amount[:, None] * (np.float32(colour) - self.albedo)


def linear(srgb):
    """Return linear light for sRGB values in 0…1 (gamma 2.2)."""
    return np.asarray(srgb, np.float32) ** np.float32(2.2)


def paint(surface: Surface, person: Person, units: dict[str, float], cover: str = "none") -> Surface:
    """Paint a person's head; of the occluders only `mask` (a cloth over nose and mouth) is painted."""
    _skin(surface, person)
    _age(surface, person, units)
    _lips(surface, person)
    _brows_and_beard(surface, person)
    if person.hair in ("scarf", "beanie"):
        _headwear(surface, person)
    else:
        _hair(surface, person)
    _shirt(surface, person)
    _mouth_inside(surface)
    for eye, centre in EYE_CENTRES.items():
        _eye(surface, person, surface.part == eye, np.float32(centre))
    if cover == "mask":
        _cloth_mask(surface, person)
    return surface


def _skin(s, person):
    step = np.clip(person.tone - 1, 0, 8.999)
    low = int(step)
    tone = linear(MONK[low]) * (1 - (step - low)) + linear(MONK[low + 1]) * (step - low)
    pale = np.clip((5.5 - person.tone) / 4.5, 0, 1)
    tone = tone * (1 - pale * np.float32([0.14, 0.30, 0.40]))  # swatches carry no blood
    s.albedo[:] = tone * 0.92 + np.float32([0.017, 0.011, 0.008])  # nor the sheen that lightens the darkest skin
    mottle = 1 + 0.05 * noise(s.template, person.seed + 1, 5) + 0.035 * noise(s.template, person.seed + 2, 35, 14)
    s.albedo *= mottle[:, None]
    s.specular[:] = person.gloss * (1 + 0.6 * (1 - pale) * (person.tone > 6))
    cheeks = np.exp(-(((s.x - 0.36) / 0.17) ** 2 + ((s.y - 7.02) / 0.13) ** 2))
    nose = np.exp(-((s.x / 0.1) ** 2 + ((s.y - 6.93) / 0.1) ** 2))
    s.tint(s.front * (cheeks + 0.8 * nose) * person.blush, [1.06, 0.86, 0.89])
    s.specular += 0.12 * person.gloss * np.exp(-((s.x / 0.08) ** 2 + ((s.y - 7.0) / 0.12) ** 2)) * s.front
    under_eye = np.exp(-(((s.x - 0.32) / 0.17) ** 2 + ((s.y - 7.2) / 0.06) ** 2))
    deep = person.hollows
    s.tint(s.front * under_eye * min(2, deep * (0.5 + min(1, person.age / 80))), [0.74, 0.72, 0.72])
    socket = np.exp(-(((s.x - 0.3) / 0.2) ** 2 + ((s.y - 7.37) / 0.05) ** 2))
    s.tint(s.front * socket * deep, [0.66, 0.62, 0.62])
    lids = np.exp(-(((s.x - 0.3) / 0.19) ** 2 + ((s.y - 7.31) / 0.075) ** 2))
    s.tint(s.front * lids * max(0, deep - 0.8), [0.72, 0.68, 0.68])
    beside_nose = np.exp(-(((s.x - 0.13) / 0.05) ** 2 + ((s.y - 7.12) / 0.16) ** 2))
    wings = np.exp(-(((s.x - 0.17) / 0.035) ** 2 + ((s.y - 6.91) / 0.06) ** 2))
    s.tint(s.front * np.maximum(0.6 * beside_nose, wings) * min(1.8, deep), [0.72, 0.68, 0.68])
    under_lip = np.exp(-((s.x / 0.22) ** 2 + ((s.y - 6.455) / 0.03) ** 2))
    s.tint(s.front * under_lip, [0.78, 0.75, 0.75])
    if person.freckles > 0.05:
        speckle = smoothstep(1.5, 2.2, noise(s.template, person.seed + 3, 75, 16))
        where = np.exp(-(((s.x - 0.2) / 0.35) ** 2) - ((s.y - 7.05) / 0.22) ** 2)
        s.tint(s.front * speckle * where * min(1, person.freckles) * 0.5, [0.65, 0.4, 0.3])


def _age(s, person, units):
    """Draw creases deepened by movement and years, and the spots of age."""
    s.tint(person.creases * s.front * crease_depth(s.x, s.y, person, units), [0.25, 0, 0])
    if person.age > 50:
        spots = smoothstep(1.7, 2.4, noise(s.template, person.seed + 4, 28, 14))
        s.tint(0.25 * spots * np.clip((person.age - 50) / 35, 0, 1), [0.5, 0.2, 0])


def _lips(s, person):
    lip = s.lips * (s.z > 1.3)
    skin = s.albedo[s.skin].mean(0) if s.skin.any() else np.float32([0.4, 0.3, 0.25])
    shade = 0.5 * linear(person.lip_colour) * (0.12 + 1.5 * skin.mean()) + 0.5 * skin * np.float32([1.2, 0.62, 0.66])
    s.cover(lip * person.lip, shade)
    s.specular += 0.22 * lip
    s.gloss += 16 * lip
    line = np.exp(-(((s.y - 6.612) / 0.008) ** 2)) * (s.x < 0.26) * (s.z > 1.4)
    s.tint(0.5 * line, [0, 0, 0])


def _brows_and_beard(s, person):
    brow = person.brow
    height = np.interp(s.x, [0.10, 0.20, 0.38, 0.50, 0.58],
                       [7.447, 7.457, 7.452 + 0.75 * brow["arch"], 7.432 + 0.5 * brow["arch"], 7.39]) + brow["lift"]
    width = brow["thickness"] * np.interp(s.x, [0.08, 0.14, 0.4, 0.58], [0.3, 1.1, 1.0, 0.25])
    hairs = np.clip(0.88 + 0.1 * noise(s.template * np.float32([1, 0.5, 1]), person.seed + 5, 90, 12), 0.4, 1)
    brows = (smoothstep(1.35, 0.5, np.abs(s.y - height) / width)
             * smoothstep(0.09, 0.13, s.x) * smoothstep(0.60, 0.54, s.x) * s.front * brow["density"] * hairs)
    jaw = (smoothstep(6.95, 6.70, s.y + 0.35 * np.clip(0.35 - s.x, 0, 1)) * smoothstep(6.0, 6.15, s.y)
           * smoothstep(0.15, 0.45, s.z) * (1 - s.lips)
           * (1 - smoothstep(0.34, 0.25, s.x) * smoothstep(6.55, 6.64, s.y)))
    upper = (np.exp(-(((s.y - 6.735 - 0.02 * (s.x < 0.05) + 0.10 * np.clip(s.x - 0.1, 0, 1)) / 0.042) ** 2))
             * smoothstep(0.32, 0.22, s.x) * (1 - s.lips) * (s.y > 6.64) * (s.z > 1.3))
    beard = np.maximum(person.beard * jaw, person.moustache * upper * 0.9)
    beard = np.clip(beard * (0.9 + 0.14 * noise(s.template, person.seed + 6, 70, 12)), 0, 1) * s.front
    s.cover(np.maximum(brows, beard) * s.skin, linear(person.hair_colour))


_LINE_AT = np.array([0, 18, 38, 52, 62, 72, 84, 90, 118, 128, 180])
_LINE = np.array([0.51, 0.52, 0.55, 0.47, 0.36, 0.26, 0, 0.34, 0.34, -0.45, -0.75])
_LINE_BEANIE = np.array([0.36, 0.36, 0.36, 0.36, 0.34, 0.30, 0.12, 0.05, 0, -0.3, -0.4])
_LINE_SCARF = np.array([0.50, 0.50, 0.44, 0.22, 0.02, -0.3, -0.6, -0.7, -0.9, -1.2, -1.5])


def scalp(template, person: Person, soft: float):
    """Return [R] how much each template point is under hair (or headwear), 0…1 over an edge of `soft` radians."""
    x, y, z = template[:, 0], template[:, 1] - 7.3, template[:, 2] - 0.45
    signed = np.degrees(np.arctan2(x, z))
    around, above = np.abs(signed), np.arctan2(y, np.hypot(x, z))
    if person.hair == "beanie":
        return smoothstep(-soft, soft, above - np.interp(around, _LINE_AT, _LINE_BEANIE))
    if person.hair == "scarf":
        line = np.interp(around, _LINE_AT, _LINE_SCARF)
        under_chin = smoothstep(-0.03, 0.03, 6.18 + 0.25 * (np.abs(x) / 0.6) ** 2 - template[:, 1])
        return np.maximum(smoothstep(-soft, soft, above - line), under_chin)
    line = np.interp(around, _LINE_AT, _LINE)
    if person.hairline >= 0:
        line = line + person.hairline * np.interp(around, [0, 15, 40, 70, 90], [0.9, 1.1, 2.2, 0.6, 0])
    else:  # a fringe, open at the parting
        opening = np.exp(-(((signed - person.parting) / 9) ** 2))
        line = line + person.hairline * np.interp(around, [0, 40, 58, 70], [1, 1, 0.6, 0]) * (1 - 0.7 * opening)
        line = line + 0.02 * np.sin(signed * 0.9 + person.seed % 7)
    return smoothstep(-soft, soft, above - line)


def _hair(s, person):
    seed, style = person.seed, person.hair
    mask = scalp(s.template, person, 0.03) * (1 - s.ears)
    mask = np.clip(mask + mask * (1 - mask) * noise(s.template, seed + 8, 40, 10), 0, 1)
    mask *= {"bald": 0.35 * (person.age < 75), "buzz": 0.85}.get(style, 1)
    mask *= s.skin
    curl = HAIR[style][1]
    around = np.arctan2(s.template[:, 0], s.z - 0.45)
    swirl = 3 * noise(s.template, seed + 7, 4, 6)
    strands = 0.78 + 0.26 * np.sin(around * 60 + swirl) * np.sin(around * 37 + 1)
    strands += (0.10 + 0.12 * (curl > 1)) * noise(
        s.template * np.float32([1, 0.2 + 0.8 * (curl > 1), 1]), seed + 9, 60, 10)
    colour = linear(person.hair_colour) * strands.clip(0.3, 1.6)[:, None]
    s.cover(mask, colour)
    s.specular = np.where(mask > 0.4, 0.12, s.specular)
    strips = s.part == LONG_HAIR
    if strips.any():
        t = s.template[strips]
        wave = 0.8 + 0.3 * np.sin(t[:, 0] * 70 + t[:, 2] * 50 + 2 * noise(t, seed + 7, 3, 6))
        s.albedo[strips] = linear(person.hair_colour) * wave.clip(0.3, 1.5)[:, None]
        s.specular[strips] = 0.15


def _headwear(s, person):
    """Knitted cap or headscarf: cloth with ribs or folds instead of strands."""
    mask = scalp(s.template, person, 0.015)
    t = s.template
    around = np.arctan2(t[:, 0], t[:, 2] - 0.45)
    ribs = np.sin(around * 70) if person.hair == "beanie" else noise(t * np.float32([1, 2, 1]), person.seed + 7, 5, 8)
    cloth = linear(person.cloth[::-1]) * (1 + 0.16 * ribs)[:, None]
    s.cover(mask * s.skin, cloth)
    s.specular = np.where(mask > 0.4, 0.03, s.specular)


def _shirt(s, person):
    if person.hair == "scarf":
        return
    mask = smoothstep(5.98, 5.95, s.y + 0.12 * s.x) * s.skin
    s.cover(mask, linear(person.cloth) * (0.9 + 0.1 * np.sin(s.y * 60))[:, None])
    s.specular = np.where(mask > 0.5, 0, s.specular)


def _mouth_inside(s):
    s.albedo[(s.inside_mouth > 0.5) & s.skin] = [0.10, 0.025, 0.025]
    teeth = (s.part == UPPER_TEETH) | (s.part == LOWER_TEETH)
    x = s.template[teeth, 0]
    gaps = 1 - 0.25 * np.exp(-((np.sin(x * 3.14 / 0.085) / 0.16) ** 2))
    s.albedo[teeth] = np.float32([1.15, 1.10, 0.99]) * (gaps * (1 - 0.5 * smoothstep(0.14, 0.32, np.abs(x))))[:, None]
    s.specular[teeth], s.gloss[teeth] = 0.15, 40
    tongue = s.part == TONGUE
    s.albedo[tongue], s.specular[tongue] = [0.42, 0.12, 0.12], 0.3


def _eye(s, person, rows, centre):
    """Paint one eyeball by the angle from its axis: pupil, iris with its dark ring, white."""
    if not rows.any():
        return
    direction = s.template[rows] - centre
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    angle = np.degrees(np.arccos(np.clip(direction[:, 2], -1, 1)))
    around = np.arctan2(direction[:, 1], direction[:, 0])
    iris, pupil = smoothstep(30, 27, angle)[:, None], smoothstep(13, 11, angle)[:, None]
    rays = 1 + 0.35 * np.sin(around * 23 + person.seed % 7) * np.sin(around * 14)
    colour = linear(person.iris) * 0.85 * (rays * (1.15 - 0.6 * smoothstep(20, 29, angle)))[:, None]
    white = np.float32([0.80, 0.76, 0.72]) * (1 - 0.14 * smoothstep(20, 75, angle))[:, None]
    s.albedo[rows] = (white * (1 - iris) + colour * iris) * (1 - pupil) + 0.006 * pupil
    s.specular[rows], s.gloss[rows] = 0.9, 120


MASK_TOP = np.float32([[0, 7.02], [0.2, 6.98], [0.45, 6.92], [0.72, 6.98]])


def mask_region(template):
    """Return [R] how much each template point is under a cloth mask over nose and mouth."""
    x, y, z = np.abs(template[:, 0]), template[:, 1], template[:, 2]
    top = np.interp(x, *MASK_TOP.T)
    return (smoothstep(-0.01, 0.01, top - y) * smoothstep(6.13, 6.16, y + 0.05 * (x / 0.5) ** 2)
            * smoothstep(0.35, 0.45, z))


def _cloth_mask(s, person):
    region = mask_region(s.template) * (s.part != LONG_HAIR)
    pleats = 1 - 0.10 * (np.sin(s.y * 42) > 0.6)
    colours = np.float32([[0.85, 0.87, 0.88], [0.45, 0.66, 0.78], [0.08, 0.08, 0.09], [0.75, 0.62, 0.66]])
    s.cover(region, linear(colours[person.seed % 4]) * pleats[:, None])
    s.specular = np.where(region > 0.5, 0.02, s.specular)
