"""`--set help`: the hyper-parameters of a method, each with its default and its meaning."""

import re
from dataclasses import MISSING, fields
from inspect import cleandoc

from ..typed import default_of


def explained(hyper) -> list[tuple[str, str]]:
    """Return (NAME=DEFAULT, meaning) of each field of a `Hyper`; the meaning is empty where no docstring tells it."""
    names = [f.name for f in fields(hyper)]
    known = {}
    for cls in reversed(hyper.__mro__):
        known |= _meanings(cls.__doc__ or "", names)
    return [(f"{f.name}={_text(default_of(f))}", known.get(f.name, "")) for f in fields(hyper)]


def _meanings(doc, names):
    """Return name -> meaning of a docstring's Attributes, of which one entry may tell several: `a, b: …; c: …`."""
    meanings, name = {}, "|".join(map(re.escape, names))
    section = re.search(r"^Attributes:\n((?: .*\n?|\n)+)", cleandoc(doc), re.MULTILINE)
    for entry in re.split(r"\n(?= {4}\S)", "\n" + section[1]) if section else ():
        _, *parts = re.split(rf"(?:^|; )((?:{name})(?:, (?:{name}))*): ", " ".join(entry.split()))
        for named, meaning in zip(parts[::2], parts[1::2]):
            meanings |= dict.fromkeys(named.split(", "), f"{meaning.rstrip('.')}.")
    return meanings


def _text(default):
    """Return a default as `--set` would read it."""
    if default is MISSING:
        return "…"
    if isinstance(default, list | tuple):
        return ",".join(map(_text, default))
    return str(default).lower() if default is None or isinstance(default, bool) else str(default)
