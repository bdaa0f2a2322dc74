"""Downloads from a server that breaks, lies and floods."""

import hashlib
import socket
from types import SimpleNamespace

import pytest

from fercourse.cli import main
from fercourse.errors import InputError
from fercourse.faces import download, fetch
from fercourse.faces.download import get, source_of

from .archives import ARCHIVE, LEGEND, NOISE, left, tar
from .serve import Manner, serving


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(fetch, "PAUSE", .001)
    monkeypatch.setattr(fetch, "TIMEOUT", 5)


def digest(content):
    return hashlib.sha256(content).hexdigest()


# ---------------------------------------------------------------------- fetching

def test_a_file_arrives_whole_with_its_hash_beside_it(tmp_path):
    with serving(Manner(ARCHIVE)) as url:
        found = fetch.fetch(url, tmp_path / "a.tar.gz", 10**6)
    assert (tmp_path / "a.tar.gz").read_bytes() == ARCHIVE and found == digest(ARCHIVE)
    assert (tmp_path / "a.tar.gz.sha256").read_text() == f"{digest(ARCHIVE)}  a.tar.gz\n"
    assert left(tmp_path) == ["a.tar.gz", "a.tar.gz.sha256"]


@pytest.mark.parametrize("chunked", [False, True])
def test_broken_connections_are_resumed_to_identical_bytes(tmp_path, chunked):
    manner = Manner(ARCHIVE, breaks=(30_000, 20_000, 7, 0, 0), chunked=chunked)
    with serving(manner) as url:
        fetch.fetch(url, tmp_path / "a.tar.gz", 10**6)
    assert (tmp_path / "a.tar.gz").read_bytes() == ARCHIVE
    asked = [headers.get("Range") for headers in manner.asked]
    assert asked == [None, "bytes=30000-", "bytes=50000-", "bytes=50007-", "bytes=50007-", "bytes=50007-"]
    assert manner.asked[1]["If-Range"] == '"one"'


def test_any_number_of_breaks_is_survived_while_something_arrives(tmp_path):
    with serving(Manner(ARCHIVE, breaks=(5_000,) * 15)) as url:
        fetch.fetch(url, tmp_path / "a.tar.gz", 10**6)
    assert (tmp_path / "a.tar.gz").read_bytes() == ARCHIVE


def test_the_next_call_goes_on_where_the_last_one_stopped(tmp_path):
    manner = Manner(ARCHIVE, breaks=(30_000,) + (0,) * 6)
    with serving(manner) as url:
        with pytest.raises(InputError, match=r"ended after 30,000 of .*call again"):
            fetch.fetch(url, tmp_path / "a.tar.gz", 10**6)
        assert left(tmp_path) == ["a.tar.gz.part", "a.tar.gz.part.json"]
        fetch.fetch(url, tmp_path / "a.tar.gz", 10**6)
    assert (tmp_path / "a.tar.gz").read_bytes() == ARCHIVE and manner.asked[-1]["Range"] == "bytes=30000-"
    assert left(tmp_path) == ["a.tar.gz", "a.tar.gz.sha256"]


def test_a_server_that_ignores_ranges_begins_again(tmp_path):
    with serving(Manner(ARCHIVE, breaks=(60_000, 30_000), ranges=False)) as url:
        fetch.fetch(url, tmp_path / "a.tar.gz", 10**6)
    assert (tmp_path / "a.tar.gz").read_bytes() == ARCHIVE


def test_a_new_version_on_the_server_is_not_glued_to_the_old(tmp_path):
    newer = tar([("other", NOISE[::-1])])
    with serving(Manner(ARCHIVE, later=newer, breaks=(50_000,))) as url:
        fetch.fetch(url, tmp_path / "a.tar.gz", 10**6)
    assert (tmp_path / "a.tar.gz").read_bytes() == newer


def test_what_came_from_another_address_is_not_continued(tmp_path):
    (tmp_path / "a.tar.gz.part").write_bytes(NOISE)
    (tmp_path / "a.tar.gz.part.json").write_text('{"url": "http://elsewhere/", "tag": null}')
    with serving(Manner(ARCHIVE)) as url:
        fetch.fetch(url, tmp_path / "a.tar.gz", 10**6)
    assert (tmp_path / "a.tar.gz").read_bytes() == ARCHIVE


def test_a_range_that_begins_elsewhere_is_not_taken(tmp_path):
    with serving(Manner(ARCHIVE, breaks=(50_000,), shift=5)) as url, pytest.raises(
            InputError, match="sent bytes from 50005, asked for 50000"):
        fetch.fetch(url, tmp_path / "a.tar.gz", 10**6)
    assert (tmp_path / "a.tar.gz.part").read_bytes() == ARCHIVE[:50_000]


@pytest.mark.parametrize("length", [True, False])
def test_too_much_data_is_refused_and_not_kept(tmp_path, length):
    with serving(Manner(ARCHIVE, length=length)) as url, pytest.raises(InputError, match=r"larger than the 0 MB"):
        fetch.fetch(url, tmp_path / "a.tar.gz", 50_000)
    assert not {"a.tar.gz", "a.tar.gz.part"} & set(left(tmp_path))


@pytest.mark.parametrize("content, kind, sentence", [
    (b"<html><h1>Log in</h1></html>", "text/html; charset=utf-8", "a web page instead of an archive"),
    (b"\n<!DOCTYPE HTML><p>busy</p>", "application/gzip", "a web page instead of an archive"),
    (b"version https://git-lfs", "text/plain", "text/plain that begins with b'version '"),
])
def test_what_is_no_archive_is_said_plainly(tmp_path, content, kind, sentence):
    with serving(Manner(content, kind=kind)) as url, pytest.raises(InputError, match=sentence):
        fetch.fetch(url, tmp_path / "a.tar.gz", 10**6)
    assert left(tmp_path) == []


def test_a_web_page_in_the_middle_does_not_cost_what_came_before(tmp_path):
    manner = Manner(ARCHIVE, breaks=(50_000,) + (0,) * 6)
    with serving(manner) as url:
        with pytest.raises(InputError):
            fetch.fetch(url, tmp_path / "a.tar.gz", 10**6)
        manner.content, manner.kind, manner.ranges = b"<html>", "text/html", False
        with pytest.raises(InputError, match="web page"):
            fetch.fetch(url, tmp_path / "a.tar.gz", 10**6)
    assert (tmp_path / "a.tar.gz.part").read_bytes() == ARCHIVE[:50_000]


def test_a_wrong_hash_is_refused_and_not_kept(tmp_path):
    with serving(Manner(ARCHIVE)) as url, pytest.raises(InputError, match="expected is 00ff; the download was"):
        fetch.fetch(url, tmp_path / "a.tar.gz", 10**6, expected="00ff")
    assert left(tmp_path) == []


def test_a_mistyped_hash_costs_no_download(tmp_path):
    with pytest.raises(InputError, match="'00ff'; expected 64 hexadecimal digits"):
        download.get("muxspace", root=tmp_path / "there", url="http://127.0.0.1:9/a.zip", sha256="00ff")
    assert left(tmp_path) == []


def test_another_file_than_the_first_time_is_refused(tmp_path):
    (tmp_path / "a.tar.gz.sha256").write_text(f"{digest(b'first')}  a.tar.gz\n")
    with serving(Manner(ARCHIVE)) as url, pytest.raises(InputError, match=r"recorded in a\.tar\.gz\.sha256.*delete"):
        fetch.fetch(url, tmp_path / "a.tar.gz", 10**6)
    assert left(tmp_path) == ["a.tar.gz.sha256"]


@pytest.mark.parametrize("status, tries", [(404, 1), (403, 1), (503, 6), (429, 6)])
def test_status_codes(tmp_path, status, tries):
    manner = Manner(ARCHIVE, status=status)
    with serving(manner) as url, pytest.raises(InputError, match=f"the server says {status}"):
        fetch.fetch(url, tmp_path / "a.tar.gz", 10**6)
    assert len(manner.asked) == tries


@pytest.mark.parametrize("length, total", [("7", 12), ("²", None), ("9" * 5000, None), ("", None)])
def test_a_length_that_is_no_number_is_not_known(length, total):
    assert fetch._total(SimpleNamespace(headers={"Content-Length": length}), 5) == total


def test_redirects_are_followed(tmp_path):
    with serving(Manner(ARCHIVE, redirect="/moved")) as url:
        assert fetch.fetch(url, tmp_path / "a.tar.gz", 10**6) == digest(ARCHIVE)


def test_no_server(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    with pytest.raises(InputError, match=r"no connection .*check the network"):
        fetch.fetch(url, tmp_path / "a.tar.gz", 10**6)


def test_a_silent_server_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", .05)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(8)
        with pytest.raises(InputError, match="timed out"):
            fetch.fetch(f"http://127.0.0.1:{deaf.getsockname()[1]}/", tmp_path / "a.tar.gz", 10**6)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/a", "faces.tar.gz"])
def test_only_http(tmp_path, url):
    with pytest.raises(InputError, match="begins with https://"):
        fetch.fetch(url, tmp_path / "a", 10**6)


def test_a_full_disk_and_a_folder_that_cannot_be(tmp_path, monkeypatch):
    with serving(Manner(ARCHIVE)) as url:
        (tmp_path / "file").touch()
        with pytest.raises(InputError, match="cannot be written"):
            fetch.fetch(url, tmp_path / "file" / "a.tar.gz", 10**6)
        monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10}))
        with pytest.raises(InputError, match=r"cannot be written \(No space|cannot be written \(0 MB are needed"):
            fetch.fetch(url, tmp_path / "a.tar.gz", 10**6)


# ---------------------------------------------------------------------- the command

def test_the_command_shows_the_terms_then_gets_the_set(tmp_path, capsys):
    with serving(Manner(ARCHIVE, breaks=(50_000,))) as url:
        with pytest.raises(SystemExit) as end:
            main(["data", "get", "muxspace", "--root", str(tmp_path / "mux"), "--url", url])
    assert end.value.code in (0, None)
    said = capsys.readouterr().out
    assert said.index("Apache-2.0") < said.index(digest(ARCHIVE)) and str(tmp_path / "mux") in said
    assert (tmp_path / "mux/data/legend.csv").read_bytes() == LEGEND
    assert left(tmp_path) == ["mux", "mux.tar.gz", "mux.tar.gz.sha256"]


def test_the_command_ends_with_2_and_one_sentence(tmp_path, capsys):
    with serving(Manner(b"<html>", kind="text/html")) as url:
        with pytest.raises(SystemExit) as end:
            main(["data", "get", "muxspace", "--root", str(tmp_path / "mux"), "--url", url])
    assert end.value.code == 2 and capsys.readouterr().err.count("\n") == 1 and left(tmp_path) == []


def test_an_archive_of_something_else_is_refused(tmp_path):
    with serving(Manner(tar([("top/readme", b"hello")]))) as url, pytest.raises(
            InputError, match="does not hold muxspace"):
        get("muxspace", tmp_path / "mux", url)
    assert not (tmp_path / "mux").exists()


def test_a_folder_with_files_is_not_touched_nor_downloaded_for(tmp_path):
    (tmp_path / "mine").touch()
    with pytest.raises(InputError, match="already there"):
        get("muxspace", tmp_path, "http://127.0.0.1:9/")


@pytest.mark.parametrize("name", ["rafdb", "affectnet", "fer2013", "synthfaces"])
def test_other_sets_say_whom_to_ask(name, capsys):
    with pytest.raises(SystemExit) as end:
        main(["data", "get", name])
    said = capsys.readouterr().err
    assert end.value.code == 2 and "Terms: " in said and said.count("\n") == 1


def test_sources_are_encrypted_and_bounded():
    for name in download.SOURCES:
        source = source_of(name)
        assert source.url.startswith("https://") and source.most_bytes <= 10**10
