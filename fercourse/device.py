"""Where to compute, and in which precision."""

from functools import cache

import torch
import torch.nn.functional as F

from .errors import InputError


def pick_device(name: str | torch.device = "auto") -> torch.device:
    """Return the device of that name; `auto` prefers CUDA, then MPS, then the CPU.

    Raises:
        InputError: a name that is none, or a device that is not there.
    """
    if isinstance(name, torch.device):
        return name
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    kind = name.split(":")[0]
    if not available.get(kind, False):
        raise InputError(f"device {name!r} is not available here; expected auto, "
                         f"{' or '.join(k for k, there in available.items() if there)}")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"device {name!r} is none; expected {kind}, or {kind}:0 for the first") from error
    if kind == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(f"device {name!r} is not there; expected cuda:0 to cuda:{torch.cuda.device_count() - 1}")
    return device


def half_precision(device: torch.device, wish: str = "auto") -> torch.dtype | None:
    """Return the type for autocast: bf16 or fp16 on CUDA, None (fp32) elsewhere unless wished.

    Compute capability decides, because a T4 claims bf16 and emulates it.
    """
    wishes = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": None}
    if wish in wishes:
        return wishes[wish]
    if wish != "auto":
        raise InputError(f"precision {wish!r} is unknown; expected auto, {', '.join(wishes)}")
    if device.type != "cuda":
        return None
    return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16


def layout(device: torch.device) -> torch.memory_format:
    """Return how weights and pixels lie in memory.

    Apple's GPU takes wrong gradients through batch norm where channels come last (torch before 2.14).
    """
    return torch.contiguous_format if device.type == "mps" else torch.channels_last


def sent(values: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return values on a device; only on the way to CUDA does the host not wait.

    Apple's GPU would read values that the host has freed meanwhile (torch before 2.13).
    """
    return values.to(device, non_blocking=device.type == "cuda")


def order_of(values: torch.Tensor, descending: bool = False) -> torch.Tensor:
    """Return the places of values in order, equal ones as they come.

    Apple's GPU has kept equal ones in order only for some versions of torch: there the CPU sorts.
    """
    near = values.cpu() if values.device.type == "mps" else values
    return near.argsort(descending=descending, stable=True).to(values.device)


def order_within(values: torch.Tensor, groups: torch.Tensor, descending: bool = False) -> torch.Tensor:
    """Return the places of values in order, group after group: each group in one run."""
    order = order_of(values, descending)
    return order[order_of(groups[order])]


def exact(values: torch.Tensor) -> torch.Tensor:
    """Return float64, on the CPU where the device has none."""
    return (values.cpu() if values.device.type == "mps" else values).double()


def solve(square: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return X of square X = right. It looks for no error, for which the host would wait: square must have an inverse.

    Apple's GPU has had solvers only for some versions of torch: there the CPU solves.
    """
    if square.device.type == "mps":
        return torch.linalg.solve_ex(square.cpu(), right.cpu())[0].to(right.device)
    return torch.linalg.solve_ex(square, right)[0]


def autocast(device: torch.device, dtype: torch.dtype | None):
    """Return the context in which layers compute in `dtype`; None leaves fp32."""
    return torch.autocast(device.type, dtype=dtype, enabled=dtype is not None, cache_enabled=_remembers_gradients())


@cache
def _remembers_gradients() -> bool:
    """Return whether a weight that is used first without gradients, then with them, has one.

    Older versions of torch keep the half copy of the first use, which has none, and say nothing.
    """
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        weight = torch.ones(1, 1, requires_grad=True)
        with torch.no_grad():
            F.linear(torch.ones(1, 1), weight)
        return F.linear(torch.ones(1, 1), weight).requires_grad
