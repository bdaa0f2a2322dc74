"""Unpack archives that strangers made: plain files below the target, within bounds, or nothing at all."""

import gzip
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from tqdm.auto import tqdm

from ..errors import InputError

PIECE = 1 << 20
LONGEST_HEADER = 1 << 22       # a tar header tells a name; more than this is meant to fill the memory
DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{kind}{number}" for kind in ("COM", "LPT") for number in range(1, 10))}
DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, gzip.BadGzipFile, EOFError)


class Hostile(Exception):
    """What an archive does that no honest one needs."""


class Whole(tarfile.TarInfo):
    """A member without holes: tarfile would gather the list of them, however long, before anybody is asked."""

    def _refuse(self, *arguments):
        raise Hostile("it holds a file with holes (sparse)")

    _proc_sparse = _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _refuse


def unpack(archive, out, most_bytes: int, most_files: int, check: Callable[[Path], object] = bool):
    """Unpack a tar, tar.gz or zip into the new folder `out`; a single folder around everything is taken off.

    Only files and folders are written, with our own permissions; one bad member refuses the whole archive.
    The files appear under `out` when all are there and `check(folder)` has raised nothing.

    Args:
        most_bytes: largest sum of the unpacked sizes, counted while writing, whatever the headers say.
        most_files: largest number of members.

    Raises:
        InputError: a path outside, a link, a device, too much, a damaged archive, `out` is there, a full disk.
    """
    archive, out = Path(archive), Path(out)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(f"{out} is already there; delete it first, or choose another folder with --root")
    aside = out.with_name(f"{out.name}.{os.getpid()}.part")
    try:
        aside.mkdir(parents=True)
        with _telling(archive):
            _write_all(archive, aside, most_bytes, most_files)
        top = list(aside.iterdir())
        inner = top[0] if len(top) == 1 and top[0].is_dir() else aside
        check(inner)
        if out.exists():
            out.rmdir()
        inner.replace(out)
    except Hostile as error:
        raise InputError(f"{archive} is not unpacked: {error}; this is not the archive it should be") from error
    except OSError as error:
        raise InputError(f"{out} cannot be written ({error.strerror or error}); nothing was kept, free some room "
                         "or choose another folder with --root") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _telling(archive):
    """Tell damage that shows while an archive is read."""
    try:
        yield
    except (*DAMAGED, RuntimeError, ValueError) as error:      # a zip packed in an unknown way; numbers that are none
        raise InputError(f"{archive} is damaged ({error}); delete it and {archive.name}.sha256, then fetch it "
                         "again") from error


def _write_all(archive, folder, most_bytes, most_files):
    """Write every member; count members and bytes as they come."""
    written, names = 0, set()
    count, packed = 0, tqdm(members(archive, most_bytes), desc="unpack", unit=" files", delay=2)
    for count, (name, is_folder, opened) in enumerate(packed, 1):
        path = _safe(name)
        if count > most_files:
            raise Hostile(f"it has more than {most_files:,} members")
        if path in names and not is_folder:
            raise Hostile(f"{name!r} is in it twice")
        names.add(path)
        target = folder / path
        (target if is_folder else target.parent).mkdir(parents=True, exist_ok=True)
        if not is_folder:
            with opened() as source, target.open("xb") as file:
                written += _copy(source, file, most_bytes - written)
    if not count:
        raise EOFError("it holds no files")


def _copy(source, file, most):
    copied = 0
    while piece := source.read(PIECE):
        if (copied := copied + len(piece)) > most:
            raise Hostile("its files are larger than expected")
        file.write(piece)
    return copied


def _safe(name):
    """Return a member's path if it stays below the target on every system."""
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or any(c in name for c in "\\:\0"):
        raise Hostile(f"{name!r} would be written outside the folder")
    if any(part.rstrip(". ") != part or part.partition(".")[0].rstrip().upper() in DEVICES for part in path.parts):
        raise Hostile(f"{name!r} is a name that Windows cannot hold")
    return path


def members(archive, most_bytes, first=()):
    """Yield (name, is folder, open) of the members of an archive, told by its first bytes, not by its name.

    Each is to be read before the next is asked for. They come in the archive's order, so that it is decompressed once;
    out of a zip those called like one of `first` come first, in that order.

    Raises:
        Hostile: what no honest archive needs, such as a link or an endless header.
    """
    with archive.open("rb") as file:
        begin = file.read(4)
    yield from _zip_members(archive, most_bytes, first) if begin == b"PK\x03\x04" else _tar_members(archive, most_bytes)


def _zip_members(archive, most_bytes, first):
    ranks = {name: rank for rank, name in enumerate(first)}
    with zipfile.ZipFile(archive) as opened:
        if sum(member.file_size for member in opened.infolist()) > most_bytes:
            raise Hostile("its files are larger than expected")
        for member in sorted(opened.infolist(), key=lambda one: ranks.get(Path(one.filename).name, len(ranks))):
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise Hostile(f"{member.filename!r} is a link or a device")
            if member.flag_bits & 1:
                raise Hostile(f"{member.filename!r} is encrypted")
            yield member.filename, member.is_dir(), lambda member=member: opened.open(member)


def _tar_members(archive, most_bytes):
    with _tar_bytes(archive, most_bytes) as data, tarfile.open(fileobj=data, mode="r:", tarinfo=Whole) as opened:
        for member in opened:
            if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE):
                raise Hostile(f"{member.name!r} is a link or a device")
            if member.size < 0:
                raise Hostile(f"{member.name!r} has the size {member.size}")
            _safe(member.name)
            yield member.name, member.isdir(), lambda member=member: opened.extractfile(member)
        data.finish()


@contextmanager
def _tar_bytes(archive, most_bytes):
    with archive.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        with Bounded(gzip.GzipFile(fileobj=file) if packed else file, most_bytes) as data:
            yield data


class Bounded:
    """A file that refuses reads which only a hostile header asks for, and to be read without end."""

    def __init__(self, file, most_bytes):
        self.file, self.most = file, 2 * most_bytes + LONGEST_HEADER        # headers and padding come on top

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()

    def read(self, size=-1):
        if not 0 <= size <= LONGEST_HEADER:
            raise Hostile("it has a header that would fill the memory")
        data = self.file.read(size)
        self._check()
        return data

    def seekable(self):
        return True

    def seek(self, offset, whence=0):
        if offset > self.most:
            raise Hostile("its files are larger than expected")
        if whence or offset < self.file.tell():
            raise Hostile("its headers lead backwards")         # round and round, without end
        return self.file.seek(offset, whence)

    def finish(self):
        """Read what follows the last member: the checksum of a gzip file comes last."""
        while self.file.read(PIECE):
            self._check()

    def _check(self):
        if self.file.tell() > self.most:
            raise Hostile("its files are larger than expected")

    def tell(self):
        return self.file.tell()
