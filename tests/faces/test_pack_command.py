"""`fercourse data pack`, and what it shares with `get` and `check`."""

from dataclasses import replace
from pathlib import Path

import pytest

from fercourse.faces import catalogue
from fercourse.faces.decode import Crop
from fercourse.faces.load import load_faces
from fercourse.faces.pack import write_pack
from tests.line import call

from . import miniatures

pytestmark = pytest.mark.usefixtures("own_cache")


def test_the_command_packs_and_names_what_was_left_out(toy, tmp_path, capsys):
    (toy.root / "faces" / "4.png").write_bytes(b"")
    out = tmp_path / "out" / "toy.safetensors"
    assert call("data", "pack", "toy", "--root", toy.root, "--size", 20, "--out", out) == 0
    said = capsys.readouterr().out
    assert "5 faces of 20 px (train 3, val 1, PublicTest 1)" in said and "faces/4.png: empty file (0 bytes)" in said
    assert load_faces(out, None).images.shape == (5, 3, 20, 20)


def test_the_commands_default_name_and_reader_options(toy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call("data", "pack", "toy", "--root", toy.root, "--size", 16, "--option", "mirrored=true") == 0
    assert Path("toy-16.safetensors").is_file()


@pytest.mark.parametrize("options, sentence", [
    (("--size", "3"), "image size is 3"), (("--fit", "stretch"), "fit is 'stretch'"),
    (("--option", "mirrored"), "not KEY=VALUE"), (("--option", "other=1"), "no option 'other'"),
    (("--out", "."), "is a folder"), (("--out", "a.parquet"), "expected one ending in .safetensors, such as a.safe"),
    (("--root", "nowhere"), "does not exist"), (("--workers", "0"), "workers is 0"),
])
def test_the_command_ends_with_2_and_one_sentence(toy, capsys, options, sentence):
    assert call("data", "pack", "toy", "--root", toy.root, *options) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1


def test_the_command_replaces_packs_of_the_set_and_damaged_ones_alone(toy, tmp_path, capsys):
    out, line = tmp_path / "a.safetensors", ("data", "pack", "toy", "--root", toy.root, "--size", 16, "--out")
    assert call(*line, out) == 0 and call(*line, out) == 0
    out.write_bytes(out.read_bytes()[:-1])
    assert call(*line, out) == 0 and len(load_faces(out, None)) == 6
    write_pack(replace(catalogue.read("toy", toy.root), name="other"), out, Crop(16))
    assert call(*line, out) == 2 and "is there already, and is a pack of other;" in capsys.readouterr().err
    out.write_text("weights")
    assert call(*line, out) == 2 and "is there already, and is no pack of faces;" in capsys.readouterr().err
    assert out.read_text() == "weights"


def test_packs_of_ones_own_faces_replace_each_other_only_where_they_are_of_one_place(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for root in ("mine", "theirs"):
        miniatures.put(tmp_path, f"{root}/open/0.jpg"), miniatures.put(tmp_path, f"{root}/closed/0.jpg")
    for name in ("a", "b"):
        miniatures.write(tmp_path, f"mine/{name}.csv", ["path,label", "open/0.jpg,happy"])
    line = "data", "pack", "folder", "--option", "classes=closed,open", "--size", 8, "--root"
    assert call(*line, "mine") == 0 and call(*line, tmp_path / "mine", "--fit", "crop") == 0
    before = Path("folder-8.safetensors").read_bytes()
    capsys.readouterr()
    assert call(*line, "theirs") == 2 and Path("folder-8.safetensors").read_bytes() == before
    told = "is there already, and is a pack of {} from another place; choose another --out, or remove it"
    assert told.format("folder") in capsys.readouterr().err
    assert call(*line, "theirs", "--out", "theirs.safetensors") == 0
    line = "data", "pack", "csv", "--size", 8, "--root"
    assert call(*line, "mine/a.csv") == 0 and call(*line, "mine/b.csv") == 2
    assert told.format("csv") in capsys.readouterr().err


@pytest.mark.parametrize("command", ["pack", "get"])
def test_help_tells_every_option(command, capsys):
    assert call("data", command, "--help") == 0
    said = capsys.readouterr().out
    for word in {"pack": ("--root", "--size", "112", "--out", "--margin", "--fit", "squash", "--option", "--workers"),
                 "get": ("--root", "--url", "--sha256")}[command]:
        assert word in said


def test_data_check_reads_every_byte_of_a_pack(packed, capsys):
    assert call("data", "check", "toy", "--root", packed) == 0
    content = bytearray(packed.read_bytes())
    content[8 + int.from_bytes(content[:8], "little") + 7] ^= 1
    packed.write_bytes(content)
    assert call("data", "check", "toy", "--root", packed) == 2
    assert "images are not those" in capsys.readouterr().err
