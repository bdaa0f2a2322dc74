"""Notebooks within a zip that a student handed in: listed and read in memory, so that no member is ever written.

Errors say what is wrong with the zip, as the end of a sentence that names it.
"""

import zipfile
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ..errors import InputError

MOST_BOOKS = 200


def books(path: Path, is_book, most_bytes: int) -> list[str]:
    """Return the names of a zip's members that are notebooks, hidden ones aside, the newest first.

    Args:
        is_book: tells a notebook by its name; most_bytes: a larger zip is not opened.

    Raises:
        InputError: it is damaged, too large, packed or unpacked, or holds none, or too many.
    """
    if path.stat().st_size > most_bytes:
        raise InputError(f"is larger than {most_bytes >> 20} MiB")
    with _opened(path) as opened:
        members = sorted(opened.infolist(), key=lambda member: member.date_time, reverse=True)
    members = [member for member in members if not member.is_dir() and is_book(member.filename)
               and not _hidden(member.filename)]
    names = list(dict.fromkeys(member.filename for member in members))
    if sum(member.file_size for member in members) > most_bytes:
        raise InputError(f"holds notebooks of more than {most_bytes >> 20} MiB")
    if not names:
        raise InputError("holds no notebook")
    if len(names) > MOST_BOOKS:
        raise InputError(f"holds more than {MOST_BOOKS} notebooks")
    return names


def _hidden(name):
    return any(part.startswith((".", "__")) for part in PurePosixPath(name.replace("\\", "/")).parts)


def read(path: Path, name: str) -> bytes:
    """Return a member's bytes, of which there are never more than its header says.

    Raises:
        InputError: it is locked with a password, or damaged.
    """
    with _opened(path) as opened:
        if opened.getinfo(name).flag_bits & 1:
            raise InputError("is locked with a password")
        return opened.read(name)


@contextmanager
def _opened(path):
    try:
        with zipfile.ZipFile(path) as opened:
            yield opened
    except InputError:
        raise
    except Exception:                                        # zipfile has many words for damage, OSError among them
        raise InputError("is damaged; hand it in again") from None
