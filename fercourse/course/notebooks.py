"""From a lesson's source, `notebooks/NN_name.py`, to its notebook with outputs: `python -m fercourse.course.notebooks`.

The source (jupytext, py:percent) is what people edit; the notebook beside it is built and committed:
read, number the cells, execute, clean the outputs, write. `lint` says whether a committed pair is in order.
"""

import hashlib
import os
import re
from collections import Counter
from pathlib import Path

import nbformat
import typer
from nbclient.exceptions import CellExecutionError

from ..errors import InputError
from ..files import write_text

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
REPOSITORY = "https://github.com/OWNER/fercourse"            # `fercourse course links` rewrites these two for a fork
BRANCH = "main"
CELL_TIMEOUT = 300                                           # seconds
LANGUAGE = {"name": "python"}                                # not the version of whoever built it
PICTURE = re.compile(r"""(data:image/\w+;base64,[^"'\\)\s]+)""")       # within HTML
WIDGET = "application/vnd.jupyter.widget-view+json"


def fetched(repository: str, branch: str) -> str:
    """Return what the set-up cell's git is told, as it stands in that cell."""
    chosen = "" if branch == "main" else f'"--branch", "{branch}", '
    return f'"--depth", "1", {chosen}"{repository}"'


# Colab's Python starts in /content: a folder called fercourse there would be imported while the package is missing.
SETUP = f'''\
# On Colab: fetch the course and what it lacks, leaving torch as it is. On your own machine: nothing.
import os
import shutil
import subprocess
import sys

if "google.colab" in sys.modules:
    home, part = "/content/course", "/content/course.part"
    if not os.path.exists(home):
        shutil.rmtree(part, ignore_errors=True)                            # left by a run that was cut off
        subprocess.run(["git", "clone", "--quiet", {fetched(REPOSITORY, BRANCH)}, part], check=True)
        os.rename(part, home)
    subprocess.run([sys.executable, f"{{home}}/fercourse/course/colab.py"], check=True)
    os.chdir(f"{{home}}/notebooks")'''


def sources(names=()) -> list[Path]:
    """Return the lessons' source files in their order, or those whose name starts with one of `names`; 2 is 02.

    Raises:
        InputError: no lesson is called so, or there are none because this is no checkout.
    """
    found = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
    if not found:
        raise InputError(f"{FOLDER} holds no lessons; run this in a checkout of the course")
    names = tuple(name.zfill(2) if name.isdigit() else name for name in names)
    for name in names:
        if not any(path.stem.startswith(name) for path in found):
            raise InputError(f"there is no lesson {name!r} in {FOLDER}; "
                             f"expected one of {', '.join(path.stem for path in found)}")
    return [path for path in found if not names or path.stem.startswith(names)]


def badge(source: Path) -> str:
    """Return the address at which a lesson opens in Colab."""
    return REPOSITORY.replace("https://github.com/", "https://colab.research.google.com/github/") + (
        f"/blob/{BRANCH}/notebooks/{source.stem}.ipynb")


def student_badge(source: Path) -> str:
    """Return the address at which a lesson's student edition opens in Colab."""
    return badge(source).replace("/notebooks/", "/notebooks/student/")


def other_edition(source: Path) -> str:
    """Return the sentences by which a lesson, which is solved, points at its student edition."""
    return (f"This edition holds the solutions, and the outputs of a run. To solve the exercises yourself, open the "
            f"[student edition in Colab]({student_badge(source)}), "
            f"or `notebooks/student/{source.stem}.ipynb` on your own machine.")


def regenerate(source: Path):
    """Return the notebook that a source stands for: no outputs, ids derived from what the cells are."""
    import jupytext
    book = jupytext.read(source, fmt="py:percent")
    book.metadata["language_info"] = LANGUAGE
    book.nbformat, book.nbformat_minor = 4, 5
    return named(book)


def named(book):
    """Return a notebook whose cells have their ids, which this gives them."""
    for cell, name in zip(book.cells, cell_ids(book.cells)):
        cell["id"] = name
    return book


def text_of(book) -> str:
    """Return what stands in the file of a notebook."""
    return nbformat.writes(book, indent=1) + "\n"


def grading(cell) -> dict:
    """Return what nbgrader knows of a cell; nothing for a cell that nobody grades."""
    return cell.metadata.get("nbgrader", {})


def grade_id(cell) -> str | None:
    """Return a cell's nbgrader name; None for a cell that nobody grades."""
    return grading(cell).get("grade_id")


def cell_ids(cells) -> list[str]:
    """Return an id a cell: its nbgrader name, else a digest of type and source, numbered where it recurs."""
    seen, names = Counter(), []
    for cell in cells:
        name = grade_id(cell)
        if name is None:
            name = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
            seen[name] += 1
            name += f"-{seen[name]}" if seen[name] > 1 else ""
        names.append(name)
    return names


def execute(book):
    """Run a notebook in a kernel of this Python, without progress bars; returns it with outputs.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell fails.
    """
    from nbclient import NotebookClient
    from nbclient.output_widget import OutputWidget

    class Listening(OutputWidget):
        """What a widget shows is kept, and not told the kernel: to send while an answer is awaited can lose it."""

        def sync_state(self):
            pass

    environment = os.environ | {"TQDM_DISABLE": "1"}
    client = NotebookClient(book, timeout=CELL_TIMEOUT, kernel_name="python3", record_timing=False,
                            resources={"metadata": {"path": str(FOLDER)}})
    client.widget_registry["@jupyter-widgets/output"]["OutputModel"] = Listening
    return client.execute(env=environment)


def sanitise(book):
    """Take out of the outputs what differs between machines and runs: widgets, folders, addresses, cut streams."""
    book.metadata.pop("widgets", None)
    book.metadata["language_info"] = LANGUAGE
    for cell in book.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            kept = [one for one in cell.outputs if WIDGET not in one.get("data", {})]
            cell.outputs = [_clean(one) for one in _joined(kept)]
    return book


def _joined(outputs):
    """Return the outputs with neighbouring pieces of the same stream made one."""
    joined = []
    for one in outputs:
        if joined and one.output_type == "stream" and one.get("name") == joined[-1].get("name"):
            joined[-1].text += one.text
        else:
            joined.append(one)
    return joined


def _clean(output):
    texts = output.get("data", output)
    for kind, text in texts.items():
        if isinstance(text, str) and not kind.startswith("image/"):
            parts = PICTURE.split(text)                      # a picture may hold 0x… by chance
            parts[::2] = [re.sub(r"\b0x[0-9a-f]{6,}", "0x…", part.replace(f"{ROOT}{os.sep}", ""))
                          for part in parts[::2]]
            texts[kind] = "".join(parts)
    return output


def build(source: Path):
    """Execute one lesson and write its notebook, whole or not at all."""
    _write(source, sanitise(execute(regenerate(source))))


def reword(source: Path):
    """Write the notebook of a source of which only prose changed, with the outputs that it has.

    Raises:
        InputError: code changed too, so that the outputs would be those of something else.
    """
    book, before = regenerate(source), nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    new, old = ([cell for cell in b.cells if cell.cell_type == "code"] for b in (book, before))
    for number in range(max(len(new), len(old))):
        if number >= min(len(new), len(old)) or new[number].source != old[number].source:
            raise InputError(f"{source.name}: code cell {number + 1} is not the notebook's; expected new prose only: "
                             f"run python -m fercourse.course.notebooks build {source.stem[:2]}")
        new[number].outputs, new[number].execution_count = old[number].outputs, old[number].execution_count
    _write(source, book)


def _write(source, book):
    nbformat.validate(book)
    write_text(source.with_suffix(".ipynb"), text_of(book))


# ---------------------------------------------------------------------- command line

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False,
                  help="Begin a lesson, build the lessons' notebooks from their sources, or check them.")


@app.command("new")
def new_command(name: str = typer.Argument(help="number and word, such as 08_pose")):
    """Begin a lesson: a source to fill in, its checkers, and answers that try these."""
    from .skeleton import begin
    for path in begin(name):
        typer.echo(str(path))


@app.command("build")
def build_command(names: list[str] = typer.Argument(None, help="lessons, such as 00; default: all")):
    """Execute lessons and store their outputs."""
    import time
    for source in sources(names or ()):
        start = time.monotonic()
        build(source)
        typer.echo(f"{source.stem}: {time.monotonic() - start:.0f} s")
    check_command(names)


@app.command("reword")
def reword_command(names: list[str] = typer.Argument(None, help="lessons, such as 00; default: all")):
    """Take over changed prose; outputs stay, and code must not have changed."""
    for source in sources(names or ()):
        reword(source)
    check_command(names)


@app.command("check")
def check_command(names: list[str] = typer.Argument(None, help="lessons, such as 00; default: all")):
    """Say what is wrong with lessons and their notebooks; exit 1 if anything is."""
    from .lint import problems
    from .pages import course_problems
    found = [f"{source.stem}: {problem}" for source in sources(names or ()) for problem in problems(source)]
    found += course_problems({source.stem: regenerate(source) for source in sources()})
    for problem in found:
        typer.echo(problem, err=True)
    if found:
        raise typer.Exit(1)


if __name__ == "__main__":
    try:
        app()
    except (InputError, CellExecutionError) as error:
        raise SystemExit(f"fercourse: {error}") from None
