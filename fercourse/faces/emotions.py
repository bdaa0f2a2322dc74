"""The standard words for expressions; every set is mapped onto them by name, never by number."""

from unicodedata import normalize

from ..errors import InputError

EMOTIONS = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")
SEVEN = EMOTIONS[:7]
UNPLEASANT = ("sadness", "fear", "disgust", "anger", "contempt")          # the left half of the circumplex

# Who is taken for whom when a label slips to its nearest look-alike.
LOOKALIKE = {"neutral": "sadness", "happiness": "neutral", "sadness": "neutral", "surprise": "fear",
             "fear": "surprise", "disgust": "anger", "anger": "disgust", "contempt": "neutral"}

_SPELLINGS = {
    "neutral": ("ne", "neutrality"),
    "happiness": ("ha", "happy", "joy"),
    "sadness": ("sa", "sad"),
    "surprise": ("su", "surprised"),
    "fear": ("fe", "fearful", "af", "afraid"),
    "disgust": ("di", "disgusted"),
    "anger": ("an", "angry"),
    "contempt": ("co", "contemptuous"),
}
_WORD_OF = {spelling: word for word, others in _SPELLINGS.items() for spelling in (word, *others)}


def folded(label) -> str:
    """Return a label without what spellings differ in: case, blanks around it, accents as letters of their own."""
    return normalize("NFC", str(label).strip().lower())


def emotion(spelling: str) -> str:
    """Return the standard word for one spelling, whatever its case (`"Happy"` -> `"happiness"`).

    Args:
        spelling: a label as a data set writes it, or a two-letter code (`"HA"`).

    Raises:
        InputError: the spelling is not one of the known ones.
    """
    word = _WORD_OF.get(folded(spelling))
    if word is None:
        raise InputError(f"unknown expression label {spelling!r}; expected one of {', '.join(EMOTIONS)}")
    return word
