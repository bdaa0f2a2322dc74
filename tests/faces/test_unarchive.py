"""Archives that want to write elsewhere, or more than they say."""

import gzip
import io
import os
import stat
import tarfile
import zipfile

import pytest

from fercourse.errors import InputError
from fercourse.faces.unarchive import LONGEST_HEADER, PIECE, Bounded, Hostile, unpack

from .archives import ARCHIVE, MUXSPACE, NOISE, left, negative, sealed, tar, zipped


def link(name, kind, target="/etc/passwd"):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zip_link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def holes():
    """Return a tar of a file whose list of holes goes on and on."""
    content = bytearray(tar([(link("a", tarfile.GNUTYPE_SPARSE), None)], "w"))[:512]
    content[482] = 1
    return sealed(content) + b"1" * 50_000


def told(**headers):
    """Return a tar of a file about which a PAX header tells more."""
    info = tarfile.TarInfo("a")
    info.pax_headers = {f"GNU.sparse.{name}": value for name, value in headers.items()}
    return tar([(info, b"9999999\n" * 1000)])


def scrambled():
    """Return a zip of LZMA whose first packed byte is none."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", NOISE[:1000])
    content = bytearray(stream.getvalue())
    content[40] = 255                                                       # after the header and LZMA's own
    return bytes(content)


HOSTILE = {
    "dots": (tar([("good", b"1"), ("../evil", b"2")]), "outside"),
    "dots within": (tar([("a/../../evil", b"2")]), "outside"),
    "absolute": (tar([("/evil", b"2")]), "outside"),
    "backslash": (tar([("..\\evil", b"2")]), "outside"),
    "drive": (tar([("C:evil", b"2")]), "outside"),
    "device of Windows": (tar([("a/con.txt", b"2")]), "Windows cannot hold"),
    "blank at the end": (zipped([("a/b. ", b"2")]), "Windows cannot hold"),
    "symlink": (tar([(link("a", tarfile.SYMTYPE), None), ("a/evil", b"2")]), "link or a device"),
    "inner symlink": (tar([("b", b"1"), (link("a", tarfile.SYMTYPE, "b"), None)]), "link or a device"),
    "hardlink": (tar([(link("a", tarfile.LNKTYPE), None)]), "link or a device"),
    "character device": (tar([(link("a", tarfile.CHRTYPE), None)]), "link or a device"),
    "block device": (tar([(link("a", tarfile.BLKTYPE), None)]), "link or a device"),
    "fifo": (tar([(link("a", tarfile.FIFOTYPE), None)]), "link or a device"),
    "twice": (tar([("a", b"1"), ("a", b"2")]), "twice"),
    "too large": (tar([("a", bytes(60_000)), ("b", bytes(60_000))]), "larger than expected"),
    "too many": (tar([(f"{i}", b"") for i in range(60)]), "more than 50 members"),
    "too many folders": (tar([(link("a", tarfile.DIRTYPE), None)] * 60), "more than 50 members"),
    "endless header": (tar([(link("n" * 5_000_000, tarfile.REGTYPE), None)]), "fill the memory"),
    "negative size": (negative(), "has the size -512"),
    "endless holes": (holes(), "with holes"),
    "holes of PAX 0.0": (told(size="9"), "with holes"),
    "holes of PAX 0.1": (told(map="x"), "with holes"),
    "holes of PAX 1.0": (told(major="1", minor="0"), "with holes"),
    "size that is none": (told(realsize="x"), "damaged"),
    "scrambled LZMA": (scrambled(), "damaged"),
    "zip dots": (zipped([("../evil", b"2")]), "outside"),
    "zip absolute": (zipped([("/evil", b"2")]), "outside"),
    "zip symlink": (zipped([(zip_link("a"), b"/etc/passwd")]), "link or a device"),
    "zip bomb": (zipped([("a", bytes(50_000_000))]), "larger than expected"),
    "gzip bomb": (gzip.compress(bytes(50_000_000)), "larger than expected"),
    "no tar": (gzip.compress(NOISE), "damaged"),
    "truncated": (ARCHIVE[:-20_000], "damaged"),
    "truncated zip": (zipped(MUXSPACE)[:-20_000], "damaged"),
    "flipped": (ARCHIVE[:40_000] + b"????" + ARCHIVE[40_004:], "damaged"),
    "empty": (b"", "damaged"),
    "no members": (tar([]), "holds no files"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_write_nothing(tmp_path, name):
    content, sentence = HOSTILE[name]
    (tmp_path / "a.tar.gz").write_bytes(content)
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match=sentence) as error:
        unpack(tmp_path / "a.tar.gz", tmp_path / "in" / "faces", 110_000, 50)
    assert "\n" not in str(error.value)
    assert left(tmp_path) == ["a.tar.gz", "in"] and left(tmp_path / "in") == []


def test_small_reads_without_end_are_stopped():
    data = Bounded(io.BytesIO(bytes(2 * LONGEST_HEADER)), 0)
    with pytest.raises(Hostile, match="larger than expected"):
        while data.read(PIECE):
            pass


def test_a_zip_that_lies_about_its_size_is_stopped_while_writing(tmp_path):
    content = bytearray(zipped([("a", bytes(1_000_000))]))
    for at in (22, content.rindex(b"PK\x01\x02") + 24):                     # both headers promise 10 bytes
        content[at:at + 4] = (10).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(InputError, match=r"damaged|larger"):
        unpack(tmp_path / "a.zip", tmp_path / "faces", 110_000, 50)
    assert left(tmp_path) == ["a.zip"]


@pytest.mark.parametrize("content", [ARCHIVE, tar(MUXSPACE, "w"), zipped(MUXSPACE)], ids=["tar.gz", "tar", "zip"])
def test_honest_archives_are_told_by_their_content_not_their_name(tmp_path, content):
    (tmp_path / "a.bin").write_bytes(content)
    (tmp_path / "faces").mkdir()                                            # an empty folder is no obstacle
    unpack(tmp_path / "a.bin", tmp_path / "faces", 10**6, 50)
    assert left(tmp_path / "faces") == ["LICENSE", "data", "images"]
    assert (tmp_path / "faces/images/a_0001.jpg").read_bytes() == NOISE
    assert left(tmp_path) == ["a.bin", "faces"]


def test_modes_and_owners_of_the_archive_are_not_taken_over(tmp_path):
    info = tarfile.TarInfo("top/run")
    info.mode, info.uid = 0o4777, 4321
    (tmp_path / "a").write_bytes(tar([(info, b"x"), ("top/b", b"")]))
    unpack(tmp_path / "a", tmp_path / "faces", 100, 50)
    facts = (tmp_path / "faces/run").stat()
    assert not facts.st_mode & 0o7111 and facts.st_uid == os.getuid()


def test_what_is_already_there_is_left_alone(tmp_path):
    (tmp_path / "a").write_bytes(ARCHIVE)
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "mine").touch()
    with pytest.raises(InputError, match="already there"):
        unpack(tmp_path / "a", tmp_path / "faces", 10**6, 50)
    assert left(tmp_path / "faces") == ["mine"]


def test_a_full_disk_while_unpacking_leaves_nothing(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(ARCHIVE)
    def full(*arguments):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr("fercourse.faces.unarchive._copy", full)
    with pytest.raises(InputError, match=r"No space left on device.*nothing was kept"):
        unpack(tmp_path / "a", tmp_path / "faces", 10**6, 50)
    assert left(tmp_path) == ["a"]
