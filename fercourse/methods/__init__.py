"""Methods by name; a new one is one file here, or one anywhere that `use` is told of."""

from importlib import import_module
from pkgutil import iter_modules

from .base import Batch, Hyper, Method, create, make_optimiser, method_class, register
from .own import use

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["Batch", "Hyper", "Method", "create", "make_optimiser", "method_class", "register", "use"]
