"""What the pages around the lessons do not tell of them: their row in each table, their points, goals and minutes."""

import re
from collections.abc import Iterator
from pathlib import Path

from .lint import OBJECTIVES, bullets
from .notebooks import ROOT, badge, grading, student_badge

ABOUT = re.compile(r"^About ([\w ]+?)(?: with the exercises\b|,)(?: and about (\w+) more for the capstone)?",
                   re.MULTILINE)
HOURS = ("an", "two", "three", "four", "five", "six")
PICTURE = "[![Open the exercises in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
TABLES = {"README.md": "| {n} | [Name](notebooks/{name}.ipynb): its subject | needs | minutes | badge | solved |",
          "site/index.md": "| {n} Name | what it needs | links |"}


def course_problems(books: dict[str, object], root: Path = ROOT) -> list[str]:
    """Return one sentence for everything that README.md, site/index.md and docs/instructors.md lack or tell otherwise.

    Args:
        books: {file name without ending: notebook}.
        root: the folder with these pages.
    """
    pages = {name: (root / name).read_text("utf-8") for name in ("docs/instructors.md", *TABLES)}
    return [problem for name, book in books.items() for part in (_instructors, _tables)
            for problem in part(name, book, pages)]


def minutes_of(words: str) -> int | None:
    """Return the minutes that words tell, such as `an hour and a half` or `two and a half hours`; None for others."""
    if words == "half an hour":
        return 30
    if found := re.fullmatch(r"(\d+) minutes", words):
        return int(found[1])
    found = re.fullmatch(rf"({'|'.join(HOURS)})( and a half)? hours?( and a half)?", words)
    return found and 60 * (HOURS.index(found[1]) + 1) + 30 * bool(found[2] or found[3])


def _instructors(name, book, pages) -> Iterator[str]:
    """Tell which points and goals of a lesson the instructors' page does not have."""
    page, graded = pages["docs/instructors.md"], [about for about in map(grading, book.cells) if about.get("grade")]
    by_hand = sum(about.get("points", 0) for about in graded if about.get("solution"))
    whole = sum(about.get("points", 0) for about in graded)
    row = f"| {name[:2]} | {whole - by_hand} | {by_hand} | {whole} |"
    if row not in page.splitlines():
        yield f"docs/instructors.md does not tell the points of {name}; expected the line {row}"
    for aim in bullets([cell.source for cell in book.cells if cell.cell_type == "markdown"], OBJECTIVES):
        if f" - {aim}" not in " ".join(page.split()):
            yield f"docs/instructors.md does not tell what {name} teaches; expected the point: {aim}"


def _tables(name, book, pages) -> Iterator[str]:
    """Tell what the tables of lessons lack: a row, the same needs, the minutes that the lesson tells, its links."""
    rows = {page: re.search(rf"^\| {name[:2]} .*$", pages[page].split("\n## Results")[0], re.MULTILINE)
            for page in TABLES}
    for page, row in rows.items():
        if not row:
            yield (f"the table of lessons in {page} has no row for {name}; expected a line such as "
                   + TABLES[page].format(n=name[:2], name=name))
    about = ABOUT.search(book.cells[0].source)
    minutes = about and minutes_of(about[1])
    if not minutes:
        yield (f"the first cell of {name} does not tell how long the lesson takes; expected a paragraph that begins "
               "with 'About two hours with the exercises' or with 'About an hour and a half, '")
    if not (minutes and all(rows.values())):
        return
    source = Path(f"{name}.py")
    needs = rows["site/index.md"][0].split(" | ")[1]
    more = f", and {60 * (HOURS.index(about[2]) + 1)} for the capstone" if about[2] else ""
    wanted = " | ".join([needs, f"{minutes}{more}", f"{PICTURE}({student_badge(source)})",
                         f"[solved]({badge(source)}) |"])
    if not rows["README.md"][0].endswith(f" | {wanted}"):
        yield (f"the row of {name} in README.md has other needs than site/index.md, other minutes than the lesson, or "
               f"other links; expected it to end with | {wanted}")
