"""A disk without room: for a while, no file of this process may grow beyond some bytes."""

from contextlib import contextmanager

import pytest


@contextmanager
def room(size):
    """Let writes beyond `size` bytes of a file fail, as they do on a full disk."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
