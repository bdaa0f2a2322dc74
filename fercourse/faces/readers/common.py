"""What all readers share: rows with line numbers, images on disk, labels by name, checked numbers."""

import codecs
import csv
import math
import os
import re
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten

from tqdm.auto import tqdm

from ...errors import InputError
from ..emotions import emotion

IMAGES = (".jpg", ".jpeg", ".png", ".tiff", ".tif", ".bmp", ".webp")
MISSING = (math.nan, math.nan)                    # valence and arousal nobody knows
SPLITS = {"train": "train", "training": "train", "test": "test", "testing": "test",
          **dict.fromkeys(("val", "valid", "validation", "dev", "development"), "val")}


class BadRow(Exception):
    """One row that cannot be used; its text is `kind: detail` and becomes the reason of a `Reject`."""


class Row:
    """One line of an annotation file: `row["expression"]` is the stripped text of that column."""

    __slots__ = ("file", "header", "index", "last", "line", "values")

    def __init__(self, file, line, values, index, header=None, last=None):
        self.file, self.line, self.values, self.index = file, line, values, index
        self.last = last or line                  # where a quoted text has several lines
        self.header = header or list(index)       # all columns of the file; the index may leave some out

    def __getitem__(self, column):
        if len(self.values) != len(self.header):
            kind = "truncated" if len(self.values) < len(self.header) else "overlong"
            several = self.last != self.line
            quoted = f"; a quote keeps all to line {self.last} together: is it closed?" if several else ""
            raise BadRow(f"{kind} row: {len(self.values)} values, expected {len(self.header)} "
                         f"({', '.join(filter(None, self.header))}){quoted}")
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


def csv_rows(path: Path, root: Path, required, text=None, index=None, delimiter=",",
             advice="check that this is the original file"):
    """Yield a Row for every line of a comma-separated file with a header; columns go by name, spaces ignored.

    Args:
        index: name of a column here -> its place; default: as the header has them.
        delimiter: what stands between the columns; advice: what to do where one is missing.

    Raises:
        InputError: the file is missing or empty, or its header lacks a required column.
    """
    if text is None:
        with opened(path) as text:
            yield from csv_rows(path, root, required, text, index, delimiter, advice)
        return
    reader, name = csv.reader(text, delimiter=delimiter), below(path, root)
    lines = records(reader, path)
    header = [column.strip() for column in next(lines, [])]
    index = {column: i for i, column in enumerate(header) if column} if index is None else index
    absent = [column for column in required if column not in index]
    if absent:
        has = shorten(", ".join(header), 100, placeholder=" …") or "no columns"          # it may be a line of pixels
        raise InputError(f"{path}, line 1: no column {', '.join(map(repr, absent))} (it has {has}); "
                         f"expected {', '.join(required)}: {advice}")
    line = reader.line_num + 1
    for values in lines:
        if values:
            yield Row(name, line, values, index, header, reader.line_num)
        line = reader.line_num + 1


def records(reader, path):
    """Yield the lists of values that a csv.reader finds.

    Raises:
        InputError: what cannot be one line of such a file.
    """
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

    Linked folders are followed, each real folder once; links to nothing count as missing files. What programs put
    beside pictures is passed over: files and folders whose name begins with a dot, `@eaDir` and its like, `__MACOSX`.

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
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    if not entry.name.startswith(("@", "__MACOSX")):
                        folders.append(Path(entry.path))
                elif entry.name.lower().endswith(endings) and entry.is_file():
                    sizes[below(entry.path, root)] = entry.stat().st_size
                    bar.update()
    return dict(sorted(sizes.items()))


def _entries(place):
    try:
        with os.scandir(place) as entries:
            return list(entries)
    except OSError as error:
        raise InputError(f"{place} cannot be read ({error.strerror}); expected a folder of images") from error


# ---------------------------------------------------------------------- options, values

def option(name: str, value, least: int | None = None):
    """Return a reader's option: a whole number from `least` on, or True or False where there is no `least`.

    Raises:
        InputError: it is anything else.
    """
    truth = isinstance(value, bool)
    if least is None and not truth:
        raise InputError(f"{name} is {value!r}; expected true or false")
    if least is not None and (truth or not isinstance(value, int) or value < least):
        raise InputError(f"{name} is {value!r}; expected a whole number from {least} on")
    return value


def word(spelling: str) -> str:
    """Return the standard word for a label."""
    try:
        return emotion(spelling)
    except InputError as error:
        raise BadRow(str(error).replace("unknown expression label ", "unknown label: ")) from None


def numbered(text: str, table: dict):
    """Return the word of a label number; None where the table says that such samples are not used."""
    number = decimal(text, "label")
    if number != int(number) or int(number) not in table:
        raise BadRow(f"label out of range: {text}, expected one of {', '.join(map(str, table))}")
    return table[int(number)]


THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")


def decimal(text, what: str) -> float:
    """Return a finite number; 0,5 is 0.5, as half of the world writes it, but 12,500 may be thousands: refused."""
    text = str(text).strip()
    try:
        number = math.nan if THOUSANDS.fullmatch(text) else float(text.replace(",", "."))
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
