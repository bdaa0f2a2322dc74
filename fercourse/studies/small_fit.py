"""Training of the networks that come with the course: a plain loop that stops after some minutes and goes on later."""

import time
from pathlib import Path

import torch
import typer

from .. import augment
from ..files import replacing
from ..schedule import cosine
from ..seeds import generator


def fit_in_pieces(network, loss_of, count: int, view, kept: Path, *, name: str, epochs: int, batch_size: int, lr: float,
                  weight_decay: float, minutes: float, seed: int = 0) -> bool:
    """Train to the end, or until the minutes are over; returns whether it is finished.

    Args:
        loss_of: (epoch, rows int64 [B], parameters [B, 14] of their augmentation) -> loss.
        count: of faces; view: their augmentation preset.
        kept: file in which everything is kept after each epoch, and taken up again.
        name: of the network; with the seed it decides the order of the faces.
    """
    optimiser = torch.optim.AdamW(network.parameters(), lr, weight_decay=weight_decay)
    began, steps = time.monotonic(), count // batch_size
    for epoch in range(_restore(kept, network, optimiser), epochs):
        if time.monotonic() - began > 60 * minutes:
            return False
        order = torch.randperm(count, generator=generator(name, seed, epoch))
        table, total = augment.draw(view, count, seed, epoch), 0.0
        network.train()
        for step, rows in enumerate(order.split(batch_size)[:steps]):
            for group in optimiser.param_groups:
                group["lr"] = lr * cosine((epoch * steps + step + 0.5) / (epochs * steps))
            loss = loss_of(epoch, rows, table[rows])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            total += loss.detach()
        with replacing(kept) as part:
            torch.save({"network": network.state_dict(), "optimiser": optimiser.state_dict(), "done": epoch + 1}, part)
        typer.echo(f"epoch {epoch + 1} of {epochs}: loss {total / steps:.3f}, {time.monotonic() - began:.0f} s")
    network.eval()
    return True


def _restore(kept, network, optimiser):
    if not kept.is_file():
        return 0
    state = torch.load(kept, weights_only=True)
    network.load_state_dict(state["network"])
    optimiser.load_state_dict(state["optimiser"])
    return state["done"]
