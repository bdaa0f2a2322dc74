"""Run a function of this project's tests in two processes that work as one, and collect what each returns."""

import os
import socket
import tempfile
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp


def twice(function, *args) -> list:
    """Return what `function(*args)` returns in process 0 and in process 1, joined by gloo.

    Args:
        function: of a module, so that another process can import it; returns tensors or plain values.
    """
    with tempfile.TemporaryDirectory() as folder:
        mp.spawn(_one, (function, args, _free_port(), folder), nprocs=2)
        return [torch.load(Path(folder) / f"{rank}.pt", weights_only=True) for rank in (0, 1)]


def _one(rank, function, args, port, folder):
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    dist.init_process_group("gloo", rank=rank, world_size=2)
    torch.save(function(*args), Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()


def _free_port():
    with socket.socket() as wire:
        wire.bind(("127.0.0.1", 0))
        return wire.getsockname()[1]
