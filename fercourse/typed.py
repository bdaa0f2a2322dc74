"""Hyper-parameters as the types of their fields, whether they come as values or as text of the command line."""

import os
from dataclasses import MISSING, fields
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from .errors import InputError


def typed(cls, given: dict) -> dict:
    """Return hyper-parameters as the types of the class's fields.

    Raises:
        InputError: a field it does not have, or a value that is none for it.
    """
    known = {f.name: f for f in fields(cls.Hyper)}
    if unknown := given.keys() - known.keys():
        raise InputError(f"{cls.name} has no hyper-parameter {', '.join(sorted(unknown))}; "
                         f"it has {', '.join(known)}")
    kinds = _kinds(cls.Hyper)
    return {name: _read(value, known[name], kinds[name], cls.name) for name, value in given.items()}


BOOLS = {True: True, False: False, "true": True, "1": True, "false": False, "0": False}


def _kinds(hyper):
    """Return the annotated type of every field; that of its default where the annotation is beyond reach."""
    try:
        return get_type_hints(hyper)
    except (NameError, TypeError):
        defaults = {f.name: default_of(f) for f in fields(hyper)}
        return {name: Any if value in (None, MISSING) else type(value) for name, value in defaults.items()}


def default_of(f):
    """Return the default of a field; MISSING where it has none."""
    return f.default if f.default_factory is MISSING else f.default_factory()


def _read(value, f, kind, method):
    """Return a value, or a text that says one, as the type of a field."""
    default = default_of(f)
    try:
        return value if type(value) is type(default) and value == default else _as(kind, value, default)
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        word = str(kind) if get_args(kind) or not isinstance(kind, type) else kind.__name__
        addition = "" if default is MISSING else f"; its default is {default}"
        advice = "; write true or false" if kind is bool else ""
        raise InputError(f"{method}: {f.name}={value!r} is no {word}{addition}{advice}") from error


def _as(kind, value, default):
    """Return a value as a type; one of the errors that `_read` knows where it is none."""
    text, base = isinstance(value, str), get_origin(kind) or kind
    if base in (Union, UnionType):
        return _as_one_of(get_args(kind), value, default)
    if base in (tuple, list):
        return base(_parts(base, get_args(kind), value, default))
    if base is NoneType:
        return {None: None, "none": None}[value]
    if base is bool:
        return BOOLS[value.lower() if text else value]
    if base is str:
        return os.fspath(value)
    if text and base in (int, float):
        return base(value)
    fits = {int: isinstance(value, Integral), float: isinstance(value, Real), Any: True}
    if not fits.get(base, not text):
        raise TypeError("another type, or one that no text can say")
    return value


def _as_one_of(kinds, value, default):
    """Return a value as the first of several types that it is."""
    for kind in sorted(kinds, key=lambda kind: kind is not NoneType):      # `none` is a text, too
        try:
            return _as(kind, value, default)
        except (KeyError, ValueError, TypeError, OverflowError):
            pass
    raise ValueError("none of them")


def _parts(base, kinds, value, default):
    """Return the values of a sequence, which a text has between commas."""
    parts = [part.strip() for part in value.strip("()[] ").split(",")] if isinstance(value, str) else list(value)
    parts = [part for part in parts if part != ""]
    if base is tuple and kinds and kinds[-1] is not ...:
        return [_as(kind, part, None) for kind, part in zip(kinds, parts, strict=True)]
    kind = kinds[0] if kinds else type(default[0]) if isinstance(default, base) and default else Any
    return [_as(kind, part, None) for part in parts]
