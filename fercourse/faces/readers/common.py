"""What all readers share: rows with line numbers, images on disk, labels by name, checked numbers."""

import codecs
import csv
import math
import os
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten

from tqdm.auto import tqdm

from ...errors import InputError
from ..emotions import EMOTIONS, emotion

IMAGES = (".jpg", ".jpeg", ".png", ".tiff", ".tif", ".bmp", ".webp")
MISSING = (math.nan, math.nan)                    # valence and arousal nobody knows


class BadRow(Exception):
    """One row that cannot be used; its text is `kind: detail` and becomes the reason of a `Reject`."""


class Row:
    """One line of an annotation file: `row["expression"]` is the stripped text of that column."""

    __slots__ = ("file", "index", "line", "values")

    def __init__(self, file, line, values, index):
        self.file, self.line, self.values, self.index = file, line, values, index

    def __getitem__(self, column):
        if len(self.values) != len(self.index):
            kind = "truncated" if len(self.values) < len(self.index) else "overlong"
            raise BadRow(f"{kind} row: {len(self.values)} values, expected {len(self.index)} "
                         f"({', '.join(self.index)})")
        return self.values[self.index[column]].strip()

    def get(self, column):
        """Return the text of an optional column, `""` where the file does not have it."""
        return self[column] if column in self.index else ""


# ---------------------------------------------------------------------- files

# For what is not UTF-8: Latin-1 knows every byte. With one sign for all of them two names would become one person.
codecs.register_error("latin1", lambda error: (error.object[error.start:error.end].decode("latin-1"), error.end))


@contextmanager
def opened(path: Path):
    """Open a text file, UTF-8 or Latin-1, as readers want it; a missing or unreadable one is an InputError."""
    try:
        with path.open(encoding="utf-8-sig", errors="latin1", newline="") as text:
            yield text
    except FileNotFoundError:
        raise InputError(f"{path} is missing; restore it from the original set") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); expected a text file") from error


def csv_rows(path: Path, root: Path, required, text=None, names=None, advice="check that this is the original file"):
    """Yield a Row for every line of a comma-separated file with a header; columns go by name, spaces ignored.

    Args:
        names: column of the file -> what it is called here; advice: what to do where one is missing.

    Raises:
        InputError: the file is missing or empty, or its header lacks a required column.
    """
    if text is None:
        with opened(path) as text:
            yield from csv_rows(path, root, required, text, names, advice)
        return
    reader, name = csv.reader(text), below(path, root)
    records = _records(reader, path)
    header = [(names or {}).get(column.strip(), column.strip()) for column in next(records, [])]
    absent = [column for column in required if column not in header]
    if absent:
        has = shorten(", ".join(header), 100, placeholder=" …") or "no columns"          # it may be a line of pixels
        raise InputError(f"{path}, line 1: no column {', '.join(map(repr, absent))} (it has {has}); "
                         f"expected {', '.join(required)}: {advice}")
    index = {column: i for i, column in enumerate(header)}
    for values in records:
        if values:
            yield Row(name, reader.line_num, values, index)


def _records(reader, path):
    try:
        yield from reader
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}; expected comma-separated text: "
                         "restore the original file") from error


def table_rows(path: Path, root: Path, columns):
    """Yield a Row for every non-blank line of a space-separated file without a header."""
    index, name = {column: i for i, column in enumerate(columns)}, below(path, root)
    with opened(path) as text:
        for line, content in enumerate(text, 1):
            if content.strip():
                yield Row(name, line, content.split(), index)


def below(path: Path, root: Path) -> str:
    """Return a path relative to the set's folder, with forward slashes."""
    return Path(os.path.relpath(path, root)).as_posix()


def folder(root: Path, *choices: str) -> Path:
    """Return the first of `choices` that is a folder below `root` (glob patterns allowed).

    Raises:
        InputError: none of them is.
    """
    for choice in choices:
        match = next((p for p in sorted(root.glob(choice)) if p.is_dir()), None)
        if match is not None:
            return match
    raise InputError(f"{root} has no folder {' or '.join(choices)}; unpack the whole set there")


def walk(root: Path, top: Path, endings=IMAGES) -> dict[str, int]:
    """Return path below `root` -> bytes of every file below `top` with one of these endings, sorted.

    Linked folders are followed, each real folder once; links to nothing count as missing files.

    Raises:
        InputError: a folder cannot be read.
    """
    sizes, folders, seen = {}, [top], set()
    with tqdm(desc=f"listing {top.name}", unit=" files", delay=2, leave=False) as bar:
        while folders:
            place = folders.pop()
            if (real := os.path.realpath(place)) in seen:
                continue
            seen.add(real)
            for entry in _entries(place):
                if entry.is_dir():
                    folders.append(Path(entry.path))
                elif _is_image(entry, endings):
                    sizes[below(entry.path, root)] = entry.stat().st_size
                    bar.update()
    return dict(sorted(sizes.items()))


def _is_image(entry, endings):
    name = entry.name.lower()
    return name.endswith(endings) and not name.startswith("._") and entry.is_file()      # "._": macOS's shadows


def _entries(place):
    try:
        with os.scandir(place) as entries:
            return list(entries)
    except OSError as error:
        raise InputError(f"{place} cannot be read ({error.strerror}); expected a folder of images") from error


# ---------------------------------------------------------------------- values

def labelling(classes=None, words=None):
    """Return the classes of somebody's own set, and a function that gives a label's class or raises BadRow.

    Args:
        classes: words of one's own, or as text `closed,open`; default: the eight emotions in all their spellings.
        words: labels that are spelt otherwise, see `pairs`.

    Raises:
        InputError: fewer than two classes, or `words` that name none of them.
    """
    if classes is None:
        known = spellings(words)
        return EMOTIONS, lambda label: own_word(label, known)
    own = classes.split(",") if isinstance(classes, str) else classes
    own = tuple(str(one).strip() for one in own) if isinstance(own, (list, tuple)) else ()
    if len(own) < 2 or not all(own) or len({one.lower() for one in own}) < len(own):
        raise InputError(f"classes is {classes!r}; expected at least two different words, such as closed,open")
    known, meant = {one.lower(): one for one in own}, pairs(words)
    if strange := [one for one in meant.values() if str(one).lower() not in known]:
        raise InputError(f"words names {strange[0]!r}; expected one of the classes {', '.join(own)}")

    def find(label):
        word = str(meant.get(label, label)).strip().lower()
        if word not in known:
            raise BadRow(f"unknown label: {label!r}, expected one of {', '.join(own)}; or say which it is with words")
        return known[word]
    return own, find


def pairs(words, what="words", such="smile:happiness,3:anger") -> dict:
    """Return {text: text} of a dictionary, or of a text such as `smile:happiness,3:anger`.

    Raises:
        InputError: neither of the two.
    """
    found = {} if words is None else words
    if isinstance(words, str) and all(":" in part for part in words.split(",")):
        found = dict(part.rsplit(":", 1) for part in words.split(","))
    if not isinstance(found, dict):
        one, other = such.split(",")[0].split(":")
        raise InputError(f"{what} is {words!r}; expected a dictionary, such as {{{one!r}: {other!r}}}, on the command "
                         f"line {such}")
    return {str(own).strip(): meant for own, meant in found.items()}


def spellings(words) -> dict:
    """Return {label as text: standard word} of what `pairs` takes.

    Raises:
        InputError: neither a dictionary nor such a text, or a word that is no emotion.
    """
    found = pairs(words)
    for own, meant in found.items():
        try:
            emotion(meant)
        except InputError as error:
            raise InputError(f"words says {meant!r} of {own!r}; {error}. For classes of your own say which they are: "
                             "classes=closed,open") from None
    return found


def word(spelling: str, words: dict | None = None) -> str:
    """Return the standard word for a label; `words` holds a set's own spellings."""
    if words and spelling in words:
        spelling = words[spelling]
    try:
        return emotion(spelling)
    except InputError as error:
        raise BadRow(str(error).replace("unknown expression label ", "unknown label: ")) from None


def own_word(spelling: str, words: dict) -> str:
    """Return the standard word for a label of somebody's own set; where there is none, say how to tell it."""
    try:
        return word(spelling, words)
    except BadRow as error:
        raise BadRow(f"{error}; write the emotion, or say which it is with words: words={{{spelling!r}: 'neutral'}}, "
                     f"in data pack --option words={spelling}:neutral") from None


def numbered(text: str, table: dict):
    """Return the word of a label number; None where the table says that such samples are not used."""
    number = decimal(text, "label")
    if number != int(number) or int(number) not in table:
        raise BadRow(f"label out of range: {text}, expected one of {', '.join(map(str, table))}")
    return table[int(number)]


def decimal(text, what: str) -> float:
    """Return a finite number."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadRow(f"not a number: {what} is {text!r}")
    return number


def axes(valence, arousal, missing=(-2,), scale=1.0):
    """Return (valence, arousal) in [-1, 1], NaN where either is empty or marked as missing."""
    if "" in (valence, arousal):
        return MISSING
    pair = decimal(valence, "valence"), decimal(arousal, "arousal")
    if any(value in missing for value in pair):
        return MISSING
    for name, value in zip(("valence", "arousal"), pair):
        if not -1 <= value / scale <= 1:
            raise BadRow(f"{name} out of range: {value:g}, expected {-scale:g} to {scale:g}")
    return pair[0] / scale, pair[1] / scale
