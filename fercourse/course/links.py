"""Point badges and set-up cells at a fork: what Colab opens and what its first cell fetches."""

import re
from pathlib import Path

import nbformat

from ..errors import InputError
from ..files import try_place, write_text
from . import notebooks
from .notebooks import named, text_of

GITHUB = "https://github.com/"
NAME = re.compile(r"https://github\.com/[\w.-]+/[\w.-]+")
BRANCH = re.compile(r"[\w][\w./-]*")
TEXTS = ("README.md", "CITATION.cff", "docs/*.md", "site/*.md", "site/conf.py", "fercourse/course/notebooks.py")


def relink(repository: str, branch: str = "main", root: Path = notebooks.ROOT) -> list[Path]:
    """Rewrite every file that names the course's address; return those that changed.

    Outputs and cells otherwise stay as they are, so nothing has to be run again. What was interrupted half-way is
    finished by the same call.

    Raises:
        InputError: no address of GitHub (Colab opens no others), no name of a branch, no checkout here, or a file
            that cannot be written.
    """
    repository = repository.rstrip("/").removesuffix(".git")
    if not NAME.fullmatch(repository):
        raise InputError(f"{repository!r} is no address that Colab opens; expected {GITHUB}YOU/NAME")
    if not BRANCH.fullmatch(branch) or ".." in branch:
        raise InputError(f"{branch!r} is no name of a branch")
    constants = root / "fercourse" / "course" / "notebooks.py"
    if not (root / "notebooks").is_dir() or not constants.is_file():
        raise InputError(f"{root} holds no lessons; run this in a checkout of the course")
    old = tuple(re.search(rf'^{name} = "(.*?)"', constants.read_text("utf-8"), re.MULTILINE)[1]
                for name in ("REPOSITORY", "BRANCH"))
    changes = {path: after for path in _files(root) if (after := _rewritten(path, old, (repository, branch)))}
    for path in changes:                                                 # before anything is changed
        try_place(path)
    for path in sorted(changes, key=lambda path: path == constants):     # the old address stays known to the end
        write_text(path, changes[path])
    return list(changes)


def _files(root):
    texts = [path for pattern in TEXTS for path in sorted(root.glob(pattern))]
    return [*texts, *sorted((root / "notebooks").glob("*.py")), *sorted((root / "notebooks").rglob("*.ipynb"))]


def _rewritten(path, old, new):
    """Return a file's text with the new address in place of the old; None where nothing changes."""
    text = path.read_text("utf-8")
    if path.suffix != ".ipynb":
        after = replaced(text, old, new)
    else:
        book = nbformat.reads(text, as_version=4)
        for cell in book.cells:
            cell.source = replaced(cell.source, old, new)
        after = text_of(named(book))
    return after if after != text else None


def replaced(text: str, old: tuple[str, str], new: tuple[str, str]) -> str:
    """Return a text with an (address, branch) put in place of another: badges, set-up cells, constants, plain links."""
    (old_place, old_branch), (place, branch) = old, new
    short = re.escape(old_place.removeprefix(GITHUB))
    text = re.sub(rf"(github/|{re.escape(GITHUB)}){short}/(blob|tree)/{re.escape(old_branch)}/",
                  rf"\g<1>{place.removeprefix(GITHUB)}/\g<2>/{branch}/", text)
    text = text.replace(notebooks.fetched(*old), notebooks.fetched(*new))
    text = re.sub(rf"{re.escape(GITHUB)}{short}(?![\w-]|\.(?!git\b)\w)", place, text)
    return re.sub(rf'^BRANCH = "{re.escape(old_branch)}"', f'BRANCH = "{branch}"', text, flags=re.MULTILINE)
