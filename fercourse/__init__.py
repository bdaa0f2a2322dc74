"""fercourse: a notebook course on representation learning for facial expression recognition.

`import fercourse as fc` is quick: every part is imported when it is first used.
"""

from importlib import import_module

__version__ = "0.1.0"

_PARTS = {"faces", "synth", "models", "losses", "methods", "augment", "train", "checkpoint", "evaluate",
          "embed", "plots", "photo", "studies", "check", "course"}
_NAMES = {"load_faces": "faces", "FaceSet": "faces", "fit": "train", "from_photo": "photo", "trained": "networks"}

__all__ = ["__version__", *sorted(_PARTS), *sorted(_NAMES)]


def __getattr__(name):
    if name in _PARTS:
        return import_module(f"fercourse.{name}")
    if name in _NAMES:
        return getattr(import_module(f"fercourse.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'fercourse' has no attribute {name!r}")


def __dir__():
    return __all__
