"""Feedback given back: points marked by hand on every page, and all pages in the one archive that Moodle takes."""

import html
import re
import zipfile
from pathlib import Path

from ..files import replacing, write_text
from .feedback import found_pages
from .grades import Grade, number

MARKED = re.compile(r"<!-- marked -->.*?<!-- end -->", re.DOTALL)
BODY = re.compile(r"<body[^>]*>")


def mark_pages(grades: list[Grade], pages: Path) -> int:
    """Put points, those given by hand too, on top of the pages of an earlier grading; return how many there are."""
    count = 0
    for one, page in zip(grades, found_pages(grades, pages), strict=True):
        if page:
            text = MARKED.sub("", page.read_text("utf-8"))
            start = found.end() if (found := BODY.search(text)) else 0
            write_text(page, text[:start] + _marked(one) + text[start:], errors="replace")
            count += 1
    return count


def _marked(one):
    """Return a table of points; the page's own heading counts what code has checked and no more."""
    rows = "".join(f"<tr><td>{name}<td style='padding-left:2em'>"
                   + ("waits for a person" if value is None else f"{number(value)} of {number(one.of[name])}")
                   for name, value in one.points.items())
    comment = "".join(f"<p>{html.escape(line)}</p>" for line in one.comment.splitlines())
    waits = any(value is None for value in one.points.values())
    said = "Points so far" if waits else "Points, those given by a person included"
    return ("<!-- marked --><div style='margin:2em auto;max-width:50em;padding:1em;border:2px solid #333'>"
            f"<b>{said}: {number(one.total)} of {number(sum(one.of.values()))}</b>"
            f"<table>{rows}</table>{comment}<small>Scores further down count only what code has checked.</small></div>"
            "<!-- end -->")


def packed(grades: list[Grade], pages: Path, archive: Path) -> str:
    """Write the pages as *Upload multiple feedback files in a zip* of a Moodle assignment takes them; tell what came.

    Moodle reads whose a file is from its name, `FULL NAME_PARTICIPANT_assignfeedback_file_REST`, split at the first
    four underscores (`assignfeedback_file_zip_importer`). Who has no participant number is left out; if nobody has
    one, nothing is written.
    """
    named = [(one, page) for one, page in zip(grades, found_pages(grades, pages), strict=True)
             if one.submission.ident and page]
    if not named:
        return f"no {archive.name}: there are no pages in {pages}, or no participant numbers in the files' names"
    with replacing(archive) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as file:
        for one, page in named:
            student = re.sub(r"[_/\\]", "-", one.submission.student).lstrip(".~") or "student"
            file.write(page, f"{student}_{one.submission.ident}_assignfeedback_file_lesson-{one.lesson}.html")
    return f"{archive}: {len(named)} of {len(grades)} pages, for Moodle's upload of feedback files"
