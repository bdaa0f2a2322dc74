"""Pictures of faces: the grid under their labels, rows of images, and maps laid over faces."""

import re
from collections import Counter

import numpy as np
import torch

from ..errors import InputError
from .figure import Figure, preceded, styled
from .palette import area_of, colours_of, markers_of

INK, WRONG = "#222222", "#b00020"
SCALE = "Yellow: the map's peak; a bare face: 0. Each map is scaled to its own peak."
COARSE = 8         # cells a side up to which a map shows its cells: smoothed, it would pretend to know more


@styled
def face_grid(faces, columns=8, title=None, captions=None, alt=None, caption=None):
    """Draw faces in a grid, each over its label; where the truth is known and differs, it stands below.

    Args:
        faces: FaceSet of 1 to about 100 faces.
        columns: faces in a row.
        title: one line above the grid.
        captions: one text a face, in place of the labels; may have several lines.
        alt: what the picture shows, by default made from the labels; the captions are added where it leaves them out.
        caption: what to look for.
    """
    texts = _labels(faces) if captions is None else [str(text) for text in captions]
    if len(texts) != len(faces):
        raise InputError(f"{len(texts)} captions for {len(faces)} faces, expected one a face")
    grid = Grid(texts, columns, title)
    shapes = _shapes(faces) if captions is None else [None] * len(faces)
    for i, (image, text, shape) in enumerate(zip(as_images(faces.images), texts, shapes)):
        grid.draw(i, image)
        grid.write(i, text, shape, WRONG if shape and "\n" in text else INK)
    alt = alt or _grid_alt(faces, grid, texts, captions)
    return grid.figure.describe(alt if captions is None else _with_words(alt, {"": texts}), caption)


@styled
def image_rows(rows, titles=None, alt=None, caption=None):
    """Draw rows of images under one another: views, reconstructions, a query and its neighbours.

    Args:
        rows: name -> images, uint8 or float in [0, 1], [N, 3, H, W] (or [N, 1, H, W]).
        titles: name -> one short text an image, drawn under it.
        alt: what the picture shows; names and titles are added where it leaves them out.
        caption: what to look for.

    Raises:
        InputError: there is no image to draw.
    """
    if not any(len(images) for images in rows.values()):
        raise InputError(f"image_rows: {len(rows)} rows without an image; expected at least one image, such as a face "
                         "that was found; where nothing was found, say so in place of a picture")
    across, titles = max(len(images) for images in rows.values()), titles or {}
    texts = [str(text) for name in rows for text in _padded(titles.get(name, ()), across)]
    grid = Grid(texts, across, None, margin=0.06 * max(len(line) for name in rows for line in name.split("\n")) + 0.15)
    for row, (name, images) in enumerate(rows.items()):
        grid.axes.text(-0.06, grid.corner(row * across)[1] + 0.5, name, ha="right", va="center", fontsize=8)
        for column, image in enumerate(as_images(images)):
            grid.draw(row * across + column, image)
            grid.write(row * across + column, texts[row * across + column])
    alt = alt or f"{len(rows)} rows of up to {across} images: {', '.join(rows)}"
    return grid.figure.describe(_with_words(alt, {name: titles.get(name, ()) for name in rows}), caption)


@styled
def overlay(images, maps, titles=None, columns=8, strength=0.8, alt=None, caption=None):
    """Lay class activation maps over faces: bright where the network looked.

    Args:
        images: uint8 [N, 3, H, W].
        maps: [N, h, w], not negative; each is scaled to its own maximum; up to 8 x 8 cells are drawn as squares.
        titles: one short text a face.
        columns: faces in a row.
        strength: opacity where a map is brightest, 0 to 1; it fades to nothing where the map is 0.
        alt: what the picture shows; where cells are few, the brightest one of each map is added.
        caption: what to look for, after a sentence on what the colours mean.
    """
    texts = _padded([*map(str, () if titles is None else titles)], len(images))
    grid = Grid(texts, columns)
    heats = torch.as_tensor(maps).detach().float().cpu().numpy()
    for i, (image, heat) in enumerate(zip(as_images(images), heats)):
        grid.draw(i, image)
        heat = heat.clip(0) / max(heat.max(), 1e-12)
        grid.draw(i, heat, image.shape, alpha=strength * heat, cmap="inferno", vmin=0, vmax=1,
                  interpolation="nearest" if max(heat.shape) <= COARSE else "bicubic")
        grid.write(i, texts[i])
    alt = alt or f"{len(images)} faces, bright where the network looked"
    return grid.figure.describe(alt + _brightest(heats, texts), preceded(SCALE, caption))


def as_images(images) -> np.ndarray:
    """Return images as uint8 [N, H, W, 3]; floats are read as [0, 1], one channel is repeated."""
    images = torch.as_tensor(images).detach().cpu()
    if images.is_floating_point():
        images = (images.clamp(0, 1) * 255).round().byte()
    return images.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy()


class Grid:
    """Square cells one unit wide, filled row by row, with room for the longest of the texts under each."""

    def __init__(self, texts, columns, title=None, margin=0.0):
        self.columns = max(1, min(columns, len(texts)))
        self.inches = float(np.clip(8 / self.columns, 0.7, 1.5))
        lines = [line for text in texts for line in text.split("\n")]
        longest = max([1, *map(len, lines)])
        self.size = float(np.clip(72 * self.inches / (0.6 * longest), 5.5, 8))
        self.line = 1.45 * self.size / 72 / self.inches
        tallest = max((1 + text.count("\n") for text in texts if text), default=0)
        self.step = 1 + tallest * self.line + 0.04
        self._make_figure(-(-max(len(texts), 1) // self.columns), title, margin)

    def _make_figure(self, rows, title, margin):
        top, across = 0.3 if title else 0.0, self.columns * self.inches
        width, height = max(across + margin, 0.085 * len(title or "")), rows * self.step * self.inches + top
        self.figure = Figure(figsize=(width, height))
        self.axes = self.figure.add_axes((margin / width, 0, across / width, 1 - top / height))
        self.axes.set(xlim=(0, self.columns), ylim=(rows * self.step, 0))
        self.axes.set_axis_off()
        if title:
            self.figure.text(0.04 / width, 1 - 0.16 / height, title, weight="bold", fontsize=10, va="center")

    def corner(self, i):
        """Return (x, y), the upper left corner of cell i."""
        return i % self.columns, i // self.columns * self.step

    def draw(self, i, image, shape=None, gap=0.03, **options):
        """Draw an image into cell i, smooth at any size, in the proportions of `shape`."""
        (x, y), (height, width) = self.corner(i), (shape or image.shape)[:2]
        w, h = ((1 - 2 * gap) * side / max(height, width) for side in (width, height))
        left, top = x + (1 - w) / 2, y + 1 - gap - h
        self.axes.imshow(image, extent=(left, left + w, top + h, top), aspect="auto",
                         **{"interpolation": "lanczos"} | options)

    def write(self, i, text, shape=None, colour=INK):
        """Write lines of text under cell i, the first one behind a marker if `shape` is (marker, colour)."""
        x, y = self.corner(i)
        if shape:
            self.axes.scatter([x + 0.09], [y + 1 + 0.45 * self.line], s=2.6 * self.size * area_of(shape[0]),
                              marker=shape[0], color=shape[1], linewidths=0)
        style = {"ha": "left" if shape else "center", "fontsize": self.size, "color": colour}
        for row, line in enumerate(text.split("\n")):
            indent = (0.17 if row == 0 else 0.04) if shape else 0.5
            self.axes.text(x + indent, y + 1 + (row + 0.7) * self.line, line, **style)


def _with_words(alt, rows):
    """Return an alt text with the words that stand in the picture, row -> words, unless it has them all."""
    told = {_line(name): [_line(str(word)) for word in words if str(word)] for name, words in rows.items()}
    if all(_has(alt, text) for name, words in told.items() for text in (name, *words)):
        return alt
    rows = [f"Row {name}: " * bool(name) + ("; " if "," in "".join(words) else ", ").join(words)
            for name, words in told.items() if words] or ["Rows: " + "; ".join(told)]
    return ". ".join([alt.rstrip("."), *rows])


def _line(text):
    """Return the lines of a text as one."""
    return re.sub(r"(?<![:,]) *\n", ", ", text.strip()).replace("\n", " ")


def _has(alt, text):
    alt, text = (" ".join(re.split(r"[\s,]+", words.lower())) for words in (alt, text))
    return re.search(rf"(?<!\w){re.escape(text)}(?!\w)", alt)


def _brightest(heats, texts):
    """Return a sentence on where in the face each map of few cells is brightest; smooth ones have many peaks."""
    if not len(heats) or max(heats.shape[1:]) > COARSE:
        return ""
    places = [_place(heat) for heat in heats]
    return ". Brightest cell: " + "; ".join(f"{_line(text)}: {place}" if text else place
                                            for text, place in zip(texts, places))


def _place(heat):
    if heat.max() <= 0:
        return "none"
    row, column = (int(3 * (place + 0.5) / count) for place, count in
                   zip(np.unravel_index(heat.argmax(), heat.shape), heat.shape))
    return " ".join((("top", "middle", "bottom")[row], ("left", "centre", "right")[column]))


def _padded(texts, count):
    return [*texts, *[""] * (count - len(texts))]


def _labels(faces):
    """Return the text under each face: its label, and on a second line the truth where it differs."""
    words = faces.words("labels")
    truth = words if faces.true_labels is None else faces.words("true_labels")
    return [word if true in (word, "unknown") else f"{word}\ntruly {true}"
            for word, true in zip(words, truth)]


def _shapes(faces):
    words = faces.words("labels")
    return [None if word == "unknown" else pair
            for word, *pair in zip(words, markers_of(words), colours_of(words))]


def _grid_alt(faces, grid, texts, captions):
    start = f"Grid of {len(faces)} faces, {grid.columns} in a row"
    if captions is not None:
        return f"{start}, with a caption under each"
    parts = ", ".join(f"{count} {word}" for word, count in Counter(faces.words("labels")).most_common())
    wrong = sum("\n" in text for text in texts)
    return f"{start}: {parts}" + (f"; {wrong} labelled otherwise than the truth" if wrong else "")
