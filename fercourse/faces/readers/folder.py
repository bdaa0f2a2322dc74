"""Any folder of images: one subfolder a class, with or without train, val and test above them."""

import re
from collections import Counter
from pathlib import Path

from ...errors import InputError
from ..emotions import EMOTIONS, folded
from ..setinfo import SetInfo
from .common import IMAGES, SPLITS, BadRow, walk
from .found import Found
from .own import labelling

PICTURES = (*IMAGES, ".gif", ".jfif", ".pgm", ".ppm")
NO_PICTURES = (".txt", ".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".md", ".html", ".pdf", ".log", ".ini", ".db",
               ".xls", ".xlsx", ".py", ".ipynb", ".npy", ".mat", ".pts", ".zip", ".gz", ".tar", ".rar", ".7z",
               "license", "readme")


def read(root, words: dict | None = None, person: str | None = None, classes=None):
    """List `<class>/*.jpg` or `<split>/<class>/*.jpg`.

    Args:
        classes: words of your own in place of the emotions, or as text `closed,open`.
        words: class folders whose names are no known spelling: `{"1": "surprise"}`, or as text `1:surprise`.
        person: regular expression whose first group finds the person in a path, such as `r"(S\\d+)_"`.

    Raises:
        InputError: no folder, or one above that with the classes; options that are no dictionary and no such
            expression, or one that finds nobody.
    """
    root, pattern = Path(root), _pattern(person)
    if not root.is_dir():
        raise InputError(f"{root} is not a folder; expected one with a subfolder for each class "
                         '(the set that is read from a csv is called "csv")')
    classes, word_of = labelling(classes, words)
    sizes = walk(root, root, "")
    files = [file for file in sizes if file.lower().endswith(PICTURES)]
    found = Found("folder", root, classes, sizes)
    found.notes += _no_pictures(sizes.keys() - files)
    for file in files:
        split, label = _place(file)
        try:
            found.add(file, word_of(label or _classless(root, file)), split, person=_person(pattern, file))
        except BadRow as error:
            found.reject(str(error), file)
    if not found.rows:
        _refuse_a_folder_above(root, files, found.rejects)
    if pattern:
        found.notes += _missed(person, found.rows.values())
    parts = sorted(folded(path.name) for path in root.iterdir() if path.is_dir())
    return found.listing(expected=[SPLITS[part] for part in parts if part in SPLITS])


def _no_pictures(files):
    """Return a sentence, if any, on files that look like pictures of a kind that is not read."""
    kinds = Counter(Path(file).suffix.lower() or "without ending" for file in sorted(files)
                    if not file.lower().endswith(NO_PICTURES))
    if not kinds:
        return []
    commonest = ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common(6))
    return [f"{kinds.total():,} files are no picture that is read here ({commonest}); convert them to .jpg or .png"]


def _place(file):
    """Return the split (or empty) and the class folder of an image."""
    parts = file.split("/")[:-1]
    split = SPLITS.get(folded(parts[0]), "") if parts else ""
    rest = parts[1:] if split else parts
    return split, rest[0] if rest else ""


def _classless(root, file):
    """Raise BadRow for a picture above the folders of the classes."""
    place = (root / file).parent
    raise BadRow(f"no class folder: it lies directly in {place}; expected {place}/class/picture")


def _refuse_a_folder_above(root, files, rejects):
    """Raise InputError if all pictures are deep in one folder that is no class: an archive unpacked under its name."""
    tops = {file.split("/")[0] for file in files}
    deep = all(file.count("/") > 1 and not _place(file)[0] for file in files)
    if len(tops) == 1 and deep and all(reject.reason.startswith("unknown label") for reject in rejects):
        top = root / tops.pop()
        raise InputError(f"{root} holds {top.name} alone, which is no class, with folders in it; expected "
                         f"class/picture: give --root {top}, in Python root={str(top)!r}")


def _pattern(person):
    """Return the compiled expression; None if there is none."""
    try:
        pattern = None if person is None else re.compile(person)
        if pattern is None or pattern.groups:
            return pattern
        reason = "it has no group"
    except (re.error, TypeError) as error:
        reason = error
    raise InputError(f"person is {person!r}, which finds nobody ({reason}); expected a regular expression with the "
                     r"person in brackets, such as (S\d+)_")


def _person(pattern, file):
    match = pattern.search(file) if pattern else None
    return (match and match[1]) or None


def _missed(person, rows):
    """Return a sentence, if any, on how many files show nobody that the expression finds; all of them are an error."""
    missed = [row["file"] for row in rows if row["person"] is None]
    if rows and len(missed) == len(rows):
        raise InputError(f"person is {person!r}, which finds nobody in {len(rows):,} files, such as {missed[0]}; "
                         r"expected a regular expression that fits a part of such a path, such as (S\d+)_")
    return [f"{len(missed):,} of {len(rows):,} files: person not found, such as {missed[0]}"] if missed else []


INFO = SetInfo(
    name="folder", title="A folder of images", classes=EMOTIONS, image="any", terms="yours to know.",
    get="any folder with one subfolder for each class",
    layout="<class>/*.jpg\ntrain/<class>/*.jpg, val/<class>/*.jpg, test/<class>/*.jpg",
    reader=read, any_root=True,
)
