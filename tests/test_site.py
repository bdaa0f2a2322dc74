"""The site: builds from what is committed; no picture, link or formula is broken."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest

pytest.importorskip("sphinx")
pytest.importorskip("myst_nb")
ROOT = Path(__file__).parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Return {file name: HTML} of the whole site, built beside a copy of its sources."""
    home = tmp_path_factory.mktemp("site")
    for name in ("site", "notebooks", "docs", "examples", "fercourse"):
        shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("_build", "lessons", "__pycache__"))
    (home / "data").symlink_to(ROOT / "data")
    run = subprocess.run([sys.executable, "-m", "sphinx", "-q", "-b", "html", "site", "out/html"], cwd=home,
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    bad = [line for line in run.stderr.splitlines()
           if re.search("WARNING|ERROR|CRITICAL", line) and "docstring of" not in line]       # |x| in plain docstrings
    assert not bad, "\n".join(bad)
    html = home / "out" / "html"
    return {str(path.relative_to(html)): path.read_text() for path in html.rglob("*.html")
            if "_static" not in path.parts}, html


def test_every_lesson_is_there(pages):
    for lesson in LESSONS:
        assert f"lessons/{lesson.stem}.html" in pages[0]


def test_no_picture_or_link_is_broken(pages):
    texts, folder = pages
    for name, text in texts.items():
        for target in re.findall(r'(?:href|src)="([^"#?]+)', text):
            if not re.match(r"[a-z]+:", target) and not target.startswith("//"):
                assert (folder / name).parent.joinpath(unquote(target)).exists(), f"{name}: {target}"


def test_every_picture_says_what_it_shows(pages):
    for name, text in pages[0].items():
        for image in re.findall(r"<img[^>]*>", text):
            assert re.search(r'alt="[^"]', image) or "logo" in image, f"{name}: {image[:200]}"


def test_the_glossary_has_its_terms(pages):
    for word in ("anchor", "vCLUB", "temperature"):
        assert f'id="term-{word}"' in pages[0]["glossary.html"]


# ---------------------------------------------------------------------- glossary links

def entries(pages):
    """Return {term: anchor} as the glossary page has them."""
    found = re.findall(r'<dt id="(term-[^"]+)">(.*?)<a', pages[0]["glossary.html"])
    return {re.sub("<[^>]+>", "", words): anchor for anchor, words in found}


def linked(pages, lesson):
    """Return the anchors of the glossary that a lesson links to, in order."""
    return re.findall(r'href="\.\./glossary\.html#([^"]+)"', pages[0][f"lessons/{lesson.stem}.html"])


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_term_is_linked_once_where_a_lesson_first_uses_it(pages, lesson):
    cells = nbformat.read(lesson, as_version=4).cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown").split("**References**")[0]
    text = re.sub(r"(?s)```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|(?m:^#+ [^\n]*$)|\[[^\]]*\]\([^)]*\)", " ", text)
    for term in sorted(words := entries(pages), key=len, reverse=True):
        flags = re.IGNORECASE if term == term.lower() else 0
        use = re.compile(r"(?<![\w-])" + term.replace(" ", r"\s+") + r"s?(?![\w+-])", flags)
        assert linked(pages, lesson).count(words[term]) == bool(use.search(text)), term
        text = use.sub(" … ", text)


def test_no_heading_code_or_output_links_to_the_glossary(pages):
    for lesson in LESSONS:
        assert len(linked(pages, lesson)) >= 10, lesson.stem
        text = pages[0][f"lessons/{lesson.stem}.html"]
        for part in re.findall(r"(?s)<h\d.*?</h\d>|<pre.*?</pre>|<code.*?</code>", text):
            assert "glossary.html#" not in part
