"""Methods by name; a new one is one file here, and one line below."""

from . import baseline, dann, dmsrl, dr_fer, hncl, id_invariant, wscfer  # noqa: F401
from .base import Batch, Hyper, Method, create, make_optimiser, method_class, register

__all__ = ["Batch", "Hyper", "Method", "create", "make_optimiser", "method_class", "register"]
