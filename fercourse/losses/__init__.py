"""The methods' losses, one idea a file: plain functions of tensors, for any loop and any network.

`contrastive` (WSCFER, SimCLR, SupCon), `consistency` (of views), `masked_image` (DR-FER), `neighbour_contrast` (HNCL),
`margin` and `adversarial` (DMSRL), `mutual_information` (identity-invariant FER), `concordance` (valence and arousal).
"""

from importlib import import_module
from pkgutil import iter_modules

__all__ = sorted(one.name for one in iter_modules(__path__))


def __getattr__(name):
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
