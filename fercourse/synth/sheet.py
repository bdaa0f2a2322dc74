"""A contact sheet: the quickest way to see what a population looks like."""

import numpy as np
from PIL import Image

from ..faces.emotions import SEVEN
from .people import draw_person
from .picture import render
from .shots import draw_shot


def contact_sheet(population, people: int = 8, size: int = 96) -> Image.Image:
    """Return a picture with a row a person: seven wild expressions, then seven lab ones, class by class."""
    rows = []
    for number in range(min(people, population.people)):
        person = draw_person(number, population.seed)
        shots = [
            draw_shot(person, 900 + k, domain, word, population.seed)
            for domain in ("wild", "lab")
            for k, word in enumerate(SEVEN)
        ]
        rows.append(np.hstack([render(person, shot, size).image for shot in shots]))
    return Image.fromarray(np.vstack(rows))


if __name__ == "__main__":  # the README's picture
    import sys

    from .population import Population

    sheet = contact_sheet(Population(), people=6, size=80)
    sheet.quantize(256, dither=Image.Dither.NONE).save(sys.argv[1], optimize=True)
