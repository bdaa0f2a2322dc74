"""The course as a site: lessons with their stored outputs, API reference, glossary. `make site` builds it."""

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

# The lessons are shown as they are committed: nothing is executed here.
LESSONS = HERE / "lessons"
shutil.rmtree(LESSONS, ignore_errors=True)
LESSONS.mkdir()
for notebook in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")):
    shutil.copy(notebook, LESSONS)
for picture in (ROOT / "docs").glob("*.png"):
    shutil.copy(picture, LESSONS)

project = "fercourse"
author = "The fercourse authors"
copyright = "The fercourse authors. Text CC BY 4.0, code Apache-2.0, synthetic faces CC0"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header", "myst.xref_missing", "mystnb.unknown_mime_type"]
autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_mock_imports = []
html_theme = "sphinx_book_theme"
html_title = "fercourse"
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_theme_options = {"use_download_button": False, "use_fullscreen_button": False, "show_toc_level": 2,
                      "home_page_in_toc": True}
