"""By how much does memory rise during a call? Of this process on Linux, or of a GPU."""

from pathlib import Path

import torch

STATUS = Path("/proc/self/status")


def risen(once) -> float:
    """Return by how many MiB this process's memory rises at most during a call; needs Linux."""
    (STATUS.parent / "clear_refs").write_text("5")                  # the peak is now what is in use
    before = in_use("VmHWM")
    once()
    return round(in_use("VmHWM") - before, 1)


def in_use(kind: str) -> float:
    """Return the MiB of a kind of memory that Linux tells of this process: VmHWM is its peak, RssAnon its own."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{kind}:"))
    return int(line.split()[1]) / 2**10


def risen_on_cuda(once) -> float:
    """Return by how many MiB the tensors on a GPU rise at most during a call that has been made before."""
    once()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    once()
    return round((torch.cuda.max_memory_allocated() - before) / 2**20, 1)
