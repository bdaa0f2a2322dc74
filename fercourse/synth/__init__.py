"""Synthetic faces: a linear head, a person's looks and manner, a shot, a picture.

Needs NumPy and Pillow; `embreex` (extra `render`) makes it fast and gives shadows.
"""

from .api import render_face
from .people import Person, draw_person
from .picture import Picture, render
from .population import Population, row_picture
from .population_file import write_population
from .shots import Light, Shot, draw_shot, shot_words

__all__ = ["Light", "Person", "Picture", "Population", "Shot", "draw_person", "draw_shot", "render", "render_face",
           "row_picture", "shot_words", "write_population"]
