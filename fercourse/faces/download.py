"""Get a set that is public, which is no leave of the people in it; for all others, say whom to ask."""

import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from . import catalogue
from .fetch import fetch
from .unarchive import unpack


@dataclass(frozen=True)
class Source:
    """Where an archive is, and what it may weigh; `sha256` None: recorded on first use."""

    url: str
    most_packed: int
    most_bytes: int
    most_files: int
    sha256: str | None = None


SOURCES = {
    # The archive of a branch is made on request: its bytes may change, so that no hash can be fixed here.
    "muxspace": Source("https://github.com/muxspace/facial_expressions/archive/refs/heads/master.tar.gz",
                       most_packed=2_000_000_000, most_bytes=4_000_000_000, most_files=100_000),
}


@dataclass(frozen=True)
class Got:
    """A set on disk: its folder, its archive and the archive's SHA-256."""

    folder: Path
    archive: Path
    sha256: str


def source_of(name: str) -> Source:
    """Return where a set can be downloaded.

    Raises:
        InputError: nowhere; says whom to ask, and what the terms are.
    """
    info = catalogue.get(name)
    if info.name not in SOURCES:
        raise InputError(f"{info.title} cannot be downloaded by fercourse; get it: {info.get.rstrip('.')}. "
                         f"Terms: {info.terms}")
    return SOURCES[info.name]


def get(name: str, root=None, url: str | None = None, sha256: str | None = None) -> Got:
    """Download and unpack a set into the folder `root` (default: its usual place).

    The archive and its SHA-256 stay beside the folder; call again to go on after a break.

    Args:
        url: another address, such as a mirror.
        sha256: what the archive must have.

    Raises:
        InputError: see `fetch` and `unpack`; the archive holds another set; the folder is already there.
    """
    source, info = source_of(name), catalogue.get(name)
    if sha256 is not None and not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise InputError(f"--sha256 is {sha256!r}; expected 64 hexadecimal digits, as sha256sum prints them")
    folder = Path(root).expanduser() if root is not None else info.place
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is already there; delete it first, or choose another folder with --root")
    url = url or source.url
    ending = ".zip" if url.endswith(".zip") else ".tar.gz"
    archive = folder.with_name(folder.name + ending)
    digest = fetch(url, archive, source.most_packed, sha256.lower() if sha256 else source.sha256)
    def check(unpacked):
        if catalogue.found(info.name, unpacked) is None:
            raise InputError(f"{archive} does not hold {info.title}; expected {' '.join(info.layout.split())}")

    unpack(archive, folder, source.most_bytes, source.most_files, check)
    return Got(folder, archive, digest)
