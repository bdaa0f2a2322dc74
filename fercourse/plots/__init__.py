"""Pictures: one colour and marker per emotion, alt text on every figure, no global matplotlib state.

A figure shows itself when it is the last line of a notebook cell; `figure.savefig(file)` saves it.
"""

from .faces import face_grid, image_rows, overlay
from .figure import Figure, style
from .palette import COLOURS, MARKERS

__all__ = ["COLOURS", "MARKERS", "Figure", "face_grid", "image_rows", "overlay", "style"]
