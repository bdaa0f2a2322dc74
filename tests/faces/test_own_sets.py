"""Folders and csvs of one's own: what is a face, whose it is, and what is said of the rest."""

import re

import numpy as np
import pytest
from PIL import Image

from fercourse.errors import InputError
from fercourse.faces import catalogue
from fercourse.faces.decode import Crop
from fercourse.faces.pack import memory_pack

from . import miniatures
from .miniatures import put, write


def test_folder_words_people_and_flat_layout(tmp_path):
    for word in ("1", "happy"):
        for i in range(20):
            put(tmp_path, f"{word}/p{i % 5}_{i}.jpg")
    listing = catalogue.read("folder", tmp_path, words={"1": "surprise"}, person=r"(p\d)_")
    assert {w: n for w, n in listing.counts().items() if n} == {"happiness": 20, "surprise": 20}
    assert len(listing.identity_names) == 5 and set(listing.splits) == {"train", "val", "test"}
    assert len(catalogue.read("folder", tmp_path).rejects) == 20
    for words in ("1:surprise", {1: "surprise"}):
        assert not catalogue.read("folder", tmp_path, words=words).rejects
    assert "--option words=1:neutral" in catalogue.read("folder", tmp_path).rejects[0].reason


@pytest.mark.parametrize("person", [r"(S\d+)_", r"(S\d+)?"])
def test_an_expression_that_finds_nobody_is_refused_with_a_name(tmp_path, person):
    for i in range(3):
        put(tmp_path, f"happy/p{i}_1.jpg")
    with pytest.raises(InputError, match=r"which finds nobody in 3 files, such as happy/p0_1\.jpg; expected a regular"):
        catalogue.read("folder", tmp_path, person=person)


def test_files_without_a_person_are_noted_and_the_notes_say_what_splits_are_disjoint_by(tmp_path):
    for name in ("p1_1", "p1_2", "p2_1", "x3", "x4"):
        put(tmp_path, f"happy/{name}.jpg")
    notes = catalogue.read("folder", tmp_path, person=r"(p\d)_").notes
    assert notes[0] == "2 of 5 files: person not found, such as happy/x3.jpg"
    assert "no official splits: test is a fixed fifth, disjoint by person, else by file" in notes
    assert "no official splits: test is a fixed fifth, disjoint by file" in catalogue.read("folder", tmp_path).notes
    miniatures.afewva(tmp_path / "clips")
    assert "disjoint by clip" in catalogue.read("afewva", tmp_path / "clips").notes[-1]


def test_a_folder_reads_old_kinds_of_pictures_and_notes_those_that_it_cannot(tmp_path):
    for name in ("d.heic", "e.HEIC", "f.avif", "g", "Thumbs.db", "list.txt", "h.csv", "i.json", "README"):
        write(tmp_path, f"happy/{name}", ["what it may be"])
    for name in ("a.GIF", "b.jfif", "c.pgm"):
        Image.fromarray(np.full((9, 9), 99, np.uint8)).save(tmp_path / "happy" / name, {"b.jfif": "JPEG"}.get(name))
    listing = catalogue.read("folder", tmp_path)
    assert listing.files.tolist() == ["happy/a.GIF", "happy/b.jfif", "happy/c.pgm"] and not listing.rejects
    assert listing.notes[0].startswith("4 files are no picture that is read here (.heic 2, ")
    pack = memory_pack(listing, Crop(8))
    assert len(pack) == 3 and not pack.listing.rejects and abs(int(pack.images.max()) - 99) < 3


def test_hidden_copies_are_no_faces(tmp_path):
    for place in ("happy", "happy/.thumbnails", "happy/@eaDir/a.jpg", "__MACOSX/happy", ".Trash-1000/happy"):
        put(tmp_path, f"{place}/a.jpg")
    for name in ("._a.jpg", ".hidden.jpg", "@mia.jpg"):
        put(tmp_path, f"happy/{name}")
    assert catalogue.read("folder", tmp_path).files.tolist() == ["happy/@mia.jpg", "happy/a.jpg"]


@pytest.mark.parametrize("place, told", [
    ("", "no class folder: it lies directly in {root}; expected {root}/class/picture"),
    ("train/", "no class folder: it lies directly in {root}/train; expected {root}/train/class/picture"),
    ("bored/", "unknown label: 'bored'; .* --option words=bored:neutral; classes of your own are classes=closed,open")])
def test_a_picture_without_a_class_is_told_where_it_should_lie(tmp_path, place, told):
    for file in ("happy/a.jpg", f"{place}b.jpg"):
        put(tmp_path, file)
    reject, = catalogue.read("folder", tmp_path).rejects
    assert re.match(told.format(root=re.escape(str(tmp_path))), reject.reason)


def test_a_folder_above_that_of_the_classes_is_named(tmp_path):
    for file in ("happy/a.jpg", "train/sad/b.jpg"):
        put(tmp_path, f"archive/{file}")
    with pytest.raises(InputError, match=r"holds archive alone, which is no class, .*: give --root .*/archive"):
        catalogue.read("folder", tmp_path)
    assert len(catalogue.read("folder", tmp_path / "archive")) == 2
    for root, file in (("one", "bored/a.jpg"), ("two", "train/bored/a.jpg")):
        put(tmp_path / root, file)
        with pytest.raises(InputError, match=r"has no usable face of folder: 1 rows rejected, the first: .*'bored'"):
            catalogue.read("folder", tmp_path / root)
    put(tmp_path / "one", "sleepy/deep/a.jpg")
    with pytest.raises(InputError, match="2 rows rejected"):
        catalogue.read("folder", tmp_path / "one")


def test_a_folder_of_pictures_that_are_not_read_says_so(tmp_path):
    write(tmp_path, "happy/a.heic", ["apple"])
    with pytest.raises(InputError, match=r"face of folder: 1 files are no picture that is read here \(\.heic 1"):
        catalogue.read("folder", tmp_path)


def test_a_csv_translates_labels_and_keeps_people_apart_whatever_its_encoding(tmp_path):
    lines = ["path,label,person", *(f"{i}.jpg,grin,{('Jürgen', 'Jörgen')[i % 2]}" for i in range(4))]
    for i in range(4):
        put(tmp_path, f"{i}.jpg")
    for encoding in ("utf-8", "latin-1"):
        (tmp_path / "faces.csv").write_text("\n".join(lines), encoding=encoding)
        listing = catalogue.read("csv", tmp_path, words="grin:happiness")
        assert listing.identity_names == ("Jörgen", "Jürgen") and listing.counts()["happiness"] == 4
    with pytest.raises(InputError, match=r"--option words=grin:neutral"):
        catalogue.read("csv", tmp_path)


@pytest.mark.parametrize("options, sentence", [
    ({"person": "("}, r"person is '\(', which finds nobody"), ({"person": 5}, "person is 5, which finds nobody"),
    ({"person": "p1"}, r"person is 'p1', which finds nobody \(it has no group\)"),
    ({"words": "1"}, "words is '1'; expected a dictionary"), ({"words": 5}, "words is 5; expected a dictionary"),
    ({"words": "a:b:c,d"}, "words is 'a:b:c,d'; expected a dictionary"),
    ({"words": {"1": "bored"}}, r"words says 'bored' of '1'; .* For classes of your own say which they are"),
])
def test_folder_options_that_make_no_sense(tmp_path, options, sentence):
    put(tmp_path, "happy/p1.jpg")
    with pytest.raises(InputError, match=sentence):
        catalogue.read("folder", tmp_path, **options)


def test_a_csv_is_no_folder(tmp_path):
    write(tmp_path, "mine.csv", ["path,label"])
    with pytest.raises(InputError, match=r"mine\.csv is not a folder; .* is called \"csv\""):
        catalogue.read("folder", tmp_path / "mine.csv")


def test_csv_with_splits_and_without_labels(tmp_path):
    for i in range(4):
        put(tmp_path, f"{i}.png")
    write(tmp_path, "mine.csv", ["label,path,split,valence,arousal", "happy,0.png,train,,", ",1.png,val,0.5,1",
                                 "sad,2.png,test,-2,-2", "sad,3.png,rest,0,0"])
    listing = catalogue.read("csv", tmp_path / "mine.csv")
    assert listing.split.tolist() == ["train", "val", "test"] and listing.labels.tolist() == [1, -1, 2]
    assert np.isnan(listing.valence_arousal).any(1).tolist() == [True, False, True]
    assert listing.rejects[0].line == 5 and "unknown split" in listing.rejects[0].reason
    write(tmp_path, "other.csv", ["path,label"])
    with pytest.raises(InputError, match="2 csv files"):
        catalogue.read("csv", tmp_path)


def test_parts_may_be_spelt_as_usual_in_a_csv_and_in_a_folder(tmp_path):
    words = {"Train": "train", "TRAINING": "train", "test ": "test", "dev": "val", "Validation": "val"}
    for i, word in enumerate(words):
        put(tmp_path, f"{word.strip()}/happy/{i}.png")
    write(tmp_path, "mine.csv", ["path,label,split", *(f"{w.strip()}/happy/{i}.png,happy,{w}"
                                                       for i, w in enumerate(words))])
    for found in (catalogue.read("csv", tmp_path), catalogue.read("folder", tmp_path)):
        parts = {file.partition("/")[0]: part for file, part in zip(found.files, found.split)}
        assert parts == {word.strip(): part for word, part in words.items()} and not found.rejects
