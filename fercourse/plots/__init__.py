"""Pictures: one colour and marker per emotion, alt text on every figure, no global matplotlib state.

A figure shows itself when it is the last line of a notebook cell; `figure.savefig(file)` saves it.
"""

from .affect import affect_bias, valence_arousal
from .comparing import cost, critical_difference, gains, matrix, seeds
from .domains import class_curves, two_domains
from .explorer import Explorer, explorer
from .faces import face_grid, image_rows, overlay
from .figure import Animation, Figure, style
from .pacing import doubt_animation, doubt_histograms
from .pairs import pair_masks, pulls
from .palette import COLOURS, MARKERS
from .reading import reading
from .scores import confusion, curves, group_bars, reliability
from .space import embedding, embedding_animation, embedding_sequence, embedding_thumbnails

__all__ = ["COLOURS", "MARKERS", "Animation", "Explorer", "Figure", "affect_bias", "class_curves",
           "confusion", "cost", "critical_difference", "curves", "doubt_animation", "doubt_histograms", "embedding",
           "embedding_animation", "embedding_sequence", "embedding_thumbnails", "explorer", "face_grid", "gains",
           "group_bars", "image_rows", "matrix", "overlay", "pair_masks", "pulls", "reading", "reliability", "seeds",
           "style", "two_domains", "valence_arousal"]
