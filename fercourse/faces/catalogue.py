"""The catalogue: every set of faces by name, where it is looked for, and how it is read.

To add a set of your own, describe it and hand over a function that lists it. In a file of its own, it is made known by
`fercourse --use FILE`; `docs/recipes.md` shows what else a reader can do.

    from fercourse.faces import EMOTIONS, catalogue
    from fercourse.faces.readers.common import csv_rows, walk, word
    from fercourse.faces.readers.found import Found

    def read(root):
        # faces.csv has the columns file, emotion and subject
        found = Found("mine", root, EMOTIONS, walk(root, root))
        rows = csv_rows(root / "faces.csv", root, ["file", "emotion", "subject"])
        found.each(rows, lambda row: found.add(row["file"], word(row["emotion"]), at=row, person=row["subject"]))
        return found.listing()

    catalogue.add(catalogue.SetInfo(
        name="mine", title="My faces", classes=EMOTIONS, image="any", terms="ours.", get="ask us",
        layout="mine/faces.csv", markers=("faces.csv",), reader=read,
    ))
"""

import difflib
import inspect
from pathlib import Path

from ..errors import InputError
from . import readers
from .emotions import SEVEN
from .listing import Listing
from .manifest import published, read_manifest
from .setinfo import SetInfo, data_folder

__all__ = ["SetInfo", "add", "data_folder", "find", "found", "get", "names", "read", "registry"]

_SETS: dict[str, SetInfo] = {}


def add(info: SetInfo) -> SetInfo:
    """Put a set into the catalogue; a set of the same name is replaced."""
    _SETS[info.name] = info
    return info


def registry() -> dict[str, SetInfo]:
    """Return the catalogue itself, name -> set; what is added to it stays."""
    return _SETS


def names() -> tuple[str, ...]:
    """Return the names of all sets, in the order they were added."""
    return tuple(_SETS)


def get(name: str) -> SetInfo:
    """Return what is known about a set, by name.

    Raises:
        InputError: no set has that name; the closest one is proposed.
    """
    known = {plain(word): word for word in _SETS}
    if plain(name) in known:
        return _SETS[known[plain(name)]]
    if Path(name).is_dir():
        raise InputError(f'{name} is a folder; expected the name of a set: load_faces("folder", root={name!r}), on the '
                         f"command line --data folder --root {name}; fercourse data list shows the others")
    close = difflib.get_close_matches(plain(name), known, n=1, cutoff=0.5)
    hint = f"did you mean {known[close[0]]!r}? Expected" if close else "expected"
    raise InputError(f"set {name!r} is unknown; {hint} one of {', '.join(_SETS)}; "
                     "one in a file of your own is made known by fercourse --use FILE")


def plain(name: str) -> str:
    """Return a set's name without what spellings differ in: case, dashes, underscores and blanks."""
    return name.lower().replace("-", "").replace("_", "").replace("+", "plus").replace(" ", "")


def find(name: str, root=None) -> Path:
    """Return the folder (or archive) that holds a set.

    Args:
        root: the set's folder, the folder it is in, or an archive; default: the set's usual place.

    Raises:
        InputError: there is no such folder, or nothing in it looks like the set.
    """
    info = get(name)
    if root is None and info.any_root:
        raise InputError(f"{info.name} has no usual place; say where the files are with root (--root)")
    base = Path(root).expanduser() if root is not None else info.place
    if not base.exists():
        raise InputError(f"{base} does not exist; {_expected(info)}")
    if base.is_file() or info.any_root:
        return base
    place = next((p for p in _candidates(info, base) if _is_set(info, p)), None)
    if place is None:
        seen = ", ".join(sorted(p.name for p in base.iterdir())[:6]) or "nothing"
        raise InputError(f"{base} does not look like {info.title} (it holds {seen}); {_expected(info)}")
    return place


def found(name: str, root=None) -> Path | None:
    """Return where a set is, None where it is not there."""
    try:
        return find(name, root)
    except InputError:
        return None


def _expected(info):
    tree = "; ".join(line.strip() for line in info.layout.splitlines() if line.strip())
    return f"expected {tree}; give the folder with root (--root), or get the set: {info.get}"


def _candidates(info, base):
    yield base
    yield from (base / folder for folder in (info.name, *info.folders))
    yield from sorted(p for p in base.iterdir() if p.is_dir())


def _is_set(info, place):
    return place.is_dir() and any(next(place.glob(pattern), None) is not None for pattern in info.markers)


def read(name: str, root=None, /, **options) -> Listing:
    """List the samples of a set below `root` (default: its usual place), as its reader does.

    Raises:
        InputError: no such set, an option that its reader does not know, or nothing sensible can be read.
    """
    info = get(name)
    if info.reader is None:
        raise InputError(f"{info.name} is not read from loose files; use load_faces({info.name!r})")
    known = list(inspect.signature(info.reader).parameters)[1:]
    for option in options:
        if option not in known:
            raise InputError(f"{info.name} has no option {option!r}; "
                             f"expected one of {', '.join(known) or 'none'}")
    return info.reader(find(name, root), **options)


def _shipped(name):
    """Return where a set ships: inside an installed package, else in the checkout around it."""
    package = Path(__file__).parents[1]
    installed = package / "data" / name
    return installed if installed.is_dir() else package.parent / "data" / name


def _shipped_counts(place):
    """Return the counts that the manifest of a shipped set promises; none where it is not there."""
    try:
        return published(read_manifest(place / f"{place.name}.parquet"))
    except InputError:
        return {}


add(SetInfo(
    name="synthfaces", title="Synthetic faces of the course", classes=SEVEN, image="64x64 colour",
    terms="CC0: free for any use; rendered people, nobody real.",
    get="ships with fercourse; other sizes with `fercourse render`",
    layout="synthfaces/synthfaces.parquet with synthfaces.json", markers=("*.parquet",), home=_shipped("synthfaces"),
    counts=_shipped_counts(_shipped("synthfaces")),
))

for _info in readers.SETS:
    add(_info)
