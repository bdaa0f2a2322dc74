"""A contact sheet: the quickest way to see what a population looks like."""

from itertools import product
from pathlib import Path

import numpy as np
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFont

from ..faces.emotions import SEVEN
from .people import draw_person
from .picture import render
from .shots import draw_shot

DOMAINS = ("wild", "lab")


def contact_sheet(population, people: int = 8, size: int = 96, heads: bool = True) -> Image.Image:
    """Return a picture with a row a person: seven wild expressions, then seven lab ones, class by class.

    Args:
        size: pixels on a side of a face.
        heads: name domains and classes above the columns.
    """
    rows = []
    for number in range(min(people, population.people)):
        person = draw_person(number, population.seed)
        shots = [draw_shot(person, 900 + k, domain, word, population.seed)
                 for domain in DOMAINS for k, word in enumerate(SEVEN)]
        rows.append(np.hstack([render(person, shot, size).image for shot in shots]))
    return Image.fromarray(np.vstack([_heads(size), *rows] if heads else rows))


def _heads(size):
    """Return the lines above the columns, [H, W, 3]: the domain at its first one, the class over each."""
    height = max(7, size // 6)                                  # of letters: happiness fits into a column
    plain, bold = (ImageFont.truetype(str(Path(get_data_path(), "fonts", "ttf", name)), height)
                   for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"))
    line = round(1.5 * height)
    head = Image.new("RGB", (size * len(DOMAINS) * len(SEVEN), 2 * line), "white")
    pen = ImageDraw.Draw(head)
    for k, (domain, word) in enumerate(product(DOMAINS, SEVEN)):
        if word == SEVEN[0]:
            pen.text((k * size + 3, line / 2), domain, "black", bold, anchor="lm")
        pen.text(((k + 0.5) * size, 1.5 * line), word, "black", plain, anchor="mm")
    return np.asarray(head)


if __name__ == "__main__":  # the README's picture, below which readers are asked for the names
    import sys

    from .population import Population

    sheet = contact_sheet(Population(), people=6, size=80, heads=False)
    sheet.quantize(256, dither=Image.Dither.NONE).save(sys.argv[1], optimize=True)
