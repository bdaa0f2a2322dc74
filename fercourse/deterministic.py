"""Operations that repeat bit by bit, for as long as a training asks for them."""

import os
from contextlib import contextmanager

import torch
from torch.backends import cudnn

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


def fix_workspace():
    """Let cuBLAS repeat itself, unless the environment says how already; it asks once, when CUDA begins to work."""
    os.environ.setdefault(WORKSPACE, ":4096:8")


@contextmanager
def deterministic_algorithms():
    """Prefer operations that repeat bit by bit, and warn of one that cannot; afterwards all is as it was."""
    enabled, only_warns = (torch.are_deterministic_algorithms_enabled(),
                           torch.is_deterministic_algorithms_warn_only_enabled())
    flags, workspace = (cudnn.deterministic, cudnn.benchmark), os.environ.get(WORKSPACE)
    try:
        fix_workspace()
        cudnn.deterministic, cudnn.benchmark = True, False
        torch.use_deterministic_algorithms(True, warn_only=True)
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=only_warns)
        cudnn.deterministic, cudnn.benchmark = flags
        if workspace is None:
            os.environ.pop(WORKSPACE, None)
