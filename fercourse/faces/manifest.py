"""The manifest beside a file of synthetic faces: the SHA-256 and the counts that file must have."""

import json
from pathlib import Path

from ..errors import InputError
from ..files import sha256
from .emotions import SEVEN


def read_manifest(path) -> dict:
    """Return the manifest of a file of synthetic faces.

    Raises:
        InputError: there is none beside it, or it is none.
    """
    beside = Path(path).with_suffix(".json")
    try:
        manifest = json.loads(beside.read_text(encoding="utf-8"))
        numbers = [manifest["bytes"], *(n for part in published(manifest).values() for n in part.values())]
        if not isinstance(manifest["sha256"], str) or any(type(n) is not int for n in numbers):
            raise TypeError("expected a text as sha256, and whole numbers as bytes and counts")
    except FileNotFoundError as error:
        raise InputError(f"{beside} does not exist; expected the manifest that `fercourse render` writes beside "
                         f"{Path(path).name}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{beside} is not a manifest of synthetic faces ({error!r}); fetch or render the faces "
                         "again") from error
    return manifest


def published(manifest: dict) -> dict[str, dict[str, int]]:
    """Return the faces of each class in each split, as `SetInfo.counts` has them."""
    return {split: {word: counts[word] for word in SEVEN} for split, counts in manifest["counts"].items()}


def verify(path) -> dict:
    """Compare every byte of a file of synthetic faces with its manifest, and return the manifest.

    Raises:
        InputError: no manifest, or another size or SHA-256 than it says.
    """
    path, manifest = Path(path), read_manifest(path)
    if path.stat().st_size != manifest["bytes"]:
        raise InputError(f"{path} has {path.stat().st_size:,} bytes, its manifest says {manifest['bytes']:,}; fetch or "
                         "render it again")
    if (digest := sha256(path)) != manifest["sha256"]:
        raise InputError(f"{path} has the SHA-256 {digest[:16]}…, its manifest says {manifest['sha256'][:16]}…; the "
                         "file is damaged or another one: fetch or render it again")
    return manifest
