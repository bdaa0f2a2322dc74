"""Listing: what a reader found on disk, before any image is decoded."""

from dataclasses import dataclass, field, replace

import numpy as np

from ..errors import InputError


@dataclass(frozen=True)
class Reject:
    """One sample that is left out: which, and why. Never replaced by another image."""

    file: str
    reason: str
    line: int | None = None

    def __str__(self):
        return f"{self.file}{f', line {self.line}' if self.line else ''}: {self.reason}"


@dataclass(frozen=True)
class Listing:
    """Rows of a real set as its reader found them; row i of every column speaks of sample i.

    A reader is a function `read(root, **options) -> Listing`. Decoding, splitting, packing and checking
    work on the listing alone, so that a new set needs nothing but its reader.

    Attributes:
        name: the catalogue's name of the set.
        classes: standard words in the order of the label numbers used in `labels`.
        labels: int64 [N] into `classes`; -1 where the set has none.
        split: [N] words: `train`, `val`, `test`, or the set's own names (`PublicTest`).
        ids: int64 [N] stable ids: the row in the set's official list, or a 52-bit hash of the file's path, so
            that they change neither with the order on disk nor with what else is there.
        files: [N] paths below `root`; None where pixels are given.
        root: the folder the files are in.
        pixels: uint8 [N, H, W] or [N, H, W, 3] where the images are inside the annotation file itself.
        boxes: float [N, 4] left, top, right, bottom in the file's pixels, NaN for the whole image.
        identity: int64 [N] person, -1 unknown. `identity_names[i]` is the set's own word for person i.
        group: int64 [N] what must stay in one split though no person is known (a clip, a near-duplicate).
        votes: float32 [N, C]; valence_arousal: float32 [N, 2], NaN missing; landmarks: float32 [N, L, 2] in
            the file's pixels; domain: int64 [N] into `domain_names`.
        attributes: [N] arrays by name, `names[attribute]` their words where they are categorical.
        aliases: other words for parts: `{"Training": "train+val", "test": "PrivateTest"}`.
        rejects: samples left out, with the reason.
        notes: one sentence for each thing a user should know (what was dropped and how often).
    """

    name: str
    classes: tuple[str, ...]
    labels: np.ndarray
    split: np.ndarray
    ids: np.ndarray
    files: np.ndarray | None = None
    root: str = "."
    pixels: np.ndarray | None = None
    boxes: np.ndarray | None = None
    identity: np.ndarray | None = None
    identity_names: tuple[str, ...] = ()
    group: np.ndarray | None = None
    votes: np.ndarray | None = None
    valence_arousal: np.ndarray | None = None
    landmarks: np.ndarray | None = None
    domain: np.ndarray | None = None
    domain_names: tuple[str, ...] = ()
    attributes: dict[str, np.ndarray] = field(default_factory=dict)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    rejects: tuple[Reject, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self):
        return len(self.labels)

    @property
    def splits(self) -> dict[str, int]:
        """Return the number of samples in each split: train, val, test, then the set's own words."""
        words, counts = np.unique(self.split, return_counts=True)
        sizes = dict(zip(words.tolist(), counts.tolist()))
        order = [w for w in ("train", "val", "test") if w in sizes]
        return {w: sizes[w] for w in [*order, *sorted(set(sizes) - set(order))]}

    def rows(self, split: str = "all") -> np.ndarray:
        """Return the rows of a split: its word, an alias, several joined by `+`, or `all`.

        Raises:
            InputError: the set has no sample in that split.
        """
        split = self.aliases.get(split, split)
        if split == "all":
            return np.arange(len(self))
        words = split.split("+")
        for word in words:
            if not (self.split == word).any():
                known = ", ".join(f"{w} ({n:,})" for w, n in self.splits.items())
                raise InputError(f"{self.name} in {self.root} has no faces in split {word!r}; "
                                 f"choose one of {known}")
        return np.flatnonzero(np.isin(self.split, words))

    def part(self, split: str | None) -> str:
        """Return a split without aliases; of None `all` where the set has tests, and `""` where it has none."""
        if split is None:
            return "" if set(self.splits) <= {"train", "val"} else "all"
        return self.aliases.get(split, split)

    def take(self, rows) -> "Listing":
        """Return the samples at `rows` (integers or one boolean each), every column moved along."""
        columns = {name: getattr(self, name)[rows] for name in _COLUMNS if getattr(self, name) is not None}
        return replace(self, **columns, attributes={k: v[rows] for k, v in self.attributes.items()})

    def counts(self, split: str = "all") -> dict[str, int]:
        """Return the number of samples of each class in a split; `unlabelled` where there are any."""
        labels = self.labels[self.rows(split)]
        counts = {word: int((labels == i).sum()) for i, word in enumerate(self.classes)}
        return {**counts, "unlabelled": int((labels < 0).sum())} if (labels < 0).any() else counts


_COLUMNS = ("labels", "split", "ids", "files", "pixels", "boxes", "identity", "group", "votes",
            "valence_arousal", "landmarks", "domain")
