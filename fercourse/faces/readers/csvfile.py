"""Any csv of faces: `path,label[,person,valence,arousal,split]`."""

from pathlib import Path

from ...errors import InputError
from ..emotions import EMOTIONS
from ..setinfo import SetInfo
from .common import BadRow, axes, below, csv_rows, own_word, spellings
from .found import Found

SPLITS = ("train", "val", "test")


def read(root, words: dict | None = None):
    """List the images of a csv; paths are relative to its folder, labels are words (empty: none).

    Args:
        root: the csv, or a folder with a single one.
        words: labels that are no known spelling: `{"1": "surprise"}`, or as text `1:surprise`.
    """
    path, words = _csv(Path(root)), spellings(words)
    found = Found("csv", path.parent, EMOTIONS, Sizes(path.parent))
    found.each(csv_rows(path, path.parent, ["path", "label"]), lambda row: _take(found, row, words))
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


def _take(found, row, words):
    if not row["path"]:
        raise BadRow("truncated row: no path")
    split, label = row.get("split"), row["label"]
    if split not in ("", *SPLITS):
        raise BadRow(f"unknown split: {split!r}, expected {', '.join(SPLITS)} or nothing")
    va = axes(row.get("valence"), row.get("arousal"))
    found.add(_below(row["path"], found.root), own_word(label, words) if label else None, split, row,
              person=row.get("person") or None, va=va)


def _below(path, root):
    return below(path, root) if Path(path).is_absolute() else Path(path).as_posix()


INFO = SetInfo(
    name="csv", title="A csv of faces", classes=EMOTIONS, image="any", terms="yours to know.",
    get="a csv with the columns path, label and, where known, person, valence, arousal, split",
    layout="faces.csv (path,label[,person,valence,arousal,split]) beside the images",
    reader=read, any_root=True,
)
