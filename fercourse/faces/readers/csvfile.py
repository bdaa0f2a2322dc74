"""Any csv of faces: `path,label[,person,valence,arousal,split]`."""

from pathlib import Path

from ...errors import InputError
from ..emotions import EMOTIONS
from ..setinfo import SetInfo
from .common import BadRow, axes, below, csv_rows, labelling, pairs
from .found import Found

SPLITS = ("train", "val", "test")


def read(root, words: dict | None = None, classes=None, columns: dict | None = None):
    """List the images of a csv; paths are relative to its folder, or absolute; labels are words (empty: none).

    Args:
        root: the csv, or a folder with a single one.
        classes: words of your own in place of the emotions, or as text `closed,open`.
        words: labels that are no known spelling: `{"1": "surprise"}`, or as text `1:surprise`.
        columns: what yours are called: `{"path": "file", "person": "subject"}`, or as text `path:file,person:subject`.

    Raises:
        InputError: no single csv, a column that is missing, or options that cannot be read.
    """
    path, (classes, word_of) = _csv(Path(root)), labelling(classes, words)
    names = {str(own).strip(): ours for ours, own in pairs(columns, "columns", "path:file,label:emotion").items()}
    found = Found("csv", path.parent, classes, Sizes(path.parent))
    found.each(csv_rows(path, path.parent, ["path", "label"], names=names, advice="rename the columns of the file, or "
                        "say what they are called, such as columns=path:file,label:emotion"),
               lambda row: _take(found, row, word_of))
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


def _take(found, row, word_of):
    if not row["path"]:
        raise BadRow("truncated row: no path")
    split, label = row.get("split"), row["label"]
    if split not in ("", *SPLITS):
        raise BadRow(f"unknown split: {split!r}, expected {', '.join(SPLITS)} or nothing")
    va = axes(row.get("valence"), row.get("arousal"))
    found.add(_below(row["path"], found.root), word_of(label) if label else None, split, row,
              person=row.get("person") or None, va=va)


def _below(path, root):
    return below(path, root) if Path(path).is_absolute() else Path(path).as_posix()


INFO = SetInfo(
    name="csv", title="A csv of faces", classes=EMOTIONS, image="any", terms="yours to know.",
    get="a csv with the columns path, label and, where known, person, valence, arousal, split",
    layout="faces.csv (path,label[,person,valence,arousal,split]) beside the images",
    reader=read, any_root=True,
)
