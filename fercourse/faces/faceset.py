"""FaceSet: an immutable, in-memory set of faces with everything that is known about each."""

import re
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType

import torch
from torch import Tensor

from ..errors import InputError
from . import labels as labelling
from . import noise, pixels, sampling, shapes
from .confound import confound
from .shapes import UNKNOWN

AXES = {"valence": 0, "arousal": 1}
LABELS = ("labels", "true_labels")


@dataclass(frozen=True, eq=False, repr=False)
class FaceSet:
    """N faces and what is known about them; row i of every column speaks of face i.

    Integers that are not known are -1, numbers that are not known are NaN; a column nobody knows is None.
    Every method returns a new set; sets share their tensors, so write into none of them.

    Attributes:
        images: uint8 [N, 3, H, W]; grey sets repeat the channel. May be a memory map.
        labels: int64 [N] into `classes`: the labels in use, noisy ones included.
        classes: standard words, such as `("neutral", "happiness", …)`.
        ids: int64 [N] stable sample ids, unique in the whole set, whatever the split.
        name: where the faces come from, such as `"synthfaces/wild:train"`.
        split: `train`, `val`, `test` or the set's own word, `all` for a whole set; read off the name where it is not
            given.
        true_labels: int64 [N] into `classes`: the truth, where it is known apart from `labels`.
        votes: float32 [N, C] annotator votes for each class; rows need not have the same sum.
        valence_arousal: float32 [N, 2] in [-1, 1].
        identity: int64 [N] person.
        landmarks: float32 [N, L, 2] pixels, x to the right, y down.
        visible: bool [N, L] landmarks that are in the picture, neither turned away nor covered.
        units: float32 [N, U] facial unit weights, named by `names["units"]`.
        action_units: float32 [N, A] FACS action units in [0, 1], named by `names["action_units"]`.
        domain: int64 [N] into `names["domain"]`.
        attributes: tensors [N] by name: `age`, `gender`, `skin_tone`, `intensity`, `yaw`, … A categorical
            one is int64 into `names[attribute]`. Ages are years, angles degrees, skin tones 1 to 10 (Monk), and
            intensities 0 at rest to 1 for the textbook pose, or more.
        files: the file of each face, where there is one.
        names: the words behind integer columns and behind the columns of matrices.
        notes: what was left out or changed on the way here, one sentence each.
    """

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    ids: Tensor
    name: str = "faces"
    split: str = ""
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
        freeze = {name: tuple(getattr(self, name)) for name in ("classes", "files", "notes")}
        freeze |= {name: MappingProxyType(dict(getattr(self, name))) for name in ("attributes", "names")}
        if not self.split and (match := re.search(r":([\w+]+)", self.name)):
            freeze["split"] = match[1]
        self.__setstate__(freeze)
        shapes.check_columns(self)

    def __getstate__(self):
        return {**vars(self), "attributes": dict(self.attributes), "names": dict(self.names)}

    def __setstate__(self, state):
        for name, value in state.items():
            object.__setattr__(self, name, MappingProxyType(value) if type(value) is dict else value)

    # ------------------------------------------------------------------ looking

    def __len__(self):
        return len(self.images)

    def __repr__(self):
        people = f", {len(self.people)} people" if self.identity is not None else ""
        size = "x".join(map(str, self.images.shape[2:]))
        return f"FaceSet({self.name!r}: {len(self):,} faces of {size}, {len(self.classes)} classes{people})"

    @property
    def device(self) -> torch.device:
        """Return the device that holds the images."""
        return self.images.device

    @property
    def people(self) -> Tensor:
        """Return the known persons, sorted, int64 [P]."""
        people = self.labels.new_empty(0) if self.identity is None else self.identity.unique()
        return people[people != UNKNOWN]

    @property
    def truth(self) -> Tensor:
        """Return what tests score, int64 [N]: the true labels where they are kept, the labels otherwise."""
        return self.labels if self.true_labels is None else self.true_labels

    def columns(self) -> dict[str, Tensor]:
        """Return every tensor that is known, attributes included, by name."""
        known = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in known.items() if isinstance(value, Tensor)} | self.attributes

    def column(self, name: str) -> Tensor:
        """Return one tensor by name: a field, an attribute, `"valence"` or `"arousal"`; `"person"` is the identity.

        Raises:
            InputError: this set does not know it.
        """
        columns = self.columns()
        name = "identity" if name == "person" and name not in columns else name
        if name in columns:
            return columns[name]
        if name in AXES and self.valence_arousal is not None:
            return self.valence_arousal[:, AXES[name]]
        raise InputError(f"{self.name} has no {name!r}; it knows {', '.join(columns)}")

    def vocabulary(self, column: str) -> tuple[str, ...] | None:
        """Return the words an integer column counts in; None if it is a plain number."""
        return self.classes if column in LABELS else self.names.get(column)

    def words(self, column: str) -> list[str]:
        """Return the words of an integer column, such as `faces.words("labels")` or `words("gender")`."""
        words, numbers = self.vocabulary(column), self.column(column)
        if words is None or numbers.ndim > 1:
            known = ", ".join(("labels", *self.names))
            raise InputError(f"{self.name}: {column} has no words; expected one of {known}")
        return [words[number] if number >= 0 else "unknown" for number in numbers.tolist()]

    def describe(self):
        """Return a table (pandas): faces, people, domains, wrong labels and missing facts of each class."""
        from .describe import describe
        return describe(self)

    def show(self, count=24, columns=8, seed=0, title=None, captions=None, caption=None):
        """Draw `count` faces picked with `seed` over their labels, or over `captions`; returns the matplotlib figure.

        The `caption` under the picture says what to look for.
        """
        from ..plots import face_grid
        chosen = self if count >= len(self) else self.sample(count, seed)
        return face_grid(chosen, columns, title, captions, caption=caption)

    # ------------------------------------------------------------------ choosing

    def subset(self, rows) -> "FaceSet":
        """Return the faces at `rows`: an integer, a slice, integers, or one boolean a face.

        A slice copies nothing: memory-mapped images stay on disk; so do other rows where they are many gigabytes.
        """
        rows = sampling.rows_of(rows, len(self))
        if isinstance(rows, slice):
            return self._map(lambda column: column[rows], self.files[rows])
        files = [self.files[row] for row in rows.tolist()] if self.files else ()
        return self._map(lambda column: pixels.taken(column, rows.to(column.device)) if column is self.images
                         else column[rows.to(column.device)], files)

    __getitem__ = subset

    def sample(self, count: int, seed: int = 0) -> "FaceSet":
        """Return `count` faces drawn without replacement (all of them if there are fewer)."""
        return self.subset(sampling.shuffled(len(self), seed, "sample")[:max(0, count)])

    def where(self, **wanted) -> "FaceSet":
        """Return the faces whose columns have these values, or one of several.

        Words, numbers and `"unknown"` all work: `where(labels=("fear", "anger"), gender="woman")`.
        For a range of numbers use a mask: `faces[faces.column("age") < 30]`.

        Raises:
            InputError: a column this set does not know, or a word it does not use.
        """
        keep = torch.ones(len(self), dtype=torch.bool)
        for name, values in wanted.items():
            column = self.column(name).cpu()
            if column.ndim > 1:
                raise InputError(f"{self.name}: {name} has several numbers a face; choose by a mask instead")
            fits = torch.zeros_like(keep)
            for value in values if isinstance(values, (tuple, list, set)) else (values,):
                fits |= self._equals(name, column, value)
            keep &= fits
        return self.subset(keep)

    def _equals(self, name, column, value):
        if not isinstance(value, str):
            return column == value
        words = self.vocabulary(name) or ()
        if value in words:
            return column == words.index(value)
        if value == "unknown":
            return shapes.unknown(column)
        expected = f"one of {', '.join(words)}" if words else "a number"
        raise InputError(f"{self.name}: {name} is never {value!r}; expected {expected}")

    def split_by_person(self, *fractions: float, seed: int = 0) -> tuple["FaceSet", ...]:
        """Split into parts that share no person; faces of nobody known are dealt one by one.

        Args:
            fractions: sizes as shares of the people, such as `0.8, 0.2`; their sum is at most 1.
            seed: decides who goes where.

        Raises:
            InputError: shares whose sum is above 1, or too few people.
        """
        parts = sampling.rows_by_group(self.identity, len(self), fractions, seed)
        split = "" if self.split == "all" else self.split              # the parts are the caller's own
        return tuple(replace(self.subset(rows), split=split) for rows in parts)

    def balanced(self, per_class: int | None = None, seed: int = 0) -> "FaceSet":
        """Return as many faces of every class that occurs (default: as the rarest has).

        Raises:
            InputError: more faces than the rarest class has.
        """
        return self.subset(sampling.balanced_rows(self.labels, per_class, seed))

    def fraction(self, share: float, seed: int = 0) -> "FaceSet":
        """Return a share of the faces, class by class, at least one of each: few labels.

        Raises:
            InputError: a share outside 0 to 1.
        """
        return self.subset(sampling.stratified_rows(self.labels, share, seed))

    def confound(self, attribute: str, label="valence", strength: float = 0.9, seed: int = 0) -> "FaceSet":
        """Return a subset in which an attribute predicts the label: see `confound.confound`."""
        return confound(self, attribute, label, strength, seed)

    # ------------------------------------------------------------------ labels

    def relabel(self, labels, note: str = "") -> "FaceSet":
        """Return the same faces under other labels; those so far stay as `true_labels` if none are known."""
        labels = torch.as_tensor(labels, dtype=torch.int64, device=self.labels.device)
        notes = (*self.notes, note) if note else self.notes
        return replace(self, labels=labels, true_labels=self.truth, notes=notes)

    def with_noise(self, rate: float = 0.3, kind: str = "symmetric", seed: int = 0) -> "FaceSet":
        """Return the same faces with wrong labels: `symmetric`, `pair` or `votes`; see `noise.add_noise`."""
        return noise.add_noise(self, rate, kind, seed)

    def soft_labels(self, at_least: float = 0) -> Tensor:
        """Return class shares of the votes, float32 [N, C]; one-hot labels where nobody voted.

        Classes with fewer than `at_least` votes count as slips (FER+ takes 2). A face with neither votes nor
        a label has no shares: zeros.
        """
        return labelling.soft_labels(self, at_least)

    def class_weights(self) -> Tensor:
        """Return float32 [C] weights that make the classes equal in a loss; 0 for a class without faces."""
        return sampling.class_weights(self.labels, len(self.classes))

    def sampling_weights(self) -> Tensor:
        """Return float32 [N] weights by which classes are drawn equally often; 0 for a face without label.

        For `torch.multinomial` or a torch sampler of your own; `fit` shows each face once an epoch (docs/recipes.md).
        """
        return torch.where(self.labels < 0, 0.0, self.class_weights()[self.labels])

    def with_classes(self, classes, unlabelled: bool = False) -> "FaceSet":
        """Return the faces whose label is among `classes`, renumbered to that order, matched by name.

        True labels outside `classes` become unknown; votes for other classes are dropped.

        Args:
            classes: words in the new order; ones this set lacks are allowed and stay empty.
            unlabelled: keep faces without a label, too.
        """
        return labelling.with_classes(self, tuple(classes), unlabelled)

    def without_labels(self) -> "FaceSet":
        """Return the same faces without labels, truth, votes, valence and arousal, units and action units.

        Landmarks, file names and attributes such as `intensity` stay.
        """
        unknown = torch.full_like(self.labels, UNKNOWN)
        return replace(self, labels=unknown, true_labels=None, votes=None, valence_arousal=None, units=None,
                       action_units=None)

    # ------------------------------------------------------------------ moving

    def to(self, device) -> "FaceSet":
        """Return the same faces with every tensor on `device`."""
        return self._map(lambda column: column.to(device), self.files)

    def resize(self, size: int) -> "FaceSet":
        """Return the faces at size x size pixels (antialiased), landmarks moved along."""
        return pixels.resize(self, size)

    def grey(self) -> "FaceSet":
        """Return the faces without colour."""
        return pixels.grey(self)

    def _map(self, change, files):
        """Return a copy with `change(column)` in place of every column, and other files."""
        changed = {name: change(column) for name, column in self.columns().items()}
        attributes = {name: changed.pop(name) for name in self.attributes}
        return replace(self, **changed, attributes=attributes, files=files)
