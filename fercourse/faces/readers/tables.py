"""A csv table by name: loose in a folder, or inside a .tar.gz or .zip that is read without unpacking it."""

import io
from contextlib import ExitStack, closing, contextmanager
from itertools import islice
from pathlib import Path

from ...errors import InputError
from ..unarchive import DAMAGED, Hostile, members
from .common import opened

MOST_BYTES, MOST_MEMBERS = 1 << 30, 1000          # FER2013 has 300 MB in a handful of files
ARCHIVES = ("*.tar.gz", "*.tgz", "*.tar", "*.zip")
FOLDERS = ("", "fer2013")                         # where tables and archives lie below the root


@contextmanager
def open_table(root: Path, names):
    """Open the first of `names` that is there; yields (text, path as people should read it).

    Raises:
        InputError: none is there, or the archive is damaged.
    """
    loose = _loose(root, names)
    if loose:
        with opened(loose) as text:
            yield text, loose
        return
    trouble = []
    for archive in _archives(root):
        with ExitStack() as open_files:
            try:
                stream, name = open_files.enter_context(_member(archive, names))
            except Exception as error:            # damaged, locked, or somebody else's: the next may have the table
                trouble.append(_unreadable(archive, error))
                continue
            if stream is not None:
                with _telling(archive):
                    yield io.TextIOWrapper(stream, "utf-8-sig", errors="latin1", newline=""), archive / name
                return
    raise trouble[0] if trouble else InputError(
        f"{root} has none of {', '.join(names)}, neither loose nor in an archive "
        f"({', '.join(ARCHIVES)}); give the folder or the archive that holds one")


def has_table(root: Path, names) -> bool:
    """Tell whether `open_table` would find one of the names."""
    try:
        with open_table(root, names):
            return True
    except InputError:
        return False


def _loose(root, names):
    if root.is_file():
        return root if root.suffix == ".csv" and (root.name in names or "fer2013.csv" in names) else None
    paths = (root / folder / name for folder in FOLDERS for name in names)
    return next((p for p in paths if p.is_file()), None)


def _archives(root):
    if root.is_file():
        return [] if root.suffix == ".csv" else [root]
    return [p for folder in FOLDERS for ending in ARCHIVES for p in sorted((root / folder).glob(ending))]


@contextmanager
def _telling(archive):
    """Tell damage that shows while a table is read; ValueError and its like would be a fault of who reads."""
    try:
        yield
    except (*DAMAGED, Hostile) as error:
        raise _unreadable(archive, error) from error


def _unreadable(archive, error):
    if isinstance(error, OSError) and error.errno:
        return InputError(f"{archive} cannot be read ({error.strerror}); expected an archive that you may read")
    reason = str(error).partition("\n")[0].rstrip(":") or type(error).__name__
    return InputError(f"{archive} is damaged or of an unknown kind ({reason}); get the archive again")


@contextmanager
def _member(archive, names):
    """Yield (binary stream, member name) of the first member so named, (None, None) without one."""
    with closing(members(archive, MOST_BYTES, names)) as pack:
        for name, is_folder, open_member in islice(pack, MOST_MEMBERS):
            if not is_folder and Path(name).name in names:
                with open_member() as stream:
                    yield stream, name
                return
        yield None, None
