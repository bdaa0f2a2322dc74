"""The header of somebody's own csv: what divides its columns, and which of them is which."""

import codecs
import csv
from contextlib import suppress
from pathlib import Path
from textwrap import shorten
from typing import NamedTuple

from ...errors import InputError
from .common import opened, records
from .own import pairs

AXES = ("valence", "arousal")
ATTRIBUTES = ("age", "gender", "skin_tone", "domain")
KNOWN = ("path", "label", "person", *AXES, "split", *ATTRIBUTES)
DELIMITERS = (",", ";", "\t")                     # the second is what Excel writes where 0,5 is a number
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Heading(NamedTuple):
    """What the first line says: the delimiter, name here -> place, and sentences on what is not used."""

    delimiter: str
    index: dict[str, int]
    notes: tuple[str, ...]


def heading(path: Path, columns=None) -> Heading:
    """Read the header of a csv. Names count whatever their case; those in `columns` go before.

    Args:
        columns: what the file's columns are called, see `csvfile.read`.

    Raises:
        InputError: a column that the file does not have or has twice, a name that means nothing here, UTF-16.
    """
    _refuse_utf16(path)
    wanted = _wanted(columns)
    delimiter, header = _divided(path, wanted)
    index = {ours: _place(path, header, theirs, ours) for ours, theirs in wanted.items()}
    for ours in KNOWN:
        places = [i for i in _places(header, ours) if i not in index.values()]
        if ours not in wanted and places:
            index[ours] = _single(path, places, ours)
    return Heading(delimiter, index, tuple(_unused(header, index)))


def lacking(columns) -> list[str]:
    """Return which columns are missed among some: the path, and the label where valence and arousal are not there."""
    columns = set(columns)
    needed = ("path",) if columns.issuperset(AXES) else ("path", "label")
    return [name for name in needed if name not in columns]


def _wanted(columns):
    """Return {name here: name in the file} of what the user says."""
    renamed = {str(ours).strip().lower(): str(theirs).strip()
               for ours, theirs in pairs(columns, "columns", "path:file,label:emotion").items()}
    if strange := [ours for ours in renamed if ours not in KNOWN]:
        raise InputError(f"columns names {strange[0]!r}, which means nothing here; expected some of "
                         f"{', '.join(KNOWN)}, each with the name that the file has for it")
    return renamed


def _divided(path, wanted):
    """Return the delimiter that finds the needed columns, the comma where none does, and the header."""
    for delimiter in DELIMITERS:
        header = _header(path, delimiter)
        if not lacking(column for column in KNOWN if _places(header, wanted.get(column, column))):
            return delimiter, header
    return ",", _header(path, ",")


def _header(path, delimiter):
    with opened(path) as text:
        return [column.strip() for column in next(records(csv.reader(text, delimiter=delimiter), path), [])]


def _refuse_utf16(path):
    with suppress(OSError), path.open("rb") as file:         # `opened` tells what is wrong
        if file.read(2) in UTF16:
            raise InputError(f"{path} is UTF-16; expected UTF-8: save it as CSV UTF-8")


def _places(header, name):
    """Return where columns of a name stand: those that are spelt so, else those that differ in case alone."""
    exact = [i for i, column in enumerate(header) if column == name]
    return exact or [i for i, column in enumerate(header) if column.lower() == name.lower()]


def _place(path, header, theirs, ours):
    if places := _places(header, theirs):
        return _single(path, places, theirs)
    raise InputError(f"{path}, line 1: no column {theirs!r}, which columns says is the {ours} (it has "
                     f"{_brief(header)}); write the name as the file does")


def _single(path, places, name):
    if len(places) > 1:
        raise InputError(f"{path}, line 1: {len(places)} columns are called {name!r}; expected one: rename the others")
    return places[0]


def _unused(header, index):
    """Yield a sentence for what the file holds in vain."""
    others = [column for i, column in enumerate(header) if column and i not in index.values()]
    axes = [axis for axis in AXES if axis in index]
    if others:
        yield f"columns not used: {_brief(others)}"
    if "label" not in index:
        yield "no column of labels: only valence and arousal are known"
    if len(axes) == 1:
        yield f"column not used: {axes[0]}, because valence and arousal go together"


def _brief(header):
    return shorten(", ".join(filter(None, header)), 200, placeholder=" …") or "no columns"
