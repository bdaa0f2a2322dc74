"""The course as a site: lessons with their stored outputs, API reference, glossary. `make site` builds it."""

import re
import shutil
import sys
from pathlib import Path

import nbformat
from docutils import nodes

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]

from fercourse.course.notebooks import BRANCH, REPOSITORY  # noqa: E402

ANSWER = "One possible answer"
GLOSSARY = f"{REPOSITORY}/blob/{BRANCH}/site/glossary.md"    # as lessons link to it wherever they are opened


def fold(path):
    """Fold the solutions in a copy of a lesson, so that readers may try before they look."""
    book = nbformat.read(path, as_version=4)
    for cell in book.cells:
        if cell.cell_type == "markdown":
            cell.source = cell.source.replace(GLOSSARY, "../glossary.md")
        if not cell.metadata.get("nbgrader", {}).get("solution"):
            continue
        if cell.cell_type == "code":
            cell.metadata["tags"] = [*cell.metadata.get("tags", ()), "hide-input"]
            cell.metadata["mystnb"] = {"code_prompt_show": ANSWER, "code_prompt_hide": ANSWER}
        else:                                # the answer's first words, such as *One possible answer.*, name the fold
            words, text = re.fullmatch(r"(?s)(?:\*(One possible \w+)\.\*\s+)?(.*)", cell.source).groups()
            cell.source = f"<details>\n<summary>{words or ANSWER}</summary>\n\n{text}\n\n</details>"
    nbformat.write(book, path)


# Lessons, and what they point at, are shown as they are committed, solutions folded: nothing is executed here.
for folder, pages in {"lessons": "notebooks/[0-9][0-9]_*.ipynb", "data": "data/README.md",
                      "examples": "examples/*.py"}.items():
    shutil.rmtree(HERE / folder, ignore_errors=True)
    (HERE / folder).mkdir()
    for page in sorted(ROOT.glob(pages)):
        copy = shutil.copy(page, HERE / folder)
        if page.suffix == ".ipynb":
            fold(copy)

project = "fercourse"
author = "The fercourse authors"
copyright = "The fercourse authors. Text CC BY 4.0, code Apache-2.0, synthetic faces CC0"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode",
              "sphinx-mathjax-offline", "first_use"]
exclude_patterns = ["_build"]
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["mystnb.unknown_mime_type"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
html_theme = "sphinx_book_theme"
html_title = "fercourse"
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_js_files = ["course.js"]
html_theme_options = {"use_download_button": False, "use_fullscreen_button": False, "show_toc_level": 2,
                      "home_page_in_toc": True, "repository_url": REPOSITORY, "repository_branch": BRANCH,
                      "use_repository_button": True, "use_issues_button": True}


def name_rows(app, document):
    """Let the first cell of each row of a Markdown table name the row, which screen readers say with every cell."""
    for columns in map(list, (group.findall(nodes.colspec) for group in document.findall(nodes.tgroup))):
        columns[0]["stub"] = 1
        head = [entry.astext() for entry in columns[0].parent.findall(nodes.entry)][:len(columns)]
        if head[1:2] == ["measured"]:                        # a lesson has several rows
            columns[1]["stub"] = 1


def scope_rows(app, page, template, context, document):
    """Say that these cells are heads of rows; docutils leaves it open."""
    if "body" in context:
        context["body"] = context["body"].replace('<th class="stub', '<th scope="row" class="stub')


def setup(app):
    """Let |x| in docstrings be the size of x, as in papers, and no name of something to be put in its place."""
    app.connect("doctree-read", name_rows)
    app.connect("html-page-context", scope_rows)
    app.connect("autodoc-process-docstring", lambda app, what, name, thing, options, lines: lines.__setitem__(
        slice(None), [line.replace("|", r"\|") for line in lines]))
