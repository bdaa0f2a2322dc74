"""Open packs as memory maps. A pack from a stranger is data and no more: no pickles, every size checked."""

import hashlib
import json
import math
import mmap
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from .listing import Listing, Reject

FORMAT, VERSION = "fercourse pack", 1
COLUMNS = {"labels": "I64", "ids": "I64", "boxes": "F32", "identity": "I64", "group": "I64", "votes": "F32",
           "valence_arousal": "F32", "landmarks": "F32", "domain": "I64"}
WORDS = "classes", "identity_names", "domain_names", "notes"
DTYPES = {"U8": np.uint8, "I64": np.int64, "F32": np.float32, "BOOL": np.bool_}
LARGEST_HEADER = 1 << 20


@dataclass(frozen=True)
class Pack:
    """An open pack.

    Attributes:
        listing: every column; landmarks in the pack's pixels, boxes still in the original file's.
        images: uint8 [N, 3, S, S], mapped from the file; writing to it never reaches the file.
        manifest: everything the file says about itself.
    """

    listing: Listing
    images: np.ndarray
    manifest: dict

    def __len__(self):
        return len(self.images)


def is_pack(path) -> bool:
    """Return whether a file begins like a pack."""
    try:
        with Path(path).open("rb") as file:
            return f'"format":"{FORMAT}"'.encode() in file.read(256)
    except OSError:
        return False


def open_pack(path, verify: bool = False, name: str | None = None) -> Pack:
    """Open a pack; its columns are checked against their SHA-256, its images only if `verify`.

    Args:
        name: the set that it must hold.

    Raises:
        InputError: no such file, not a pack, from a newer version, cut short, or changed since it was made.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: there is no such pack; make it with `fercourse data pack NAME --out FILE`")
    if not is_pack(path):
        raise InputError(f"{path} is not a pack of faces; make one with `fercourse data pack`")
    with path.open("rb") as file:
        pack = read_pack(_map(file), path, verify)
    if name not in (None, pack.listing.name):
        raise InputError(f"{path} holds {pack.listing.name}, not {name}; name the set that is in the pack")
    return pack


def read_pack(data, path: Path, verify: bool = False, checked: bool = False) -> Pack:
    """Read a pack from a buffer that begins with its header; `path` is named in errors.

    Args:
        verify: check the images against their SHA-256 too.
        checked: check nothing, the bytes were written a moment ago.
    """
    entries, metadata, start = _read_header(path, memoryview(data))
    parts = {name: _part(data, start, entry) for name, entry in entries.items()}
    manifest = _read_manifest(path, parts.pop("manifest"), metadata, len(parts["images"]))
    for name, part in parts.items():
        wanted = not checked and (verify or name != "images")
        if wanted and _sha256(part) != manifest["sha256"].get(name):
            raise _damaged(path, f"its {name} are not those of the manifest's SHA-256")
    return _assemble(path, parts, manifest)


def _damaged(path, what):
    return InputError(f"{path} is damaged: {what}; copy it again or pack the set again")


def _sha256(part):
    return hashlib.sha256(part.data).hexdigest() if part.size else hashlib.sha256().hexdigest()


def _read_header(path, data):
    """Return (entries, metadata, where the parts begin) of a header that describes exactly these bytes."""
    size, length = len(data), int.from_bytes(data[:8], "little")
    if length > min(LARGEST_HEADER, size - 8):
        raise _damaged(path, "its header is cut short")
    try:
        entries = json.loads(bytes(data[8:8 + length]))
        metadata = entries.pop("__metadata__")
        newer = int(metadata["version"]) > VERSION
        end = None if newer else 8 + length + _check_entries(entries)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise _damaged(path, f"its header makes no sense ({error})") from error
    if newer:
        raise InputError(f"{path} is a pack of version {metadata['version']}, this fercourse reads versions "
                         f"up to {VERSION}; update fercourse or pack the set again")
    if size != end:
        raise _damaged(path, f"it has {size:,} bytes, its header promises {end:,}")
    return entries, metadata, 8 + length


def _check_entries(entries):
    """Return the bytes of all parts together; they must lie one after another, one row an image."""
    end, rows = 0, entries["images"]["shape"][0]
    for name, entry in entries.items():
        shape, (begin, stop) = entry["shape"], entry["data_offsets"]
        if len(shape) > 4 or any(type(n) is not int or n < 0 for n in (*shape, begin, stop)):
            raise ValueError(f"{name} has shape {shape} at {begin} to {stop}")
        length = math.prod(shape) * np.dtype(DTYPES[entry["dtype"]]).itemsize
        if begin != end or stop - begin != length:
            raise ValueError(f"{name} lies at {begin} to {stop}, expected {end} to {end + length}")
        if name != "manifest" and shape[:1] != [rows]:
            raise ValueError(f"{name} has shape {shape} for {rows} images")
        if COLUMNS.get(name, entry["dtype"]) != entry["dtype"]:
            raise ValueError(f"{name} is {entry['dtype']}, expected {COLUMNS[name]}")
        end = stop
    images = entries["images"]
    if images["dtype"] != "U8" or len(images["shape"]) != 4 or images["shape"][1] != 3 or not rows:
        raise ValueError(f"images are {images['dtype']} {images['shape']}, expected U8 [N, 3, S, S]")
    if entries["manifest"]["dtype"] != "U8" or "labels" not in entries or "ids" not in entries:
        raise ValueError("labels, ids or manifest are missing")
    return end


def _map(file):
    """Map a whole file copy-on-write, without reserving memory for copies that nobody makes."""
    if not hasattr(mmap, "MAP_PRIVATE"):                                    # Windows
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    linux = 0x4000 if hasattr(mmap, "MAP_POPULATE") else 0                  # Python names it since 3.12 only
    flags = mmap.MAP_PRIVATE | getattr(mmap, "MAP_NORESERVE", linux)
    return mmap.mmap(file.fileno(), 0, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)


def _part(data, start, entry):
    count, begin = math.prod(entry["shape"]), start + entry["data_offsets"][0]
    return np.frombuffer(data, DTYPES[entry["dtype"]], count, begin).reshape(entry["shape"])


def _read_manifest(path, part, metadata, rows):
    if _sha256(part) != metadata.get("manifest_sha256"):
        raise _damaged(path, "its manifest is not the one of its SHA-256")
    try:
        manifest = json.loads(part.tobytes())
        bounds = [0, *(end for _, end in manifest["splits"].values())]
        if [begin for begin, _ in manifest["splits"].values()] != bounds[:-1] or bounds[-1] != rows:
            raise ValueError(f"splits {manifest['splits']} do not cover {rows} faces one after another")
        if manifest["files"] is not None and len(_texts(manifest["files"])) != rows:
            raise ValueError(f"{len(manifest['files'])} files for {rows} faces")
        for words in (*(manifest[name] for name in WORDS), *manifest["names"].values()):
            _texts(words)
        manifest["sha256"].get("images")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(path, f"its manifest makes no sense ({error})") from error
    return manifest


def _texts(words):
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise TypeError("expected a list of texts")
    return words


def _assemble(path, parts, manifest):
    images = parts.pop("images")
    columns = {name: part.copy() for name, part in parts.items()}           # small; aligned once copied
    attributes = {name.removeprefix("attribute."): columns.pop(name) for name in parts if "." in name}
    try:
        lengths = [end - begin for begin, end in manifest["splits"].values()]
        listing = Listing(
            name=str(manifest["name"]), root=str(path), split=np.repeat(list(manifest["splits"]), lengths),
            files=None if manifest["files"] is None else np.array(manifest["files"], dtype=object),
            names={name: tuple(words) for name, words in manifest["names"].items()},
            rejects=tuple(Reject(*reject) for reject in manifest["rejects"]),
            aliases=dict(manifest["aliases"]),
            **{name: tuple(manifest[name]) for name in WORDS}, attributes=attributes, **columns)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(path, f"its manifest lacks what a set of faces needs ({error})") from error
    return Pack(listing, images, manifest)
