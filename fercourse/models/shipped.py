"""Networks that come with the course: small safetensors beside a manifest that says what they are and how good."""

import json
from pathlib import Path

from torch import Tensor

from ..errors import InputError
from ..files import sha256

FOLDER = Path(__file__).resolve().parents[1] / "weights"


def shipped(name: str) -> tuple[dict, dict[str, Tensor]]:
    """Return the manifest and the tensors of a network, in full precision.

    Raises:
        InputError: the file is missing, or not the one that its manifest describes.
    """
    from safetensors.torch import load_file
    path, manifest = FOLDER / f"{name}.safetensors", FOLDER / f"{name}.json"
    if not (path.is_file() and manifest.is_file()):
        raise InputError(f"{path} or its manifest is missing; install fercourse again")
    try:
        facts = json.loads(manifest.read_text(encoding="utf-8"))
        wanted = facts["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{manifest} is damaged ({error}); install fercourse again") from error
    if sha256(path) != wanted:
        raise InputError(f"{path} is not the file of its manifest (SHA-256 differs); install fercourse again")
    return facts, {key: value.float() if value.is_floating_point() else value for key, value in load_file(path).items()}


def part_of(tensors: dict[str, Tensor], start: str) -> dict[str, Tensor]:
    """Return the tensors whose names start so, without that start."""
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}
