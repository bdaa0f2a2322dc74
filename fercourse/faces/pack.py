"""Make packs: a whole set of faces, decoded once, in one file that opens as a memory map.

A pack is a safetensors file (no pickles; any safetensors reader opens it): `images` uint8 [N, 3, S, S]
ordered by split and domain, so that a split is a slice; one tensor for each column of the listing; and
`manifest`, JSON as bytes: splits, words, files, rejects with reasons, class counts, SHA-256 of each part, and for
somebody's own faces `origin`, a hash of the place that they come from.
"""

import errno
import hashlib
import io
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from .. import __version__
from ..errors import InputError
from ..files import replacing
from .cache import amount
from .decode import Crop, decode
from .listing import Listing
from .unpack import COLUMNS, DTYPES, FORMAT, VERSION, WORDS, Pack, read_pack


def write_pack(listing: Listing, out, crop: Crop, workers: int | None = None, origin: int | None = None) -> dict:
    """Decode a listing into the pack `out`; return its manifest.

    Memory stays bounded: the images go to the disk in pieces. Images that cannot be read are left out and
    listed with the reason. `out` appears under its name only when it is complete.

    Args:
        origin: number that tells sets of one name apart; the manifest keeps it.

    Raises:
        InputError: no image can be read, `out` is a folder or cannot be written, or the disk is too small.
    """
    out = Path(out)
    if out.is_dir():
        raise InputError(f"{out} is a folder; expected the file to write, such as {out / 'all.safetensors'}")
    with replacing(out) as temporary:
        return stream_pack(listing, temporary, crop, workers, origin)


def stream_pack(listing: Listing, out: Path, crop: Crop, workers: int | None = None, origin: int | None = None) -> dict:
    """Write the pack straight to `out`; a disk that is full, or will be, is an OSError."""
    needed, free = len(listing) * 3 * crop.size ** 2, shutil.disk_usage(out.absolute().parent).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"it needs {amount(needed)}, {amount(free)} are free")
    with out.open("wb+") as file:
        return _write(file, listing, crop, workers, origin)


def memory_pack(listing: Listing, crop: Crop, workers: int | None = None) -> Pack:
    """Return a pack that is in memory alone, for small sets on machines without a writable cache."""
    file = io.BytesIO()
    _write(file, listing, crop, workers)
    return read_pack(file.getbuffer(), Path(listing.root), checked=True)


def pack_order(listing: Listing) -> np.ndarray:
    """Return the rows by split (train, val, test, then the set's own words), domain and place."""
    rank = {word: number for number, word in enumerate(listing.splits)}
    split = np.array([rank[word] for word in listing.split.tolist()], np.int64)
    domain = np.zeros(len(listing), np.int64) if listing.domain is None else listing.domain
    return np.lexsort((domain, split))


def _write(file, listing, crop, workers, origin=None):
    """Write images, columns and manifest behind room for the header, which comes last: it has the counts."""
    start = _header_room(listing)
    file.seek(start)
    packed, images_sha256 = _write_images(file, listing, crop, workers)
    parts = {"images": ("U8", (len(packed), 3, crop.size, crop.size), images_sha256)}
    for name, dtype, column in _columns(packed):
        data = np.ascontiguousarray(column, DTYPES[dtype])
        parts[name] = dtype, data.shape, _write_part(file, data)
    manifest = _manifest(packed, crop, {name: part[2] for name, part in parts.items()}, origin)
    content = json.dumps(manifest, ensure_ascii=False)
    text = np.frombuffer(content.encode(errors="backslashreplace"), np.uint8)   # JSON's own way to hold a lone \udce9
    parts["manifest"] = "U8", text.shape, _write_part(file, text)
    header = _header(parts).ljust(start - 8)                 # spaces after JSON are part of the format
    file.seek(0)
    file.write(len(header).to_bytes(8, "little") + header)
    return manifest


def _write_images(file, listing, crop, workers):
    """Write what can be read; return its listing (landmarks moved, rejects added) and the images' SHA-256."""
    digest, pieces, rejects = hashlib.sha256(), [], list(listing.rejects)
    for piece in decode(listing, crop, pack_order(listing), workers):
        file.write(piece.images.data)
        digest.update(piece.images.data)
        pieces.append((piece.rows, piece.landmarks))
        rejects += piece.rejects
    rows = np.concatenate([rows for rows, _ in pieces]) if pieces else np.zeros(0, np.int64)
    if not len(rows):
        first = f"; the first: {rejects[0]}" if rejects else ""
        raise InputError(f"{listing.name} in {listing.root}: no image of {len(listing)} can be read{first}")
    packed = replace(replace(listing, pixels=None).take(rows), rejects=tuple(rejects))
    if listing.landmarks is not None:
        packed = replace(packed, landmarks=np.concatenate([landmarks for _, landmarks in pieces]))
    return packed, digest.hexdigest()


def _write_part(file, data):
    file.write(data.data)
    return hashlib.sha256(data.data).hexdigest()


def _columns(listing):
    """Yield (name in the file, type, values) of every column that the listing has."""
    for name, dtype in COLUMNS.items():
        if getattr(listing, name) is not None:
            yield name, dtype, getattr(listing, name)
    for name, column in listing.attributes.items():
        kind = np.asarray(column).dtype.kind
        yield f"attribute.{name}", "BOOL" if kind == "b" else "F32" if kind == "f" else "I64", column


def _header(parts):
    """Return the safetensors header of parts {name: (type, shape, sha256)} that lie one after another."""
    metadata = {"format": FORMAT, "version": str(VERSION), "manifest_sha256": parts["manifest"][2]}
    entries, begin = {"__metadata__": metadata}, 0
    for name, (dtype, shape, _) in parts.items():
        end = begin + math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize
        entries[name] = {"dtype": dtype, "shape": [int(n) for n in shape], "data_offsets": [begin, end]}
        begin = end
    return json.dumps(entries, separators=(",", ":")).encode()


def _header_room(listing):
    """Return bytes that hold the header whatever its numbers turn out to be, a multiple of 64."""
    names = [name for name, _, _ in _columns(listing)]
    return -(-(1024 + sum(len(json.dumps(name)) + 160 for name in names)) // 64) * 64


def _manifest(packed, crop, sha256, origin):
    ends = np.cumsum(list(packed.splits.values())).tolist()
    return {
        "name": packed.name, "faces": len(packed), "size": crop.size, "margin": crop.margin, "fit": crop.fit,
        "made_by": f"fercourse {__version__}",
        "splits": {word: [begin, end] for word, begin, end in zip(packed.splits, [0, *ends], ends)},
        "counts": {word: packed.counts(word) for word in packed.splits},
        **{name: list(getattr(packed, name)) for name in WORDS},
        "names": {name: list(words) for name, words in packed.names.items()},
        "aliases": packed.aliases,
        "rejects": [[reject.file, reject.reason, reject.line] for reject in packed.rejects],
        "files": None if packed.files is None else [str(file) for file in packed.files],
        "sha256": sha256,
        **({} if origin is None else {"origin": origin}),
    }
