"""Hidden tests taken out of what a student is shown: their text, and what the outputs of any cell quote of it."""

import html
import json
import re
from contextlib import suppress

import nbformat

from .release import REGION

INSTEAD = "# (hidden tests)"
COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")              # a terminal's
TAG = re.compile(r"<[^<>]*>")
FEWEST = 6                                                   # letters of a line worth hiding: fewer stand anywhere


def covered(book):
    """Return a copy of a notebook without its hidden tests; a line of an output that quotes one is replaced whole.

    It finds quotes whatever their quoting, colours and spacing; what somebody takes apart on purpose it does not.
    """
    book = nbformat.from_dict(book)
    secret = _secret(book)
    for cell in book.cells:
        if cell.cell_type != "code":
            continue
        hides = REGION.search(cell.source) is not None
        cell.source = REGION.sub(INSTEAD, cell.source)
        for output in cell.outputs:
            if hides and output.output_type == "error":
                output["traceback"] = [f"{output.ename}: {output.evalue}"]
            _cover(output, secret)
    return book


def _secret(book):
    """Return the lines, as letters alone, that stand in hidden tests and nowhere else in a notebook."""
    texts = [cell.source for cell in book.cells]
    hidden = {line for text in texts for match in REGION.finditer(text) for line in match[2].splitlines()}
    shown = {_letters(line) for text in texts for line in REGION.sub("", text).splitlines()}
    letters = {_letters(line) for line in hidden if len(re.findall(r"\w+", line)) > 1}
    return {line for line in letters - shown if len(line) >= FEWEST}


def _letters(text):
    """Return letters and digits alone, the same however a text is quoted, escaped, coloured or indented."""
    text = COLOUR.sub("", text)
    with suppress(ValueError):                               # a number too long to be one
        text = html.unescape(text)
    return re.sub(r"\W", "", text)


def _cover(output, secret):
    for key in ("text", "evalue"):
        if key in output:
            output[key] = _lines(output[key], secret)
    if "traceback" in output:
        output["traceback"] = [_lines(text, secret) for text in output.traceback]
    for kind, value in output.get("data", {}).items():
        if isinstance(value, str):
            output.data[kind] = _lines(value, secret)
        elif _quotes(json.dumps(value), secret):
            output.data[kind] = INSTEAD


def _lines(text, secret):
    if not _quotes(text, secret):
        return text
    lines = [INSTEAD if _quotes(line, secret) else line for line in text.split("\n")]
    text = "\n".join(lines)
    return INSTEAD if _quotes(text, secret) else text         # a quote over several lines


def _quotes(text, secret):
    ways = _letters(text), _letters(TAG.sub("", text))       # `a < b > c` is no tag, but might be one
    return any(line in letters for line in secret for letters in ways)
