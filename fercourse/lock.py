"""Locks between processes. The system lets go of one when its holder ends, even by kill -9.

Where a place cannot be written or cannot lock files, everybody gets the lock: work goes on as if there were none.
"""

import os
import time
import weakref
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:                                                       # Windows
    fcntl = None
    import msvcrt

PAUSE = 0.1                       # seconds between two tries
TRIES = 100                       # as often a file may vanish between opening and locking it
_FILES = weakref.WeakSet()


class Lock:
    """A lock that is held until `release`, the last reference to it, or the end of the process."""

    def __init__(self, path, file):
        self._end = weakref.finalize(self, _let_go, path, file)

    @property
    def held(self) -> bool:
        """Whether it was not released yet."""
        return self._end.alive

    def release(self):
        """Let others have it; what was released may be released again."""
        self._end()


def take(path) -> Lock | None:
    """Return the lock that is the file `path`, or None while somebody else has it."""
    path = Path(path)
    for _ in range(TRIES):
        try:
            file = path.open("ab", buffering=0)
        except OSError:
            break
        try:
            _lock(file)
        except (BlockingIOError, PermissionError):
            file.close()
            return None
        except OSError:                                                   # a file system without locks
            pass
        if _is_at(path, file):
            _FILES.add(file)
            return Lock(path, file)
        file.close()                                                      # its last holder removed it meanwhile
    return Lock(path, None)


@contextmanager
def alone(path, waiting=None):
    """Let one process at a time into the block that writes `path`; the others wait.

    Args:
        waiting: called once by who has to wait.
    """
    path = Path(path)
    while (lock := take(path.with_name(f"{path.name}.lock"))) is None:
        if waiting:
            waiting()
        waiting = None
        time.sleep(PAUSE)
    try:
        yield
    finally:
        lock.release()


def _lock(file):
    if fcntl:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)


def _is_at(path, file):
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _let_go(path, file):
    if file is None or file.closed:
        return
    for step in (path.unlink, file.close) if fcntl else (file.close, path.unlink):     # Windows removes no open file
        with suppress(OSError):
            step()


def _close_in_child():
    """Close what a forked process inherited: it would hold the locks of a parent that was killed."""
    for file in list(_FILES):
        file.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
