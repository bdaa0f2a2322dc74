"""One colour and one marker shape for every emotion, in every picture of the course.

The colours stay at least 25 CIELAB units apart for full colour vision, protanopia and deuteranopia
(Machado, Oliveira & Fernandes 2009), and each stands out from white paper.
"""

from matplotlib.colors import to_rgb

COLOURS = {
    "neutral": "#a8a8a4",
    "happiness": "#e8b000",
    "sadness": "#0a2fdc",
    "surprise": "#1fb0ee",
    "fear": "#560f96",
    "disgust": "#276144",
    "anger": "#d43509",
    "contempt": "#a94595",
}
MARKERS = {
    "neutral": "o",
    "happiness": "^",
    "sadness": "v",
    "surprise": "*",
    "fear": "D",
    "disgust": "s",
    "anger": "X",
    "contempt": "P",
}
AREAS = {"*": 2.4, "^": 1.5, "v": 1.5, "X": 1.5}       # where a disc has 1: these fill less of their square
TONES = {"light": "#e8b000", "olive": "#1fb0ee", "brown": "#d43509", "dark": "#560f96"}      # ever darker
UNKNOWN_COLOUR = "#d9d9d9"


def colours_of(words) -> list[str]:
    """Return a colour for each word: the emotion's or tone's own, else one by position (they repeat after eight)."""
    wheel, own = list(COLOURS.values()), COLOURS | TONES
    return [own.get(word, wheel[(i + 1) % len(wheel)]) for i, word in enumerate(words)]


def area_of(marker) -> float:
    """Return how much larger a marker must be drawn to be as easy to see as a disc."""
    return AREAS.get(marker, 1.0)


def paler(colour, white=0.5) -> tuple[float, float, float]:
    """Return a colour mixed with white, so that black stands out before it."""
    return tuple((1 - white) * part + white for part in to_rgb(colour))


def markers_of(words) -> list[str]:
    """Return a matplotlib marker for each word: the emotion's own, else one by position (64 with their colours)."""
    wheel = list(MARKERS.values())
    return [MARKERS.get(word, wheel[(i + i // len(wheel)) % len(wheel)]) for i, word in enumerate(words)]
