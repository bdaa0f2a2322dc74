"""The site: builds from what is committed; no picture, link or formula is broken."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

pytest.importorskip("sphinx")
pytest.importorskip("myst_nb")
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Return {file name: HTML} of the whole site, built beside a copy of its sources."""
    home = tmp_path_factory.mktemp("site")
    for name in ("site", "notebooks", "docs", "fercourse"):
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
    for notebook in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"):
        assert f"lessons/{notebook.stem}.html" in pages[0]


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
