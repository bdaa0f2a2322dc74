"""Contrastive losses, forward and backward, against lightly's NT-Xent and pytorch-metric-learning's SupCon."""

import multiprocessing
from functools import partial

import torch

from ..losses.contrastive import Pairs, instance_contrast
from . import Duel, benchmark, needed
from .memory import STATUS, risen, risen_on_cuda

WIDTH, CLASSES, TEMPERATURE = 128, 7, 0.1


def _prepare(rule, rows, scale):
    count = 64 if scale.name == "smoke" else rows
    sides = {side: work(side, rule, count, scale.device) for side in ("ours", "peer")}
    peak = {f"{side}_peak_MiB": peak_memory(side, rule, count, scale.device) for side in sides}
    yield Duel(sides["ours"], sides["peer"], 1, {"rows": count, "width": WIDTH, "peer": PEERS[rule][1], **peak,
                                                 "threads": torch.get_num_threads()})


def work(side: str, rule: str, rows: int, device: str):
    """Return a function that computes a loss of one side and its gradient, on the same embeddings."""
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(rows, WIDTH, generator=generator).to(device).requires_grad_()
    labels = (torch.arange(rows // 2) % CLASSES).repeat(2).to(device)
    faces = torch.arange(rows // 2).repeat(2).to(device)
    pairs = Pairs(labels, faces, rule)
    loss = PEERS[rule][0]() if side == "peer" else lambda z, _: instance_contrast(z, pairs, TEMPERATURE)

    def once():
        embeddings.grad = None
        value = loss(embeddings, labels)
        value.backward()
        return value.item(), embeddings.grad

    return once


def _lightly():
    loss = needed("lightly.loss").NTXentLoss(temperature=TEMPERATURE)
    return lambda z, _: loss(*z.chunk(2))


def _metric_learning():
    loss = needed("pytorch_metric_learning.losses").SupConLoss(temperature=TEMPERATURE)
    return lambda z, labels: loss(z, labels)


PEERS = {"simclr": (_lightly, "NTXentLoss of lightly"), "supcon": (_metric_learning, "SupConLoss of "
                                                                                     "pytorch-metric-learning")}


def peak_memory(side: str, rule: str, rows: int, device: str) -> float | None:
    """Return by how many MiB memory rises at most during one pass: of the GPU, or of a fresh process on Linux."""
    if device == "cuda":
        return risen_on_cuda(work(side, rule, rows, device))
    if not STATUS.is_file():
        return None
    with multiprocessing.get_context("spawn").Pool(1) as pool:      # memory freed before would hide what a pass takes
        return pool.apply(_rise, (side, rule, rows))


def _rise(side, rule, rows):
    work(side, rule, 16, "cpu")()                                   # what is loaded at the first use does not count
    return risen(work(side, rule, rows, "cpu"))


for _rule in PEERS:
    for _rows in (1024, 4096):
        benchmark(f"{_rule}-{_rows}", "passes/s", cpu=1.0, gpu=1.0, what=(
            f"Forward and backward of {_rule} on {_rows:,} views of width {WIDTH}, against {PEERS[_rule][1]}."))(
            partial(_prepare, _rule, _rows))
