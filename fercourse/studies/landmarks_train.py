"""Train the landmark network: `python -m fercourse.studies.landmarks_train`, in pieces if you like.

It learns from the training people of the embedded faces, both domains, under hard augmentation; the points
are moved with the picture. `--minutes` stops early; the same call goes on where it stopped. The course's weights are
those of `--epochs 45`, then, into another `--out`, `--epochs 20 --init --soft --lr 1e-3`: about forty minutes on one
core.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import torch.nn.functional as F
import typer

from .. import augment
from ..faces import load_faces
from ..models import landmarks as lm
from ..models.descriptor import Descriptor
from ..models.shipped import shipped
from ..seeds import derive
from .publish import publish
from .small_fit import fit_in_pieces

# As wide as real crops differ: light, lens and framing are what renderings have least of.
HARD = augment.Preset(flip=.5, rotation=25, scale=(.75, 1.3), shift=.1, brightness=.5, contrast=.5, saturation=.5,
                      grey=.5, blur=.4, blur_width=(.005, .03), erase=.4, erase_area=(.02, .2))
SOFT = replace(HARD, rotation=15, scale=(.85, 1.2), shift=.06, blur=.25, erase=.2, erase_area=(.02, .1), grey=.3)
SIGMA = 0.06                                   # of the target heatmaps, as a share of the side: one cell


def moved(points: torch.Tensor, table: torch.Tensor, visible: torch.Tensor):
    """Return points [B, 68, 2] (shares of the side) and their visibility [B, 68] as the augmented picture has them.

    Args:
        table: [B, 14], the rows of `augment.draw` that moved the pictures.
    """
    mirrored = (table[:, 0] < 0)[:, None]
    points = torch.where(mirrored[..., None], points[:, lm.MIRRORED], points)
    visible = torch.where(mirrored, visible[:, lm.MIRRORED], visible)
    return augment.move_points(points, table), visible


def no_faces(pixels):
    """Return pictures in which there is no face any more: tiles of faces in disorder, and noise of every coarseness."""
    tiles = pixels.unfold(2, 16, 16).unfold(3, 16, 16).flatten(2, 3)               # [B, 3, 16, 16, 16]
    tiles = tiles[:, :, torch.randperm(tiles.shape[2])].unflatten(2, (4, 4))
    mixed = tiles.permute(0, 1, 2, 4, 3, 5).reshape(pixels.shape)
    grain = 2 ** torch.randint(0, 7, ()).item()
    noise = F.interpolate(torch.randn(len(pixels) // 2, 3, grain, grain), pixels.shape[2:], mode="bilinear")
    return torch.cat([noise, mixed[len(pixels) // 2:]])


def loss_of(network, pixels, points, visible):
    """Return cross-entropy of heatmaps + distance of their means (in cells) + cross-entropy of visibility.

    Points outside the picture have no heatmap and count for visibility only.
    """
    logits, seen = network(pixels)
    inside = ((points > 0) & (points < 1)).all(2)
    target = lm.gaussian_heatmaps(points, lm.CELLS, SIGMA).flatten(2)
    target = target / target.sum(2, keepdim=True).clamp(min=1e-12)
    spread = -(target * logits.float().flatten(2).log_softmax(2)).sum(2)
    away = lm.CELLS * (lm.centres(lm.heatmaps(logits)) - points).abs().sum(2)
    some = visible.any(1, keepdim=True)                   # else there is no face in the picture
    weight = inside * some * (0.4 + 0.6 * visible)        # what is covered can only be guessed
    placed = ((spread + away) * weight).sum() / weight.sum().clamp(min=1)
    return placed + F.binary_cross_entropy_with_logits(seen.float(), (visible * inside).float())


def train(out: Path, epochs: int, batch_size: int, lr: float, minutes: float, init: bool, view=None, seed: int = 0):
    """Train to the end, or until the minutes are over; returns the network and whether it is finished."""
    faces = load_faces("synthfaces", split="train").resize(lm.SIZE)
    images, points, visible = faces.images, faces.landmarks / lm.SIZE, faces.visible.float()
    torch.manual_seed(derive("landmarks", seed))
    network = (lm.embedded_network() if init else lm.HeatmapNet()).to(memory_format=torch.channels_last)
    network.requires_grad_(True)

    def loss(_, rows, parameters):
        where, seen = moved(points[rows], parameters, visible[rows])
        pixels = augment.apply(images[rows], parameters).contiguous(memory_format=torch.channels_last)
        pixels[:batch_size // 16], seen[:batch_size // 16] = no_faces(pixels[:batch_size // 16]), 0
        return loss_of(network, pixels, where, seen)
    done = fit_in_pieces(network, loss, len(faces), view or HARD, out / "landmarks.pt", name="landmarks", epochs=epochs,
                         batch_size=batch_size, lr=lr, weight_decay=0.02, minutes=minutes, seed=seed)
    return network, done


def measure(network, faces) -> dict:
    """Return the mean error by interocular distance: all points, visible ones, by occluder and by yaw."""
    located = lm.find_landmarks(faces.images, network)
    error = lm.error_by_eyes(located.points, faces.landmarks)
    seen = lm.error_by_eyes(located.points, faces.landmarks, faces.visible)
    right = ((located.visible > 0.5) == faces.visible).float().mean()
    report = {"faces": len(faces), "error": _mean(error), "error_visible": _mean(seen),
              "visibility_right": _mean(right), "found": _mean(located.found.float())}
    for word in dict.fromkeys(faces.words("occluder")):
        rows = faces.column("occluder") == faces.names["occluder"].index(word)
        report[f"occluder {word}"] = _mean(error[rows])
    yaw = faces.column("yaw").abs()
    for low, high in ((0, 10), (10, 20), (20, 30), (30, 90)):
        rows = (yaw >= low) & (yaw < high)
        if rows.any():
            report[f"yaw {low} to {high}"] = _mean(error[rows])
    return report


def _mean(values):
    return round(values.mean().item(), 5)


def fitted(network) -> Descriptor:
    """Return the descriptor of expressions for what this network finds in the training people's faces."""
    faces = load_faces("synthfaces", split="train")
    located = lm.find_landmarks(faces.images, network)
    return Descriptor().fit(located.points, located.visible, faces.identity, faces.column("yaw"), faces.column("pitch"))


def recipe(epochs, lr, init, soft) -> str:
    """Return what is done to the network, after what was done to the weights that it starts from."""
    before = f"{shipped('landmarks')[0]['trained']}, then " if init else ""
    return f"{before}{epochs} epochs with learning rate {lr:g}{', augmented less' if soft else ''}"


def main(
    out: Annotated[Path, typer.Option(help="Folder of the checkpoint.")] = Path("runs/landmarks"),
    epochs: Annotated[int, typer.Option(help="Walks through the training faces.")] = 40,
    batch_size: int = 64,
    lr: float = 2e-3,
    minutes: Annotated[float, typer.Option(help="Stop after so many; call again to go on.")] = 1e9,
    init: Annotated[bool, typer.Option("--init", help="Start from the weights of the package.")] = False,
    soft: Annotated[bool, typer.Option("--soft", help="Augment less: for the last epochs.")] = False,
    score: Annotated[str, typer.Option(help="Unseen people that the manifest reports: val or test.")] = "test",
):
    """Train, measure on unseen people, and put weights and manifest into the package."""
    trained = recipe(epochs, lr, init, soft)                              # of the weights that `publish` replaces
    network, finished = train(out, epochs, batch_size, lr, minutes, init, SOFT if soft else HARD)
    if not finished:
        typer.echo("not finished; call again to go on")
        raise typer.Exit(0)
    facts = {domain: measure(network, load_faces("synthfaces", split=score, domain=domain))
             for domain in ("wild", "lab")}
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"descriptor.{name}": value for name, value in fitted(network).state_dict().items()}
    publish("landmarks", tensors, {"what": "68 landmark heatmaps, 64 px",
                                   "trained": trained, "scored_on": score, **facts}, keep=("descriptor.",))
    typer.echo(json.dumps(facts, indent=1))


if __name__ == "__main__":
    typer.run(main)
