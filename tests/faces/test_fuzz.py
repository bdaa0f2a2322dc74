"""Damaged files, whatever the damage: a reader gives faces, or one sentence; never a traceback, never a hang."""

import os
import random
from pathlib import Path

import pytest
import torch

from fercourse.errors import InputError
from fercourse.faces import FaceSet, catalogue, load_faces
from fercourse.faces.decode import Crop
from fercourse.faces.pack import write_pack
from fercourse.faces.unpack import open_pack

from . import miniatures
from .miniatures import MINIATURES

READERS = [pytest.param(m, id=m.make.__name__) for m in MINIATURES]
DAMAGES = int(os.environ.get("FERCOURSE_DAMAGES", 6))      # of each set; more where there is time


def flip(content, dice):
    """Change a few bytes."""
    changed = bytearray(content)
    for _ in range(dice.randint(1, 8)):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


def cut(content, dice):
    return content[:dice.randrange(len(content))]


def double(content, dice):
    lines = content.splitlines(keepends=True)
    return b"".join(lines + dice.sample(lines, min(3, len(lines))))


def shuffle(content, dice):
    lines = content.splitlines(keepends=True)
    dice.shuffle(lines)
    return b"".join(lines)


def stuff(content, dice):
    """Put odd text somewhere: another encoding, huge numbers, empty fields."""
    place = dice.randrange(len(content))
    odd = (b"\xff\xfe", b"99999999999999999999", b",,,,", b"\x00", b"-1", b"nan", b'"', "é".encode("latin-1"), b"\r")
    return content[:place] + dice.choice(odd) + content[place:]


WAYS = (flip, cut, double, shuffle, stuff)


def damage(root: Path, dice):
    """Damage one file below a folder, texts more often than pictures."""
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.stat().st_size)
    texts = [path for path in files if path.suffix.lower() not in (".jpg", ".png", ".tiff", ".jpeg")]
    path = dice.choice(texts if texts and dice.random() < 0.8 else files)
    path.write_bytes(dice.choice(WAYS)(path.read_bytes(), dice))


@pytest.mark.filterwarnings("ignore:.*left out")
@pytest.mark.parametrize("seed", range(DAMAGES))
@pytest.mark.parametrize("miniature", READERS)
def test_a_damaged_set_gives_faces_or_one_sentence(miniature, seed, tmp_path, monkeypatch):
    monkeypatch.setenv("FERCOURSE_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "set"
    root.mkdir()
    miniature.make(root)
    damage(root, random.Random(f"{miniature.make.__name__} {seed}"))
    try:
        faces = load_faces(miniature.name, split=miniature.splits[0], root=root, size=48, **miniature.options)
    except InputError as error:
        assert "\n" not in str(error) and len(str(error)) < 800
        return
    assert isinstance(faces, FaceSet) and len(faces) > 0
    assert faces.images.dtype == torch.uint8 and (faces.labels < len(faces.classes)).all()


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_pack_is_refused_or_whole(seed, tmp_path):
    root = tmp_path / "set"
    root.mkdir()
    miniatures.rafdb(root)
    made = tmp_path / "set.safetensors"
    write_pack(catalogue.read("rafdb", root), made, Crop(16))
    whole = open_pack(made, verify=True)
    dice = random.Random(seed)
    content = made.read_bytes()
    made.write_bytes(dice.choice((flip, cut, stuff))(content, dice))
    try:
        found = open_pack(made, verify=True)
    except InputError as error:
        assert "\n" not in str(error)
        return
    assert made.read_bytes() == content or len(found) == len(whole)
