"""Put a trained network among those that come with the course."""

from torch import Tensor

from .. import __version__
from ..files import replacing, sha256, write_json
from ..models import shipped

LICENCE = "Apache-2.0; trained on the embedded synthetic faces (CC0) alone"


def publish(name: str, tensors: dict[str, Tensor], facts: dict, keep: tuple[str, ...] = ()):
    """Write tensors in half precision, but those whose names start as `keep` says, and their manifest.

    `facts` may name another licence.
    """
    from safetensors.torch import save_file
    path = shipped.FOLDER / f"{name}.safetensors"
    small = {key: (value.half() if value.is_floating_point() and not key.startswith(keep) else value)
             .contiguous().clone() for key, value in tensors.items()}
    with replacing(path) as part:
        save_file(small, part)
    about = {"sha256": sha256(path), "bytes": path.stat().st_size, "fercourse": __version__, "licence": LICENCE}
    write_json(path.with_suffix(".json"), about | facts)
