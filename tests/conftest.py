"""Before Python 3.12, setuptools must come before anything that imports the standard library's distutils."""

import contextlib

with contextlib.suppress(ImportError):
    import setuptools  # noqa: F401
