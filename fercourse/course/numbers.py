"""Numbers in a lesson's prose: each is shown by a cell, stands in its code, or in the results that the lesson reads."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from .notebooks import ROOT

# What nobody measured here, by lesson: 64 x 64 x 3 pixel values; a thought experiment; what others wrote.
GIVEN = {"00": {"12,288"}, "03": {"20,000"},
         "05": {"10,000", "89.1", "88.2", "88.2 %", "83.2", "81.2", "81.0 %", "91 %"}}
NO_PROSE = re.compile(r"(?s)```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|(?m:^#+ [^\n]*$)|\]\([^)]*\)")
FORMULAS = re.compile(r"\(\d+\.\d+\)")
NUMBER = re.compile(r"(?<![\w.,^])\d+(?:,\d{3})*(?:\.\d+)?(?!\w)(?: %)?")
RESULTS = re.compile(r"results/([\w-]+\.json)")


def unbacked(book, source: Path, results: Path = ROOT / "results") -> Iterator[str]:
    """Tell which fractions, thousands and percentages of the prose are nowhere else in the lesson, up to rounding."""
    prose = "\n\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown").split("**References**")[0]
    prose = " ".join(FORMULAS.sub(" ", NO_PROSE.sub(" ", prose)).split())
    values = _shown(book) | _measured(book, results)
    for number in NUMBER.findall(prose):
        if set(number).isdisjoint(".,%") or number in GIVEN.get(source.stem[:2], ()):
            continue
        bare = number.removesuffix(" %").replace(",", "")
        digits = len(bare.partition(".")[2])
        if not any(f"{scale * abs(value):.{digits}f}" == bare for value in values for scale in (1, 100)):
            yield f"the number {number} stands in no output and no code of the lesson, nor in the results it reads"


def _shown(book):
    """Return the numbers in the code cells and in what they show, pictures left out."""
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    shown = [str(text) for cell in code for one in cell.outputs
             for text in (one.get("text"), *one.get("data", {}).values())]
    plain = re.sub(r"base64,[\w+/=]+", "", "\n".join([*(cell.source for cell in code), *shown]))
    plain = re.sub(r"(?<=\d)[_,](?=\d{3}(?!\d))", "", plain)                       # 1,500 and 1_500 are 1500
    return {float(number) for number in re.findall(r"\d+(?:\.\d+)?", plain)}


def _measured(book, folder):
    """Return every number in the files of results that a lesson names."""
    names = set(RESULTS.findall("\n".join(cell.source for cell in book.cells)))
    return {value for name in names for value in _leaves(json.loads((folder / name).read_text("utf-8")))}


def _leaves(content):
    if isinstance(content, dict | list):
        for part in content.values() if isinstance(content, dict) else content:
            yield from _leaves(part)
    elif isinstance(content, int | float):
        yield float(content)
