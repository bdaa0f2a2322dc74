"""A module that is run as a program, `python -m fercourse.…`: --help, its words, and errors of one sentence."""

import typer

from .errors import InputError


def run(main):
    """Call a function with the words of the command line; its docstring is the help."""
    try:
        typer.run(main)
    except InputError as error:
        raise SystemExit(f"fercourse: {error}") from None
