"""A csv table by name: loose in a folder, or inside a .tar.gz or .zip that is read without unpacking it."""

import gzip
import io
import tarfile
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path

from ...errors import InputError
from .common import opened

DAMAGED = (EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile)
ARCHIVES = ("*.tar.gz", "*.tgz", "*.tar", "*.zip")


@contextmanager
def open_table(root: Path, names, folders=("", "fer2013")):
    """Open the first of `names` that is there; yields (text, path as people should read it).

    Raises:
        InputError: none is there, or the archive is damaged.
    """
    loose = _loose(root, names, folders)
    if loose:
        with opened(loose) as text:
            yield text, loose
        return
    for archive in _archives(root, folders):
        try:
            with _member(archive, names) as (stream, name):
                if stream is not None:
                    yield io.TextIOWrapper(stream, "utf-8-sig", errors="latin1", newline=""), archive / name
                    return
        except DAMAGED as error:
            reason = str(error).partition("\n")[0].rstrip(":")
            raise InputError(f"{archive} is damaged ({reason}); get the archive again") from error
    raise InputError(f"{root} has none of {', '.join(names)}, neither loose nor in an archive "
                     f"({', '.join(ARCHIVES)}); give the folder or the archive that holds one")


def has_table(root: Path, names) -> bool:
    """Tell whether `open_table` would find one of the names."""
    try:
        with open_table(root, names):
            return True
    except InputError:
        return False


def _loose(root, names, folders):
    if root.is_file():
        return root if root.suffix == ".csv" and (root.name in names or "fer2013.csv" in names) else None
    paths = (root / folder / name for folder in folders for name in names)
    return next((p for p in paths if p.is_file()), None)


def _archives(root, folders):
    if root.is_file():
        return [] if root.suffix == ".csv" else [root]
    return [p for folder in folders for ending in ARCHIVES for p in sorted((root / folder).glob(ending))]


@contextmanager
def _member(archive, names):
    """Yield (binary stream, member name) of the first member so named, (None, None) without one."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as pack:
            inside = {Path(n).name: n for n in reversed(pack.namelist())}
            name = next((inside[n] for n in names if n in inside), None)
            with pack.open(name) if name else io.BytesIO() as stream:
                yield (stream, name) if name else (None, None)
        return
    with tarfile.open(archive) as pack:           # members in order of the archive: decompressed once
        member = next((m for m in pack if m.isfile() and Path(m.name).name in names), None)
        yield (pack.extractfile(member), member.name) if member else (None, None)
