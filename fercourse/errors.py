"""The one exception that speaks to people."""

from textwrap import shorten


class InputError(Exception):
    """Bad input, told in one sentence: what is wrong, where, what was expected, what to do.

    The command line prints the sentence and leaves with status 2; notebooks show it as it is.
    """


def brief(error: Exception) -> str:
    """Return the first two lines of another's error in one, for torch names what is missing in the second.

    Of an error that says nothing, the name of its kind.
    """
    lines = [line.strip() for line in str(error).strip().splitlines()[:2]]
    return shorten(" ".join(lines), 240, placeholder=" …") or type(error).__name__


def with_extra(name: str) -> str:
    """Return what installs an extra, in words that every shell takes: Windows hands single quotes on to pip."""
    return f'pip install -e ".[{name}]" in the checkout'
