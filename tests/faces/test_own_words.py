"""Somebody's own set: classes of its own, columns under other names, and what cannot be meant."""

import numpy as np
import pytest
import torch
from PIL import Image

import fercourse as fc
from fercourse.errors import InputError
from tests.cli.test_data import run

OWN = ("closed", "open")


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((20, 20, 3), len(path.name) * 9 % 255, np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path):
    for person in range(10):
        for word in ("Closed", "open", "2"):
            picture(tmp_path / "own" / word / f"p{person:02}_{word}.png")
    return tmp_path / "own"


def test_a_folder_may_have_classes_of_its_own(folder):
    faces = fc.load_faces("folder", split=None, root=folder, size=20, classes="closed,open", words={"2": "open"},
                          person=r"(p\d+)_")
    assert faces.classes == OWN and len(faces) == 30 and len(faces.people) == 10
    assert faces.labels.bincount().tolist() == [10, 20]


def test_a_pack_keeps_them_and_a_method_learns_them(folder, tmp_path, capsys):
    out = tmp_path / "own.safetensors"
    status, told, _ = run(capsys, "data", "pack", "folder", "--root", str(folder), "--size", "16", "--out", str(out),
                          "--option", "classes=closed,open", "--option", "words=2:open", "--option", "words=3:closed")
    assert status == 0 and "30 faces" in told
    faces = fc.load_faces(str(out), split=None)
    assert faces.classes == OWN
    method = fc.methods.create("baseline", faces)
    assert method.predict(faces.images[:2]).shape == (2, 2)


@pytest.mark.parametrize("options, told", [
    (dict(classes="closed"), "expected at least two different words"), (dict(classes=("a", "A")), "two different"),
    (dict(classes=3), "classes is 3"), (dict(classes=OWN, words={"2": "asleep"}), "words names 'asleep'"),
    (dict(words={"2": "asleep"}), "say which they are: classes=closed,open")])
def test_classes_that_cannot_be_meant_are_refused(folder, options, told):
    with pytest.raises(InputError, match=told):
        fc.load_faces("folder", split=None, root=folder, size=20, **options)


def test_a_class_that_was_not_named_is_left_out_and_told(folder):
    with pytest.warns(UserWarning, match="10 samples were left out") as told:
        fc.load_faces("folder", split=None, root=folder, size=20, classes=OWN)
    assert "closed, open" in str(told[0].message)


def test_columns_of_a_csv_may_have_other_names(tmp_path):
    for row in range(8):
        picture(tmp_path / "faces" / f"{row}.png")
    rows = [f"faces/{row}.png,{'happy' if row % 2 else 'sad'},s{row}" for row in range(8)]
    (tmp_path / "mine.csv").write_text("\n".join(["filepath,emotion,subject", *rows]) + "\n")
    faces = fc.load_faces("csv", split=None, root=tmp_path / "mine.csv", size=20,
                          columns="path:filepath,label:emotion,person:subject")
    assert len(faces) == 8 and len(faces.people) == 8 and faces.words("labels").count("happiness") == 4
    with pytest.raises(InputError, match=r"no column 'path', 'label'.*such as columns=path:file,label:emotion"):
        fc.load_faces("csv", split=None, root=tmp_path / "mine.csv")
    with pytest.raises(InputError, match="columns is 'filepath'; expected a dictionary"):
        fc.load_faces("csv", split=None, root=tmp_path / "mine.csv", columns="filepath")


def test_a_name_may_say_domain_and_part():
    faces = fc.load_faces("synthfaces/lab:test")
    assert faces.name == fc.load_faces("synthfaces", split="test", domain="lab").name
    assert torch.equal(faces.ids, fc.load_faces("synthfaces", split="test", domain="lab").ids)


def test_a_folder_is_no_name_of_a_set(folder):
    with pytest.raises(InputError, match="is a folder; expected the name of a set: load_faces"):
        fc.load_faces(str(folder))
