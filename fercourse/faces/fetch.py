"""Fetch one file over HTTP: resumed after a break, bounded in size, checked before anybody opens it."""

import errno
import http.client
import json
import shutil
import ssl
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from tqdm.auto import tqdm

from .. import __version__
from ..errors import InputError
from ..files import sha256

TRIES, PAUSE, TIMEOUT = 6, 1.0, 30      # tries without a new byte; seconds before the second; of silence
PIECE = 1 << 18
MAGIC = (b"\x1f\x8b", b"PK\x03\x04")    # gzip, zip


class Interrupted(Exception):
    """The connection broke; what came so far is kept."""


def fetch(url: str, out, most: int, expected: str | None = None) -> str:
    """Download an archive (tar.gz or zip) to `out`; return its SHA-256.

    What came before a break waits in `out.part` and is completed by the next try or the next call. The hash
    is recorded in `out.sha256` on first use; a later download that differs from it is refused.

    Args:
        most: largest size in bytes.
        expected: SHA-256 that the file must have.

    Raises:
        InputError: no answer, an answer that is no archive, too large, another hash, or no room on the disk.
    """
    out = Path(out)
    if urlsplit(url).scheme not in ("http", "https"):
        raise InputError(f"{url} is no address to download from; expected one that begins with https://")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if not out.is_file():
            _complete(url, out.with_name(f"{out.name}.part"), most)
            out.with_name(f"{out.name}.part").replace(out)
            out.with_name(f"{out.name}.part.json").unlink(missing_ok=True)
        return _checked(url, out, expected)
    except OSError as error:
        raise InputError(f"{out} cannot be written ({error.strerror or error}); free some room or choose "
                         "another folder with --root; what came so far is kept") from error


def _complete(url, part, most):
    """Repeat until the file is whole; only tries that bring nothing new count."""
    failed, pause = 0, PAUSE
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            return _receive(url, part, most)
        except Interrupted as error:
            grew = part.exists() and part.stat().st_size > before
            failed, pause = (0, PAUSE) if grew else (failed + 1, pause * 2)
            if failed >= TRIES:
                raise InputError(f"{url} cannot be downloaded: {error}; check the network and call again, "
                                 "the download goes on where it stopped") from error
            if pause >= 1:
                tqdm.write(f"{error}; trying again in {pause:.0f} s", file=sys.stderr)
            time.sleep(pause)


def _receive(url, part, most):
    """Append to `part` what is missing; Interrupted if the connection breaks."""
    have, tag = _kept(url, part)
    request = urllib.request.Request(url, headers={"User-Agent": f"fercourse/{__version__}"})
    if have:
        request.add_header("Range", f"bytes={have}-")
        if tag:
            request.add_header("If-Range", tag)
    with _answer(request, url, part) as answer:
        have = have if _continues(answer, have) else 0          # a server may ignore Range and begin again
        total = _total(answer, have)
        if total is not None and total > most:
            raise _too_large(url, most)
        if total is not None and shutil.disk_usage(part.parent).free < total - have:
            raise OSError(errno.ENOSPC, f"{total / 1e6:.0f} MB are needed")
        piece = _read(answer)
        if not have:
            _check_kind(url, answer, piece)                     # before it replaces what came earlier
        _remember(url, part, answer)
        with part.open("r+b" if have else "wb") as file:
            file.seek(have)
            file.truncate()
            have = _copy(answer, piece, file, have, total, most)
    if have > most:
        part.unlink()
        raise _too_large(url, most)
    if total is not None and have < total:
        raise Interrupted(f"the connection ended after {have:,} of {total:,} bytes")


def _copy(answer, piece, file, have, total, most):
    """Write until the answer ends or is too large; return the bytes in the file."""
    with tqdm(total=total, initial=have, desc="download", unit="B", unit_scale=True, delay=1) as bar:
        while piece and have <= most:
            file.write(piece)
            have += len(piece)
            bar.update(len(piece))
            piece = _read(answer)
    return have


def _read(answer):
    try:
        return answer.read1(PIECE)
    except (OSError, http.client.HTTPException) as error:
        raise Interrupted(f"the connection broke ({str(error) or type(error).__name__})") from error


def _answer(request, url, part):
    """Open a connection; what may pass is Interrupted, what will not is InputError."""
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:                                   # nothing left to send: the part is not of this file
            part.unlink(missing_ok=True)
        if error.code in (408, 416, 429) or error.code >= 500:
            raise Interrupted(f"the server says {error.code} {error.reason}") from error
        raise InputError(f"{url} cannot be downloaded: the server says {error.code} {error.reason}; "
                         "check the address or give another one with --url") from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise InputError(f"{url} cannot be downloaded: its certificate is not valid "
                             f"({error.reason.verify_message}); check the clock and the network") from error
        raise Interrupted(f"no connection ({error.reason})") from error
    except (OSError, http.client.HTTPException) as error:
        raise Interrupted(f"no connection ({str(error) or type(error).__name__})") from error
    if urlsplit(url).scheme == "https" and urlsplit(answer.geturl()).scheme != "https":
        raise InputError(f"{url} leads to {answer.geturl()}, which is not encrypted; give another address "
                         "with --url")
    return answer


def _kept(url, part):
    """Return (bytes, entity tag) of an earlier try at the same address; what came from elsewhere is dropped."""
    try:
        known = json.loads(part.with_name(f"{part.name}.json").read_text())
        if known["url"] == url:
            return part.stat().st_size, known["tag"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    part.unlink(missing_ok=True)
    return 0, None


def _remember(url, part, answer):
    tag = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
    tag = None if tag is None or tag.startswith("W/") else tag  # weak tags do not promise equal bytes
    part.with_name(f"{part.name}.json").write_text(json.dumps({"url": url, "tag": tag}))


def _continues(answer, have):
    if answer.status != 206:
        return False
    begin = (answer.headers.get("Content-Range") or "").removeprefix("bytes ").partition("-")[0]
    if begin != str(have):
        raise Interrupted(f"the server sent bytes from {begin or 'somewhere'}, asked for {have}")
    return True


def _total(answer, have):
    length = answer.headers.get("Content-Length")
    return have + int(length) if length and length.isdecimal() and len(length) < 20 else None


def _too_large(url, most):
    return InputError(f"{url} is larger than the {most / 1e6:,.0f} MB that are expected; nothing was kept, "
                      "check the address")


def _check_kind(url, answer, beginning):
    """Refuse what is no archive, by what it is called and by how it begins."""
    if not beginning:
        raise Interrupted("the answer is empty")
    kind = answer.headers.get_content_type()
    if kind == "text/html" or beginning.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
        raise InputError(f"{url} sent a web page instead of an archive (a log-in, an error?); open the address "
                         "in a browser, or give another one with --url")
    if len(beginning) >= 4 and not beginning.startswith(MAGIC):
        raise InputError(f"{url} sent {kind} that begins with {bytes(beginning[:8])!r}, expected a tar.gz or zip "
                         "archive; give another address with --url")


def _checked(url, out, expected):
    """Return the file's SHA-256 if it is the expected one, or the one recorded on first use, or the first."""
    record, digest = out.with_name(f"{out.name}.sha256"), sha256(out)
    known = None
    with suppress(OSError, IndexError):
        known = record.read_text().split()[0]
    for wanted, who in ((expected, "expected"), (known, f"recorded in {record.name}")):
        if wanted is not None and wanted.lower() != digest:
            out.unlink()
            accept = f" (to accept it, delete {record})" if wanted == known else ""
            raise InputError(f"{url} has SHA-256 {digest}, {who} is {wanted}; the download was deleted, it is "
                             f"damaged or another version{accept}")
    if known is None:
        record.write_text(f"{digest}  {out.name}\n")
    return digest
