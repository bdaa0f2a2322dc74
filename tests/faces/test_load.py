"""`load_faces`: one call for sets by name, packs and parts; and the command that packs."""

import ast
import inspect
import os
import re
import sys
import types
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import fercourse as fc
from fercourse.errors import InputError
from fercourse.faces import catalogue, readers
from fercourse.faces.listing import Reject
from fercourse.faces.load import Spec, _code, listing_to_faces, load_faces, parse_spec
from fercourse.faces.setinfo import SetInfo

from .pictures import checker, listing, save

pytestmark = pytest.mark.usefixtures("own_cache")


def picture(number, size=32):
    return torch.from_numpy(checker(size, size, number).copy()).permute(2, 0, 1)


# ---------------------------------------------------------------------- sets by name

def test_a_real_set_by_name(toy):
    faces = fc.load_faces("toy", root=toy.root, size=32)
    assert faces.name == "toy:train" and faces.classes == ("neutral", "happiness", "fear")
    assert faces.ids.tolist() == [100, 102, 104, 105] and faces.labels.tolist() == [0, 2, 1, 2]
    assert faces.files == ("faces/0.png", "faces/2.png", "faces/4.png", "faces/5.png")
    assert faces.words("domain") == ["lab", "lab", "lab", "wild"] and "a note" in faces.notes
    for number, image in zip((0, 2, 4, 5), faces.images):
        assert torch.equal(image, picture(number))


@pytest.mark.parametrize("split, ids", [
    ("val", [101]), ("PublicTest", [103]), ("train+val", [100, 102, 104, 105, 101]),
    ("Training", [100, 102, 104, 105, 101]), ("train+PublicTest", [100, 102, 104, 105, 103]),
    (None, [100, 102, 104, 105, 101, 103])])
def test_parts(toy, split, ids):
    assert load_faces("toy", split, toy.root).ids.tolist() == ids


def test_aliases_of_the_training_part_take_noise_and_a_whole_set_with_tests_does_not(toy):
    given = load_faces("toy", "Training", toy.root)
    assert given.name == "toy:Training" and given.split == "train+val"
    assert (given.with_noise(0.4).labels != given.labels).sum() == 2
    for whole in (load_faces("toy", None, toy.root), load_faces("synthfaces", None, domain="lab")):
        with pytest.raises(InputError, match="is the whole set"):
            whole.with_noise(0.4)
    assert catalogue.read("toy", toy.root).take([0, 1]).part(None) == ""


def test_errors_name_the_folder_that_was_given_and_not_the_caches_file(toy):
    for wanted in (dict(split="tset"), dict(split="val", domain="lab")):
        with pytest.raises(InputError, match=f"^toy in {re.escape(str(toy.root))} has no faces"):
            load_faces("toy", root=toy.root, **wanted)


def test_domains(toy):
    assert load_faces("toy", root=toy.root, domain="lab").ids.tolist() == [100, 102, 104]
    assert load_faces("toy", None, toy.root, domain="wild").ids.tolist() == [105, 101, 103]
    assert load_faces("toy", root=toy.root, domain="lab").name == "toy/lab:train"


def test_the_second_start_reads_no_image_and_no_list(toy, monkeypatch):
    first = load_faces("toy", root=toy.root, size=16)
    monkeypatch.setattr("fercourse.faces.pack.decode", lambda *a: pytest.fail("decoded again"))
    second = load_faces("toy", root=toy.root, size=16)
    assert len(toy.reads) == 1 and torch.equal(first.images, second.images)


@pytest.mark.parametrize("change", ["size", "option", "edited", "added", "removed"])
def test_whatever_changes_is_decoded_again(toy, change):
    load_faces("toy", root=toy.root, size=16)
    options = {"size": {"size": 20}, "option": {"mirrored": True}}.get(change, {})
    file = toy.root / "faces" / "5.png"
    if change == "edited":
        os.utime(file, (1, 1))                           # the same size, another time
    elif change == "added":
        (toy.root / "new.csv").touch()
    elif change == "removed":
        file.unlink()
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        faces = load_faces("toy", root=toy.root, **{"size": 16, **options})
    assert len(toy.reads) == 2 and len(faces) == (3 if change == "removed" else 4)


READER = """
from fercourse.faces.catalogue import get

def read(root):
    listing = get("toy").reader(root)
    return replace(listing, labels=listing.labels * 0 + {label})
"""


@pytest.mark.filterwarnings("ignore:own. its reader stands in no file")
@pytest.mark.parametrize("kept", [True, False], ids=["in a file", "in a cell"])
def test_a_reader_of_ones_own_that_changes_is_asked_again(toy, tmp_path, own_cache, monkeypatch, kept):
    for label in (0, 1):
        names, text, file = {"replace": replace}, READER.format(label=label), tmp_path / "mine.py"
        if kept:
            file.write_text(text)
        exec(compile(text, str(file), "exec"), names)
        monkeypatch.setitem(catalogue._SETS, "own", replace(catalogue.get("toy"), name="own", reader=names["read"]))
        for _ in range(2):
            assert set(load_faces("own", root=toy.root, size=16).labels.tolist()) == {label}
    assert len(toy.reads) == (2 if kept else 4) and len(list(own_cache.glob("own-*"))) == (2 if kept else 0)


FACES = Path(fc.faces.__file__).parent


def imported(file):
    """Return a file of `faces` with all that it imports from there, but for what only words depend on."""
    seen, waiting = set(), {file}
    while waiting:
        seen.add(file := waiting.pop())
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                above = file.parents[node.level - 1].joinpath(*(node.module or "").split("."))
                near = {above.with_suffix(".py"), *(above / f"{name.name}.py" for name in node.names)}
                waiting |= {path for path in near if path.is_file() and FACES in path.parents} - seen
    return seen - {FACES / "cache.py", FACES / "setinfo.py"}


@pytest.mark.parametrize("info", readers.SETS, ids=lambda info: info.name)
def test_a_set_is_decoded_again_when_the_code_that_decodes_it_changes_and_no_other(info):
    code = set(_code(info.reader))
    own = Path(inspect.getsourcefile(info.reader))
    assert code >= imported(own) | imported(FACES / "decode.py") | imported(FACES / "pack.py")
    others = {FACES / name for name in ("load.py", "faceset.py", "confound.py", "readers/expw.py")}
    assert not code & (others - {own})


def test_long_options_are_no_names_of_files(tmp_path):
    save(tmp_path, 3, 16, 16)
    words = ",".join(f"some-long-word-of-mine-{i}:happiness" for i in range(20)) + ",faces:fear"
    assert len(load_faces("folder", None, tmp_path, size=16, words=words)) == 3


@pytest.mark.parametrize("name", ["csv", "folder", "toy"])
def test_pictures_that_are_elsewhere_are_decoded_again_when_they_change(toy, tmp_path, name):
    save(tmp_path / "elsewhere", 2, 16, 16)
    root = toy.root if name == "toy" else tmp_path / "named"
    root.mkdir(exist_ok=True)
    (root / "fear").symlink_to(tmp_path / "elsewhere" / "faces", target_is_directory=True)
    (root / "fear" / "loop").symlink_to(root, target_is_directory=True)
    (tmp_path / "faces.csv").write_text("path,label,split\nelsewhere/faces/0.png,fear,train\n")
    root = tmp_path / "faces.csv" if name == "csv" else root
    before = load_faces(name, None, root, size=16)
    for file in (tmp_path / "elsewhere" / "faces").glob("*.png"):
        Image.fromarray(checker(16, 16, 9)).save(file)
    after = load_faces(name, None, root, size=16)
    assert len(toy.reads) == 2 if name == "toy" else not torch.equal(before.images, after.images)


def test_rejects_are_told_and_kept_in_the_notes(toy):
    (toy.root / "faces" / "2.png").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"toy: 1 samples were left out, the first: faces/2\.png: empty file"):
        faces = load_faces("toy", root=toy.root)
    assert faces.ids.tolist() == [100, 104, 105] and "faces/2.png" in faces.notes[-1]


def test_a_split_is_a_view_of_the_map_and_writing_to_it_changes_no_file(toy, own_cache):
    faces = load_faces("toy", "train", toy.root, size=16)
    assert faces.images.untyped_storage().nbytes() >= 6 * 3 * 16 * 16 and faces.images.is_contiguous()
    [file] = own_cache.iterdir()
    before = file.read_bytes()
    faces.images[:] = 0
    assert file.read_bytes() == before


def test_a_damaged_cache_is_made_again(toy, own_cache):
    load_faces("toy", root=toy.root)
    [file] = own_cache.iterdir()
    file.write_bytes(file.read_bytes()[:-9])
    assert len(load_faces("toy", root=toy.root)) == 4 and len(toy.reads) == 2


@pytest.mark.parametrize("trouble", ["no folder", "full"])
def test_no_cache_is_no_error(toy, own_cache, monkeypatch, trouble):
    if trouble == "no folder":
        own_cache.touch()
    else:
        monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10}))
    why = {"no folder": rf"{own_cache} cannot be written", "full": "No space left|free some space"}[trouble]
    with pytest.warns(UserWarning, match=rf"toy: 0\.0 MB of pixels stay in memory, and are made .*({why}).*CACHE"):
        faces = load_faces("toy", root=toy.root, size=32)
    assert torch.equal(faces.images[1], picture(2))


def test_sizes(tmp_path, toy, monkeypatch):
    assert load_faces("toy", root=toy.root).images.shape[2:] == (112, 112)
    pixels = np.arange(48 * 48, dtype=np.uint8).reshape(1, 48, 48)
    info = SetInfo("grey", "Grey", ("fear",), "", "", "", "", ("*",), lambda root: listing(root, 1, pixels=pixels))
    monkeypatch.setitem(catalogue._SETS, "grey", info)
    assert (load_faces("grey", root=tmp_path).images == torch.from_numpy(pixels)).all()
    assert load_faces("grey", root=tmp_path, size=24).images.shape == (1, 3, 24, 24)


@pytest.mark.parametrize("arguments, sentence", [
    (dict(name="toi"), "set 'toi' is unknown; did you mean 'toy'"),
    (dict(split="tset"), r"no faces in split 'tset'; choose one of train \(4\), val \(1\), PublicTest \(1\)"),
    (dict(domain="studio"), "no domain 'studio'; its domains are: lab, wild"),
    (dict(split="val", domain="lab"), "no faces in split 'val', domain 'lab'"),
    (dict(mirorred=1), "no option 'mirorred'; expected one of mirrored"),
    (dict(labels="majority"), "no option 'labels'"),
    (dict(size=4), "image size is 4"),
    (dict(root="nowhere"), "nowhere does not exist"),
    (dict(name="toy/wild", domain="lab"), "toy/wild says the domain wild, the argument says domain='lab'"),
    (dict(name="toy:val", split="PublicTest"), "toy:val says the split val, the argument says split='PublicTest'"),
    (dict(name="toy:val", split=None), "toy:val says the split val, the argument says split=None"),
])
def test_wrong_wishes(toy, arguments, sentence):
    with pytest.raises(InputError, match=sentence):
        load_faces(**{"name": "toy", "root": toy.root, **arguments})


def test_the_embedded_set_gets_its_wishes(tmp_path, monkeypatch):
    asked = []
    faces = listing_to_faces(listing(count=2, pixels=None), torch.zeros(2, 3, 16, 16, dtype=torch.uint8))
    fake = types.ModuleType("fercourse.faces.synthfaces")
    fake.load = lambda *given, **options: asked.append((given, options)) or faces
    monkeypatch.setitem(sys.modules, "fercourse.faces.synthfaces", fake)
    monkeypatch.setattr("fercourse.faces.synthfaces", fake, raising=False)
    assert load_faces(domain="wild", size=8).images.shape[2:] == (8, 8)
    load_faces("synthfaces", "test", labels="single", root="there")
    load_faces("mine/faces.parquet")
    load_faces("Synth-Faces")
    monkeypatch.setenv("HOME", str(tmp_path)), monkeypatch.setenv("USERPROFILE", str(tmp_path))
    load_faces("~/a.parquet")
    assert asked == [(("train", "wild", "truth"), {}), (("test", None, "single"), {"root": "there"}),
                     (("train", None, "truth"), {"root": "mine/faces.parquet"}), (("train", None, "truth"), {}),
                     (("train", None, "truth"), {"root": f"{tmp_path}/a.parquet"})]
    assert parse_spec("~/a.parquet:val") == Spec(f"{tmp_path}/a.parquet", None, "val")
    with pytest.raises(InputError, match="no option 'extra'"):
        load_faces(extra=1)


# ---------------------------------------------------------------------- packs

def test_a_pack_by_name_or_as_root(toy, packed):
    first, second = load_faces(packed, "val"), load_faces("toy", "val", root=packed)
    assert first.name == second.name == "toy:val" and first.ids.tolist() == second.ids.tolist() == [101]
    assert torch.equal(first.images, second.images) and first.images.shape[2:] == (16, 16)
    assert load_faces(str(packed), "val", size=8).images.shape[2:] == (8, 8)
    assert len(toy.reads) == 1


def test_a_pack_with_its_domain_and_split_in_the_name(packed, tmp_path):
    assert load_faces(f"{packed}:val").ids.tolist() == [101]
    assert load_faces(f"{packed}/lab").ids.tolist() == load_faces(packed, domain="lab").ids.tolist() == [100, 102, 104]
    assert load_faces(f"{packed}/wild:PublicTest").ids.tolist() == [103]
    assert load_faces(str(packed.rename(tmp_path / "a.pack")) + ":PublicTest").ids.tolist() == [103]
    with pytest.raises(InputError, match="there is no such pack"):
        load_faces(f"{tmp_path}/no.safetensors:val")


def test_a_pack_under_any_file_name(packed, tmp_path):
    packed.rename(tmp_path / "faces.pack")
    assert len(load_faces(tmp_path / "faces.pack")) == 4


@pytest.mark.parametrize("arguments, sentence", [
    (dict(name="fer2013"), "holds toy, not fer2013"),
    (dict(name="toy", labels="majority"), "labels cannot be chosen for a pack"),
    (dict(name="toy", mirrored=True), "mirrored cannot be chosen for a pack"),
    (dict(name="toy", split="test"), "no faces in split 'test'"),
])
def test_wrong_wishes_for_a_pack(packed, arguments, sentence):
    with pytest.raises(InputError, match=sentence):
        load_faces(root=packed, **arguments)


def test_a_pack_that_is_not_there_or_none(tmp_path):
    with pytest.raises(InputError, match="there is no such pack"):
        load_faces(tmp_path / "no.safetensors")
    (tmp_path / "x.safetensors").write_bytes(b"x" * 99)
    with pytest.raises(InputError, match="is not a pack"):
        load_faces("toy", root=tmp_path / "x.safetensors")


# ---------------------------------------------------------------------- columns

def test_every_column_reaches_the_faceset():
    given = listing(
        count=3, identity=np.array([2, -1, 0]), identity_names=("a", "b", "c"), group=np.array([1, 1, 2]),
        votes=np.ones((3, 3)), valence_arousal=np.array([[0, 1], [np.nan, 0], [.5, -.5]]),
        landmarks=np.arange(12.).reshape(3, 2, 2), domain=np.array([0, 0, 1]), domain_names=("lab", "wild"),
        attributes={"age": np.array([20.5, 30, 40]), "light": np.array([0, 1, -1])}, names={"light": ("dim", "bright")},
        boxes=np.zeros((3, 4)), rejects=(Reject("a.csv", "truncated", 3), Reject("b.png", "empty")), notes=("one",))
    faces = listing_to_faces(given, np.zeros((3, 3, 8, 8), np.uint8))
    assert faces.words("identity") == ["c", "unknown", "a"] and faces.words("light") == ["dim", "bright", "unknown"]
    assert faces.words("domain") == ["lab", "lab", "wild"] and faces.attributes["group"].tolist() == [1, 1, 2]
    assert faces.votes.dtype == faces.landmarks.dtype == faces.valence_arousal.dtype == torch.float32
    assert faces.landmarks[1].tolist() == [[4, 5], [6, 7]] and faces.attributes["age"].tolist() == [20.5, 30, 40]
    assert faces.notes == ("one", "2 samples were left out, the first: a.csv, line 3: truncated")
    assert faces.subset([2]).words("identity") == ["a"]


# ---------------------------------------------------------------------- NAME[/DOMAIN][:SPLIT]

@pytest.mark.parametrize("text, spec", [
    ("synthfaces", Spec("synthfaces")), ("synthfaces/wild", Spec("synthfaces", "wild")),
    ("synthfaces/wild:train", Spec("synthfaces", "wild", "train")),
    ("fer2013:PublicTest", Spec("fer2013", None, "PublicTest")),
    ("fer2013:train+val", Spec("fer2013", None, "train+val")),
    ("packs/a.safetensors", Spec("packs/a.safetensors")),
    ("packs/a.safetensors:test", Spec("packs/a.safetensors", None, "test")),
    ("packs/a.safetensors/lab:test", Spec("packs/a.safetensors", "lab", "test")),
    ("/data/no.safetensors:val", Spec("/data/no.safetensors", None, "val")),
    (r"C:\faces\a.safetensors", Spec(r"C:\faces\a.safetensors")),
    ("C:/faces/a.safetensors:val", Spec("C:/faces/a.safetensors", None, "val")),
    ("packs/no.safetensors", Spec("packs/no.safetensors")), ("./no.parquet:val", Spec("./no.parquet", None, "val")),
    ("no.safetensors/lab:val", Spec("no.safetensors", "lab", "val")),
])
def test_specs(tmp_path, monkeypatch, text, spec):
    monkeypatch.chdir(tmp_path)
    Path("packs").mkdir()
    Path("packs/a.safetensors").touch()
    assert parse_spec(text) == spec


@pytest.mark.parametrize("text", ["", ":train", "synthfaces:", "synthfaces/", "/wild", "synthfaces/:train"])
def test_specs_with_empty_parts(text):
    with pytest.raises(InputError, match=r"expected NAME\[/DOMAIN\]\[:SPLIT\]"):
        parse_spec(text)
