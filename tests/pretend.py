"""A GPU for machines that have none: its values lie on the CPU, but it refuses and notes what a real one would.

Tensors of both devices in one operation are an error, and float64 is one on Apple's (`mps`); whatever makes the host
wait for the device is counted with its place. Half precision, memory and time are those of the CPU.
"""

import sys
from collections import Counter
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from traceback import walk_stack

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

import fercourse

PACKAGE, MISTAKEN = Path(fercourse.__file__).parent, object()
aten = torch.ops.aten
BY_INDEX = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default, aten._index_put_impl_.default}
WAITS = {aten._local_scalar_dense.default, aten.is_nonzero.default, aten.equal.default, aten.nonzero.default,
         aten.masked_select.default, aten._unique2.default, aten.unique_dim.default, aten.unique_consecutive.default,
         aten.bincount.default, aten.repeat_interleave.Tensor, aten.multinomial.default,
         aten._linalg_check_errors.default}
NOT_ON_MPS = {aten._linalg_solve_ex.default, aten.linalg_solve_ex.default, aten._linalg_eigh.default,
              aten.linalg_lstsq.default, aten._upsample_bilinear2d_aa.default, aten._upsample_bicubic2d_aa.default,
              aten.bucketize.Tensor, aten.searchsorted.Tensor, aten.index_copy.default,
              aten.sort.stable, aten.argsort.stable}                          # or only in newer versions of torch


class OnDevice(torch.Tensor):
    """A tensor that says it is on the device; `held` has its values."""

    @staticmethod
    def __new__(cls, held):
        return torch.Tensor._make_wrapper_subclass(
            cls, held.size(), strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype)

    def __init__(self, held):
        if self.kind == "mps" and held.dtype in (torch.float64, torch.complex128):
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype")
        self.held = held

    kind = "cuda"                                             # of all at a time: there is one pretended device
    device = property(lambda self: torch.device(self.kind, 0))
    is_cuda, is_mps = (property(lambda self, kind=kind: self.kind == kind) for kind in ("cuda", "mps"))
    is_cpu = property(lambda self: False)
    __torch_function__ = torch._C._disabled_torch_function_impl

    def __repr__(self):
        return f"OnDevice({self.held})"

    def __reduce_ex__(self, protocol):
        return self.held.__reduce_ex__(protocol)

    def __tensor_flatten__(self):
        return ["held"], None

    @staticmethod
    def __tensor_unflatten__(parts, *_):
        return OnDevice(parts["held"])

    @classmethod
    def __torch_dispatch__(cls, kernel, types, args=(), kwargs=None):
        raise AssertionError(f"{kernel} was called outside of `pretended`")


class Device(TorchFunctionMode):
    """What Python asks for: a device by name, a copy to another one, a number."""

    def __init__(self):
        super().__init__()
        self.waits, self.kernels = Counter(), _Kernels(self)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs, name = dict(kwargs or {}), getattr(function, "__name__", "")
        here = any(isinstance(leaf, OnDevice) for leaf in tree_leaves((args, kwargs)))
        if name in ("cpu", "cuda"):
            args, name = (args[0], name), "to"
        if name == "to":
            return self._to(*args, **kwargs)
        if here and name == "tolist":
            self.note("tolist")
            return args[0].held.tolist()
        if here and name in ("numpy", "__array__"):
            raise TypeError(f"a tensor on {OnDevice.kind} has no array; use .cpu() first")
        if name == "pin_memory":
            pinned = args[0].clone()
            pinned.pinned = True
            return pinned
        wanted = kwargs.pop("device", None)
        wanted = torch.device(wanted).type if wanted is not None else None
        with self.kernels.among(here and wanted != "cpu"):
            made = function(*args, **kwargs)
        return self._sent(made, wanted, waits=name in ("tensor", "as_tensor")) if wanted else made

    def _to(self, tensor, *wishes, device=None, non_blocking=False, **kwargs):
        kinds = []
        for wish in (*wishes, *([] if device is None else [device])):
            if isinstance(wish, torch.Tensor):
                kinds, kwargs = [*kinds, wish.device.type], {"dtype": wish.dtype, **kwargs}
            elif isinstance(wish, torch.dtype):
                kwargs["dtype"] = wish
            elif isinstance(wish, (str, torch.device)):
                kinds.append(torch.device(wish).type)
        if kwargs:
            with self.kernels.among(isinstance(tensor, OnDevice)):
                tensor = torch.Tensor.to(tensor, **kwargs)
        pageable = tensor.nbytes > 65536 and not hasattr(tensor, "pinned")      # less is taken at once
        if non_blocking and "mps" in kinds and not isinstance(tensor, OnDevice):
            raise AssertionError("sent to mps while the host goes on, which may free what is sent")
        return self._sent(tensor, *kinds, waits=not non_blocking or pageable)

    def _sent(self, tensor, kind="", waits=True):
        """Return a tensor on a kind of device; itself if it is there."""
        if not kind or isinstance(tensor, OnDevice) == (kind != "cpu"):
            return tensor
        if waits:
            self.note(f"copied to {kind}")
        return _Crossing.apply(tensor) if tensor.requires_grad else _crossed(tensor)

    def note(self, what):
        """Count a wait, by what it was and where; optimisers and clipping ask torch's core, which sees CPU tensors."""
        places = [(_kind(frame.f_code.co_filename), line) for frame, line in walk_stack(None)]
        if not any(kind is MISTAKEN for kind, _ in places):
            ours = [f"{kind}:{line}" for kind, line in places if kind]
            self.waits[" < ".join([what, *ours[:3]])] += 1


@cache
def _kind(filename):
    """Return the name of a file of the package, nothing for others' files, and which of them are mistaken."""
    path = Path(filename)
    if path.parent.name == "optim" or path.name == "clip_grad.py":
        return MISTAKEN
    return path.name if PACKAGE in path.parents else ""


def _crossed(tensor):
    return tensor.held.clone() if isinstance(tensor, OnDevice) else OnDevice(tensor.detach().clone())


class _Crossing(torch.autograd.Function):
    @staticmethod
    def forward(ctx, tensor):
        return _crossed(tensor)

    @staticmethod
    def backward(ctx, slope):
        return _crossed(slope)


class _Kernels(TorchDispatchMode):
    """What the asked-for functions run: on the values, with the checks that CUDA makes."""

    def __init__(self, device):
        super().__init__()
        self.device, self.inside = device, False

    @contextmanager
    def among(self, inside):
        """Take what a function of the device makes within itself for the device's."""
        before, self.inside = self.inside, inside
        try:
            yield
        finally:
            self.inside = before

    def __torch_dispatch__(self, kernel, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        here = any(isinstance(tensor, OnDevice) for tensor in tensors)
        if here:
            self._check(kernel, args, tensors)
        made = kernel(*tree_map(_held, args), **tree_map(_held, kwargs))
        if kernel is aten.copy_.default:
            return args[0]
        if not here and not (self.inside and not tensors):
            return made
        made = tree_map(lambda value: OnDevice(value) if type(value) is torch.Tensor else value, made)
        return return_and_correct_aliasing(kernel, args, kwargs, made) if here else made

    def _check(self, kernel, args, tensors):
        if OnDevice.kind == "mps" and kernel in NOT_ON_MPS:
            raise NotImplementedError(f"{kernel} is not implemented for the MPS device")
        normed_back = kernel is aten.native_batch_norm_backward.default
        if OnDevice.kind == "mps" and normed_back and _channels_last(args[1].held):
            raise AssertionError("batch norm whose channels come last has wrong gradients on mps")
        owner, near = args[0], [isinstance(tensor, OnDevice) for tensor in tensors]
        if kernel is aten.copy_.default:
            if not all(near) and not (len(args) > 2 and args[2]):
                self.device.note("copy_")
            return
        far = [tensor for tensor, known in zip(tensors, near) if not known and tensor.ndim]
        if far and not (kernel in BY_INDEX and isinstance(owner, OnDevice)):
            raise RuntimeError(f"{kernel}: expected all tensors on one device, got {OnDevice.kind} and cpu")
        if kernel in WAITS:
            self.device.note(str(kernel))
        if kernel in BY_INDEX and any(i is not None and i.dtype == torch.bool for i in args[1]):
            self.device.note("chosen by a mask")


def _channels_last(values):
    return values.ndim == 4 and not values.is_contiguous()


def _held(value):
    return value.held if isinstance(value, OnDevice) else value


@contextmanager
def pretended(monkeypatch, kind="cuda", capability=(8, 0), memory=10**10):
    """Let a device be there, `cuda` or `mps`; yields it, with what made the host wait so far."""
    monkeypatch.setattr(OnDevice, "kind", kind)
    for name, module in (("cuda", torch.cuda), ("mps", torch.backends.mps)):
        monkeypatch.setattr(module, "is_available", cache(lambda name=name: name == kind))    # torch unwraps a cache
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (memory, memory))
    for unknown in ("memory_reserved", "memory_allocated", "get_rng_state", "set_rng_state"):
        monkeypatch.setattr(torch.cuda, unknown, lambda *_: 0)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: capability)
    monkeypatch.setattr(torch, "autocast", _Autocast)
    for check in ("_accelerator_graph_capture_health_check", "_cuda_graph_capture_health_check"):    # asks the driver
        monkeypatch.setattr(torch.optim.Optimizer, check, lambda _: None, raising=False)
    device = Device()
    _forget()
    try:
        with device.kernels, device:
            yield device
    finally:
        _forget()


def _forget():
    """Empty the package's caches: they keep networks and constants where these were used last."""
    for name, module in [*sys.modules.items()]:
        for value in vars(module).values() if name.startswith("fercourse") else ():
            if hasattr(value, "cache_clear"):
                value.cache_clear()


class _Autocast(torch.autocast):
    def __init__(self, device_type, *args, **kwargs):
        super().__init__("cpu", *args, **kwargs)
