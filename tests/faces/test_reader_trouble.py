"""What is damaged, hostile or odd in a set's files: an archive is named, and one row or file costs itself alone."""

import gzip
import os
import tarfile
import tracemalloc
import zipfile

import numpy as np
import pytest

from fercourse.errors import InputError
from fercourse.faces.decode import Crop
from fercourse.faces.pack import memory_pack
from fercourse.faces.readers import tables
from fercourse.faces.readers.duplicates import near_duplicates
from fercourse.faces.readers.tables import open_table

from . import miniatures
from .archives import negative, zipped
from .miniatures import put, write
from .test_reader_details import read


@pytest.mark.parametrize("damage", ["cut", "noise"])
@pytest.mark.parametrize("make, name", [(miniatures.fer2013_tar, "fer2013.tar.gz"),
                                        (miniatures.fer2013_zip, "fer2013.zip")])
def test_a_damaged_archive_is_named(make, name, damage, tmp_path):
    make(tmp_path)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[:len(data) // 2] if damage == "cut" else b"<html>" + data[6:3000])
    with pytest.raises(InputError, match=r"fer2013\.\w+.*(damaged|none of)"):
        read("fer2013", tmp_path)


def test_an_archive_of_something_else(tmp_path):
    with gzip.open(tmp_path / "fer2013.tar.gz", "wb") as out:
        out.write(b"not a tar" * 100)
    with pytest.raises(InputError, match="damaged"):
        read("fer2013", tmp_path)


def changed(at, byte):
    """Return a zip of a table with one byte of both its headers changed; `at` counts from that of the directory."""
    content = bytearray(zipped([("fer2013.csv", b"emotion,pixels,Usage\n")]))
    content[at - 2] = content[content.rindex(b"PK\x01\x02") + at] = byte
    return bytes(content)


@pytest.mark.parametrize("content, reason", [
    (gzip.compress(negative()), "has the size -512"), (changed(8, 1), "encrypted"), (changed(10, 9), "compression")],
    ids=["negative size", "locked", "Deflate64"])
def test_archives_that_cannot_be_read_are_told(tmp_path, content, reason):
    (tmp_path / "fer2013.tar.gz").write_bytes(content)
    with pytest.raises(InputError, match=rf"fer2013\.tar\.gz is damaged or of an unknown kind \(.*{reason}"):
        read("fer2013", tmp_path)


def test_many_blanks_do_not_fill_the_memory():
    tracemalloc.start()
    group = near_duplicates(np.zeros((8000, 8, 8), np.uint8))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not group.any() and peak < 350e6                      # all pairs: more than 1 GB


@pytest.mark.parametrize("vote", ["²", "1" * 5000, "11", "-1"])
def test_a_vote_that_is_none_costs_its_row_alone(tmp_path, vote):
    miniatures.ferplus(tmp_path)
    path = tmp_path / "fer2013/fer2013new.csv"
    before, lines = read("ferplus", tmp_path), path.read_text().splitlines()
    write(tmp_path, "fer2013/fer2013new.csv", [lines[0], lines[1].rpartition(",")[0] + f",{vote}", *lines[2:]])
    listing = read("ferplus", tmp_path)
    assert len(listing) == len(before) - 1 and listing.rejects[-1].reason.startswith("vote out of range: NF")


def test_a_name_that_is_no_text_costs_its_file_alone(tmp_path):
    for i in range(4):
        put(tmp_path, f"happy/{i}.jpg")
    try:
        put(tmp_path, "happy/" + os.fsdecode(b"\xe9.jpg"))
    except (OSError, UnicodeError):
        pytest.skip("this system has no such names")
    listing = read("folder", tmp_path)
    reject, = listing.rejects
    assert len(listing) == 4 and reject.file == r"happy/\udce9.jpg" and "not UTF-8: rename" in reject.reason
    assert len(memory_pack(listing, Crop(8))) == 4


def test_somebody_elses_archive_beside_the_right_one_is_left_alone(tmp_path):
    """It may hold a link, or be damaged; its fault is told only where nothing else has the table."""
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as pack:
        link = tarfile.TarInfo("npm")
        link.type, link.linkname = tarfile.SYMTYPE, "elsewhere"
        pack.addfile(link)
    (tmp_path / "b.zip").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"a\.tar\.gz is damaged or of an unknown kind \(.*link"):
        open_table(tmp_path, ["fer2013.csv"]).__enter__()
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as pack:
        pack.writestr("fer2013.csv", "emotion")
    with open_table(tmp_path, ["fer2013.csv"]) as (text, place):
        assert text.read() == "emotion" and place == tmp_path / "c.zip" / "fer2013.csv"


def test_of_several_tables_in_a_zip_the_first_name_counts_and_too_much_is_refused(tmp_path, monkeypatch):
    names = "fer2013.csv", "icml_face_data.csv", "train.csv"
    (tmp_path / "a.zip").write_bytes(zipped((f"{name[0]}/{name}", name.encode()) for name in reversed(names)))
    with open_table(tmp_path, names) as (text, place):
        assert text.read() == place.name == "fer2013.csv"
    monkeypatch.setattr(tables, "MOST_BYTES", 30)
    with pytest.raises(InputError, match=r"a\.zip is damaged or of an unknown kind \(its files are larger"):
        open_table(tmp_path, names).__enter__()


def test_a_path_too_long_for_the_system_costs_its_row_alone(tmp_path):
    put(tmp_path, "0.png")
    write(tmp_path, "faces.csv", ["path,label", "0.png,happy", f"{'a' * 300}.png,sad"])
    listing = read("csv", tmp_path)
    assert len(listing) == 1 and listing.rejects[0].line == 3 and "missing image: aaa" in listing.rejects[0].reason


@pytest.mark.parametrize("text", ["[" * 100_000, '{"frames": {}, "actor": ["a"]}'])
def test_afewva_json_of_another_shape_costs_its_clip_alone(tmp_path, text):
    miniatures.afewva(tmp_path)
    (tmp_path / "01/002/002.json").write_text(text)
    listing = read("afewva", tmp_path)
    assert len(listing) == 27 and [r.reason.split(":")[0] for r in listing.rejects] == ["unreadable annotation"]


def test_links_are_followed_once_and_links_to_nothing_are_missing(tmp_path):
    for i in range(3):
        put(tmp_path, f"real/happy/{i}.png")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/happy").symlink_to(tmp_path / "real/happy")
    (tmp_path / "real/happy/loop").symlink_to(tmp_path / "real")
    (tmp_path / "real/happy/9.png").symlink_to(tmp_path / "nothing.png")
    assert read("folder", tmp_path / "set").files.tolist() == [f"happy/{i}.png" for i in range(3)]
