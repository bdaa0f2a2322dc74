"""What colours the points: a column of the faces, or a word or number for every point."""

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..faces.emotions import EMOTIONS
from .arrays import as_array
from .palette import UNKNOWN_COLOUR, colours_of, markers_of

UNKNOWN = "unknown"
LAST = ("others", UNKNOWN)         # grey, after all other groups


@dataclass(frozen=True)
class Grouping:
    """Points in groups by word, or along a scale.

    Attributes:
        name: what the words or numbers are, such as `"labels"`.
        words: the groups that occur, emotions in their usual order, `"others"` and `"unknown"` last.
        codes: int [N] into `words`.
        values: float [N] where the points lie along a scale (then there are no words); NaN is unknown.
    """

    name: str
    words: tuple[str, ...] = ()
    codes: np.ndarray | None = None
    values: np.ndarray | None = None

    @property
    def colours(self) -> list[str]:
        """Return the colour of each word."""
        known = [word for word in self.words if word not in LAST]
        return colours_of(known) + [UNKNOWN_COLOUR] * (len(self.words) - len(known))

    @property
    def markers(self) -> list[str]:
        """Return the matplotlib marker of each word."""
        return markers_of(self.words)

    def counts(self) -> dict[str, int]:
        """Return how many points each word has."""
        return {word: int((self.codes == code).sum()) for code, word in enumerate(self.words)}

    def sentence(self) -> str:
        """Return the groups in words, for alt texts."""
        if not self.words:
            known = self.values[~np.isnan(self.values)]
            span = f" from {known.min():.3g} to {known.max():.3g}" if len(known) else ""
            return f"coloured by {self.name}{span}"
        if len(self.words) > 12:
            return f"coloured by {self.name}, {len(self.words)} different ones"
        return f"coloured by {self.name}: " + ", ".join(f"{n} {word}" for word, n in self.counts().items())


def grouping(faces, colour_by="labels") -> Grouping:
    """Return the groups of faces by a column name, or by one word or number a face, alone or as {name: them}.

    Raises:
        InputError: the faces do not know the column, or there is not one word a face.
    """
    if not isinstance(colour_by, str):
        return _given(faces, colour_by if isinstance(colour_by, dict) else {"groups": colour_by})
    column, words = faces.column(colour_by).cpu().numpy(), faces.vocabulary(colour_by)
    if column.ndim > 1:
        raise InputError(f"{colour_by} has {column.shape[1]} numbers a face; colour by a column that has one")
    if words is None and colour_by == "identity":
        return _of_words(colour_by, [f"person {n}" if n >= 0 else UNKNOWN for n in column])
    if words is None:
        return _of_values(colour_by, column)
    return _of_words(colour_by, [words[n] if n >= 0 else UNKNOWN for n in column], words)


def _given(faces, named):
    if len(named) != 1:
        raise InputError(f"colour_by has {len(named)} names, expected one and its words or numbers")
    ((name, values),) = named.items()
    if len(values) != len(faces):
        raise InputError(f"{len(values)} words to colour {len(faces)} points, expected one a point")
    return _of_values(name, as_array(values))


def _of_values(name, values):
    if values.dtype.kind in "UOS":
        return _of_words(name, [str(value) for value in values])
    if values.dtype.kind == "b":
        return _of_words(name, np.where(values, "yes", "no").tolist(), ("yes", "no"))
    return Grouping(name, values=values.astype(float))


def _of_words(name, words, order=()):
    present = set(words)
    order = [*order, *EMOTIONS, *sorted(present, key=lambda w: (len(w), w))]
    used = tuple(dict.fromkeys(w for w in order if w in present and w not in LAST))
    used += tuple(word for word in LAST if word in present)
    place = {word: code for code, word in enumerate(used)}
    return Grouping(name, used, np.array([place[word] for word in words], dtype=int))
