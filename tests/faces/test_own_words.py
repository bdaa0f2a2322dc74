"""Somebody's own set: classes of its own, columns under other names, and what cannot be meant."""

import os
from unicodedata import normalize

import numpy as np
import pytest
import torch
from PIL import Image

import fercourse as fc
from fercourse.errors import InputError
from fercourse.faces import catalogue
from fercourse.faces.readers.common import BadRow, decimal
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


def table(folder, header, line, count=12, name="mine.csv", **how):
    """Write a csv of `count` faces of happiness; `line(i)` is what follows the path in row i."""
    for row in range(count):
        picture(folder / f"{row}.png")
    (folder / name).write_text("\n".join([header, *(f"{row}.png{line(row)}" for row in range(count))]) + "\n", **how)
    return folder / name


def listed(*given, columns=None, **options):
    return catalogue.read("csv", table(*given, **options), columns=columns)


@pytest.mark.parametrize("header, columns", [
    ("path,label,Person,SPLIT", None), ("Path,Label,Subject,split", "Person:subject"),
    ("path,label,Subject,split,person", {"person": "Subject"}), ("path,label,person,split,Person", None)])
def test_columns_of_a_csv_count_whatever_their_case(tmp_path, header, columns):
    more = ",nobody" * (header.count(",") - 3)
    found = listed(tmp_path, header, lambda i: f",happy,p{i % 6},{('train', 'test')[i % 2]}{more}", columns=columns)
    assert found.identity_names == tuple(f"p{i}" for i in range(6)) and found.splits["test"] == 6


@pytest.mark.parametrize("columns, told", [
    ("person:subjet", r"mine\.csv, line 1: no column 'subjet', which columns says is the person \(it has path, lab"),
    ("identity:subject", "columns names 'identity', which means nothing here; expected some of path, label, person"),
    ("person:twice", "2 columns are called 'twice'; expected one")])
def test_a_column_that_cannot_be_meant_is_refused(tmp_path, columns, told):
    with pytest.raises(InputError, match=told):
        listed(tmp_path, "path,label,subject,twice,Twice,twice", lambda i: f",happy,p{i},a,b,c", columns=columns)


def test_columns_that_are_not_used_are_noted(tmp_path):
    notes = listed(tmp_path, "path,label,subject,valence", lambda i: f",happy,p{i},0.5").notes
    assert notes[0] == "columns not used: subject"
    assert notes[1] == "column not used: valence, because valence and arousal go together"


def test_a_csv_may_say_whom_its_faces_show(tmp_path):
    path = table(tmp_path, "path,label,Age,gender,skin_tone,domain",
                 lambda i: f",happy,{20 + i if i else ''}," + ("f,2,lab", "m,dark,wild")[i % 2])
    faces = fc.load_faces("csv", split=None, root=path, size=16)
    age = faces.column("age")[[faces.files.index(f"{i}.png") for i in range(12)]]
    assert age[0].isnan() and age[1:].tolist() == list(range(21, 32))
    assert faces.words("gender").count("f") == 6 and set(faces.words("skin_tone")) == {"2", "dark"}
    assert len(fc.load_faces("csv", split=None, root=path, size=16, domain="wild")) == 6
    guess = torch.ones(12, dtype=torch.int64)
    assert set(fc.evaluate.by_group(faces, guess, "gender").index) == {"f", "m"}
    assert fc.evaluate.by_group(faces, guess, "age").loc["unknown", "faces"] == 1


def test_unnamed_columns_at_the_end_are_no_harm(tmp_path):
    found = listed(tmp_path, "path,label,,", lambda i: ",happy,,")
    assert len(found) == 12 and found.notes[0].startswith("no official splits")
    assert not found.rejects


def test_columns_go_before_a_column_of_the_name_itself(tmp_path):
    found = listed(tmp_path, "path,label,emotion", lambda i: ",17,happy", columns="label:emotion")
    assert len(found) == 12 and found.notes[0] == "columns not used: label"


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_semicolons_or_tabs_may_divide_a_csv(tmp_path, delimiter):
    found = listed(tmp_path, delimiter.join(["path", "label", "person", "valence", "arousal"]),
                   lambda i: delimiter.join(["", "happy", f"a,{i}", "0,5", "-0.25"]))
    assert len(found) == 12 and found.identity_names[0] == "a,0" and not found.rejects
    assert found.valence_arousal[0].tolist() == [0.5, -0.25]


def test_a_csv_may_have_very_many_columns(tmp_path):
    many = [f"column{i}" for i in range(20_000)]                 # divided by nothing else, more than csv takes
    found = listed(tmp_path, ",".join(["path", "label", *many]), lambda i: ",happy" + "," * 20_000, count=2)
    assert len(found) == 2 and len(found.notes[0]) < 300


def test_a_csv_in_utf16_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"mine\.csv is UTF-16; expected UTF-8: save it as CSV UTF-8"):
        listed(tmp_path, "path,label", lambda i: ",happy", encoding="utf-16")


@pytest.mark.parametrize("nothing", ["NA", "N/A", "nan", "NaN", "None", "null"])
def test_words_for_nothing_are_empty_cells(tmp_path, nothing):
    head, cells = "path,label,person,valence,arousal,split,gender", f",{nothing}" * 5
    found = listed(tmp_path, head, lambda i: f",{'happy' if i else nothing}{cells}")
    assert len(found) == 12 and found.labels.tolist().count(-1) == 1
    assert found.identity is None and not found.attributes and np.isnan(found.valence_arousal).all()


def test_a_word_for_nothing_may_be_a_class(tmp_path):
    path = table(tmp_path, "path,label,person", lambda i: f",{('None', 'happy')[i % 2]},p{i}")
    for options in (dict(words={"None": "neutral"}), dict(classes="none,happy")):
        assert sorted(catalogue.read("csv", path, **options).labels) == [0] * 6 + [1] * 6


def test_an_absolute_path_through_a_link_shows_its_own_picture(tmp_path):
    for place, shade in (("disk/deep/faces", 200), ("faces", 10), ("disk/faces", 90)):
        (tmp_path / place).mkdir(parents=True)
        Image.fromarray(np.full((16, 16, 3), shade, np.uint8)).save(tmp_path / place / "0.png")
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "deep")
    (tmp_path / "disk/deep/mine.csv").write_text(f"path,label\n{tmp_path}/faces/0.png,happy\nfaces/0.png,sad\n")
    for root, told in ((tmp_path / "link", f"{tmp_path}/faces/0.png"), (tmp_path / "disk/deep", "../../faces/0.png")):
        faces = fc.load_faces("csv", split=None, root=root / "mine.csv", size=16)
        assert dict(zip(faces.files, faces.images[:, 0, 0, 0].tolist())) == {told: 10, "faces/0.png": 200}


def test_one_file_under_two_spellings_is_one_face(tmp_path):
    path = table(tmp_path, "path,label", lambda i: ",happy", count=3)
    with path.open("a") as more:
        more.write(f"x/../0.png,happy\n{tmp_path}/1.png,happy\n./2.png,sad\n")
    (tmp_path / "x").mkdir()
    found = catalogue.read("csv", path)
    assert found.files.tolist() == ["0.png", "1.png"]
    assert [reject.reason.partition(":")[0] for reject in found.rejects] == ["duplicate row"] * 2 + [
        "contradicting row"] * 2


@pytest.mark.parametrize("form", ["NFC", "NFD"])                # macOS takes letters and accents apart
@pytest.mark.parametrize("name, options", [
    ("Fröhlich", dict(words={"fröhlich": "happiness"})), ("FRÖHLICH", dict(words="Fröhlich:Happy")),
    ("fröhlich", dict(classes="Fröhlich,ernst")), ("grin", dict(classes="Fröhlich,ernst", words="GRIN:fröhlich"))])
def test_one_spelling_of_a_label_is_as_good_as_another(tmp_path, form, name, options):
    for row in range(4):
        picture(tmp_path / normalize(form, name) / f"{row}.png")
    for shape in ("NFC", "NFD"):
        given = {option: normalize(shape, text) if isinstance(text, str) else
                 {normalize(shape, own): meant for own, meant in text.items()} for option, text in options.items()}
        found = catalogue.read("folder", tmp_path, **given)
        assert len(found) == 4 and found.classes[found.labels[0]] in ("happiness", normalize(shape, "Fröhlich"))


def test_a_word_as_it_is_spelt_goes_before_another_case(tmp_path):
    for word in ("A", "a"):
        picture(tmp_path / word / f"{word}.png")
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("this disk takes A for a")
    found = catalogue.read("folder", tmp_path, words={"A": "anger", "a": "sadness"})
    assert [found.classes[label] for label in found.labels] == ["anger", "sadness"]


def test_a_name_may_say_domain_and_part():
    faces = fc.load_faces("synthfaces/lab:test")
    assert faces.name == fc.load_faces("synthfaces", split="test", domain="lab").name
    assert torch.equal(faces.ids, fc.load_faces("synthfaces", split="test", domain="lab").ids)


def test_a_folder_is_no_name_of_a_set(folder):
    with pytest.raises(InputError, match="is a folder; expected the name of a set: load_faces"):
        fc.load_faces(str(folder))


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_valence_and_arousal_need_no_column_of_labels(tmp_path, delimiter):
    found = listed(tmp_path, delimiter.join(["path", "valence", "arousal", "mood"]),
                   lambda i: delimiter.join(["", "0.5", "-0.25", "calm"]))
    assert len(found) == 12 and set(found.labels) == {-1} and found.valence_arousal[0].tolist() == [0.5, -0.25]
    assert found.notes[:2] == ("columns not used: mood", "no column of labels: only valence and arousal are known")
    with pytest.raises(InputError, match=r"no column 'label' \(it has path, valence\); .*and arousal, no label is"):
        listed(tmp_path, "path,valence", lambda i: ",0.5")


@pytest.mark.skipif(os.name == "nt", reason="there they divide folders")
def test_paths_as_windows_writes_them_are_found(tmp_path):
    picture(tmp_path / "im" / "ä 0.png")
    picture(tmp_path / "b\\c.png")
    (tmp_path / "mine.csv").write_text("path,label\nim\\ä 0.png,happy\nb\\c.png,happy\nim\\1.png,happy\n")
    found = catalogue.read("csv", tmp_path)
    assert found.files.tolist() == ["b\\c.png", "im/ä 0.png"] and found.rejects[0].reason == "missing image: im/1.png"


def test_a_quote_that_is_never_closed_is_told_with_the_line_that_it_stands_in(tmp_path):
    for row in range(4):
        picture(tmp_path / f"{row}.png")
    (tmp_path / "mine.csv").write_text('path,label\n0.png,"happy"\n1.png,"sad\n2.png,happy\n3.png,happy\n')
    found = catalogue.read("csv", tmp_path)
    assert len(found) == 1 and found.rejects[0].line == 3
    (tmp_path / "mine.csv").write_text('path,label\n0.png,happy\n"1.png,sad\n2.png,happy\n')
    reject, = catalogue.read("csv", tmp_path).rejects
    assert reject.line == 3 and reject.reason.endswith("; a quote keeps all to line 4 together: is it closed?")


@pytest.mark.parametrize(("text", "number"), [("0,500", 0.5), ("12,5", 12.5), ("1234,5", 1234.5), ("-0,25", -0.25)])
def test_a_comma_is_a_decimal_point(text, number):
    assert decimal(text, "age") == number


@pytest.mark.parametrize("text", ["12,500", "1,234", "-1,234,567", "nan", "inf", "", "1,2,3"])
def test_what_may_be_thousands_is_no_number(text):
    with pytest.raises(BadRow, match="not a number: age is"):
        decimal(text, "age")
