"""The catalogue: names, places, options, and adding a set."""

import numpy as np
import pytest

from fercourse.errors import InputError
from fercourse.faces import SEVEN, Listing, catalogue

from . import miniatures


@pytest.mark.parametrize("spelling, name", [("FER-2013", "fer2013"), ("fer+", "ferplus"), ("RAF_DB", "rafdb")])
def test_names_in_many_spellings(spelling, name):
    assert catalogue.get(spelling).name == name


def test_an_unknown_name_gets_the_closest():
    with pytest.raises(InputError, match="did you mean 'affectnet'"):
        catalogue.get("afectnet")
    with pytest.raises(InputError, match="'zzz' is unknown; expected one of synthfaces"):
        catalogue.get("zzz")


def test_every_set_is_described():
    for name in catalogue.names():
        info = catalogue.get(name)
        assert info.terms.endswith(".") and info.get and info.layout and info.title
        assert set(info.classes) <= {*SEVEN, "contempt"}
        for part in info.counts.values():
            assert set(part) <= set(info.classes)


@pytest.mark.parametrize("name, part, total", [
    ("rafdb", "train+val", 12271), ("rafdb", "test", 3068), ("fer2013", "train+val", 28709),
    ("fer2013", "PublicTest", 3589), ("fer2013", "PrivateTest", 3589), ("ferplus", "train+val", 25060),
    ("ferplus", "PublicTest", 3199), ("ferplus", "PrivateTest", 3153), ("affectnet", "train", 287651),
    ("jaffe", "all", 213), ("sfew", "train", 958), ("sfew", "val", 436), ("expw", "all", 91793),
    ("kdef", "all", 4900), ("ck48", "all", 981), ("muxspace", "all", 13690)])
def test_published_counts_have_the_published_sums(name, part, total):
    assert sum(catalogue.get(name).counts[part].values()) == total


def test_a_set_is_found_in_its_folder_its_parent_and_the_data_folder(tmp_path, monkeypatch):
    miniatures.rafdb(tmp_path / "sets/RAF-DB/basic")
    for root in ("sets/RAF-DB/basic", "sets/RAF-DB", "sets"):
        assert catalogue.find("rafdb", tmp_path / root) == tmp_path / "sets/RAF-DB/basic"
    monkeypatch.setenv("FERCOURSE_DATA", str(tmp_path / "sets"))
    assert catalogue.get("rafdb").place == tmp_path / "sets/rafdb" and catalogue.found("rafdb") is None
    (tmp_path / "sets/RAF-DB").rename(tmp_path / "sets/rafdb")
    assert len(catalogue.read("rafdb")) == 84
    monkeypatch.delenv("FERCOURSE_DATA")
    monkeypatch.chdir(tmp_path)
    assert str(catalogue.get("rafdb").place) == "data/rafdb"


@pytest.mark.parametrize("miniature", [pytest.param(m, id=m.make.__name__) for m in miniatures.MINIATURES
                                       if not catalogue.get(m.name).any_root])
def test_ids_and_splits_do_not_depend_on_which_folder_is_named(miniature, tmp_path):
    miniature.make(tmp_path / "sets")
    place = catalogue.find(miniature.name, tmp_path / "sets")
    one, other = (catalogue.read(miniature.name, root) for root in (place.parent, place))
    assert np.array_equal(one.ids, other.ids) and np.array_equal(one.split, other.split)


def test_errors_say_where_what_and_how(tmp_path):
    miniatures.jaffe(tmp_path)
    with pytest.raises(InputError, match=r"does not look like RAF-DB \(basic\) \(it holds .*tiff.*list_patition"):
        catalogue.find("rafdb", tmp_path)
    with pytest.raises(InputError, match="--root"):
        catalogue.find("folder")
    with pytest.raises(InputError, match="no option 'clases'; expected one of classes, landmarks"):
        catalogue.read("affectnet", tmp_path, clases=7)


def test_a_set_of_ones_own_takes_ten_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "_SETS", dict(catalogue._SETS))

    def read(root, shade=128):
        pixels = np.full((2, 8, 8), shade, dtype=np.uint8)
        return Listing("mine", SEVEN, labels=np.array([0, 1]), split=np.array(["train", "val"]),
                       ids=np.arange(2), root=str(root), pixels=pixels)

    catalogue.add(catalogue.SetInfo(name="mine", title="Mine", classes=SEVEN, image="8x8", terms="ours.",
                                    get="here", layout="mine/faces.bin", markers=("faces.bin",), reader=read))
    (tmp_path / "faces.bin").touch()
    assert catalogue.read("mine", tmp_path, shade=7).pixels.max() == 7


def test_the_example_of_the_docstring_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "_SETS", dict(catalogue._SETS))
    exec("\n".join(line[4:] for line in catalogue.__doc__.splitlines() if line.startswith("    ")), {})
    for number in range(8):
        miniatures.put(tmp_path, f"mine/pictures/{number}.jpg")
    lines = [f"pictures/{number}.jpg,{('happy', 'bored')[number == 7]},s{number % 4}" for number in range(8)]
    miniatures.write(tmp_path, "mine/faces.csv", ["file,emotion,subject", *lines])
    listing = catalogue.read("mine", tmp_path)
    assert len(listing) == 7 and listing.identity_names == ("s0", "s1", "s2", "s3")
    assert listing.rejects[0].line == 9 and set(listing.splits) == {"train", "val", "test"}
