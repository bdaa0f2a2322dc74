"""The sets that a command names: where they are, what is scored of them, and what is told about them."""

import json
from types import SimpleNamespace

import pytest
import torch

from fercourse.checkpoint import export, fingerprint
from fercourse.cli import sets
from fercourse.errors import InputError
from fercourse.evaluate import seen
from tests.line import QUICK, call, toy_pack
from tests.toy import toy_faces, toy_method


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    return toy_pack(tmp_path_factory.mktemp("packs") / "drawn.safetensors")


@pytest.mark.parametrize("data, more, scored", [
    (":train+val", (), None), (":all", (), None), (":val", (), None), (":train+test", (), "drawn:val"),
    (":train+val", ("--score", ":test"), "drawn:test"), (":train+val", ("--score", ":val"), "drawn:val"),
])
def test_nothing_is_scored_by_itself_on_faces_that_are_learnt(pack, tmp_path, capsys, data, more, scored):
    more = [f"{pack}{word}" if word.startswith(":") else word for word in more]
    assert call("train", "baseline", "--data", f"{pack}{data}", "--out", tmp_path / "run", *QUICK, *more, "--json") == 0
    told = capsys.readouterr()
    metrics = json.loads(told.out.strip().splitlines()[-1])
    assert metrics.get("scored") == scored and ("accuracy" in metrics) == bool(scored)
    said = f"the run learns from faces of drawn:val; name others, such as --score {pack}:test"
    assert (said in told.err) == (scored is None)


@pytest.mark.parametrize("data", [":train+test", ":all"])
def test_a_run_is_not_scored_by_itself_on_test_faces_that_it_learnt(pack, tmp_path, capsys, data):
    run = tmp_path / "run"
    assert call("train", "baseline", "--data", f"{pack}{data}", "--out", run, *QUICK) == 0
    capsys.readouterr()
    assert call("evaluate", run) == 2
    told = capsys.readouterr()
    assert not told.out and f"{run} learnt from {pack}{data}, faces of drawn:test among them" in told.err
    assert call("evaluate", run, "--data", f"{pack}:val", "--json") == 0


def test_a_target_that_is_adapted_to_is_not_scored_by_itself_either(pack, tmp_path):
    whole, train, val = (sets.load(f"{pack}:{split}", "", None, None) for split in ("train+val", "train", "val"))
    scored = lambda **trained: sets.scored_set(None, {f"{pack}:{k}": v for k, v in trained.items()}, None, 16)  # noqa: E731
    assert torch.equal(scored(all=train[:9], train=train).ids, val.ids)
    assert scored(train=train, all=whole) is None and scored(all=whole, train=train) is None


def test_faces_without_valence_and_arousal_can_be_learnt_as_classes():
    faces = toy_faces(8, 16, valence_arousal=None)
    for name in ("id-invariant", "baseline"):
        model = toy_method(toy_faces(8, 16), name, task="valence_arousal")
        with pytest.raises(InputError, match=rf"{name} learns .*, but toy has none; .*: --set task=classes"):
            sets.usable(faces, model)
        assert sets.usable(faces, toy_method(faces, name, task="classes")) is faces


def test_faces_of_one_class_are_told(capsys):
    for classes, told in ((1, "all 8 faces are of one class, happiness: there is nothing to tell apart\n"), (2, "")):
        faces = toy_faces(8, 16).relabel(1 + torch.arange(8) % classes)
        sets.usable(faces, toy_method(faces))
        assert capsys.readouterr().err == told


def test_what_was_done_to_the_faces_is_told(pack, tmp_path, capsys):
    assert call("train", "baseline", "--data", pack, "--out", tmp_path / "run", *QUICK, "--noise", "0.25") == 0
    assert "\n  12 of 48 labels changed by symmetric noise (seed 0)\n" in capsys.readouterr().err
    sets.say_notes(SimpleNamespace(notes=tuple("abcdef")))
    assert capsys.readouterr().err.splitlines()[3:] == [
        "  d", "  and 2 notes more: fercourse data check NAME tells them"]


def test_the_embedded_set_takes_no_root_of_another_set(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("fercourse.faces.load.load_faces", lambda *given: asked.append(given[2]))
    csv, folder, parquet = tmp_path / "faces.csv", tmp_path / "real", tmp_path / "made" / "a.parquet"
    folder.mkdir(), parquet.parent.mkdir(), csv.touch(), parquet.touch()
    roots = csv, folder, parquet, parquet.parent, tmp_path / "nowhere"
    for root in roots:
        sets.load("SynthFaces/lab", "train", root, None), sets.load("csv", "train", root, None)
    assert asked == [None, csv, None, folder, *[root for root in roots[2:] for _ in range(2)]]
    sets.check_root(csv, "synthfaces", "csv", None), sets.check_root(parquet, "synthfaces")
    with pytest.raises(InputError, match="is no place of synthfaces, whose faces are embedded; expected a "):
        sets.check_root(folder, "synthfaces/lab", None, "synthfaces:val")


def test_a_run_of_python_is_asked_for_its_set_by_the_whole_name(tmp_path):
    faces = toy_faces(8, 16, name="rendered (mine)")
    (tmp_path / "config.json").write_text(json.dumps({"data": fingerprint(faces), "target": None}))
    assert sets.own_sets(tmp_path) == ("rendered (mine)", None, None)


def two_domains(folder, data="toy/lab:train", target="toy/wild:train", **hyper):
    """Write a run of DMSRL in whose eyes source and target differ; return its method."""
    method = toy_method(toy_faces(8, 16), "dmsrl", **hyper)
    for name, figures in method.named_buffers():
        if "source_running_mean" in name:
            figures += torch.randn(figures.shape, generator=torch.Generator().manual_seed(1))
    export(method, folder, {"data": f"{data} (8 faces, 77aa)", "target": target and f"{target} (8 faces, 0b1c)"})
    return method.eval()


@pytest.mark.parametrize("data, target, scored, side", [
    ("toy/lab:train", "toy/wild:train", "toy/lab:test", "source"),
    ("toy/lab:train", "toy/wild:train", "toy/wild:test", "target"),
    ("toy/lab:train", "toy/wild:train", "toy:test", "target"), ("rafdb:train", "toy", "RAF-DB:val", "source"),
    ("toy:train", "rafdb:train", "toy/wild", "source"), ("toy:train", "toy/wild:train", "toy/wild:test", "target"),
    ("toy:train", None, "toy:test", "source"), ("toy/lab:train", "toy/wild:train", None, "target"),
])
def test_faces_are_of_the_domain_that_the_run_was_trained_on(tmp_path, capsys, data, target, scored, side):
    method = two_domains(tmp_path, data, target)
    with sets.taken_as(method, None, tmp_path, scored and toy_faces(4, 16, name=scored)):
        assert method.domain == side
    assert f"statistics of the {side}; --as " in capsys.readouterr().err and method.domain == "target"


def test_a_domain_that_is_said_wins_and_needs_two(tmp_path, capsys):
    method = two_domains(tmp_path)
    with sets.taken_as(method, "target", tmp_path, toy_faces(4, 16, name="toy/lab:test")):
        assert method.domain == "target"
    with pytest.raises(InputError, match="--as wild is no domain; expected source or target"):
        sets.taken_as(method, "wild", tmp_path)
    capsys.readouterr()
    for one in (toy_method(toy_faces(8, 16)), two_domains(tmp_path / "shared", own_norms=False)):
        with sets.taken_as(one, None, tmp_path, toy_faces(4, 16, name="toy/lab")):
            assert not capsys.readouterr().err
        with pytest.raises(InputError, match="keeps those of one only; leave it out"):
            sets.taken_as(one, "source", tmp_path)


@pytest.mark.parametrize("said, side", [((), "source"), (("--as", "target"), "target")])
def test_evaluate_and_embed_see_faces_as_their_domain(tmp_path, capsys, monkeypatch, said, side):
    method, faces = two_domains(tmp_path), toy_faces(40, 16, name="toy/lab:test")
    monkeypatch.setattr("fercourse.faces.load.load_faces", lambda *asked: faces)
    with method.seen_as(side):
        truth = seen(method, faces)
    assert call("evaluate", tmp_path, "--data", "toy/lab", *said, "--json") == 0
    told = capsys.readouterr()
    confusion = torch.zeros(4, 4, dtype=torch.int64)
    confusion.index_put_((faces.labels, truth["logits"].argmax(1)), torch.tensor(1), accumulate=True)
    assert json.loads(told.out)["confusion"] == confusion.tolist() and f"statistics of the {side}" in told.err
    projected = []
    monkeypatch.setattr("fercourse.embed.project", lambda features, *more: (projected.append(features),
                                                                            features[:, :2].cpu())[1])
    assert call("embed", tmp_path, "--data", "toy/lab", "--out", tmp_path / "a.png", *said) == 0
    torch.testing.assert_close(projected[0].cpu(), truth["embedding"])
