"""How long the lessons ran when they were last tested: `python -m fercourse.course.timing` writes docs/timing.md.

The lessons' test, one lesson at a time, leaves a JUnit file each in a folder that git ignores; run this afterwards, on
the same machine.
The page holds which code was timed, so that a test fails when a lesson computes something else since;
a name in a string, such as a method's, and the library are not looked at.
"""

import ast
import hashlib
import os
import re
import xml.etree.ElementTree as tree
from pathlib import Path

import nbformat

from ..errors import InputError
from ..files import write_text
from ..program import run
from .notebooks import ROOT, sources

LEFT = ROOT / "build" / "timing"                             # LESSON.xml, by tests/notebooks/test_lessons.py
PAGE = ROOT / "docs" / "timing.md"
HEAD = "# How long the lessons run\n\n"
ANEW = "run python -m pytest tests/notebooks -k runs, then python -m fercourse.course.timing"
ROW = re.compile(r"^\| (\d\d_\w+) \| ([\d.]+), (\S+) \|$", re.MULTILINE)


def code_of(source: Path) -> str:
    """Return eight digits of the code in a lesson's notebook, the set-up cell aside.

    They are the same in every Python, whatever the comments, the layout and the text in strings.
    """
    cells = [cell.source for cell in nbformat.read(source.with_suffix(".ipynb"), as_version=4).cells
             if cell.cell_type == "code"]
    return hashlib.sha256(repr(_shape(ast.parse("\n".join(cells[1:])))).encode()).hexdigest()[:8]


def _shape(node):
    """Return a syntax tree as lists without text, and without empty fields: newer Pythons have more of them."""
    if isinstance(node, list):
        return [_shape(one) for one in node]
    if _is_text(node):
        return "text"
    if isinstance(node, ast.JoinedStr):
        return ["text", *(_shape(one) for one in node.values if not _is_text(one))]
    if not isinstance(node, ast.AST):
        return node
    return [type(node).__name__, *((name, _shape(value)) for name, value in ast.iter_fields(node)
                                   if value is not None and value != [])]


def _is_text(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))


def seconds(path: Path, code: str) -> tuple[float, str]:
    """Return how long the cells of a JUnit file ran, and on which day (UTC).

    Raises:
        InputError: the file is none of nbval's, a cell failed (a cut-off run tells no time), or `code` is not what ran.
    """
    try:
        suite = next(tree.parse(path).iter("testsuite"))
        cells, wrong = int(suite.get("tests")), sum(int(suite.get(kind)) for kind in ("errors", "failures"))
        time, day, ran = float(suite.get("time")), suite.get("timestamp")[:10], suite.get("name")
    except (tree.ParseError, StopIteration, TypeError, ValueError, OSError) as error:
        raise InputError(f"{path} is no JUnit file of a lesson ({error}); expected one that its test left") from None
    if not cells or wrong:
        raise InputError(f"{path}: {wrong} of {cells} cells failed, so it tells no time; run the lesson's test anew")
    if ran != code:
        raise InputError(f"{path} timed code {ran}, expected {code}, which the lesson has now; {ANEW}")
    return time, day


def kept(page: str, codes: dict[str, str], place: str) -> dict[str, tuple[float, str]]:
    """Return seconds and day of the lessons on an earlier page that have the same code still, if this was its place."""
    timed = dict(re.findall(r"\b(\d\d_\w+) ([0-9a-f]{8})\b", page))
    return {name: (60 * float(minutes), day) for name, minutes, day in ROW.findall(page)
            if page.endswith(place) and name in codes and timed.get(name) == codes[name]}


def page(left: Path, codes: dict[str, str], made: dict, before: str = "") -> str:
    """Return the page: a line a lesson, what was not recorded said so, and what it ran on.

    Args:
        left: folder of JUnit files, named after lessons.
        codes: {lesson: its `code_of`}.
        made: system, processor, cores, gpu, threads, python, torch.
        before: the page as it was; its times stay where they are of this place and code, and not measured anew.

    Raises:
        InputError: no lesson was timed; or a file is broken, or is of a run that failed or of other code.
    """
    times = {name: seconds(path, code) for name, code in codes.items() if (path := left / f"{name}.xml").is_file()}
    if not times:
        raise InputError(f"nothing was timed: {left} holds no file of a lesson; {ANEW}, without -n")
    where = made["gpu"] or f"{made['cores']} {made['processor']} cores, {made['threads']} thread(s) a lesson"
    place = f" on {where}; {made['system']}, Python {made['python']}, PyTorch {made['torch']}.\n"
    times = kept(before, codes, place) | times
    rows = [f"| {name} | {_time_and_day(times.get(name))} |" for name in codes]
    total = sum(time for time, _ in times.values())
    days = sorted({day for _, day in times.values()})
    days = " to ".join(dict.fromkeys([days[0], days[-1]]))
    return "\n".join([f"{HEAD}Every cell once, as the tests run it, the kernel's start included.\n",
                      "| lesson | minutes, day |", "|---|---|", *rows,
                      f"| {len(times)} of {len(codes)}, one after another | {total / 60:.1f} |", "",
                      f"<!-- code: {', '.join(f'{name} {codes[name]}' for name in codes if name in times)} -->", "",
                      f"Ran {days}{place}"])


def _time_and_day(ran):
    return f"{ran[0] / 60:.1f}, {ran[1]}" if ran else "not yet recorded"


def this_machine() -> dict:
    """Return what lessons run on here."""
    import torch

    from ..provenance import hardware, versions
    return hardware() | versions() | {"threads": os.environ.get("OMP_NUM_THREADS") or torch.get_num_threads()}


def main(left: Path = LEFT, out: Path = PAGE):
    """Write docs/timing.md from what the lessons' tests left."""
    before = out.read_text("utf-8") if out.is_file() else ""
    text = page(left, {source.stem: code_of(source) for source in sources()}, this_machine(), before)
    write_text(out, text)
    print(f"{out}: {text.splitlines()[-1]}")


if __name__ == "__main__":
    run(main)
