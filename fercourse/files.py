"""Files that are either there in full or not there at all."""

import hashlib
import os
import time
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(path):
    """Yield a temporary name beside `path`; it becomes `path` when the block ends well, else it is removed.

    The bytes are on the disk before the name changes, so a crash leaves the old file or the new one. What
    a killed process left behind (`NAME.<pid>.part`, untouched for an hour) is swept by the next writer.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def sha256(path) -> str:
    """Return the SHA-256 of a file in hexadecimal, read in pieces."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _sync(path):
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _sweep(path, seconds=3600):
    for left in path.parent.glob(f"{_literal(path.name)}.*.part"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > seconds:
                left.unlink()


def _literal(name):
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
