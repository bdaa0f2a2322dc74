"""More than one process: torchrun starts them, these few functions let them work as one.

Rules: losses over pairs take local anchors and global keys; `batch_size` is global; rank 0 writes, the
others wait.
"""

import os

import torch
import torch.distributed as dist
from torch import Tensor

from .errors import InputError

TOLD = ("RANK", "MASTER_ADDR", "MASTER_PORT")         # by torchrun, beside WORLD_SIZE


def start(device: torch.device) -> torch.device:
    """Join the processes torchrun started, if it did; return this process's own device.

    Raises:
        InputError: WORLD_SIZE speaks of several processes, but nothing says which of them this one is.
    """
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        return device
    absent = [name for name in TOLD if name not in os.environ]
    if absent and not dist.is_initialized():
        raise InputError(f"WORLD_SIZE is {os.environ['WORLD_SIZE']}, but {', '.join(absent)} is not set; start several "
                         "processes with torchrun, or unset WORLD_SIZE")
    if device.type == "cuda":
        device = torch.device("cuda", _gpu())
        torch.cuda.set_device(device)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return device


def _gpu():
    """Return the number of this process's GPU, as torchrun, srun or mpirun tells it; else ranks fill the machines."""
    numbers = [os.environ[name] for name in ("LOCAL_RANK", "SLURM_LOCALID", "OMPI_COMM_WORLD_LOCAL_RANK")
            if name in os.environ]
    return int(numbers[0]) if numbers else int(os.environ.get("RANK", rank())) % torch.cuda.device_count()


def stop():
    """Leave the group of processes, if there is one."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def rank() -> int:
    """Return this process's number, 0 where it is alone."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def world() -> int:
    """Return the number of processes."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def wait():
    """Wait until every process is here: after rank 0 wrote a file that others may read."""
    if world() > 1:
        dist.barrier()


def share(rows: Tensor) -> Tensor:
    """Return this process's equal, contiguous part of a global batch, so that gathered parts are in order."""
    if len(rows) % world():
        raise InputError(f"a batch of {len(rows)} cannot be dealt to {world()} processes; choose a multiple")
    return rows.chunk(world())[rank()] if len(rows) else rows


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx, mine):
        parts = [torch.empty_like(mine) for _ in range(world())]
        dist.all_gather(parts, mine.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx, gradient):
        gradient = gradient.clone(memory_format=torch.contiguous_format)      # autograd may share it with others
        dist.all_reduce(gradient)                     # every process used my rows: sum what each found
        return gradient.chunk(world())[rank()]


def gather(mine: Tensor) -> Tensor:
    """Return the rows of all processes in rank order, [world * B, …], with exact gradients to their owners.

    DistributedDataParallel then averages over processes: a loss that is the mean over local anchors, or one
    that every process computes alike on gathered rows, has the gradient of one process on the joined batch.
    """
    return mine if world() == 1 else _Gather.apply(mine)


def anchors(count: int, device=None) -> Tensor:
    """Return the places [count] of this process's rows among gathered keys."""
    return torch.arange(count, device=device) + rank() * count


@torch.no_grad()
def gather_parts(mine: Tensor) -> Tensor:
    """Return the rows of all processes, which may differ in number, without padding; no gradient."""
    if world() == 1:
        return mine
    counts = [torch.zeros(1, dtype=torch.int64, device=mine.device) for _ in range(world())]
    dist.all_gather(counts, torch.tensor([len(mine)], device=mine.device))
    padded = mine.new_zeros(int(max(counts)), *mine.shape[1:])
    padded[:len(mine)] = mine
    parts = [torch.empty_like(padded) for _ in range(world())]
    dist.all_gather(parts, padded)
    return torch.cat([part[:int(count)] for part, count in zip(parts, counts)])


def everyones(value) -> list:
    """Return the plain value of each process, in rank order; all wait for each other."""
    values = [value] * world()
    if world() > 1:
        dist.all_gather_object(values, value)
    return values


def counted(count: Tensor) -> Tensor:
    """Return what a process's sum over its rows is divided by, so that DDP's average is the mean over all that count.

    That is the mean count of a process, or sum of weights. Where it is 0 in all of them, so must be the sums.
    """
    return mean(count.float()).clamp(min=1e-12)


def largest(number: int, device: torch.device) -> int:
    """Return the largest number of all processes, which wait for each other and for their devices."""
    numbers = torch.tensor(number, device=device)
    if world() > 1:
        dist.all_reduce(numbers, dist.ReduceOp.MAX)
    return int(numbers)


_ROUNDING = 256                   # steps of the numbers' type: GPUs may sum gathered rows in another order each


@torch.no_grad()
def alike(values: list[Tensor]) -> list[bool]:
    """Return whether each tensor has in every process what it has in the first, but for rounding; all are told."""
    same = []
    for value in values:
        first = value.clone(memory_format=torch.contiguous_format)
        dist.broadcast(first, 0)
        same.append(_close(value, first).all())
    if not same:
        return []
    same = torch.stack(same).int()
    dist.all_reduce(same, dist.ReduceOp.MIN)
    return same.bool().tolist()


def _close(value, first):
    """Return where a tensor is another but for rounding: at most some steps of its type at its largest number."""
    if not value.is_floating_point():
        return value == first
    finite = first.isfinite()
    room = _ROUNDING * torch.finfo(first.dtype).eps * torch.where(finite, first, 0).abs().max()
    return (value == first) | (value.isnan() & first.isnan()) | ((value - first).abs() <= room)


@torch.no_grad()
def mean(values: Tensor) -> Tensor:
    """Return the mean over processes of a tensor that has the same shape in each."""
    if world() > 1:
        values = values.clone()
        dist.all_reduce(values)
        values /= world()
    return values
