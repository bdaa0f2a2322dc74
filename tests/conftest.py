"""What many tests share; and setuptools, which before Python 3.12 must come before anything that imports distutils."""

import contextlib
import shutil

import pytest

with contextlib.suppress(ImportError):
    import setuptools  # noqa: F401

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


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
