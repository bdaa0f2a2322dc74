"""Values as files of this project hold them: numbers, text, and lists and dictionaries of them."""

from pathlib import PurePath

import numpy as np


def plain(value):
    """Return numbers of NumPy and paths, in whatever lists and dictionaries, as the plain values they stand for."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, PurePath):
        return str(value)
    if type(value) is dict:
        return {plain(key): plain(inner) for key, inner in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    return value


def is_plain(value, *more) -> bool:
    """Return whether a value, and all in it, is of a plain type or one of a few more."""
    if type(value) is dict:
        value = [*value, *value.values()]
    if type(value) in (list, tuple):
        return all(is_plain(inner, *more) for inner in value)
    return value is None or type(value) in (bool, int, float, str) or isinstance(value, more)


def flat(config: dict) -> dict:
    """Return a configuration without dictionaries in it: their entries are named `OUTER INNER`."""
    nested = {f"{k} {inner}": v for k, part in config.items() if isinstance(part, dict)
              for inner, v in part.items()}
    return {k: v for k, v in config.items() if not isinstance(v, dict)} | nested
