"""The site: builds from what is committed; no picture, link or formula is broken, on a desk or on a phone."""

import re
import shutil
import subprocess
import sys
from dataclasses import fields
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
import yaml

from fercourse.course.notebooks import student_badge
from fercourse.evaluate import TONES
from fercourse.methods import method_class

pytest.importorskip("sphinx")
pytest.importorskip("myst_nb")
ROOT = Path(__file__).parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
SCREENS = {"desk": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}


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
    bad = [line for line in run.stderr.splitlines() if re.search("WARNING|ERROR|CRITICAL", line)]
    assert not bad, "\n".join(bad)
    html = home / "out" / "html"
    return {str(path.relative_to(html)): path.read_text() for path in html.rglob("*.html")
            if "_static" not in path.parts}, html


def test_every_lesson_is_there(pages):
    for lesson in LESSONS:
        assert f"lessons/{lesson.stem}.html" in pages[0]


def test_only_the_job_that_deploys_may_write():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "site.yml").read_text("utf-8"))
    assert workflow["permissions"] == {"contents": "read"} and "permissions" not in workflow["jobs"]["build"]
    assert workflow["jobs"]["deploy"]["permissions"] == {"pages": "write", "id-token": "write"}
    assert not [step for step in workflow["jobs"]["deploy"]["steps"] if "run" in step]


def test_no_picture_or_link_is_broken(pages):
    texts, folder = pages
    for name, text in texts.items():
        for target in re.findall(r'<[a-z][^<>]*? (?:href|src)="([^"#?]+)', text):
            if not re.match(r"[a-z]+:", target) and not target.startswith("//"):
                assert (folder / name).parent.joinpath(unquote(target)).exists(), f"{name}: {target}"


def test_no_link_names_a_part_of_a_page_that_is_not_there(pages):
    texts, folder = pages
    parts = {(folder / name).resolve(): set(re.findall(r'\bid="([^"]+)"', text)) for name, text in texts.items()}
    for name, text in texts.items():
        for target, part in re.findall(r'<a [^<>]*?href="([^":?#]*)#([^"]+)"', text):
            page = (folder / name).parent.joinpath(unquote(target)).resolve() if target else (folder / name).resolve()
            assert page not in parts or unquote(part) in parts[page], f"{name}: {target}#{part}"


def test_every_picture_says_what_it_shows(pages):
    for name, text in pages[0].items():
        for image in re.findall(r"<img[^>]*>", text):
            assert re.search(r'alt="[^"]', image) or "logo" in image, f"{name}: {image[:200]}"


def test_rows_of_results_have_names_that_screen_readers_say(pages):
    body = pages[0]["results.html"].split("<tbody>")[1].split("</tbody>")[0]
    first = re.findall(r"<t[hd][^>]*>", body.split("</tr>")[0])
    assert all('<th scope="row"' in cell for cell in first[:2]) and "<td" in first[2]      # lesson and what is measured
    assert 'scope="row" class="head' not in pages[0]["results.html"]


def test_the_glossary_has_its_terms(pages):
    for word in ("anchor", "vCLUB", "temperature"):
        assert f'id="term-{word}"' in pages[0]["glossary.html"]


def test_the_index_leads_to_each_lesson_and_to_its_student_edition(pages):
    for lesson in LESSONS:
        colab = student_badge(lesson)
        assert f'href="lessons/{lesson.stem}.html"' in pages[0]["index.html"]
        assert f'href="{colab}"' in pages[0]["index.html"]
        assert (ROOT / "notebooks" / "student" / lesson.name).is_file()


@pytest.mark.parametrize("name", ["baseline", "wscfer", "dr-fer", "hncl", "dmsrl", "id-invariant"])
def test_the_api_has_every_method_and_its_defaults(pages, name):
    method, text = method_class(name), pages[0]["api.html"]
    for thing in (method, method.Hyper):
        assert f'id="{thing.__module__}.{thing.__qualname__}"' in text
    told = words(re.search(rf'(?s)<dt[^>]*id="{method.Hyper.__module__}.{method.Hyper.__qualname__}".*?</dt>', text)[0])
    told = re.sub(r"\s", "", told)
    for field in fields(method.Hyper):
        assert re.search(rf"\b{field.name}:[^=]*={re.escape(repr(field.default))}", told), field.name


def test_the_api_has_what_lessons_call(pages):
    for name in ("augment.draw", "augment.apply", "models.descriptor.expressions", "models.attributes.retrieve",
                 "evaluate.gap", "evaluate.TONES"):
        assert f'id="fercourse.{name}"' in pages[0]["api.html"]
    assert str(TONES) in words(pages[0]["api.html"])


def test_the_graph_of_what_needs_what_is_the_table():
    rows = re.findall(r"^\| (\d\d) .*? \| (.*?) \|", (ROOT / "site" / "index.md").read_text("utf-8"), re.MULTILINE)
    told = set()
    for lesson, before in rows:
        before = before.replace("02 to 06", "02 03 04 05 06")
        helps = re.findall(r"(\d\d) helps", before)
        told |= {("helps" if one in helps else "needs", lesson, one) for one in re.findall(r"\d\d", before)}
    drawn = (ROOT / "site" / "needs.svg").read_text("utf-8")
    assert {tuple(name.split("-")) for name in re.findall(r'id="(\w+-\d\d-\d\d)"', drawn)} == told and len(told) == 13

    def all_before(lesson):
        direct = {before for _, after, before in told if after == lesson}
        return direct.union(*map(all_before, direct))
    for lesson in LESSONS:                                   # and what a lesson itself asks for comes before it
        text = nbformat.read(lesson, as_version=4).cells[0].source.split("**You will")[0]
        assert set(re.findall(r"\]\((\d\d)_", text)) <= all_before(lesson.stem[:2]), lesson.stem


# ---------------------------------------------------------------------- solutions

def words(text):
    """Return what HTML says, without its tags."""
    return unescape(re.sub("<[^>]+>", "", text))


def letters(text):
    """Return nothing but the letters and digits of a text: quotes and spaces are set otherwise on a page."""
    return re.sub(r"[\W_]+", "", text)


def telling(cell):
    """Return the lines of a solution that would give it away: of code what stands between its marks, of prose all."""
    code = cell.cell_type == "code"
    text = cell.source.split("### BEGIN SOLUTION")[1].split("### END SOLUTION")[0] if code else cell.source
    return [letters(line) for line in text.splitlines()
            if len(letters(line)) >= 20 and (code or not re.search(r"[$`\[*]", line))]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_solutions_are_folded(pages, lesson):
    text = pages[0][f"lessons/{lesson.stem}.html"]
    everything, seen = letters(words(text)), letters(words(re.sub(r"(?s)<details\b(?! open).*?</details>", " ", text)))
    cells = nbformat.read(lesson, as_version=4).cells
    solved = [cell for cell in cells if cell.metadata.get("nbgrader", {}).get("solution")]
    shown = letters("".join(cell.source for cell in cells if cell not in solved))       # by the lesson on its own
    for cell in solved:
        lines = [line for line in telling(cell) if line not in shown]
        assert lines and all(line in everything for line in lines)
        assert not [line for line in lines if line in seen], cell.metadata["nbgrader"]["grade_id"]
    assert text.count("<details") == text.count("</details>") >= len(solved) >= 4


# ---------------------------------------------------------------------- in a browser

@pytest.fixture(scope="module")
def opened(pages, browser):
    """Return {file name: the page open in the browser, which has no network}; formulas are set, answers unfolded."""
    context = browser.new_context(viewport=SCREENS["desk"], offline=True)
    context.set_default_timeout(120_000)
    open_pages = {}
    sources = [name for name in pages[0] if name.startswith("_modules/fercourse/")]
    for name in [name for name in pages[0] if name not in sources[1:]]:        # which look alike
        open_pages[name] = page = context.new_page()
        page.goto((pages[1] / name).as_uri())
        page.evaluate("async () => await window.MathJax?.startup?.promise")
        page.evaluate("document.querySelectorAll('article details').forEach(one => one.open = true)")
        page.add_style_tag(content="* { transition: none !important }")         # no colour is read half-way
    return open_pages


@pytest.mark.slow
def test_every_formula_is_set_without_a_network(opened):
    for name, page in opened.items():
        written, formulas, wrong = (page.locator(kind) for kind in (".math", ".math mjx-container", "mjx-merror"))
        assert formulas.count() == written.count() and not wrong.count(), name
    assert opened["lessons/02_wscfer.html"].locator(".math").count() > 20


@pytest.mark.slow
def test_every_picture_of_ours_is_drawn(opened):
    for name, page in opened.items():
        page.evaluate("Promise.all([...document.images].map(image => image.decode().catch(() => 0)))")
        broken = page.evaluate("[...document.images].filter(i => !i.naturalWidth).map(i => i.src.slice(0, 200))")
        assert not [one for one in broken if not one.startswith("https://")], name


@pytest.mark.slow
def test_figures_are_wide_enough_to_be_read_and_open_in_their_own_size(opened):
    """Words of 8 points, as most are drawn, are shown with at least 7, by day and by night."""
    for lesson in LESSONS:
        page = opened[f"lessons/{lesson.stem}.html"]
        page.set_viewport_size(SCREENS["desk"])
        for theme in ("dark", "light"):
            page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
            sizes = page.evaluate("[...document.querySelectorAll('figure img')]"
                                  ".map(i => [i.clientWidth, i.getAttribute('width')])")
            assert all(8 * 0.75 / 0.72 * shown / int(drawn) >= 7 for shown, drawn in sizes), lesson.stem
        assert page.locator("figure a.whole[href^=blob]").count() == len(sizes)


@pytest.mark.slow
def test_the_dark_changes_no_picture(opened):
    page = opened["lessons/00_faces.html"]
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    filters = page.evaluate("[...document.querySelectorAll('article img')].map(i => getComputedStyle(i).filter)")
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    assert len(filters) > 8 and set(filters) == {"none"}


@pytest.mark.slow
@pytest.mark.parametrize("screen", SCREENS)
def test_no_page_is_wider_than_the_screen(opened, screen):
    for name, page in opened.items():
        page.set_viewport_size(SCREENS[screen])
        assert page.evaluate("document.documentElement.scrollWidth") <= SCREENS[screen]["width"], name


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "rules", "kinds"), [
    ("light", ["wcag2a", "wcag2aa"], ""), ("dark", ["color-contrast"], "index|api|data|lessons/0[37]")])
def test_everybody_can_read_it(opened, scheme, rules, kinds):
    """Contrast AA by day, and by night on a page of each kind; the other rules of WCAG 2 that a program can look at."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    options = {"runOnly": rules, "resultTypes": ["violations"]}
    if scheme == "light":                                    # which browsers see to themselves
        options["rules"] = {"scrollable-region-focusable": {"enabled": False}}
    for name, page in opened.items():
        if re.match(kinds, name):
            page.evaluate("scheme => document.documentElement.dataset.theme = scheme", scheme)
            found = axe.run(page, options=options)
            assert found.violations_count == 0, f"{name}: {found.generate_report()}"


# ---------------------------------------------------------------------- glossary links

def entries(pages):
    """Return {term: anchor} as the glossary page has them."""
    found = re.findall(r'<dt id="(term-[^"]+)">(.*?)<a', pages[0]["glossary.html"])
    return {re.sub("<[^>]+>", "", words).replace("’", "'"): anchor for anchor, words in found}


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
