"""Decoded pixels kept between runs, so that a second start is instant; delete them at any time."""

import hashlib
import logging
import os
import re
import shutil
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np

from ..files import replacing
from ..lock import alone

UNUSED_DAYS = 30      # what nobody opened for so long is removed by the next writer
# What we write there: a key that ends in a digest, with what a killed writer left; files and folders of studies.
OURS = re.compile(r".+-[0-9a-f]{16,}\.(npy|safetensors)(\.lock|\..+\.part)?|study-.+")


def folder() -> Path:
    """Return `$FERCOURSE_CACHE`, or `fercourse` in the user's cache folder; it need not exist."""
    chosen = os.environ.get("FERCOURSE_CACHE")
    return Path(os.path.expanduser(chosen or "~/.cache/fercourse"))    # noqa: PTH111 (no error without a home)


def cached_file(key: str, write: Callable[[Path], None], suffix: str = "") -> Path | None:
    """Return the cached file of `key`, written by `write(path)` if it is not there yet.

    One process makes it; others that want it meanwhile wait for it. What nobody wants for 30 days is removed if its
    key ends in a digest of 16 or more hexadecimal digits, or is called `study-…`, which may be a folder; what else is
    in the folder is nobody's but its owner's.

    Args:
        key: says everything the content depends on; short keys stay readable in the file's name.
        write: makes the file at the temporary path it is given. Its own errors pass through.
        suffix: ending of the file's name.

    Returns:
        The file, or None where the cache folder cannot be written.
    """
    path = folder() / f"{_name(key)}{suffix}"
    if used(path):
        return path
    if not _writable(path.parent):
        return None
    tidy(path.parent)
    with alone(path, partial(_say_waiting, path)):
        if not used(path):                               # another process was quicker
            with replacing(path) as temporary:
                write(temporary)
    return path


def cached_array(key: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    """Return `make()`, memory-mapped from the cache where it was made before.

    Writing to the result changes the copy in memory only. A cache that cannot be written, a full disk or a
    damaged file costs the time of `make()`, never an error.
    """
    made = []

    def write(path):
        made.append(np.ascontiguousarray(make()))
        with path.open("wb") as file:
            np.save(file, made[0], allow_pickle=False)

    try:
        loaded = cached(key, write, ".npy", partial(np.load, mmap_mode="c", allow_pickle=False),
                        (OSError, ValueError, EOFError))
    except OSError:
        if not made:                                     # the error is make()'s own
            raise
        loaded = None
    return loaded if loaded is not None else made[0] if made else make()


def cached(key: str, write, suffix: str, opened, damage):
    """Return what `opened` makes of the cached file of `key`; a damaged one is written anew, None where none can be."""
    for _ in range(2):
        if (path := cached_file(key, write, suffix)) is None:
            return None
        try:
            return opened(path)
        except damage:
            with suppress(OSError):
                path.unlink()
    return None


def warn_of_memory(what: str, size: int, why):
    """Warn, once for each text, that `size` bytes of pixels stay in memory because the cache cannot hold them.

    Args:
        why: the system's reason; None where the folder cannot be made or written.
    """
    why = why or f"{folder()} cannot be written, or the file there is damaged"
    warnings.warn(f"{what}: {amount(size)} of pixels stay in memory, and are made again at every start, because "
                  f"the cache cannot hold them ({why}); make room there, set FERCOURSE_CACHE to a folder with more, or "
                  "pack the set once: fercourse data pack", stacklevel=1)


def amount(size: int) -> str:
    """Return a number of bytes in words: GB, and MB where that is less than one."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def used(path: Path) -> bool:
    """Return whether a file is there, and note that it was wanted."""
    if not path.is_file():
        return False
    with suppress(OSError):
        os.utime(path)
    return True


def _say_waiting(path):
    logging.getLogger(__name__).warning("waiting for another process, which makes %s", path)


def _name(key):
    safe = re.sub(r"[^\w.-]+", "-", key)
    if safe == key and len(key) <= 100:
        return key
    return f"{safe[:60]}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def _writable(path):
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(path, os.W_OK)


def tidy(path):
    """Remove what is ours and what nobody wanted for `UNUSED_DAYS`."""
    for entry in path.glob("*"):
        with suppress(OSError):
            if time.time() - entry.stat().st_mtime < UNUSED_DAYS * 86400:
                continue
            if OURS.fullmatch(entry.name) and entry.is_file():
                entry.unlink()
            elif entry.name.startswith("study-") and entry.is_dir():
                shutil.rmtree(entry)
