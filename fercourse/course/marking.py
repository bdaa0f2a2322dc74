"""The page on which written answers are marked: question by question, without names, saved as the filled-in table."""

import base64
import hashlib
import html
import json
import re
import shlex
from pathlib import Path

from ..files import write_text
from .grades import Grade, number, whose
from .notebooks import grade_id, regenerate, sources

PAGE = Path(__file__).with_name("marking.html")
ARTICLE = re.compile(r'<article data-who="(\w+)" data-question="([^"]*)" data-key="(\w+)">.*?</article>', re.DOTALL)
DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)
PICTURE = re.compile(r"(data:[\w/+.-]+;base64,)[A-Za-z0-9+/=]{200,}")


def write_marking(grades: list[Grade], out: Path, rows, fresh: list[Grade], *, whole=True, columns="plain",
                  stamp="") -> int:
    """Write `written.html` beside the table `out`; return how many answers wait without being on it.

    Args:
        grades: the whole table's; fresh: of these the ones that ran now.
        rows: the plain table of `grades`, its head first.
        whole: all were to be graded; else the answers of others stay on the page.
        columns: those of the table at `out`; where they are not plain, the table of points by hand has another name.
        stamp: tells this grading from others.
    """
    page, name = out.with_name("written.html"), out.name if columns == "plain" else "grades-by-hand.csv"
    text = written(grades, fresh, rows, name, stamp=stamp, earlier="" if whole else earlier_page(page))
    write_text(page, text, errors="replace")
    waiting = sum(value is None or name in one.carried for one in grades for name, value in one.points.items())
    return max(0, waiting - text.count("<article "))


def written(grades: list[Grade], fresh: list[Grade], rows: list[list[str]], name: str, *, stamp="",
            earlier: str = "") -> str:
    """Return the page: a box beside every written answer that waits, and a button that saves the plain table.

    The script that is in the page runs, and no other: what students wrote stays text.

    Args:
        grades: the whole table's; fresh: of these the ones whose answers were read now.
        rows: the plain table of `grades`, its head first.
        name: what the saved table is called.
        stamp: tells this grading from others.
        earlier: the page of an earlier grading, whose answers of others stay.
    """
    page = PAGE.read_text(encoding="utf-8")
    code = re.search(r'<script id="code">(.*?)</script>', page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    data = {"stamp": stamp, "name": name, "whose": list(map(_who, grades)),
            "rows": [list(map(str, row)) for row in rows]}
    called = f"{shlex.quote(name)} --lesson {min(one.lesson for one in grades)}" if grades else name
    parts = {"HASH": f"sha256-{digest}", "NAME": html.escape(name), "CALLED": html.escape(called),
             "ANSWERS": _answers(grades, fresh, earlier), "DATA": json.dumps(data).replace("<", "\\u003c")}
    return re.sub("__([A-Z]+)__", lambda found: parts[found[1]], page)


def earlier_page(page: Path) -> str:
    """Return the page that is there already; empty where there is none that can be read."""
    try:
        return page.read_text(encoding="utf-8", errors="replace") if page.is_file() else ""
    except OSError:
        return ""


def stamp_and_name(page: Path) -> tuple[str, str]:
    """Return which grading a page is of and what it calls its table; empty where there is no such page."""
    found = DATA.search(earlier_page(page))
    try:
        about = json.loads(found[1]) if found else {}
        return about.get("stamp", ""), about.get("name", "")
    except (ValueError, AttributeError):
        return "", ""


def _answers(grades, fresh, earlier):
    """Return all sections; within a question, answers stand in an order of chance that stays."""
    known, again = {_who(one) for one in grades}, {_who(one) for one in fresh}
    articles = [(html.unescape(old[2]), old[3], old[0]) for old in ARTICLE.finditer(earlier)
                if old[1] in known and old[1] not in again]
    articles += [_answer(name, one) for one in fresh for name in one.points
              if one.points[name] is None or name in one.carried]
    most = {name: value for one in grades for name, value in one.of.items()}
    questions = [name for name in most if any(name == question for question, *_ in articles)]
    if not questions:
        return "<p>No written answer waits for marking.</p>"
    asked = _asked({one.lesson for one in grades})
    return "\n".join(_section(name, most[name], asked.get(name, ("", "")), sorted(
        (key, article) for question, key, article in articles if question == name)) for name in questions)


def _section(name, most, asked, answers):
    lines = [f"<section><h2>{html.escape(name)} ({number(most)} points)</h2>"]
    lines += [f"<details><summary>{what}</summary><pre>{html.escape(text)}</pre></details>"
              for what, text in zip(("The question", "The lesson's own answer"), asked) if text]
    return "\n".join([*lines, *(article for _, article in answers), "</section>"])


def _answer(name, one):
    """Return question, key and article; a browser keeps points under the key, and another answer has another one."""
    text = next(cell.source for cell in one.book.cells if grade_id(cell) == name)
    key = _digest(name, one.submission.student, one.submission.ident, text)
    who = html.escape(", ".join(filter(None, [one.submission.student, one.submission.ident])))
    shown, question, most = html.escape(PICTURE.sub(r"\1…", text)), html.escape(name), number(one.of[name])
    return name, key, (
        f'<article data-who="{_who(one)}" data-question="{question}" data-key="{key}">'
        f'<h3>Answer <span class="number"></span><span class="who">: {who}</span></h3><pre>{shown}</pre>'
        f'<label><input type="text" inputmode="decimal" data-most="{most}" aria-label="Points, {question}"> of {most}'
        f'</label><textarea rows="1" placeholder="say why" aria-label="Comment, {question}"></textarea></article>')


def _who(one):
    return _digest(*whose(one))


def _digest(*parts):
    return f"fercourse{hashlib.sha256(repr(parts).encode('utf-8', 'replace')).hexdigest()[:20]}"


def _asked(wanted):
    """Return {grade_id: (question, the lesson's own answer)} of lessons, as far as a heading stands before it."""
    found = {}
    for source in sources():
        if source.stem[:2] in wanted:
            question = ""
            for cell in regenerate(source).cells:
                question = cell.source if cell.source.startswith("### ") else question
                if cell.cell_type == "markdown" and grade_id(cell):
                    found[grade_id(cell)] = question, cell.source
    return found
