"""Sets of faces: what they are, where they come from, how their labels are made noisy."""

from .concat import concat
from .emotions import EMOTIONS, SEVEN, emotion
from .faceset import FaceSet
from .listing import Listing, Reject
from .load import load_faces

__all__ = ["EMOTIONS", "SEVEN", "FaceSet", "Listing", "Reject", "concat", "emotion", "load_faces"]
