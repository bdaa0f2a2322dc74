"""What several tests of faces share."""

import types

import numpy as np
import pytest

from fercourse.faces import catalogue
from fercourse.faces.decode import Crop
from fercourse.faces.pack import write_pack
from fercourse.faces.setinfo import SetInfo

from .pictures import listing, save

WORDS = ["train", "val", "train", "PublicTest", "train", "train"]


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """Let the test have an empty cache of its own; returns the folder."""
    monkeypatch.setenv("FERCOURSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The set `toy` in the catalogue, six pictures of 32 px below tmp_path/toy; counts how often it is read."""
    root = tmp_path / "toy"
    save(root, 6, 32, 32)
    reads = []

    def read(root, mirrored: bool = False):
        reads.append(root)
        files = np.array([f"faces/{i}.png" for i in range(6)], dtype=object)
        return listing(root, 6, files, split=WORDS, domain=np.arange(6) % 2, domain_names=("lab", "wild"),
                       aliases={"Training": "train+val"}, notes=("a note",))

    info = SetInfo("toy", "Toy", ("neutral", "happiness", "fear"), "32 px", "ours", "made in the test", "faces/*.png",
                   ("faces/*.png",), read)
    monkeypatch.setitem(catalogue._SETS, "toy", info)
    return types.SimpleNamespace(root=root, reads=reads)


@pytest.fixture
def packed(toy, tmp_path):
    out = tmp_path / "toy-16.safetensors"
    write_pack(catalogue.read("toy", toy.root), out, Crop(16))
    return out
