"""What every column of a FaceSet looks like: its type, its shape and the numbers it may hold."""

import torch

from ..errors import InputError

UNKNOWN = -1          # an integer that is not known: no label, no person, no domain

# Column -> type and the sizes behind N: a number, "classes" for one a class, None for any.
COLUMNS = {
    "images": (torch.uint8, (3, None, None)),
    "labels": (torch.int64, ()),
    "ids": (torch.int64, ()),
    "true_labels": (torch.int64, ()),
    "votes": (torch.float32, ("classes",)),
    "valence_arousal": (torch.float32, (2,)),
    "identity": (torch.int64, ()),
    "landmarks": (torch.float32, (None, 2)),
    "visible": (torch.bool, (None,)),
    "units": (torch.float32, (None,)),
    "action_units": (torch.float32, (None,)),
    "domain": (torch.int64, ()),
}


def places(words, among) -> list[int]:
    """Return where each word stands among others, -1 where it does not."""
    number = {word: i for i, word in enumerate(among)}
    return [number.get(word, UNKNOWN) for word in words]


def renumbered(column, words, among):
    """Return integers that count in `words` as int64 that count in `among`, by word; -1 where unknown or not among."""
    number = [*places(words, among), UNKNOWN]                      # -1, unknown, finds the last
    return torch.tensor(number, device=column.device)[column.long()]


def check_columns(faces):
    """Raise InputError naming the first column of `faces` that does not speak of its images one by one."""
    if clash := sorted(COLUMNS.keys() & faces.attributes.keys()):
        raise InputError(f"attributes may not be called {', '.join(clash)}: that is the name of a field")
    given = {name: getattr(faces, name) for name in COLUMNS} | dict(faces.attributes)
    for name, column in given.items():
        if column is not None and not isinstance(column, torch.Tensor):
            raise InputError(f"{name} are of type {type(column).__name__}; expected a tensor: torch.as_tensor({name})")
    count = len(faces.images)
    for name, column in faces.columns().items():
        if name in COLUMNS:
            _check_form(name, column, len(faces.classes))
        if len(column) != count:
            raise InputError(f"{name} has {len(column)} rows, expected one for each of {count} images")
        words = faces.vocabulary(name)
        if words is not None and column.ndim == 1 and count and column.is_cpu:       # a GPU would stall
            _check_range(name, column, words)
    if faces.files and len(faces.files) != count:
        raise InputError(f"files has {len(faces.files)} rows, expected one for each of {count} images")


def unknown(column):
    """Return bool [N]: the rows of a column nobody knows (-1 in integers, NaN in any part of a number)."""
    if column.is_floating_point():
        return column.isnan().flatten(1).any(1) if column.ndim > 1 else column.isnan()
    if column.dtype == torch.bool:
        return torch.zeros(len(column), dtype=torch.bool, device=column.device)
    return column == UNKNOWN


def _check_form(name, column, classes):
    dtype, sizes = COLUMNS[name]
    sizes = [classes if size == "classes" else size for size in sizes]
    fits = len(sizes) == column.ndim - 1 and all(s in (None, n) for s, n in zip(sizes, column.shape[1:]))
    if column.dtype != dtype or not fits:
        expected = ", ".join(["N", *("any" if size is None else str(size) for size in sizes)])
        raise InputError(f"{name} are {column.dtype} {list(column.shape)}, expected {dtype} [{expected}]")


def _check_range(name, column, words):
    low, high = int(column.min()), int(column.max())
    if low < UNKNOWN or high >= len(words):
        raise InputError(f"{name} range from {low} to {high}, expected 0 to {len(words) - 1} "
                         f"for {', '.join(words)}, or {UNKNOWN} where unknown")
