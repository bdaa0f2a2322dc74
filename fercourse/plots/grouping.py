"""What colours the points: a column of the faces, or a word or number for every point."""

from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from ..faces.emotions import EMOTIONS
from .arrays import as_array
from .palette import UNKNOWN_COLOUR, colours_of, markers_of

UNKNOWN = "unknown"
LAST = ("others", UNKNOWN)         # grey, after all other groups
NEAREST = 10                       # points about a point that are asked for their group
ASKED = 500                        # points at most of a picture, evenly chosen: distances between all take time
TOLD = 8                           # groups at most that are told one by one


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

    def of(self, rows) -> "Grouping":
        """Return the same groups of some of the points."""
        return replace(self, **{name: getattr(self, name)[rows] for name in ("codes", "values")
                                if getattr(self, name) is not None})

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

    def nearby(self, sequence, titles=()) -> str:
        """Return a sentence on how far groups keep together in pictures, for alt texts; "" if it cannot be said.

        It tells how many of the ten points nearest to a point are of its group, or along a scale how well their mean
        agrees with its own value.

        Args:
            sequence: one [N, 2] a picture.
            titles: a short text each; none for a single picture.
        """
        known = np.flatnonzero(np.isfinite(self.values) if not self.words else
                               [self.words[code] not in LAST for code in self.codes])
        rows = known[np.linspace(0, len(known) - 1, min(len(known), ASKED)).astype(int)]
        count = min(NEAREST, len(rows) - 1)
        of = (self.codes if self.words else self.values)[rows]
        if count < 1 or (of == of[0]).all():
            return ""
        near = [of[_nearest(np.asarray(points, float)[rows], count)] for points in sequence]
        told = [self._kept(of, others) if self.words else f"{np.corrcoef(of, others.mean(1))[0, 1]:.2f}"
                for others in near]
        what = (f"Of the {count} points nearest to a point, those of its own group (by chance {_chance(of):.0%})"
                if self.words else f"Correlation of a point's {self.name} with the mean of its {count} nearest")
        return f". {what}: " + "; ".join(f"{title} {one}".strip() for title, one in zip([*titles] or [""], told))

    def _kept(self, codes, others):
        own = (others == codes[:, None]).mean(1)
        words = [(word, own[codes == code]) for code, word in enumerate(self.words)]
        each = ", ".join(f"{word} {share.mean():.0%}" for word, share in words if len(share))
        return f"{own.mean():.0%}" + (f" ({each})" if len(self.words) <= TOLD else "")


def _nearest(points, count):
    """Return the rows [N, count] of the points nearest to each, itself left out."""
    apart = ((points[:, None] - points[None]) ** 2).sum(-1)
    np.fill_diagonal(apart, np.inf)
    return np.argpartition(apart, count - 1)[:, :count]


def _chance(codes):
    """Return the share of a point's own group among all other points, the mean over points."""
    counts = np.bincount(codes)
    return (counts * (counts - 1)).sum() / (len(codes) * (len(codes) - 1))


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
