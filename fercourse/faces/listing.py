"""Listing: what a reader found on disk, before any image is decoded."""

from dataclasses import dataclass, field

import numpy as np


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
        ids: int64 [N] stable ids: the row in the set's official list, or the rank of the file's path.
        files: [N] paths below `root`; None where pixels are given.
        root: the folder the files are in.
        pixels: uint8 [N, H, W] or [N, H, W, 3] where the images are inside the annotation file itself.
        boxes: float [N, 4] left, top, right, bottom in the file's pixels, NaN for the whole image.
        identity: int64 [N] person, -1 unknown. `identity_names[i]` is the set's own word for person i.
        group: int64 [N] what must stay in one split though no person is known (a clip, a near-duplicate).
        votes: float32 [N, C]; valence_arousal: float32 [N, 2], NaN missing; landmarks: float32 [N, L, 2] in
            the file's pixels; domain: int64 [N] into `domain_names`.
        attributes: [N] arrays by name, `names[attribute]` their words where they are categorical.
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
    rejects: tuple[Reject, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self):
        return len(self.labels)
