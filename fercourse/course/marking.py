"""The page on which written answers are marked: question by question, without names, saved as the filled-in table."""

import base64
import hashlib
import html
import json
import re
from pathlib import Path

from .grades import Grade, harmless, number, table
from .notebooks import grade_id, regenerate, sources

PAGE = Path(__file__).with_name("marking.html")


def written(grades: list[Grade], fresh: list[Grade], name: str, lessons=None) -> str:
    """Return the page: a box beside every written answer that waits, and a button that saves the plain table.

    The script that is in the page runs, and no other: what students wrote stays text.

    Args:
        grades: the whole table's; fresh: of these the ones whose answers are shown.
        name: what the saved table is called.
        lessons: source files; default: the course's.
    """
    page = PAGE.read_text(encoding="utf-8")
    code = re.search(r'<script id="code">(.*?)</script>', page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    data = {"rows": harmless(table(grades, "plain")), "name": name}
    parts = {"HASH": f"sha256-{digest}", "NAME": html.escape(name), "ANSWERS": _answers(grades, fresh, lessons),
             "DATA": json.dumps(data).replace("<", "\\u003c")}
    return re.sub("__([A-Z]+)__", lambda found: parts[found[1]], page)


def _answers(grades, fresh, lessons):
    shown = [(row, one) for row, one in enumerate(grades, 1) if any(one is other for other in fresh)]
    questions = dict.fromkeys(name for _, one in shown for name, value in one.points.items() if value is None)
    if not questions:
        return "<p>No written answer waits for marking.</p>"
    asked = _asked({one.lesson for _, one in shown}, lessons)
    return "\n".join(_question(name, asked.get(name, ("", "")), [
        (row, one) for row, one in shown if one.points.get(name, 0) is None]) for name in questions)


def _question(name, asked, answers):
    most = number(answers[0][1].of[name])
    lines = [f"<h2>{html.escape(name)} ({most} points)</h2>"]
    lines += [f"<details><summary>{what}</summary><pre>{html.escape(text)}</pre></details>"
              for what, text in zip(("The question", "The lesson's own answer"), asked) if text]
    by_chance = sorted(((_key(name, one), row, one) for row, one in answers), key=lambda found: found[0])
    return "\n".join([*lines, *(_answer(name, most, place, *found) for place, found in enumerate(by_chance, 1))])


def _answer(name, most, place, key, row, one):
    who = html.escape(", ".join(filter(None, [one.submission.student, one.submission.ident])))
    what = f"answer {place}, {html.escape(name)}"
    return (f'<article data-row="{row}" data-key="{key}" data-question="{html.escape(name)}">'
            f'<h3>{place}<span class="who">: {who}</span></h3><pre>{html.escape(_text(one, name))}</pre>'
            f'<label><input type="number" min="0" max="{most}" step="0.5" aria-label="Points of {what}"> of {most}'
            f'</label><textarea rows="1" placeholder="say why" aria-label="Comment on {what}"></textarea></article>')


def _key(name, one):
    """Return what a browser keeps an answer's points under; another answer has another key."""
    whose = repr((name, one.submission.student, one.submission.ident, _text(one, name)))
    return f"fercourse-{hashlib.sha256(whose.encode('utf-8', 'replace')).hexdigest()[:20]}"


def _text(one, name):
    return next(cell.source for cell in one.book.cells if grade_id(cell) == name)


def _asked(wanted, lessons):
    """Return {grade_id: (question, the lesson's own answer)} of lessons, as far as a heading stands before it."""
    found = {}
    for source in lessons or sources():
        if source.stem[:2] in wanted:
            question = ""
            for cell in regenerate(source).cells:
                question = cell.source if cell.source.startswith("### ") else question
                if cell.cell_type == "markdown" and grade_id(cell):
                    found[grade_id(cell)] = question, cell.source
    return found
