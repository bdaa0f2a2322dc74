"""What many tests share, and what comes before any of them.

Tests that run side by side share the cores, here and in the processes that they start: threads that outnumber cores
take many times as long. Before Python 3.12, setuptools must come before anything that imports distutils.
"""

import contextlib
import os
import shutil

import pytest

with contextlib.suppress(ImportError):
    import setuptools  # noqa: F401

SIDE_BY_SIDE = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
if SIDE_BY_SIDE > 1:
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // SIDE_BY_SIDE)))

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@pytest.fixture(scope="module")
def one_thread():
    """Compute in one thread until the end of the file: equal bits need equal sums."""
    import torch
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def known(monkeypatch):
    """Whatever method is registered is forgotten afterwards."""
    from fercourse.methods import base
    monkeypatch.setattr(base, "_METHODS", dict(base._METHODS))


@pytest.fixture(scope="module")
def browser():
    """Return a headless Chromium, the system's or Playwright's own; skip where there is none."""
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as play:
        try:
            started = play.chromium.launch(executable_path=next(filter(None, map(shutil.which, BROWSERS)), None))
        except api.Error as error:
            pytest.skip(f"no Chromium to look at pages with: {str(error).splitlines()[0]}")
        yield started
        started.close()
