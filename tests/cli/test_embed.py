"""`fercourse embed` on a run trained here for a moment."""

import json
from importlib import import_module
from types import SimpleNamespace

import pytest
import torch

from fercourse import embed as embedding
from fercourse import methods, train
from fercourse.faces import load

from ..drawn import drawn_faces
from ..line import call


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "short"
    faces = drawn_faces(32, 32, classes=("neutral", "happiness", "fear"))
    train.fit(methods.create("baseline", faces), faces, epochs=1, batch_size=16, out=folder, device="cpu",
              quiet=True)
    return folder


@pytest.fixture
def faces(monkeypatch):
    """Let every name mean the same drawn faces; returns what was asked for."""
    asked = []
    monkeypatch.setattr(load, "load_faces", lambda *given: (asked.append(given), drawn_faces(60, 32))[1])
    return asked


def embed(run, out, *more):
    return call("embed", run, "--data", "synthfaces/wild", "--out", out, *more)


def test_a_picture_is_written_and_described(run, faces, tmp_path, capsys):
    assert embed(run, tmp_path / "a.png", "--projection", "pca", "--most", "24", "--faces") == 0
    assert faces == [("synthfaces", "test", None, "wild", 32)]
    assert (tmp_path / "a.png").stat().st_size > 10_000
    assert "a.png: Embedding of 24 faces" in capsys.readouterr().out


def test_a_page_holds_predictions_by_name_and_neighbours(run, faces, tmp_path, capsys):
    assert embed(run, tmp_path / "a.html", "--projection", "pca") == 0
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    data = json.loads(page.split('id="data">')[1].split("</script>")[0])
    facts = {fact["name"]: fact["values"] for fact in data["facts"]}
    assert set(facts["prediction"]) <= {"neutral", "happiness", "fear"}
    assert torch.tensor(data["near"]).shape == (60, 8) and "Nearest by features" in page


def test_a_picture_and_a_page_share_one_projection(run, faces, tmp_path, capsys, monkeypatch):
    projected, project = [], embedding.project
    monkeypatch.setattr(embedding, "project", lambda *given: (projected.append(given), project(*given))[1])
    both = ("--out", str(tmp_path / "b.html"), "--projection", "pca", "--colour-by", "identity")
    assert embed(run, tmp_path / "a.png", *both) == 0
    assert len(projected) == 1 and sorted(file.name for file in tmp_path.iterdir()) == ["a.png", "b.html"]
    first, page, last = capsys.readouterr().out.strip().splitlines()
    assert "a.png" in first and "faces to explore" in page
    assert "b.html shows the faces of drawn: where they are of real people" in last


def test_predictions_are_matched_by_name():
    from fercourse.cli.embed import _predictions
    method = SimpleNamespace(classes=("fear", "contempt", "neutral"))
    faces = drawn_faces(3, classes=("neutral", "happiness", "fear"))
    assert _predictions(method, faces, torch.eye(3)).tolist() == [2, -1, 0]
    assert _predictions(method, faces, torch.zeros(3, 2)) is None           # valence and arousal


@pytest.mark.parametrize("out, more, told", [
    ("a.txt", (), "expected a name ending in .html, .png"),
    ("a.png", ("--out", "b.html", "--out", "c.txt"), "--out c.txt is neither a picture nor a page"),
    ("a.png", ("--projection", "tsne"), "projection 'tsne' is unknown"),
    ("a.png", ("--most", "0"), "most is 0; expected at least 1 face"),
    ("a.png", ("--projection", "pca", "--colour-by", "mood"), "has no 'mood'"),
    ("a.html", ("--colour-by", "mood"), "leave out --colour-by and --faces, or write a picture"),
    ("a.html", ("--faces",), "leave out --colour-by and --faces, or write a picture"),
])
def test_bad_input_is_told_in_one_sentence(run, faces, tmp_path, capsys, out, more, told):
    assert embed(run, tmp_path / out, *more) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("fercourse: ") and told in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("out, more, told", [
    ("a.png", ("--colour-by", "mood"), "has no 'mood'"),
    ("a.html", (), "would hold 60 faces, but a page holds up to 50; choose fewer with --most"),
])
def test_what_cannot_be_drawn_is_told_before_the_network_looks(run, faces, tmp_path, capsys, monkeypatch, out, more,
                                                               told):
    monkeypatch.setattr("fercourse.look.see_all", lambda *given: pytest.fail("looked"))
    monkeypatch.setattr(import_module("fercourse.plots.explorer"), "MOST", 50)
    assert embed(run, tmp_path / out, *more) == 2
    assert told in capsys.readouterr().err


def test_a_missing_run_is_told(faces, tmp_path, capsys):
    assert embed(tmp_path / "nothing", tmp_path / "a.png") == 2
    assert "nothing" in capsys.readouterr().err
