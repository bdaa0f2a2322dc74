"""Augmentation with parameters of its own for every face, against kornia's, with the same operations."""

from functools import partial

import torch

from .. import augment
from . import Duel, benchmark, needed


def _prepare(name, scale):
    peer = kornia_like(augment.preset(name))
    count = min(scale.faces, 8 * scale.batch_size)
    images = torch.randint(0, 256, (count, 3, scale.size, scale.size), dtype=torch.uint8,
                           generator=torch.Generator().manual_seed(0)).to(scale.device)
    batches = images.split(scale.batch_size)

    def ours():
        table = augment.draw(name, count)
        return [augment.apply(batch, part) for batch, part in zip(batches, table.split(scale.batch_size))][-1]

    def theirs():
        return [peer(batch.float() / 255) for batch in batches][-1]

    yield Duel(ours, theirs, count, {"threads": torch.get_num_threads(), "batch": scale.batch_size})


def kornia_like(wanted: augment.Preset):
    """Return kornia's modules for what a preset does, and the normalisation, in our order."""
    kornia = needed("kornia.augmentation")
    steps = [kornia.RandomHorizontalFlip(p=wanted.flip),
             kornia.RandomAffine(wanted.rotation, (wanted.shift, wanted.shift), wanted.scale, padding_mode="border",
                                 p=1.0)]
    if wanted.blur:
        steps.append(kornia.RandomGaussianBlur((5, 5), (0.3, 1.5), p=wanted.blur))
    steps.append(kornia.ColorJiggle(wanted.brightness, wanted.contrast, wanted.saturation, 0.0, p=1.0))
    if wanted.grey:
        steps.append(kornia.RandomGrayscale(p=wanted.grey))
    steps.append(kornia.Normalize(torch.tensor(augment.MEAN), torch.tensor(augment.STD)))
    if wanted.erase:
        steps.append(kornia.RandomErasing(wanted.erase_area, (0.5, 2.0), p=wanted.erase))
    return torch.nn.Sequential(*steps)


for _name in ("weak", "strong"):
    benchmark(f"augment-{_name}", "images/s", cpu=1.5, gpu=1.5, what=(
        f"The augmentation `{_name}` of faces in batches, each with its own parameters, against kornia's."))(
        partial(_prepare, _name))
