"""Networks that come with the course: small safetensors beside a manifest that says what they are and how good."""

import json
from pathlib import Path

from torch import Tensor

from .. import __version__
from ..errors import InputError
from ..files import replacing, sha256, write_json

FOLDER = Path(__file__).resolve().parents[1] / "weights"
TRAININGS = FOLDER.with_name("studies")
LICENCE = "Apache-2.0; trained on the embedded synthetic faces (CC0) alone"


def shipped(name: str) -> tuple[dict, dict[str, Tensor]]:
    """Return the manifest and the tensors of a network, in full precision.

    Raises:
        InputError: the file is missing, or not the one that its manifest describes.
    """
    from safetensors.torch import load_file
    path, manifest = FOLDER / f"{name}.safetensors", FOLDER / f"{name}.json"
    if not (path.is_file() and manifest.is_file()):
        trained = f", or train the network with: python -m fercourse.studies.{name}_train"
        raise InputError(f"{path} or its manifest is missing; install fercourse again"
                         f"{trained if (TRAININGS / f'{name}_train.py').is_file() else ''}")
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


def publish(name: str, tensors: dict[str, Tensor], facts: dict, keep: tuple[str, ...] = ()):
    """Write tensors in half precision, but those whose names start as `keep` says, and their manifest.

    `facts` may name another licence.
    """
    from safetensors.torch import save_file
    path = FOLDER / f"{name}.safetensors"
    small = {key: (value.half() if value.is_floating_point() and not key.startswith(keep) else value)
             .contiguous().clone() for key, value in tensors.items()}
    with replacing(path) as part:
        save_file(small, part)
    about = {"sha256": sha256(path), "bytes": path.stat().st_size, "fercourse": __version__, "licence": LICENCE}
    write_json(path.with_suffix(".json"), about | facts)
