"""A stranger's notebook with what is graded and shown, and with nothing else that came with it.

`seen`, in a code cell's metadata, is the text of the outputs that it was handed in with.
"""

import json
import re
import warnings
from urllib.parse import unquote

import nbformat

from ..errors import InputError

PICTURES, MOST_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp"), 8 << 20       # in a text; characters
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
MOST_SEEN = 4000                                             # characters of a cell's text outputs
ATTACHED = re.compile(r"!\[([^\]\n]{0,200})\]\(attachment:([^)\s]{1,200})[^)\n]{0,200}\)")


def parsed(raw: bytes):
    """Return a notebook of a stranger's bytes with its texts, pictures and grade_ids.

    Raises:
        InputError: they are no notebook.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = nbformat.reads(raw.decode(json.detect_encoding(raw)), as_version=4)
        return nbformat.v4.new_notebook(cells=[plain(cell) for cell in book.cells])
    except Exception:                                        # anything can be wrong with what a stranger wrote
        raise InputError(f"not a notebook: {'cut off or damaged' if raw.strip() else 'empty'}; hand it in again"
                         ) from None


def plain(cell):
    """Return a cell with its text, pictures, grade_id and what it showed as text, and nothing else of what came."""
    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    about = cell.get("metadata", {}).get("nbgrader")
    name = about.get("grade_id") if isinstance(about, dict) else None
    metadata = {"nbgrader": {"grade_id": name}} if isinstance(name, str) else {}
    source = cell["source"]
    if not isinstance(source, str):
        raise TypeError("a cell's source is no text")
    source = _whole(source)
    if cell["cell_type"] == "code" and (text := seen(cell.get("outputs"))):
        metadata["seen"] = text
    made = make.get(cell["cell_type"], nbformat.v4.new_raw_cell)(source, metadata=metadata)
    return _with_pictures(made, cell.get("attachments")) if made.cell_type == "markdown" else made


def _whole(text):
    """Return a text in which half an emoji is replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def seen(outputs) -> str:
    """Return the text that a cell's outputs showed, its first characters where it is long; errors are left out."""
    texts = []
    for one in outputs if isinstance(outputs, list) else ():
        data = one.get("data") if isinstance(one, dict) else None
        text = data.get("text/plain") if isinstance(data, dict) else one.get("text") if isinstance(one, dict) else None
        if isinstance(text, str) and one.get("name") != "stderr" and not text.startswith("<"):      # an object's name
            texts.append(text.rstrip())
    text = _whole("\n".join(texts)).strip("\n")
    return text if len(text) <= MOST_SEEN else f"{text[:MOST_SEEN]}\n[cut off here]"


def _with_pictures(cell, attachments):
    """Return a text with the pictures pasted into it, as far as they are there; for others it says so."""
    pictures, room = {}, MOST_PICTURES
    for name, kinds in attachments.items() if isinstance(attachments, dict) else ():
        for kind, data in kinds.items() if isinstance(kinds, dict) else ():
            if kind in PICTURES and isinstance(data, str) and len(data) <= room and BASE64.fullmatch(data):
                pictures[name], room = {kind: data}, room - len(data)

    def shown(match):
        name = match[2] if match[2] in pictures else unquote(match[2])
        if name not in pictures:
            return f"(a picture, {match[1] or 'without a name'}, is missing)"
        cell.setdefault("attachments", {})[match[2]] = pictures[name]
        return match[0]
    cell["source"] = ATTACHED.sub(shown, cell.source)
    return cell
