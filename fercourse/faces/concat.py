"""Two sets in one: classes and words matched by name, never by number."""

import re
from dataclasses import replace

import torch

from ..errors import InputError
from .shapes import COLUMNS, UNKNOWN, renumbered


def concat(*sets, name: str | None = None):
    """Return the faces of several sets, one set after the other, under the classes of the first.

    What only some sets know is unknown for the others. Ids and groups of another source are
    moved past those before them, and its people are named after it, so that no two become one. Images are
    copied into memory.

    Args:
        sets: FaceSets with the same classes in any order, images of one size, on one device.
        name: of the result; by default the names joined by " + ".

    Raises:
        InputError: no set, other classes, or another image size.
    """
    if not sets:
        raise InputError("there is no set to join; expected one or more")
    joined = sets[0]
    for faces in sets[1:]:
        joined = _join(joined, faces)
    splits = {faces.split for faces in sets}
    return replace(joined, name=name or " + ".join(faces.name for faces in sets),
                   split=splits.pop() if len(splits) == 1 else "mixed")


def _join(first, second):
    _check(first, second)
    second = second.with_classes(first.classes, unlabelled=True)
    if _source(first) != _source(second):
        first, second = _with_people(first), _apart(second, first)
    names = _common_words(first.names, second.names)
    ours, theirs = _columns(first), _columns(second)
    theirs = {c: _renumber(column, second.names.get(c), names.get(c)) for c, column in theirs.items()}
    other = {c for c in ours.keys() & theirs.keys() if not _alike(c, ours[c], theirs[c], first, second)}
    like = {c: column for c, column in {**theirs, **ours}.items() if c not in other}
    joined = {c: torch.cat([_rows(part, c, like[c]) for part in (ours, theirs)]) for c in like}
    names = {c: words for c, words in names.items() if c not in other}
    notes = [f"{c} left out: {first.name} and {second.name} mean other things by it" for c in sorted(other)]
    notes = dict.fromkeys((*first.notes, *second.notes, *notes))                 # one common note is enough
    return replace(first, **{c: joined.pop(c, None) for c in COLUMNS}, attributes=joined, names=names,
                   files=_files(first, second), notes=tuple(notes))


def _check(first, second):
    if set(first.classes) != set(second.classes):
        raise InputError(f"{first.name} has the classes {', '.join(first.classes)}, but {second.name} has "
                         f"{', '.join(second.classes)}; choose common ones by with_classes(…) first")
    sizes = [" x ".join(map(str, faces.images.shape[2:])) for faces in (first, second)]
    if sizes[0] != sizes[1]:
        raise InputError(f"{first.name} has images of {sizes[0]} pixels, {second.name} of {sizes[1]}; "
                         "call resize(…) first")


def _source(faces):
    return re.split(r"[/:]", faces.name)[0]


def _with_people(faces, prefix=""):
    """Return `faces` with a word for every person, the number where there is none."""
    if faces.identity is None:
        return faces
    count = int(faces.people.max()) + 1 if len(faces.people) else 0
    words = faces.names.get("identity") or range(count)
    return replace(faces, names={**faces.names, "identity": tuple(f"{prefix}{word}" for word in words)})


def _apart(faces, before):
    """Return `faces` with ids past those `before` and with people of its own."""
    step = int(before.ids.max()) + 1 if len(before) else 0
    return replace(_with_people(faces, f"{_source(faces)}/"), ids=faces.ids + step,
                   attributes={**faces.attributes, **_groups_past(before, faces)})


def _groups_past(before, faces):
    """Return the clips or near-duplicates of `faces`, numbered past those of `before`; unknown ones stay unknown."""
    first, second = (one.attributes.get("group") for one in (before, faces))
    if first is None or second is None or not len(first) or "group" in faces.names:
        return {}
    return {"group": torch.where(second < 0, second, second + first.max() + 1)}


def _columns(faces):
    return {**faces.columns(), "true_labels": faces.truth}


def _common_words(first, second):
    """Return the words of each column: those of the first set, then new ones of the second."""
    return {c: tuple(dict.fromkeys((*first.get(c, ()), *second.get(c, ())))) for c in {**first, **second}}


def _renumber(column, words, common):
    """Return an integer column that counts in `common` instead of in `words`; anything else as it is."""
    if words is None or words == common[:len(words)] or column.ndim > 1:
        return column
    return renumbered(column, words, common)


def _alike(name, ours, theirs, first, second):
    same_names = ours.ndim == 1 or first.names.get(name) == second.names.get(name)
    return ours.shape[1:] == theirs.shape[1:] and ours.dtype == theirs.dtype and same_names


def _rows(columns, name, like):
    """Return a column, or as many unknown rows shaped like another set's."""
    if name in columns:
        return columns[name]
    nothing = torch.nan if like.is_floating_point() else UNKNOWN if like.dtype == torch.int64 else 0
    return like.new_full((len(columns["images"]), *like.shape[1:]), 0 if name == "votes" else nothing)


def _files(first, second):
    if not first.files and not second.files:
        return ()
    return (*(first.files or [""] * len(first)), *(second.files or [""] * len(second)))
