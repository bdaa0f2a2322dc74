"""What a run began with: a resume must ask for the same; weights are known by their content, and read only once."""

from dataclasses import MISSING, fields
from pathlib import Path

from .errors import InputError
from .files import sha256
from .plain import flat, plain
from .typed import default_of

VIEWS = ("views", "target_views")
DIGEST = "weights_sha256"                    # in a run's configuration, beside the path


def digest(hyper) -> dict:
    """Return the SHA-256 of the file that the first weights came from, by its name; nothing where there is none."""
    file = hyper.weights and Path(hyper.weights)
    return {DIGEST: sha256(file)} if file and file.is_file() else {}


def same_run(path, kept: dict, wanted: dict, hyper):
    """Raise InputError unless a kept configuration is the one asked for.

    Weights may have moved: where both contents are known, these count, and not the path.

    Args:
        hyper: the hyper-parameters asked for; one that the kept run does not know had its default.
    """
    sides = [_defaults(hyper) | flat(kept), flat(wanted)]
    for name in [*sides[1], *sides[0]]:
        if name in VIEWS and name not in sides[0]:                         # by a version that did not write them down
            continue
        old, new = sides[0].get(name, "nothing"), sides[1].get(name, "nothing")
        if _differs(name, old, new, known=all(DIGEST in side for side in sides)):
            raise InputError(f"{path}: was made with {name} {old}, but {new} was asked for; "
                             "resume with the same settings, or choose another --out")


def _defaults(hyper):
    """Return the default of every hyper-parameter, named as in a flat configuration."""
    known = {f.name: value for f in fields(hyper) if (value := default_of(f)) is not MISSING}
    return flat({"hyper": plain(known)})


def _differs(name, old, new, known):
    if name == "hyper weights" and known:
        return False
    return old != new and not (name == DIGEST and "nothing" in (old, new))


def create_without_weights(name: str, faces, /, **hyper):
    """Build a method whose weights a checkpoint holds: as `create` does, but reading none and fetching none."""
    from .methods import create, method_class
    from .typed import typed
    method = create(name, faces, **hyper | {"weights": None, "pretrained": False})
    asked = {start: hyper[start] for start in ("weights", "pretrained") if start in hyper}
    for start, value in typed(method_class(name), asked).items():
        setattr(method.hyper, start, value)
    return method
