"""How long the lessons ran when they were last tested: `python -m fercourse.course.timing` writes docs/timing.md.

The lessons' test leaves a JUnit file each in a folder that git ignores; run this afterwards, on the same machine.
"""

import os
import xml.etree.ElementTree as tree
from pathlib import Path

from ..errors import InputError
from ..files import replacing
from .notebooks import ROOT, sources

LEFT = ROOT / "build" / "timing"                             # LESSON.xml, by tests/notebooks/test_lessons.py
PAGE = ROOT / "docs" / "timing.md"
HEAD = "# How long the lessons run\n\n"
NOTHING = "Not yet recorded. `make test`, then `python -m fercourse.course.timing`, records it.\n"


def seconds(path: Path) -> tuple[float, str]:
    """Return how long the cells of a JUnit file ran, and on which day (UTC).

    Raises:
        InputError: the file is none of nbval's, or a cell failed: a cut-off run tells no time.
    """
    try:
        suite = next(tree.parse(path).iter("testsuite"))
        cells, wrong = int(suite.get("tests")), sum(int(suite.get(kind)) for kind in ("errors", "failures"))
        time, day = float(suite.get("time")), suite.get("timestamp")[:10]
    except (tree.ParseError, StopIteration, TypeError, ValueError, OSError) as error:
        raise InputError(f"{path} is no JUnit file of a lesson ({error}); expected what `make test` leaves") from None
    if not cells or wrong:
        raise InputError(f"{path}: {wrong} of {cells} cells failed, so it tells no time; run the lesson's test anew")
    return time, day


def page(left: Path, lessons: list[str], made: dict) -> str:
    """Return the page: a line a lesson, what was not recorded said so, and what it ran on.

    Args:
        left: folder of JUnit files, named after lessons.
        made: system, processor, cores, gpu, threads, python, torch.

    Raises:
        InputError: a file is broken, or is of a run that failed.
    """
    found = {name: seconds(left / f"{name}.xml") for name in lessons if (left / f"{name}.xml").is_file()}
    if not found:
        return HEAD + NOTHING
    rows = [f"| {name} | {_told(found.get(name))} |" for name in lessons]
    total = sum(time for time, _ in found.values())
    where = made["gpu"] or f"{made['cores']} {made['processor']} cores, {made['threads']} thread(s) a lesson"
    days = sorted({day for _, day in found.values()})
    days = " to ".join(dict.fromkeys([days[0], days[-1]]))
    return "\n".join([f"{HEAD}Every cell once, as the tests run it, the kernel's start included.\n",
                      "| lesson | minutes, day |", "|---|---|", *rows,
                      f"| {len(found)} of {len(lessons)}, one after another | {total / 60:.1f} |", "",
                      f"Ran {days} on {where}; {made['system']}, Python {made['python']}, PyTorch {made['torch']}. "
                      "Lessons that run side by side wait for each other.\n"])


def _told(found):
    return f"{found[0] / 60:.1f}, {found[1]}" if found else "not yet recorded"


def this_machine() -> dict:
    """Return what lessons run on here."""
    import torch

    from ..studies.record import hardware, versions
    return hardware() | versions() | {"threads": os.environ.get("OMP_NUM_THREADS") or torch.get_num_threads()}


def main(left: Path = LEFT, out: Path = PAGE):
    """Write the page."""
    text = page(left, [source.stem for source in sources()], this_machine())
    with replacing(out) as part:
        part.write_text(text, encoding="utf-8")
    print(f"{out}: {text.splitlines()[-1]}")


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(f"fercourse: {error}") from None
