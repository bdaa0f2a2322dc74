"""The one exception that speaks to people."""


class InputError(Exception):
    """Bad input, told in one sentence: what is wrong, where, what was expected, what to do.

    The command line prints the sentence and leaves with status 2; notebooks show it as it is.
    """


def with_extra(name: str) -> str:
    """Return what installs an extra, in words that every shell takes: Windows hands single quotes on to pip."""
    return f'pip install -e ".[{name}]" in the checkout'
