"""Any csv of faces: `path,label[,person,valence,arousal,split,age,gender,skin_tone,domain]`."""

import os
from contextlib import suppress
from pathlib import Path

from ...errors import InputError
from ..emotions import EMOTIONS, folded
from ..setinfo import SetInfo
from .common import SPLITS, BadRow, axes, below, csv_rows, decimal
from .found import Found
from .heading import ATTRIBUTES, heading, lacking
from .own import labelling

NOTHING = ("NA", "N/A", "n/a", "#N/A", "nan", "NaN", "None", "null", "NULL")     # what tables write for an empty cell
NUMBERS = ("age", "skin_tone")                    # numbers where all that are known are; others are words


def read(root, words: dict | None = None, classes=None, columns: dict | None = None):
    """List the images of a csv; paths are relative to its folder, or absolute; labels are words (empty: none).

    The column of labels may be absent where valence and arousal are there.

    `NA`, `N/A`, `nan`, `None`, `null` and the like count as empty, unless `words` or `classes` names such a label.
    Commas, semicolons or tabs divide its columns. Their names count whatever their case; a note of the listing names
    those that are not used.

    Args:
        root: the csv, or a folder with a single one.
        classes: words of your own in place of the emotions, or as text `closed,open`.
        words: labels that are no known spelling: `{"1": "surprise"}`, or as text `1:surprise`.
        columns: what yours are called: `{"path": "file", "person": "subject"}`, or as text `path:file,person:subject`.

    Raises:
        InputError: no single csv, a column that is missing, or options that cannot be read.
    """
    path, (classes, word_of) = _csv(Path(root)), labelling(classes, words)
    header = heading(path, columns)
    found = Found("csv", path.parent, classes, Sizes(path.parent))
    file_of = Files(found.sizes)
    rows = csv_rows(path, path.parent, lacking(header.index), index=header.index, delimiter=header.delimiter,
                    advice="rename the columns of the file, or say what they are called, such as "
                           "columns=path:file,label:emotion; beside valence and arousal, no label is needed")
    found.each(rows, lambda row: _take(found, row, file_of, word_of))
    found.notes += header.notes
    for name in NUMBERS:
        _as_numbers([row for row in found.rows.values() if name in row], name)
    return found.listing()


def _csv(root):
    paths = [root] if root.is_file() else sorted(root.glob("*.csv"))
    if len(paths) != 1:
        raise InputError(f"{root} holds {len(paths)} csv files; name the one with columns path and label")
    return paths[0]


class Sizes(dict):
    """Bytes of files below a folder, looked up when asked for: a csv may name few of many."""

    def __init__(self, root):
        super().__init__()
        self.root = root

    def __contains__(self, file):
        return self.get(file, None) is not None

    def get(self, file, default=0):
        """Return the bytes of one file, `default` if it is missing."""
        path = self.root / file
        try:
            return path.stat().st_size if path.is_file() else default
        except OSError:                           # a name longer than the system takes
            return default


class Files:
    """Names for the paths of a csv: one for each file, below the csv's folder where that leads to the same file."""

    def __init__(self, sizes):
        self.sizes, self.root, self.names = sizes, sizes.root, {}

    def __call__(self, path):
        """Return the name of the file at a path; its first spelling counts."""
        with suppress(ValueError):                # no path at all, or one on another drive
            if "\\" in path and path not in self.sizes:
                path = path.replace("\\", "/")    # as Windows writes it
            real = os.path.realpath(self.root / path)
            if real in self.names:
                return self.names[real]
            self.names[real] = Path(path).as_posix()
            if Path(path).is_absolute() and os.path.realpath(self.root / below(path, self.root)) == real:
                self.names[real] = below(path, self.root)        # else `..` after a link leads elsewhere
            return self.names[real]
        return Path(path).as_posix()


def _take(found, row, file_of, word_of):
    if not row["path"]:
        raise BadRow("truncated row: no path")
    split = _text(row, "split")
    if split and folded(split) not in SPLITS:
        raise BadRow(f"unknown split: {split!r}, expected {', '.join(SPLITS)} or nothing")
    va = axes(_text(row, "valence"), _text(row, "arousal"))
    attributes = {name: text for name in ATTRIBUTES if (text := _text(row, name))}
    found.add(file_of(row["path"]), _label(row.get("label"), word_of), SPLITS.get(folded(split), ""), row,
              person=_text(row, "person") or None, va=va, **attributes)


def _text(row, column):
    text = row.get(column)
    return "" if text in NOTHING else text


def _label(text, word_of):
    """Return the class of a label, None for an empty one; a word for nothing may be one of the user's own classes."""
    try:
        return word_of(text) if text else None
    except BadRow:
        if text in NOTHING:
            return None
        raise


def _as_numbers(rows, name):
    """Make numbers of what rows say in a column, unless something is none, such as 20-29."""
    with suppress(BadRow):
        for row, number in zip(rows, [decimal(row[name], name) for row in rows]):
            row[name] = number


INFO = SetInfo(
    name="csv", title="A csv of faces", classes=EMOTIONS, image="any", terms="yours to know.",
    get="a csv with the columns path, label and, where known, person, valence, arousal, split, age, gender, skin_tone, "
        "domain",
    layout="faces.csv (path,label[,person,valence,arousal,split,age,gender,skin_tone,domain]) beside the images",
    reader=read, any_root=True,
)
