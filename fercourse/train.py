"""The training loop: read it from top to bottom."""

import inspect
from contextlib import nullcontext
from dataclasses import replace

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from . import checkpoint, distributed
from .batches import Stream
from .contract import (
    check_buffers,
    check_labels,
    check_losses,
    check_memory,
    check_optimisers,
    check_parts,
    check_scale,
    check_weights,
)
from .deterministic import deterministic_algorithms
from .device import autocast, half_precision, layout, pick_device
from .ema import Average
from .log import History, Log
from .look import Look
from .models.backbone import Backbone
from .models.norms import keeping_norms
from .notice import stop_signals
from .plain import plain
from .refusals import check_answers, check_fit, explain_torch_errors
from .schedule import cosine, set_rates
from .seeds import derive


def fit(method, faces, *, target=None, epochs=20, batch_size=128, lr=2e-3, seed=0, out=None, resume=False,
        device="auto", precision="auto", compile=False, deterministic=False, save_every=0, watch=None,
        quiet=False) -> History:
    """Train a method on faces; it is changed in place and left in evaluation mode.

    Args:
        method: made for faces of these classes and of this size; see `methods.create`.
        target: a second domain for methods that adapt to one; its labels are taken away before it is used.
        batch_size: over all processes together.
        lr: highest learning rate, reached after `hyper.warmup` of the steps, then cosine to 0.
        seed: decides order, augmentation and everything random in a step.
        out: folder for checkpoint, log, configuration and finished weights; None writes nothing.
        resume: go on where the run in `out` stopped, exactly; start where there is none.
        device: `auto`, `cuda`, `mps`, `cpu`; precision: `auto`, `bf16`, `fp16`, `fp32` (in which newer GPUs compute
            convolutions in TF32, unless `torch.backends.cudnn.allow_tf32` is off).
        compile: compile the backbones with torch.compile.
        deterministic: on a GPU, prefer operations that repeat bit by bit and may be slower; one that cannot warns. If
            this process has worked on the GPU before, that is too late for cuBLAS: set CUBLAS_WORKSPACE_CONFIG=:4096:8
            before Python starts.
        save_every: also save after so many steps, not only after every epoch.
        watch: called as `watch(epoch, method)` after every epoch, in evaluation mode, for pictures and curves. The
            epoch is saved before; so a resumed run first calls it again for an epoch that its checkpoint ends. What is
            to outlast a stop belongs in a file, by epoch (see docs/recipes.md).

    Returns:
        The `History` of its losses, and of what the method said at the start of an epoch.

    Raises:
        InputError: other classes or another size than the method's, faces without what it needs, a target that is
            lacking or of no use, a folder with another run, a device that is not there, or a loss or a weight that is
            no longer finite.
        Stopped: a SystemExit, with `out` and in the main thread only: SIGTERM or SIGUSR1 came, and the run is saved
            after the step that ran (of several processes, after the next step whose losses are logged).
    """
    with deterministic_algorithms() if deterministic else nullcontext():
        return _train(method, faces, target, epochs, batch_size, lr, seed, out, resume, device, precision, compile,
                      save_every, watch, quiet)


def _train(method, faces, target, epochs, batch_size, lr, seed, out, resume, device, precision, compile, save_every,
           watch, quiet):
    """Do what `fit` tells: everything is made ready, then comes the loop."""
    device = distributed.start(pick_device(device))
    epochs, batch_size, lr, seed = plain([epochs, batch_size, lr, seed])
    check_fit(method, faces, target, epochs, lr)
    target = None if target is None else target.without_labels()
    method.to(device, memory_format=layout(device))
    source = Stream(faces, method.views, method.needs, batch_size, seed, device)
    other = Stream(target, method.target_views, (), batch_size, seed, device, "target") if target is not None else None
    weights = set(method.state_dict())
    method.setup(faces, target)                              # on faces that have what the method needs
    check_parts(method, weights)
    check_labels(method, len(faces), "setup")
    check_answers(method, faces)
    half = half_precision(device, precision)
    scaler = torch.amp.GradScaler(device.type, enabled=half is torch.float16)
    optimisers = [*map(_keep_own_fused, check_optimisers(method, method.optimisers(lr)))]
    model = _wrap(method, compile)                           # several processes have the same weights from here on
    average = Average(method, method.hyper.ema)
    log = Log(checkpoint.log_path(out), epochs, source.steps, source.size, quiet, method.name,
              half is not None)
    settings = checkpoint.settings(method, faces, target, epochs=epochs, batch_size=batch_size, lr=lr,
                                   seed=seed)
    parts = {f"optimiser {i}": o for i, o in enumerate(optimisers)}
    parts |= {"scaler": scaler, "ema": average, "log": log}
    keeper = checkpoint.Checkpoint(out, settings, method, parts)
    done, total = keeper.open(resume), epochs * source.steps
    log.begin(done)
    look = Look(method, source, other, half, average)

    if watch and done and done % source.steps == 0:          # saved, and perhaps stopped before it was shown
        _show(watch, done // source.steps - 1, method, average)
    with stop_signals(device, wanted=bool(out)) as notice:
        for epoch in range(done // source.steps, epochs):
            if done % source.steps == 0:                         # resumed within an epoch, it has its memory
                torch.manual_seed(derive("epoch", seed, epoch))  # the same in every process
                look.progress = done / total
                log.start(done, epoch, method.start_epoch(epoch, look))
                check_labels(method, len(faces), "start_epoch")
            method.train()
            while done < (epoch + 1) * source.steps:
                progress = done / total
                torch.manual_seed(derive("step", seed, done, distributed.rank()))       # nothing to save
                set_rates(optimisers, cosine((done + 0.5) / total, method.hyper.warmup))
                batch = source.batch(done, method.memory.get("labels"))
                batch = replace(batch, target=other.batch(done)) if other else batch
                with autocast(device, half), explain_torch_errors(method):
                    losses = model(batch, progress)
                check_losses(method, losses)
                scaler.scale(losses["total"]).backward()
                _step(optimisers, scaler, method.hyper.clip)
                method.after_step()
                average.update(done)
                done += 1
                stop = notice.came(meeting=log.step(done, losses, optimisers[0].param_groups[0]["lr"]))
                if stop or done % source.steps == 0 or (save_every and done % save_every == 0):
                    log.check(done)
                    _share_figures(method, average)
                    check_scale(method, scaler, f"step {done}")
                    check_weights(method, f"step {done}")
                    check_buffers(method, f"step {done}")
                    check_memory(method, f"step {done}")
                    keeper.save(done)
                if stop:
                    log.close()
                    notice.stop(done, source.steps)
            if watch:
                _show(watch, epoch, method, average)

    average.install()
    look.progress = 1.0
    method.finish(look)
    check_weights(method, "finish")
    log.close()
    keeper.finish()
    method.eval()
    return log.history


def _keep_own_fused(optimiser):
    """Return an optimiser that, resumed, is fused if it is here, whatever it was where the run stopped."""
    def with_own_fused(optimiser, state):
        groups = [saved | ({"fused": own["fused"]} if "fused" in own else {})
                  for saved, own in zip(state["param_groups"], optimiser.param_groups)]
        return {**state, "param_groups": groups}
    optimiser.register_load_state_dict_pre_hook(with_own_fused)
    return optimiser


def _wrap(method, compiled) -> nn.Module:
    """Return what the loop calls: the method itself, or the method kept equal over processes."""
    if compiled:
        for part in method.modules():
            if isinstance(part, Backbone):
                part.compile_trunk()
    return DistributedDataParallel(method, **_buffers_apart()) if distributed.world() > 1 else method


def _buffers_apart():
    """Return how this version of torch is told that each process keeps its own buffers; a newer name is preferred."""
    known = inspect.signature(DistributedDataParallel).parameters
    return {"forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers": False}


@torch.no_grad()
def _share_figures(method, average):
    """Give every process the mean of all processes' running figures; of one process, nothing changes.

    So all look through the same network, which is the one that is saved.
    """
    if distributed.world() == 1:
        return
    figures = [value for norm in keeping_norms(method) for value in norm.buffers(recurse=False)]
    for value in [*figures, *average.kept.values()]:         # the averaged weights are the same in every process
        if value.is_floating_point():
            value.copy_(distributed.mean(value))


def _step(optimisers, scaler, clip):
    """Let every optimiser take its step with gradients of bounded norm; one whose parts rest has none."""
    for optimiser in optimisers:
        parameters = [p for group in optimiser.param_groups for p in group["params"] if p.grad is not None]
        if not parameters:
            continue
        scaler.unscale_(optimiser)
        if clip:
            nn.utils.clip_grad_norm_(parameters, clip)
        scaler.step(optimiser)
    scaler.update()
    for optimiser in optimisers:
        optimiser.zero_grad(set_to_none=True)


def _show(watch, epoch, method, average):
    """Show the method to a watcher as it would be if training ended here."""
    method.eval()
    with average.installed(), torch.no_grad():
        watch(epoch, method)
