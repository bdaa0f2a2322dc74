"""The peer of our streams: image files, Pillow, torchvision transforms and a DataLoader."""

import os
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset

from .. import augment

QUALITY = 95


class Files(Dataset):
    """Image files with labels; opened by Pillow once and transformed by torchvision view by view."""

    def __init__(self, files, labels, views):
        self.files, self.labels, self.transforms = files, labels, [transforms(view) for view in views]

    def __len__(self):
        return len(self.files)

    def __getitem__(self, row):
        from PIL import Image

        with Image.open(self.files[row]) as picture:
            face = picture.convert("RGB")
        return torch.stack([transform(face) for transform in self.transforms]), self.labels[row]


def transforms(view):
    """Return the operations of a preset without blur and erasing as torchvision does them on Pillow pictures."""
    from torchvision import transforms as t

    wanted = augment.preset(view)
    return t.Compose([
        t.RandomHorizontalFlip(wanted.flip),
        t.RandomAffine(wanted.rotation, (wanted.shift,) * 2, wanted.scale, interpolation=t.InterpolationMode.BILINEAR),
        t.ColorJitter(wanted.brightness, wanted.contrast, wanted.saturation),
        t.ToTensor(),
        t.Normalize(augment.MEAN, augment.STD),
    ])


def write_jpegs(faces, folder: Path) -> list[str]:
    """Write every face as a file of its own; return their paths."""
    from PIL import Image

    paths = [str(folder / f"{row}.jpg") for row in range(len(faces))]
    for path, image in zip(paths, faces.images):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(path, quality=QUALITY)
    return paths


def loaders(files, labels, views, batch_size, device) -> dict[int, DataLoader]:
    """Return number of worker processes -> loader: none, one for every other core, one for every core."""
    cores = os.cpu_count() or 1
    data = Files(files, labels, views)
    return {workers: DataLoader(data, batch_size, shuffle=True, drop_last=True, num_workers=workers,
                                persistent_workers=workers > 0, pin_memory=device.type == "cuda")
            for workers in sorted({0, cores // 2, cores})}
