"""The loop one writes without a library, with the arithmetic of `fit` and nothing else; read it beside `train.py`."""

import math

import torch
import torch.nn.functional as F

from .. import augment
from ..device import autocast, half_precision


def bare_loop(model, batches, steps, device, lr=2e-3, warmup=0.05, weight_decay=0.05, clip=5.0, smoothing=0.1,
              precision="auto"):
    """Train on one pass of batches (pixels, labels): AdamW, warm-up and cosine, clipped gradients."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW([{"params": matrices, "weight_decay": weight_decay},
                                   {"params": others, "weight_decay": 0.0}], lr, fused=device.type == "cuda")
    half = half_precision(device, precision)
    scaler = torch.amp.GradScaler(device.type, enabled=half is torch.float16)
    model.train()
    for step, (pixels, labels) in enumerate(batches):
        done = (step + 0.5) / steps
        rate = done / warmup if done < warmup else 0.5 * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup)))
        for group in optimiser.param_groups:
            group["lr"] = lr * rate
        pixels, labels = pixels.to(device, non_blocking=True), labels.to(device, non_blocking=True)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        with autocast(device, half):
            losses = F.cross_entropy(model(pixels).float(), labels, label_smoothing=smoothing)
        scaler.scale(losses).backward()
        scaler.unscale_(optimiser)
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        scaler.step(optimiser)
        scaler.update()
        optimiser.zero_grad(set_to_none=True)


def device_batches(images, labels, view, size):
    """Yield shuffled, augmented batches of uint8 images [N, 3, H, W] on their device, without a ragged last one."""
    table = augment.draw(view, len(images))
    for rows in torch.randperm(len(images)).split(size):
        if len(rows) == size:
            index = rows.to(images.device, non_blocking=True)
            yield augment.apply(images[index], table[rows]), labels[index]
