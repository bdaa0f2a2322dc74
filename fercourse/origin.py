"""The weights that a run began with: known by their content, and needed no more once the run has a checkpoint."""

from pathlib import Path

from .files import sha256

DIGEST = "weights_sha256"                    # in a run's configuration, beside the path


def digest(hyper) -> dict:
    """Return the SHA-256 of the file that the first weights came from, by its name; nothing where there is none."""
    file = hyper.weights and Path(hyper.weights)
    return {DIGEST: sha256(file)} if file and file.is_file() else {}


def differs(name, old, new) -> bool:
    """Return whether two values of a configuration speak of two runs; `nothing` is one that is not there.

    Weights may have moved, and their file may be gone: where both are known, their content counts.
    """
    if name == "hyper weights" and None not in (old, new):
        return False
    return old != new and not (name == DIGEST and "nothing" in (old, new))


def without(name: str, faces, /, **hyper):
    """Build a method whose weights a checkpoint holds: as `create` does, but reading none and fetching none."""
    from .methods import create, method_class
    from .typed import typed
    method = create(name, faces, **hyper | {"weights": None, "pretrained": False})
    asked = {start: hyper[start] for start in ("weights", "pretrained") if start in hyper}
    for start, value in typed(method_class(name), asked).items():
        setattr(method.hyper, start, value)
    return method
