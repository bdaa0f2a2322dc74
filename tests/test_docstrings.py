"""The examples in docstrings give what they say."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import fercourse

PACKAGE = Path(fercourse.__file__).parent
SHOWN = sorted(".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in PACKAGE.rglob("*.py")
               if "    >>> " in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("module", SHOWN)
def test_an_example_gives_what_it_says(module):
    failed, tried = doctest.testmod(import_module(module))
    assert tried and not failed


def test_some_functions_have_one():
    assert "fercourse.faces.load" in SHOWN
