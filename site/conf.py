"""The course as a site: lessons with their stored outputs, API reference, glossary. `make site` builds it."""

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]

# Lessons, and what they point at, are shown as they are committed: nothing is executed here.
for folder, pages in {"lessons": "notebooks/[0-9][0-9]_*.ipynb", "data": "data/README.md",
                      "examples": "examples/*.py"}.items():
    shutil.rmtree(HERE / folder, ignore_errors=True)
    (HERE / folder).mkdir()
    for page in sorted(ROOT.glob(pages)):
        shutil.copy(page, HERE / folder)

project = "fercourse"
author = "The fercourse authors"
copyright = "The fercourse authors. Text CC BY 4.0, code Apache-2.0, synthetic faces CC0"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx-mathjax-offline", "first_use"]
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
html_theme_options = {"use_download_button": False, "use_fullscreen_button": False, "show_toc_level": 2,
                      "home_page_in_toc": True}


def setup(app):
    """Let |x| in docstrings be the size of x, as in papers, and no name of something to be put in its place."""
    app.connect("autodoc-process-docstring", lambda app, what, name, thing, options, lines: lines.__setitem__(
        slice(None), [line.replace("|", r"\|") for line in lines]))
