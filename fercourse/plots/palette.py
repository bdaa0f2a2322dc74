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
TONES = {"light": ("#d3b78d", "o"), "olive": ("#967040", "s"), "brown": ("#5f3f24", "D"), "dark": ("#20140d", "P")}
METHODS = {"baseline": ("#000000", "o"), "wscfer": ("#0072B2", "s"), "dr-fer": ("#CF5C00", "D"),
           "hncl": ("#00A26E", "^"), "dmsrl": ("#C986AF", "v"), "id-invariant": ("#ECA700", "P")}
OTHERS = (("#56B5F3", "X"), ("#93386D", "*"), ("#7F4FC9", "<"), ("#8C6D31", ">"))      # in the order they come
# The first eight colours of methods and others stay at least 20 CIELAB units apart for every eye.
UNKNOWN_COLOUR = "#d9d9d9"


def colours_of(words) -> list[str]:
    """Return a colour for each word: the emotion's or tone's own, else one by position (they repeat after eight)."""
    wheel, own = list(COLOURS.values()), COLOURS | {word: colour for word, (colour, _) in TONES.items()}
    return [own.get(word, wheel[(i + 1) % len(wheel)]) for i, word in enumerate(words)]


def area_of(marker) -> float:
    """Return how much larger a marker must be drawn to be as easy to see as a disc."""
    return AREAS.get(marker, 1.0)


def paler(colour, white=0.5) -> tuple[float, float, float]:
    """Return a colour mixed with white, so that black stands out before it."""
    return tuple((1 - white) * part + white for part in to_rgb(colour))


def markers_of(words) -> list[str]:
    """Return a matplotlib marker for each word: the emotion's or tone's own, else one by position.

    Of words by position, 64 differ in colour or marker.
    """
    wheel, own = list(MARKERS.values()), MARKERS | {word: marker for word, (_, marker) in TONES.items()}
    return [own.get(word, wheel[(i + i // len(wheel)) % len(wheel)]) for i, word in enumerate(words)]


def method_look(name, names) -> dict[str, str]:
    """Return the colour and marker of a method: its own throughout the course, or one of four for others."""
    others = [one for one in names if str(one).lower() not in METHODS]
    colour, marker = METHODS.get(str(name).lower()) or OTHERS[others.index(name) % len(OTHERS)]
    return {"color": colour, "marker": marker}
