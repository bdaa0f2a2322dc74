"""FaceSet: an immutable, in-memory set of faces with everything that is known about each."""

from dataclasses import dataclass, field, fields, replace

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from . import noise, sampling

UNKNOWN = -1          # an integer that is not known: no label, no person, no domain


@dataclass(frozen=True, eq=False, repr=False)
class FaceSet:
    """N faces and what is known about them; row i of every field speaks of face i.

    Integers that are not known are -1, numbers that are not known are NaN; a field nobody knows is None.

    Attributes:
        images: uint8 [N, 3, H, W]; grey sets repeat the channel.
        labels: int64 [N] into `classes`: the labels in use, noisy ones included.
        classes: standard words, such as `("neutral", "happiness", …)`.
        ids: int64 [N] stable sample ids, unique in the whole set, whatever the split.
        name: where the faces come from, such as `"synthfaces/wild:train"`.
        true_labels: int64 [N] into `classes`: the truth, where it is known apart from `labels`.
        votes: float32 [N, C] annotator votes for each class; rows need not have the same sum.
        valence_arousal: float32 [N, 2] in [-1, 1].
        identity: int64 [N] person.
        landmarks: float32 [N, L, 2] pixels, x to the right, y down.
        visible: bool [N, L] landmarks that are neither turned away nor covered.
        units: float32 [N, U] facial unit weights, named by `names["units"]`.
        action_units: float32 [N, A] FACS action units in [0, 1], named by `names["action_units"]`.
        domain: int64 [N] into `names["domain"]`.
        attributes: tensors [N] by name: `age`, `gender`, `skin_tone`, `intensity`, `yaw`, … A categorical
            one is int64 into `names[attribute]`.
        files: the file of each face, where there is one.
        names: the words behind integer fields and behind the columns of matrices.
        notes: what was left out on the way here, one sentence each.
    """

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    ids: Tensor
    name: str = "faces"
    true_labels: Tensor | None = None
    votes: Tensor | None = None
    valence_arousal: Tensor | None = None
    identity: Tensor | None = None
    landmarks: Tensor | None = None
    visible: Tensor | None = None
    units: Tensor | None = None
    action_units: Tensor | None = None
    domain: Tensor | None = None
    attributes: dict[str, Tensor] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        if self.images.dtype != torch.uint8 or self.images.ndim != 4 or self.images.shape[1] != 3:
            raise InputError(f"images are {self.images.dtype} {list(self.images.shape)}, expected uint8 [N, 3, H, W]")
        for name, column in self._columns():
            if len(column) != len(self.images):
                raise InputError(f"{name} has {len(column)} rows, expected one for each of {len(self.images)} images")
        for name in ("labels", "true_labels"):
            column = getattr(self, name)
            if column is not None and len(column) and not -1 <= int(column.min()) <= int(column.max()) < len(self.classes):
                raise InputError(f"{name} range from {int(column.min())} to {int(column.max())}, "
                                 f"expected 0 to {len(self.classes) - 1} for {', '.join(self.classes)}, or -1 where unknown")

    def _columns(self):
        """Yield (name, rows) of everything that has one row a face."""
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, Tensor):
                yield f.name, value
        yield from self.attributes.items()
        if self.files:
            yield "files", self.files

    def _map(self, change):
        """Return a copy with `change(tensor)` applied to every tensor."""
        tensors = {f.name: change(getattr(self, f.name)) for f in fields(self) if isinstance(getattr(self, f.name), Tensor)}
        return replace(self, **tensors, attributes={k: change(v) for k, v in self.attributes.items()})

    # ------------------------------------------------------------------ looking

    def __len__(self):
        return len(self.images)

    def __repr__(self):
        people = f", {len(self.people)} people" if self.identity is not None else ""
        height, width = self.images.shape[2:]
        return f"FaceSet({self.name!r}: {len(self):,} faces of {height}x{width}, {len(self.classes)} classes{people})"

    @property
    def people(self) -> Tensor:
        """Return the known persons, sorted, int64 [P]."""
        if self.identity is None:
            return torch.empty(0, dtype=torch.int64)
        people = self.identity.unique()
        return people[people != UNKNOWN]

    @property
    def device(self) -> torch.device:
        """Return the device that holds the images."""
        return self.images.device

    def words(self, column: str) -> list[str]:
        """Return the words of an integer column, such as `faces.words("labels")` or `words("gender")`."""
        names = self.classes if column in ("labels", "true_labels") else self.names[column]
        return [names[i] if i >= 0 else "unknown" for i in self.column(column).tolist()]

    def column(self, name: str) -> Tensor:
        """Return a field or an attribute by name.

        Raises:
            InputError: this set does not know it.
        """
        column = self.attributes.get(name, getattr(self, name, None) if name in {f.name for f in fields(self)} else None)
        if column is None:
            known = [n for n, _ in self._columns() if n not in ("images", "files")]
            raise InputError(f"{self.name} has no {name!r}; it knows {', '.join(known)}")
        return column

    def describe(self):
        """Return a table (pandas): faces, people, domains, wrong labels and missing facts of each class."""
        from .describe import describe
        return describe(self)

    def show(self, count=24, columns=8, seed=0, title=None, captions=None):
        """Draw `count` faces picked with `seed` under their labels; returns the matplotlib figure."""
        from ..plots import face_grid
        return face_grid(self if count >= len(self) else self.sample(count, seed), columns, title, captions)

    # ------------------------------------------------------------------ choosing

    def subset(self, rows) -> "FaceSet":
        """Return the faces at `rows`: a slice, integers, or one boolean a face (a slice copies no images)."""
        if not isinstance(rows, slice):
            rows = torch.as_tensor(np.asarray(rows.cpu() if isinstance(rows, Tensor) else rows))
            rows = rows.nonzero().flatten() if rows.dtype == torch.bool else rows.to(torch.int64)
        picked = self._map(lambda t: t[rows if isinstance(rows, slice) else rows.to(t.device)])
        files = np.array(self.files, dtype=object)[rows if isinstance(rows, slice) else rows.numpy()] if self.files else ()
        return replace(picked, files=tuple(files))

    __getitem__ = subset

    def sample(self, count: int, seed: int = 0) -> "FaceSet":
        """Return `count` faces drawn without replacement (all of them if there are fewer)."""
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))
        return self.subset(order[:count])

    def where(self, **wanted) -> "FaceSet":
        """Return the faces whose columns have these values, by word or number: `where(labels="fear", gender="woman")`."""
        keep = torch.ones(len(self), dtype=torch.bool)
        for name, value in wanted.items():
            column = self.column(name).cpu()
            if isinstance(value, str):
                names = self.classes if name in ("labels", "true_labels") else self.names.get(name, ())
                if value not in names:
                    raise InputError(f"{self.name}: {name} is never {value!r}; expected one of {', '.join(names)}")
                value = names.index(value)
            keep &= column == value
        return self.subset(keep)

    def split_by_person(self, *fractions: float, seed: int = 0) -> tuple["FaceSet", ...]:
        """Split into parts that share no person; faces of nobody known are dealt one by one.

        Args:
            fractions: sizes as shares of the people, such as `0.8, 0.2`; their sum is at most 1.
            seed: decides who goes where.
        """
        return tuple(self.subset(rows) for rows in sampling.rows_by_group(self.identity, len(self), fractions, seed))

    def balanced(self, per_class: int | None = None, seed: int = 0) -> "FaceSet":
        """Return as many faces of every class (default: as the rarest class has)."""
        return self.subset(sampling.balanced_rows(self.labels, per_class, seed))

    def fraction(self, share: float, seed: int = 0) -> "FaceSet":
        """Return a share of the faces, class by class, at least one of each: few labels."""
        return self.subset(sampling.stratified_rows(self.labels, share, seed))

    def confound(self, attribute: str, label: str = "labels", strength: float = 0.9, seed: int = 0) -> "FaceSet":
        """Return a subset in which an attribute predicts the label: see `sampling.confounded_rows`."""
        rows = sampling.confounded_rows(self, attribute, label, strength, seed)
        return replace(self.subset(rows), name=f"{self.name}+{attribute}~{label}({strength:g})")

    # ------------------------------------------------------------------ changing

    def to(self, device) -> "FaceSet":
        """Return the same faces with every tensor on `device`."""
        return self._map(lambda t: t.to(device, non_blocking=True))

    def relabel(self, labels: Tensor, note: str = "") -> "FaceSet":
        """Return the same faces under other labels; the labels so far stay as `true_labels` unless those are known."""
        truth = self.labels if self.true_labels is None else self.true_labels
        notes = (*self.notes, note) if note else self.notes
        return replace(self, labels=labels.to(self.labels), true_labels=truth, notes=notes)

    def with_noise(self, rate: float = 0.3, kind: str = "symmetric", seed: int = 0) -> "FaceSet":
        """Return the same faces with wrong labels: `symmetric`, `pair` or `votes`; see `noise`."""
        return noise.add_noise(self, rate, kind, seed)

    def soft_labels(self) -> Tensor:
        """Return class shares of the votes, float32 [N, C]; one-hot labels where nobody voted."""
        hard = torch.nn.functional.one_hot(self.labels.clamp(min=0), len(self.classes)).float()
        if self.votes is None:
            return hard
        total = self.votes.sum(1, keepdim=True)
        return torch.where(total > 0, self.votes / total.clamp(min=1), hard)

    def with_classes(self, classes: tuple[str, ...]) -> "FaceSet":
        """Return the faces whose label is among `classes`, renumbered to that order, matched by name.

        True labels outside `classes` become unknown; votes for other classes are dropped.
        """
        classes = tuple(classes)
        number = torch.tensor([classes.index(c) if c in classes else UNKNOWN for c in self.classes] + [UNKNOWN],
                              device=self.labels.device)
        kept = self.subset(number[self.labels] != UNKNOWN)
        votes = None
        if kept.votes is not None:
            votes = kept.votes.new_zeros(len(kept), len(classes))
            for new, word in enumerate(classes):
                if word in self.classes:
                    votes[:, new] = kept.votes[:, self.classes.index(word)]
        truth = None if kept.true_labels is None else number[kept.true_labels]
        return replace(kept, labels=number[kept.labels], true_labels=truth, votes=votes, classes=classes)

    def resize(self, size: int) -> "FaceSet":
        """Return the faces at size x size pixels (antialiased), landmarks moved along."""
        height, width = self.images.shape[2:]
        if (height, width) == (size, size):
            return self
        shrink = torch.nn.functional.interpolate
        parts = [shrink(part.float(), (size, size), mode="bilinear", antialias=True).round().clamp(0, 255).byte()
                 for part in self.images.split(4096)]
        scale = torch.tensor([size / width, size / height], device=self.device)
        landmarks = None if self.landmarks is None else self.landmarks * scale
        return replace(self, images=torch.cat(parts) if parts else self.images.new_zeros(0, 3, size, size), landmarks=landmarks)

    def grey(self) -> "FaceSet":
        """Return the faces without colour (ITU-R 601 luma, repeated in three channels)."""
        weights = torch.tensor([0.299, 0.587, 0.114], device=self.device)[:, None, None]
        parts = [(part.float() * weights).sum(1, keepdim=True).round().byte().expand(-1, 3, -1, -1) for part in self.images.split(4096)]
        return replace(self, images=torch.cat(parts) if parts else self.images)
