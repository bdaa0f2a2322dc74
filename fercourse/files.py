"""Files that are either there in full or not there at all."""

import errno
import glob
import hashlib
import json
import os
import platform
import re
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import InputError

_NO_ROOM = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}


class Unwritable(InputError, OSError):
    """A file that cannot be written, in one sentence; an OSError still, for those who can do without the file."""


@contextmanager
def replacing(path, before=None):
    """Yield a temporary name beside `path`; it becomes `path` when the block ends well, else it is removed.

    The bytes are on the disk before the name changes, so a crash leaves the old file or the new one. What
    a killed process left behind (`NAME.<host>.<pid>.part`) is swept by the next writer.

    Args:
        before: name that the old file gets, if there is one.

    Raises:
        Unwritable: a full disk, a place that is read-only or no folder, …
    """
    path = Path(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        temporary = path.with_name(f"{path.name}.{_host()}.{os.getpid()}.part")
        try:
            yield temporary
            _sync(temporary)
            if before and path.exists():
                _rename(path, before)
            _rename(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


@contextmanager
def writing(path):
    """Tell what the system has against writing `path`, or a file in it, as `Unwritable`."""
    try:
        yield
    except Unwritable:
        raise
    except OSError as error:
        if _elsewhere(error, Path(path)):
            raise
        no_folder = isinstance(error, (FileExistsError, NotADirectoryError))
        why = "a file is where a folder is needed" if no_folder else error.strerror or error
        advice = "free some space" if error.errno in _NO_ROOM else "choose a place that you may write to"
        raise Unwritable(f"{path} cannot be written ({why}); what was there is kept; {advice}") from error


def write_text(path, text: str, errors="strict"):
    """Write text in UTF-8, whole or not at all."""
    with replacing(path) as part:
        part.write_bytes(text.encode(errors=errors))         # no system's own ends of lines


def write_json(path, content, **how):
    """Write JSON, whole or not at all; `how` is passed to `json.dumps`."""
    write_text(path, json.dumps(content, **{"indent": 1, **how}) + "\n")


def try_place(path: Path):
    """Raise Unwritable now, and not after hours of work, where a file cannot be written; its folder is made."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        trial = path.with_name(f".{path.name}.{os.getpid()}.trial")
        trial.touch()
        trial.unlink()


def append(path, text: str):
    """Put text at the end of a file: all of it, or nothing where the disk has no room for all of it."""
    with writing(path), Path(path).open("ab", buffering=0) as file:          # a buffer would try again at the end
        before, data = file.tell(), text.encode()
        if file.write(data) < len(data):
            file.truncate(before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def sha256(path) -> str:
    """Return the SHA-256 of a file in hexadecimal, read in pieces."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _rename(old, new, tries=20):
    """Give a file another's name; on Windows try for two seconds, as a scanner or a viewer may hold either."""
    for _ in range(tries if os.name == "nt" else 0):
        with suppress(PermissionError):
            return old.replace(new)
        time.sleep(0.1)
    return old.replace(new)


def _sync(path):
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _elsewhere(error, path):
    """Return whether an error is not the system's about `path`, such as one about a file that is read meanwhile."""
    if error.errno is None or error.filename is None:
        return error.errno is None
    return Path(error.filename).parent != path.parent and not path.is_relative_to(error.filename)


def _sweep(path, seconds=3600):
    """Remove what writers of `path` left that are no more, or have not written for so long; other names stay."""
    for left in path.parent.glob(f"{glob.escape(path.name)}.*.part"):
        writer = re.fullmatch(r"\.([^.]*)\.(\d{1,9})\.part", left.name[len(path.name):], re.ASCII)
        with suppress(OSError):
            if writer and (_is_dead(*writer.groups()) or time.time() - left.stat().st_mtime > seconds):
                left.unlink()


def _is_dead(host, pid):
    """Return whether the writer of a temporary file was a process of this machine that runs no more."""
    if os.name != "posix" or host != _host():                             # elsewhere, asking would end the process
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:                                               # somebody else's
        pass
    return False


def _host():
    return platform.node().partition(".")[0]
