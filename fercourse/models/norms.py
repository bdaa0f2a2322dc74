"""Batch norm and domains: statistics of its own for each domain, or statistics taken again on another."""

from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..seeds import generator

_Norm, _AnyNorm = nn.modules.batchnorm._BatchNorm, nn.modules.batchnorm._NormBase
_STATISTICS = ("running_mean", "running_var")


def keeping_norms(module: nn.Module) -> list[nn.Module]:
    """Return the batch and instance norms of a module that keep running statistics; a transformer has none."""
    return [part for part in module.modules() if isinstance(part, _AnyNorm) and part.running_mean is not None]


def batch_norms(module: nn.Module) -> list[nn.Module]:
    """Return the batch norms among `keeping_norms`."""
    return [norm for norm in keeping_norms(module) if isinstance(norm, _Norm)]


def keep_two_statistics(module: nn.Module):
    """Give each batch norm a second set of running statistics; weights and biases stay shared.

    The first set is the target's, which everything uses that knows nothing of domains; `as_source` uses the second.
    """
    for norm in batch_norms(module):
        for name in _STATISTICS:
            norm.register_buffer(f"source_{name}", getattr(norm, name).clone())


def has_two_statistics(module: nn.Module) -> bool:
    """Return whether batch norms keep the statistics of the source beside those of the target."""
    return any(hasattr(norm, "source_running_mean") for norm in batch_norms(module))


@contextmanager
def as_source(module: nn.Module):
    """Let batch norms with two sets of statistics use, and in training keep, those of the source for a while."""
    norms = [norm for norm in batch_norms(module) if hasattr(norm, "source_running_mean")]
    _swap(norms)
    try:
        yield
    finally:
        _swap(norms)


def _swap(norms):
    for norm in norms:
        for name in _STATISTICS:
            norm._buffers[name], norm._buffers[f"source_{name}"] = (norm._buffers[f"source_{name}"],
                                                                    norm._buffers[name])


@contextmanager
def own_statistics(module: nn.Module):
    """Let batch norms use each batch's statistics, in evaluation too, and remember none."""
    norms = batch_norms(module)
    before = [(norm.momentum, norm.training) for norm in norms]
    for norm in norms:
        norm.train().momentum = 0.0
    try:
        yield
    finally:
        for norm, (momentum, training) in zip(norms, before):
            norm.train(training).momentum = momentum


@torch.no_grad()
def recalibrate(method, images: Tensor, batch_size: int = 256):
    """Take the running statistics of all batch norms anew on uint8 images [N, 3, H, W]; nothing is learnt.

    Source: Li et al., adaptive batch normalization, Pattern Recognition 2018.
    """
    method.eval()
    norms = batch_norms(method)
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None                                     # the plain mean over batches
        norm.train()
    order = torch.randperm(len(images), generator=generator("recalibrate"))      # sorted by class, batches would differ
    for rows in order.split(batch_size):
        if len(rows) == min(batch_size, len(images)):            # a ragged rest would weigh too much
            method.see(images[rows].to(method.device))
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum
    method.eval()
