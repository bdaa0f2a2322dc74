"""One small trained network for each lesson's method, so that lesson 07 can start at once: `fc.trained("wscfer")`.

`python -m fercourse.studies.networks` made them: labels in the lab, and for those that use them faces of the wild
without labels. What in lessons 01, 02, 04 and 05 asks only for a finished method takes them, too. They are as good as
their manifests in `weights/` say, on rendered strangers; not for photographs.
"""

from .checkpoint import untrained
from .errors import InputError
from .models.shipped import FOLDER, shipped

PREFIX = "lesson-"


def trained(name: str, device="cpu"):
    """Return a method that was trained already, in evaluation mode; `about` on it are the facts of its manifest.

    Raises:
        InputError: no network of that name comes with the course.
    """
    if not (FOLDER / f"{PREFIX}{name}.json").is_file():
        raise InputError(f"no trained network {name!r} comes with the course; expected one of {', '.join(names())}")
    facts, tensors = shipped(PREFIX + name)
    method = untrained(facts)
    method.load_state_dict(tensors)
    method.about = facts
    return method.to(device).eval()


def taken_from(domain: str, method):
    """Return a context in which a method that has two domains takes faces to be of the `lab` or of the `wild`."""
    return method.seen_as({"lab": "source", "wild": "target"}[domain])


def names() -> list[str]:
    """Return the names of the networks that come with the course."""
    return sorted(path.stem.removeprefix(PREFIX) for path in FOLDER.glob(f"{PREFIX}*.json"))
