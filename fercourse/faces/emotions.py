"""The standard words for expressions; every set is mapped onto them by name, never by number."""

from ..errors import InputError

EMOTIONS = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")
SEVEN = EMOTIONS[:7]

_SPELLINGS = {
    "neutral": ("neutral", "ne", "neutrality"),
    "happiness": ("happiness", "happy", "ha", "joy"),
    "sadness": ("sadness", "sad", "sa"),
    "surprise": ("surprise", "surprised", "su"),
    "fear": ("fear", "fearful", "afraid", "fe"),
    "disgust": ("disgust", "disgusted", "di"),
    "anger": ("anger", "angry", "an"),
    "contempt": ("contempt", "contemptuous", "co"),
}
_WORD_OF = {spelling: word for word, spellings in _SPELLINGS.items() for spelling in spellings}


def emotion(spelling: str, where: str = "") -> str:
    """Return the standard word for one spelling, whatever its case (`"Happy"` -> `"happiness"`).

    Args:
        spelling: a label as a data set writes it, or a two-letter code (`"HA"`).
        where: file and line, named in the error.

    Raises:
        InputError: the spelling is not one of the known ones.
    """
    word = _WORD_OF.get(spelling.strip().lower())
    if word is None:
        place = f"{where}: " if where else ""
        raise InputError(f"{place}unknown expression label {spelling!r}; expected one of {', '.join(EMOTIONS)}")
    return word
