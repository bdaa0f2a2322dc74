"""Training steps against the step that timm's own `benchmark.py` measures, on the same network and size."""

from functools import partial

import torch
from torch import nn

from ..device import autocast, half_precision
from ..methods import create
from ..train import fit
from . import Duel, benchmark, turn_seconds
from .training import faces_of

LAYOUTS = {"channels-first": torch.contiguous_format, "channels-last": torch.channels_last}


def _prepare(view, scale):
    faces = faces_of(scale).to(scale.device)                 # as the peer's batch is, before the clock runs
    method = create("baseline", faces, backbone=scale.backbone)
    method.views, number = (view,), len(faces) // scale.batch_size
    ours = partial(fit, method, faces, epochs=1, batch_size=scale.batch_size, device=scale.device, quiet=True)
    peers = {name: timm_steps(faces, scale, number, layout) for name, layout in LAYOUTS.items()}
    tried = {name: round(number / _best_of_three(peer), 2) for name, peer in peers.items()}
    best = max(tried, key=tried.get)
    yield Duel(ours, peers[best], number, {"threads": torch.get_num_threads(), "layout": best,
                                           "steps_per_s_by_layout": tried})


def timm_steps(faces, scale, number, layout):
    """Return the work of timm's `TrainBenchmarkRunner`: forward, loss, backward, step on one random batch.

    timm's wheel ships no benchmark, so that its step is written down here; AdamW is the optimiser, as in fit.
    """
    from timm.optim import create_optimizer_v2

    device = torch.device(scale.device)
    method = create("baseline", faces, backbone=scale.backbone)
    model = nn.Sequential(method.backbone, method.head).to(device, memory_format=layout).train()
    optimiser, loss = create_optimizer_v2(model, opt="adamw", lr=1e-4), nn.CrossEntropyLoss().to(device)
    images = torch.randn(scale.batch_size, 3, scale.size, scale.size, device=device).contiguous(memory_format=layout)

    def steps():
        for _ in range(number):
            optimiser.zero_grad()
            target = torch.empty(scale.batch_size, dtype=torch.long, device=device).random_(len(faces.classes))
            with autocast(device, half_precision(device)):
                output = model(images)
            loss(output.float(), target).backward()
            optimiser.step()
    return steps


def _best_of_three(work):
    return min(turn_seconds(work) for _ in range(3))


for _view in ("none", "weak"):
    benchmark(f"timm-{_view}", "steps/s", cpu=1.0, gpu=1.0, what=(
        f"Steps of fit with real batches, augmentation `{_view}`, against timm's benchmark step on one fixed random "
        "batch."))(partial(_prepare, _view))
