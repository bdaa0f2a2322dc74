"""Packs: what goes in comes out, memory stays bounded, and a wrong file is refused in one sentence."""

import hashlib
import json
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from fercourse.errors import InputError
from fercourse.faces.decode import Crop
from fercourse.faces.listing import Reject
from fercourse.faces.pack import _header, memory_pack, write_pack
from fercourse.faces.unpack import COLUMNS, is_pack, open_pack

from .pictures import listing, save

SPLIT = ["test", "train", "PublicTest", "train", "val", "train"]


@pytest.fixture
def full(tmp_path):
    """A listing of six pictures with every column; picture 3 is empty."""
    files = save(tmp_path, 6, 32, 24)
    (tmp_path / files[3]).write_bytes(b"")
    draw = np.random.default_rng(0)
    return listing(
        tmp_path, 6, files, split=SPLIT, boxes=np.array([[0., 0., 24., 24.]] * 5 + [[np.nan] * 4]),
        identity=np.array([0, 1, 0, 1, -1, 1]), identity_names=("Zoë", "S 01"),
        domain=np.array([0, 1, 0, 1, 1, 0]), domain_names=("lab", "wild"),
        group=np.array([4, 4, 5, 5, 6, 6]), votes=draw.random((6, 3)).astype(np.float32),
        valence_arousal=np.array([[.5, -1], [np.nan, 0], [0, 0], [1, 1], [0, 0], [-.25, .5]], np.float32),
        landmarks=draw.random((6, 2, 2)).astype(np.float32) * 24,
        attributes={"age": np.array([20., 30, 40, 50, np.nan, 70], np.float32),
                    "glasses": np.arange(6) % 2 == 0, "light": np.array([0, 1, 2, -1, 1, 0], np.int32)},
        names={"light": ("Strong", "Weak", "Dark")}, aliases={"Training": "train+val"},
        rejects=(Reject("list.csv", "truncated row", 7),), notes=("2 rows without a face",))


@pytest.fixture
def packed(full, tmp_path):
    write_pack(full, tmp_path / "toy.safetensors", Crop(16))
    return tmp_path / "toy.safetensors"


ORDER = [5, 1, 4, 0, 2]               # train (lab before wild), val, test, PublicTest; picture 3 is a reject


def test_every_column_comes_back_in_the_order_of_splits_and_domains(full, packed):
    pack = open_pack(packed, verify=True)
    assert pack.listing.splits == {"train": 2, "val": 1, "test": 1, "PublicTest": 1}
    for name in ("files", "split", *(name for name in COLUMNS if name != "landmarks")):
        np.testing.assert_array_equal(getattr(pack.listing, name), getattr(full, name)[ORDER], err_msg=name)
    for name, column in full.attributes.items():
        np.testing.assert_array_equal(pack.listing.attributes[name], column[ORDER], err_msg=name)
    for name in ("name", "classes", "identity_names", "domain_names", "names", "aliases", "notes"):
        assert getattr(pack.listing, name) == getattr(full, name), name
    assert pack.listing.rejects == (*full.rejects, Reject("faces/3.png", "empty file (0 bytes)"))


def test_landmarks_are_in_the_packs_pixels(full, packed):
    landmarks = open_pack(packed).listing.landmarks
    np.testing.assert_allclose(landmarks[1], full.landmarks[1] * 16 / 24, rtol=1e-6)            # by its box
    np.testing.assert_allclose(landmarks[0], full.landmarks[5] * [16 / 32, 16 / 24], rtol=1e-6)  # whole image


def test_images_belong_to_their_rows(full, tmp_path):
    write_pack(full, tmp_path / "toy", Crop(16))
    images = open_pack(tmp_path / "toy").images
    for row, image in zip(ORDER, images):
        assert (image == memory_pack(full.take([row]), Crop(16)).images[0]).all()
    assert len(np.unique(images, axis=0)) == 5


def test_a_pack_in_memory_is_the_same_pack(full, packed):
    pack, twin = open_pack(packed), memory_pack(full, Crop(16))
    assert (pack.images == twin.images).all() and pack.manifest == twin.manifest


def test_the_official_library_reads_a_pack(full, packed):
    tensors = load_file(packed)
    assert tensors["images"].shape == (5, 3, 16, 16)
    assert tensors["labels"].tolist() == full.labels[ORDER].tolist()
    manifest = json.loads(tensors["manifest"].tobytes())
    assert manifest["counts"]["train"] == {"neutral": 0, "happiness": 1, "fear": 1}
    assert manifest["splits"] == {"train": [0, 2], "val": [2, 3], "test": [3, 4], "PublicTest": [4, 5]}
    for name, sha256 in manifest["sha256"].items():
        assert hashlib.sha256(tensors[name].tobytes()).hexdigest() == sha256


def test_the_same_set_gives_the_same_bytes_whatever_the_threads(full, packed, tmp_path):
    write_pack(full, tmp_path / "again", Crop(16), workers=1)
    assert (tmp_path / "again").read_bytes() == packed.read_bytes()


def test_writing_to_the_images_never_reaches_the_file(packed):
    before = packed.read_bytes()
    open_pack(packed).images[:] = 0
    assert packed.read_bytes() == before


@settings(max_examples=25, deadline=None)
@given(st.data(), st.integers(1, 12), st.integers(8, 20))
def test_round_trip(data, count, size):
    splits = st.sampled_from(["val", "train", "späte Sitzung", "b"])
    words = data.draw(st.lists(splits, min_size=count, max_size=count))
    labels = data.draw(st.lists(st.integers(-1, 2), min_size=count, max_size=count))
    pixels = np.random.default_rng(count).integers(0, 256, (count, size, size), dtype=np.uint8)
    given_ = replace(listing(count=count, pixels=pixels, split=words), labels=np.array(labels))
    with tempfile.TemporaryDirectory() as folder:
        write_pack(given_, Path(folder) / "p", Crop(size), workers=1)
        pack = open_pack(Path(folder) / "p", verify=True)
    assert sorted(pack.listing.ids) == sorted(given_.ids)
    for split in set(words):
        rows = pack.listing.rows(split)
        assert rows.tolist() == list(range(rows[0], rows[0] + words.count(split)))      # a split is a slice
    for row, image in zip(pack.listing.ids - 100, pack.images):
        assert (image == pixels[row]).all()
    assert pack.listing.labels.tolist() == [labels[i - 100] for i in pack.listing.ids]


# ---------------------------------------------------------------------- big, interrupted, impossible

PROGRAM = """
import resource, sys
import numpy as np
from fercourse.faces.decode import Crop
from fercourse.faces.listing import Listing
from fercourse.faces.pack import write_pack
count, size, file, out = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
rows = np.arange(count)
faces = Listing("many", ("fear",), rows * 0, np.array(["train"]).repeat(count), rows,
                files=np.array([file], dtype=object).repeat(count), root="/")
write_pack(faces.take(rows[:600]), out + ".warm", Crop(size), workers=1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
write_pack(faces, out, Crop(size), workers=1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read in Linux's unit")
def test_memory_does_not_grow_with_the_set(tmp_path):
    save(tmp_path, 1, 112, 112, "jpg")
    run = subprocess.run([sys.executable, "-c", PROGRAM, "6000", "112", str(tmp_path / "faces/0.jpg"),
                          str(tmp_path / "many")], capture_output=True, text=True, check=True)
    megabytes = int(run.stdout) / 1024
    assert (tmp_path / "many").stat().st_size > 225e6 and megabytes < 80


def test_a_killed_run_leaves_nothing_that_looks_finished(tmp_path):
    save(tmp_path, 1, 112, 112, "jpg")
    out = tmp_path / "out" / "many"
    picture = str(tmp_path / "faces/0.jpg")
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, "30000", "112", picture, str(out)])
    deadline = time.time() + 60
    while time.time() < deadline and not any(
            f.stat().st_size > 1e6 for f in out.parent.glob("many.*.part") if "warm" not in f.name):
        time.sleep(.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    [left] = out.parent.glob("many.*.part")
    assert not out.exists() and not is_pack(left)
    with pytest.raises(InputError, match="not a pack"):
        open_pack(left)


def test_an_interrupted_run_cleans_up_and_keeps_the_old_pack(full, packed, monkeypatch):
    before = packed.read_bytes()
    monkeypatch.setattr("fercourse.faces.pack._manifest", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_pack(full, packed, Crop(8))
    assert packed.read_bytes() == before and not list(packed.parent.glob("*.part"))


def test_a_full_disk_is_told_before_decoding(full, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 100}))
    with pytest.raises(InputError, match=r"toy cannot be written.*it needs 0\.0 MB, 0\.0 MB are free"):
        write_pack(full, tmp_path / "toy", Crop(16))
    assert not list(tmp_path.glob("toy*"))


def test_a_folder_is_no_place_for_a_pack(full, tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        write_pack(full, tmp_path, Crop(16))
    with pytest.raises(InputError, match="cannot be written"):
        write_pack(full, tmp_path / "faces/0.png/toy", Crop(16))


def test_a_set_without_a_readable_image_is_refused(full, tmp_path):
    for file in full.files:
        (tmp_path / file).write_bytes(b"")
    with pytest.raises(InputError, match=r"no image of 6 can be read; the first: list\.csv, line 7"):
        write_pack(full, tmp_path / "toy", Crop(16))
    assert not list(tmp_path.glob("toy*"))


# ---------------------------------------------------------------------- packs from strangers

def edit(path, change):
    """Rewrite the header of a pack after `change(entries)`; the length of the header stays."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    entries = json.loads(content[8:8 + length])
    change(entries)
    header = json.dumps(entries, separators=(",", ":")).encode()
    assert len(header) <= length
    path.write_bytes(content[:8] + header.ljust(length) + content[8 + length:])


def refused(path, sentence, **options):
    with pytest.raises(InputError, match=sentence) as error:
        open_pack(path, **options)
    assert "\n" not in str(error.value) and str(path) in str(error.value)


@pytest.mark.parametrize("keep", [9, 200, 3000, -1])
def test_a_truncated_pack_is_refused(packed, keep):
    packed.write_bytes(packed.read_bytes()[:keep])
    refused(packed, "is not a pack|cut short|bytes, its header promises")


def test_bytes_too_many_are_refused(packed):
    packed.write_bytes(packed.read_bytes() + b"!")
    refused(packed, "bytes, its header promises")


def test_a_newer_version_is_refused(packed):
    edit(packed, lambda entries: entries["__metadata__"].update(version="2"))
    refused(packed, "version 2, this fercourse reads versions up to 1; update fercourse")


def test_changed_images_are_found_on_demand_and_changed_columns_always(packed):
    whole = bytearray(packed.read_bytes())
    start = 8 + int.from_bytes(whole[:8], "little")
    whole[start + 5] ^= 1
    packed.write_bytes(whole)
    assert len(open_pack(packed)) == 5
    refused(packed, "images are not those of the manifest's SHA-256", verify=True)
    whole[start + 5 * 3 * 16 * 16] ^= 1
    packed.write_bytes(whole)
    refused(packed, "labels are not those")
    whole[-2] ^= 1
    packed.write_bytes(whole)
    refused(packed, "manifest is not the one")


@pytest.mark.parametrize("change", [
    lambda e: e["images"].update(shape=[5, 3, 16, 15]),
    lambda e: e["images"].update(shape=[5, 1, 48, 16]),
    lambda e: e["images"].update(shape=[-5, 3, 16, -16]),
    lambda e: e["images"].update(shape=[5.0, 3, 16, 16]),
    lambda e: e["images"].update(dtype="O"),
    lambda e: e["labels"].update(dtype="F64"),
    lambda e: e["labels"].update(data_offsets=[0, 40]),
    lambda e: e["votes"].update(shape=[3, 5]),
    lambda e: e.pop("images"),
    lambda e: e.pop("manifest"),
    lambda e: e["__metadata__"].pop("version"),
    lambda e: e["__metadata__"].update(version="new"),
    lambda e: e["__metadata__"].pop("manifest_sha256"),
    lambda e: e.update(labels=3),
    lambda e: e["images"].update(data_offsets=[0.0, 5 * 3 * 16 * 16]),
    lambda e: e["votes"].update(shape=[5, 3, *[1] * 70]),
    lambda e: e["__metadata__"].update(version=float("inf")),
])
def test_a_header_that_lies_is_refused(packed, change):
    edit(packed, change)
    refused(packed, "damaged")


@pytest.mark.parametrize("change", [
    lambda m: m["splits"].update(train=[0, 9]), lambda m: m["splits"].update(train="all"),
    lambda m: m.pop("splits"), lambda m: m.pop("classes"), lambda m: m.update(rejects=[[1, 2, 3, 4]]),
    lambda m: m["files"].pop(), lambda m: m.update(sha256=None), lambda m: m.update(names=[]),
    lambda m: m.update(files="abcde"), lambda m: m.update(classes="abc"), lambda m: m["names"].update(light=[[1]]),
])
def test_a_manifest_that_lies_is_refused(packed, change):
    manifest = open_pack(packed).manifest
    change(manifest)
    retell(packed, json.dumps(manifest, ensure_ascii=False).encode())
    refused(packed, "damaged")


def retell(path, text):
    """Give a pack another manifest."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    begin, _ = json.loads(content[8:8 + length])["manifest"]["data_offsets"]
    path.write_bytes(content[:8 + length + begin] + text)
    edit(path, lambda e: (
        e["manifest"].update(shape=[len(text)], data_offsets=[begin, begin + len(text)]),
        e["__metadata__"].update(manifest_sha256=hashlib.sha256(text).hexdigest())))


def test_json_nested_without_end_is_refused(packed):
    retell(packed, b"[" * 100_000)
    refused(packed, "its manifest makes no sense")
    header = b'{"__metadata__":{"format":"fercourse pack","more":' + b"[" * 100_000
    packed.write_bytes(len(header).to_bytes(8, "little") + header)
    refused(packed, "its header makes no sense")


def test_the_parts_of_a_large_pack_lie_where_they_are():
    """Sizes past the largest integer of NumPy, which is that of 2 GB on Windows before NumPy 2."""
    entries = json.loads(_header({"images": ("U8", (2**40, 3, 2**20, 2**20), ""), "manifest": ("U8", (1,), "")}))
    assert entries["manifest"]["data_offsets"] == [3 * 2**80, 3 * 2**80 + 1]


def test_a_text_that_is_no_utf8_comes_back(full, tmp_path):
    write_pack(replace(full, notes=("é\udce9",)), tmp_path / "toy", Crop(8))
    assert open_pack(tmp_path / "toy").listing.notes == ("é\udce9",)


def test_pickles_are_never_opened(tmp_path):
    import torch
    np.save(tmp_path / "a.npy", np.array([print], dtype=object), allow_pickle=True)
    torch.save({"images": [print]}, tmp_path / "a.pt")
    for name in ("a.npy", "a.pt"):
        refused(tmp_path / name, "is not a pack of faces")


def test_what_is_not_there_is_told(tmp_path):
    refused(tmp_path / "no.safetensors", "there is no such pack")
    (tmp_path / "empty").touch()
    refused(tmp_path / "empty", "is not a pack")
    refused(tmp_path, "there is no such pack")
