"""`check`: every difference to the published set becomes a surprise."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fercourse.faces import catalogue
from fercourse.faces.check import check
from fercourse.faces.load import load_faces

from . import miniatures
from .miniatures import write


@pytest.fixture
def published(monkeypatch):
    """Let other counts be the published ones."""
    def publish(name, counts):
        monkeypatch.setitem(catalogue._SETS, name, replace(catalogue.get(name), counts=counts))
    return publish


def unlike(root, ending=".jpg"):
    """Give every image file below root a picture of its own; return the files."""
    files = sorted(root.rglob(f"*{ending}"))
    for seed, file in enumerate(files):
        file.write_bytes(miniatures.encoded(ending, seed))
    return files


def test_a_set_as_published_holds_no_surprise(published, tmp_path):
    miniatures.rafdb(tmp_path)
    unlike(tmp_path)
    published("rafdb", {"train+val": dict.fromkeys(miniatures.RAF, 10), "test": dict.fromkeys(miniatures.RAF, 2)})
    report = check("rafdb", tmp_path)
    assert report.surprises == () and report.counts == {
        part: dict.fromkeys(miniatures.SEVEN, n) for part, n in (("train+val", 10), ("test", 2))}
    assert json.loads(json.dumps(report.as_dict()))["splits"] == {"train": 63, "val": 7, "test": 14}


def test_lost_images_changed_labels_and_absent_parts_are_named(published, tmp_path):
    miniatures.rafdb(tmp_path)
    published("rafdb", {"train+val": dict.fromkeys(miniatures.RAF, 10), "test": dict.fromkeys(miniatures.RAF, 2),
                        "holdout": {"fear": 5}})
    lines = (tmp_path / miniatures.LIST).read_text().splitlines()
    lines[0] = "train_00000.jpg 2"                               # was surprise, now fear
    write(tmp_path, miniatures.LIST, lines)
    (tmp_path / "Image/aligned/train_00002_aligned.jpg").unlink()                      # a disgust
    (tmp_path / "Image/aligned/stranger.jpg").write_bytes(b"x")
    report = check("rafdb", tmp_path, False)
    assert set(report.surprises) == {
        "train+val: 9 faces of surprise, published 10 (-1)", "train+val: 11 faces of fear, published 10 (+1)",
        "train+val: 9 faces of disgust, published 10 (-1)", "holdout is absent (published: 5 faces)",
        f"1 rejected for missing image; the first: {miniatures.LIST}, line 3: "
        "missing image: Image/aligned/train_00002_aligned.jpg"}
    assert any("1 images are in no annotation" in note for note in report.notes)


def test_classes_and_parts_nobody_published(published, tmp_path):
    miniatures.sfew(tmp_path)
    miniatures.put(tmp_path, "Test/a.png")
    published("sfew", {"train": {"fear": 3}, "val": dict.fromkeys(miniatures.SEVEN, 2)})
    surprises = check("sfew", tmp_path).surprises
    assert "train: 3 faces of anger, which was not published" in surprises
    assert "test: 1 faces in a part without published counts" in surprises


def test_pixels_tell_of_blanks_copies_and_leaks(tmp_path):
    lines = miniatures.fer_lines()
    blank = " ".join(["7"] * 2304)
    extra = [f"1,{blank},Training",
             lines[1].replace("0,", "3,", 1),                    # the same training face under another label
             lines[2].replace("Training", "PublicTest")]
    write(tmp_path, "fer2013.csv", [*lines, *extra])
    surprises = check("fer2013", tmp_path).surprises
    assert "1 blank images, rows 91" in surprises
    assert ("4 images are exact copies of each other, 2 of them under different labels, 2 in several official parts"
            in surprises)
    assert "2 images look like one in another official part (near-duplicates)" in surprises


def test_every_image_file_is_opened(published, tmp_path):
    miniatures.rafdb(tmp_path)
    published("rafdb", {"train+val": dict.fromkeys(miniatures.RAF, 10), "test": dict.fromkeys(miniatures.RAF, 2)})
    test, *_, cut, blank, original = unlike(tmp_path)
    test.write_bytes(original.read_bytes())
    cut.write_bytes(cut.read_bytes()[:200])
    Image.new("RGB", (24, 24), (250, 10, 10)).save(blank)
    report = check("rafdb", tmp_path)
    of = {"cut": str(cut.relative_to(tmp_path)), "blank": str(blank.relative_to(tmp_path))}
    broken, empty, twice = report.surprises
    assert broken.startswith("1 rejected for ") and f"the first: {of['cut']}: " in broken
    assert empty == f"1 blank images, {of['blank']}"
    assert twice.startswith("2 images are exact copies") and twice.endswith("2 in several official parts")
    assert [reject.file for reject in report.rejects] == [of["cut"]]
    assert check("rafdb", tmp_path, False).surprises == ()


def test_a_set_without_published_counts_is_counted_by_split(tmp_path):
    miniatures.folder(tmp_path)
    report = check("folder", tmp_path)
    assert report.published == {} and set(report.counts) == {"train", "val", "test"}
    assert np.sum([list(part.values()) for part in report.counts.values()]) == 40


def test_people_in_several_parts_are_a_surprise_and_a_note_of_the_faces(tmp_path):
    for i in range(8):
        miniatures.put(tmp_path, f"{i}.jpg")
    told = "1 of 3 people are in more than one part, such as p1; a network may know them again"
    for parts, people in (("train,test,test,train", "p0,p1,p2,p1"), ("train,test,test,train", "p0,p1,p1,")):
        rows = [f"{i}.jpg,happy,{person},{part}" for i, (person, part) in
                enumerate(zip(people.split(","), parts.split(",")))]
        write(tmp_path, "mine.csv", ["path,label,person,split", *rows])
        report, faces = check("csv", tmp_path, False), load_faces("csv", "test", tmp_path, size=16)
        crossed = [told in "".join(texts) for texts in (report.surprises, faces.notes)]
        assert crossed == [people.endswith("p1")] * 2 and told not in "".join(report.notes)
