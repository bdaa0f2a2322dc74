"""`Found`: collects what a reader finds, row by row, and makes a Listing of it."""

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from ...errors import InputError
from ..listing import Listing, Reject
from .common import BadRow
from .splits import crossing, deal


class Found:
    """Collects what a reader finds, row by row, and makes a Listing of it.

    Args:
        name: the catalogue's name.
        root: the set's folder; files are named below it.
        classes: standard words.
        sizes: path below root -> bytes, from `walk`; rows whose image is missing or empty are rejected.
    """

    def __init__(self, name, root, classes, sizes=None):
        self.name, self.root, self.classes, self.sizes = name, Path(root), tuple(classes), sizes
        self.base = ""                            # what ids leave out of paths, where copies differ in it
        self.rows, self.rejects, self.notes, self.dropped, self.named = {}, [], [], Counter(), set()

    def each(self, rows, use):
        """Call `use(row)` for every row; a BadRow becomes a Reject with file and line."""
        for row in tqdm(rows, desc=f"reading {self.name}", unit=" rows", delay=2, leave=False):
            try:
                use(row)
            except BadRow as error:
                self.reject(str(error), row.file, row.line)

    def reject(self, reason, file, line=None):
        """Leave one sample out and remember why."""
        self.rejects.append(Reject(_printable(str(file)), _printable(reason), line))

    def drop(self, reason, count=1, file=None):
        """Count samples that the set itself marks as not to be used."""
        self.named.add(file)
        self.dropped[reason] += count

    def add(self, file, label=None, split="", at=None, key="", **columns):
        """Take one sample.

        Args:
            file: image, below root.
            label: standard word, None without one.
            split: `train`, `val`, `test`; empty where the set has no official splits.
            at: the Row it comes from, or None where the file itself is all there is.
            key: tells several faces of one file apart.
            columns: `person`, `group`, `box`, `va`, `landmarks`, `votes`, `domain`, or an attribute.
        """
        place = (at.file, at.line) if at else (file, None)
        self.named.add(file)
        if not _is_text(file, *columns.values()):
            return self.reject(f"name that is not UTF-8: rename {file}", *place)
        if self.sizes is not None and not self.sizes.get(file):
            empty = "empty image: 0 bytes in" if file in self.sizes else "missing image:"
            return self.reject(f"{empty} {file}", *place)
        row = {"file": file, "label": label, "split": split, "place": place, **columns}
        first = self.rows.setdefault((file, key), row)
        if first is not row:
            self._again(first, row)

    def _again(self, first, row):
        """Reject a second row for the same face; if it contradicts the first, reject that as well."""
        if repr({**first, "place": 0}) == repr({**row, "place": 0}):
            return self.reject(f"duplicate row: same as {_place(first)}", *row["place"])
        contradicts = "contradicting row: {} says something else about " + row["file"]
        self.reject(contradicts.format(_place(first)), *row["place"])
        if "contradicted" not in first:
            first["contradicted"] = True
            self.reject(contradicts.format(_place(row)), *first["place"])

    def note_unnamed(self):
        """Note images on disk that no annotation names."""
        unnamed = [file for file in self.sizes if file not in self.named]
        if unnamed:
            self.notes.append(f"{len(unnamed):,} images are in no annotation, such as {_printable(unnamed[0])}")

    def listing(self, expected=()) -> Listing:
        """Return the Listing: rows sorted by file, splits completed, everything left out counted in notes.

        Args:
            expected: official splits; one without any sample is noted.

        Raises:
            InputError: not a single sample can be used.
        """
        keyed = sorted((k, r) for k, r in self.rows.items() if "contradicted" not in r) if self.rows else []
        rows = [row for _, row in keyed]
        if not rows:
            raise InputError(f"{self.root} has no usable face of {self.name}: {self._why()}")
        keys = [next((kind, r[column]) for kind, column in _KEYS if r.get(column)) for r in rows]
        split, how = deal(self.name, [r["split"] for r in rows], [key for _, key in keys],
                          ", else by ".join(kind for kind, _ in _KEYS if kind in dict(keys)))
        identity, people = numbers_of([r.get("person") for r in rows])
        group, groups = numbers_of([r.get("group") for r in rows])
        rank = {None: -1, **{word: number for number, word in enumerate(self.classes)}}
        empty = [f"no usable face in the official part {s}" for s in expected if s not in split]
        return Listing(
            name=self.name, classes=self.classes, root=str(self.root), split=split,
            labels=np.array([rank[r["label"]] for r in rows], dtype=np.int64),
            ids=_unique_ids([f"{file.removeprefix(self.base)}#{key}" for (file, key), _ in keyed]),
            files=np.array([r["file"] for r in rows], dtype=object),
            identity=identity if people else None, identity_names=people, group=group if groups else None,
            boxes=_stack(rows, "box", np.float64), landmarks=_stack(rows, "landmarks", np.float32),
            votes=_stack(rows, "votes", np.float32), valence_arousal=_stack(rows, "va", np.float32),
            rejects=tuple(self.rejects),
            notes=(*crossing(split, identity, people), *self.notes, *how, *empty, *self.left_out()),
            **_categories(rows))

    def _why(self):
        return f"{len(self.rejects)} rows rejected, the first: {self.rejects[0]}" if self.rejects else (
            next(iter((*self.left_out(), *self.notes)), "nothing was listed") + "; check that the whole set is there")

    def left_out(self):
        yield from (f"{count:,} left out: {reason}" for reason, count in self.dropped.items())
        kinds = Counter(reject.reason.split(":")[0] for reject in self.rejects)
        yield from (f"{count:,} rejected: {kind}" for kind, count in kinds.items())


_KEYS = (("person", "person"), ("clip", "group"), ("file", "file"))       # what splits are disjoint by: the first known
_FIXED = {"file", "label", "split", "place", "contradicted",
          "person", "group", "box", "va", "landmarks", "votes"}


def _is_text(*values):
    """Return whether all texts among some values can be written down: names of files are bytes, and may be no text."""
    try:
        "".join(value for value in values if isinstance(value, str)).encode()
    except UnicodeEncodeError:
        return False
    return True


def _printable(text):
    return text.encode(errors="backslashreplace").decode()


def _place(row):
    file, line = row["place"]
    return f"{file}, line {line}" if line else file


def _stack(rows, name, dtype):
    """Return a column as an array, NaN where a row lacks it; None where all do."""
    shape = next((np.shape(r[name]) for r in rows if r.get(name) is not None), None)
    if shape is None:
        return None
    blank = np.full(shape, np.nan)
    return np.array([blank if r.get(name) is None else r[name] for r in rows], dtype=dtype)


def _categories(rows):
    """Return the domain and the attributes: words become numbers, numbers stay."""
    attributes, names = {}, {}
    for name in sorted({name for row in rows for name in row} - _FIXED):
        values = [row.get(name) for row in rows]
        if any(isinstance(v, str) for v in values):
            attributes[name], names[name] = numbers_of(values)
        else:
            attributes[name] = np.array([np.nan if v is None else v for v in values], dtype=np.float32)
    domain, domains = attributes.pop("domain", None), names.pop("domain", ())
    return {"attributes": attributes, "names": names, "domain": domain, "domain_names": domains}


def _unique_ids(texts):
    ids = np.array([stable_id(t) for t in texts], dtype=np.int64)
    if len(np.unique(ids)) < len(ids):            # one chance in a thousand for three million files
        ids = np.array([stable_id(f"again {t}") for t in texts], dtype=np.int64)
    return ids


def stable_id(text: str) -> int:
    """Return a 52-bit hash (exact in JSON and JavaScript) that only depends on the text."""
    return int.from_bytes(hashlib.sha1(text.encode()).digest()[:7], "big") >> 4


def numbers_of(words):
    """Return int64 numbers of words in sorted order, -1 for None, and the sorted words."""
    names = tuple(sorted({w for w in words if w is not None}))
    rank = {w: i for i, w in enumerate(names)}
    return np.array([-1 if w is None else rank[w] for w in words], dtype=np.int64), names
