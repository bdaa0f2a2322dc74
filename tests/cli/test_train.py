"""`fercourse train` and `fercourse evaluate`, from a pack on disk to metrics, and every way to get them wrong."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, fields

import pytest
import timm

from fercourse.cli import sets, train
from fercourse.cli.hyper import explained
from fercourse.cli.train import METHODS
from fercourse.errors import InputError
from fercourse.methods import Hyper, method_class
from fercourse.typed import typed
from tests.line import CLASSES, QUICK, call, toy_pack


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    return toy_pack(tmp_path_factory.mktemp("packs") / "drawn.safetensors")


def test_train_then_evaluate(pack, tmp_path, capsys):
    out = tmp_path / "run"
    assert call("train", "baseline", "--data", pack, "--out", out, *QUICK, "--json", "--set", "label_smoothing=0",
                "--labels", "0.5", "--noise", "0.25") == 0
    metrics = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert metrics["scored"] == "drawn:val" and metrics["confusion"] and 0 <= metrics["accuracy"] <= 1
    assert 22 <= metrics["trained_on"] <= 26
    assert json.loads((out / "metrics.json").read_text()) == metrics
    assert json.loads((out / "config.json").read_text())["hyper"]["label_smoothing"] == 0
    assert call("evaluate", out, "--data", pack, "--json", "--by", "gender") == 0
    told = capsys.readouterr()
    scores = json.loads(told.out)
    assert scores["scored"] == "drawn:test" and sum(map(sum, scores["confusion"])) == 32
    assert "woman" in told.err and "man" in told.err
    assert scores["people"] == 8 and scores["accuracy_interval"] and "–" not in told.err
    assert call("evaluate", out, "--data", f"{pack}:val", "--by", "gender") == 0
    readable = capsys.readouterr().out
    assert "accuracy interval  – (too few: 4 people)" in readable and readable.count("–") == 5, "two for each group"
    assert f"accuracy           {metrics['accuracy']:.4g}" in readable and "drawn:val" in readable


def test_the_same_seed_gives_the_same_metrics_and_resume_adds_nothing(pack, tmp_path, capsys):
    told = []
    for out in (tmp_path / "a", tmp_path / "b"):
        assert call("train", "baseline", "--data", pack, "--out", out, *QUICK, "--json", "--size", "24", "--grey") == 0
        told.append(json.loads(capsys.readouterr().out.strip().splitlines()[-1]))
    assert told[0]["loss"] == told[1]["loss"] and told[0]["confusion"] == told[1]["confusion"]
    assert call("train", "baseline", "--data", pack, "--out", tmp_path / "a", *QUICK, "--json", "--size", "24",
                "--grey", "--resume") == 0
    assert json.loads(capsys.readouterr().out.strip().splitlines()[-1])["loss"] == told[0]["loss"]
    assert len((tmp_path / "a" / "log.jsonl").read_text().splitlines()) == 2


def test_valence_and_arousal_and_a_start_from_another_run(pack, tmp_path, capsys):
    assert call("train", "baseline", "--data", pack, "--out", tmp_path / "a", *QUICK) == 0
    capsys.readouterr()
    assert call("train", "baseline", "--data", pack, "--out", tmp_path / "b", *QUICK, "--set",
                "task=valence_arousal", "--init", tmp_path / "a", "--json") == 0
    told = capsys.readouterr()
    assert set(json.loads(told.out.strip().splitlines()[-1])["ccc"]) == {"valence", "arousal"}
    assert "left at random: head.bias, head.weight" in told.err


def test_a_set_to_score_without_what_is_scored_is_refused_before_training(pack, tmp_path, capsys):
    bare = toy_pack(tmp_path / "bare.safetensors", affect=False)
    task = "--set", "task=valence_arousal"
    assert call("train", "baseline", "--data", pack, "--out", tmp_path / "run", *QUICK, *task, "--score", bare) == 2
    assert "drawn:val has no face with valence and arousal; score another set" in capsys.readouterr().err
    other = toy_pack(tmp_path / "other.safetensors", classes=("fear", "anger", "disgust", "contempt"))
    assert call("train", "baseline", "--data", pack, "--out", tmp_path / "run", *QUICK, "--score", other) == 2
    assert "drawn:val has no face of a class that this run knows: neutral, " in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_faces_of_classes_that_a_run_does_not_know_are_told(run, tmp_path, capsys):
    for words, told in ((("doubt", "contempt"), "doubt, contempt, classes this run does not know"),
                        (("contempt",), "contempt, a class this run does not know")):
        other = toy_pack(tmp_path / "other.safetensors", classes=(*words, *CLASSES[len(words):]))
        assert call("evaluate", run, "--data", other, "--json") == 0
        said = capsys.readouterr()
        assert f"{32 - json.loads(said.out)['faces']} of 32 not scored: {told}" in said.err


def test_a_resume_that_trains_nothing_keeps_the_seconds(run, pack, capsys):
    metrics = json.loads((run / "metrics.json").read_text()) | {"seconds": 1234.5}
    (run / "metrics.json").write_text(json.dumps(metrics))
    again = "train", "baseline", "--data", pack, "--out", run, *QUICK, "--resume"
    assert call(*again) == 0
    assert json.loads((run / "metrics.json").read_text())["seconds"] == 1234.5
    (run / "checkpoint.pt").unlink(), (run / "checkpoint.previous.pt").unlink()
    assert call(*again) == 0
    assert json.loads((run / "metrics.json").read_text())["seconds"] < 1234.5


def test_the_workspace_of_cublas_is_fixed_before_the_training(pack, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")                          # so that it is put back afterwards
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    asked = []
    monkeypatch.setattr("fercourse.distributed.start", lambda device: asked.append(
        os.environ["CUBLAS_WORKSPACE_CONFIG"]) or device)
    assert call("train", "baseline", "--data", pack, "--out", tmp_path / "run", *QUICK, "--deterministic") == 0
    assert asked == [":4096:8"] * 2


def test_a_resume_needs_none_of_the_weights_that_the_run_began_with(pack, tmp_path, capsys):
    assert call("train", "baseline", "--data", pack, "--out", tmp_path / "first", *QUICK) == 0
    weights = shutil.copy(tmp_path / "first" / "model.safetensors", tmp_path / "faces.safetensors")
    line = ("train", "baseline", "--data", pack, "--out", tmp_path / "run", *QUICK, "--weights", weights,
            "--init", tmp_path / "first", "--resume")
    assert call(*line) == 0
    before = json.loads((tmp_path / "run" / "config.json").read_text())
    weights.unlink(), shutil.rmtree(tmp_path / "first")
    assert call(*line) == 0
    assert json.loads((tmp_path / "run" / "config.json").read_text()) == before
    assert before["hyper"]["weights"] == str(weights) and len(before["weights_sha256"]) == 64
    for file in ("checkpoint.pt", "checkpoint.previous.pt"):
        (tmp_path / "run" / file).unlink()
    assert call(*line) == 2 and "faces.safetensors: no such file" in capsys.readouterr().err


def test_a_resume_of_published_weights_fetches_none(pack, tmp_path, monkeypatch):
    from fercourse import origin
    monkeypatch.setattr("timm.create_model", lambda *a, pretrained, own=timm.create_model, **more: (
        pytest.fail("fetched") if pretrained else own(*a, pretrained=False, **more)))
    faces = sets.load(pack, "train", None, None)
    method = origin.create_without_weights("baseline", faces, backbone="resnet18", pretrained="true")
    assert method.hyper.pretrained is True and method.hyper.weights is None


def test_runs_get_a_folder_of_their_own(pack, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        assert call("train", "baseline", "--data", pack, *QUICK) == 0
        assert (tmp_path / "runs" / f"baseline-{number}" / "model.safetensors").exists()


def test_two_trainings_that_begin_together_get_two_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [train._free_folder("baseline").as_posix() for _ in range(2)] == ["runs/baseline-1", "runs/baseline-2"]
    with pytest.raises(InputError, match="method 'baselin' is unknown"):
        train._free_folder("baselin")


def test_torchrun(pack, tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m",
               "fercourse", "train", "baseline", "--data", str(pack), *QUICK, "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.strip())["trained_on"] == 48                 # one line, by rank 0 alone
    assert [run.name for run in (tmp_path / "runs").iterdir()] == ["baseline-1"]
    assert call("evaluate", tmp_path / "runs" / "baseline-1", "--data", pack) == 0


@pytest.mark.parametrize("arguments, message", [
    (["nothing"], "method 'nothing' is unknown; expected one of baseline"),
    (["baseline", "--set", "smooth=1"], "baseline has no hyper-parameter smooth"),
    (["baseline", "--set", "smooth"], "--set smooth is no setting; expected NAME=VALUE"),
    (["baseline", "--set", "ema=much"], "ema='much' is no float"),
    (["baseline", "--set", "name=x"], "baseline has no hyper-parameter name"),
    (["baseline", "--set", "faces=x"], "baseline has no hyper-parameter faces"),
    (["baseline", "--set", "weights=nowhere.pt"], "nowhere.pt: no such file"),
    (["baseline", "--set", "grey=perhaps"], "grey='perhaps' is no bool; its default is False; write true or false"),
    (["baseline", "--set", "optimiser=sgd", "--set", "momentum=-1"], "momentum is -1.0; expected 0 to 1"),
    (["baseline", "--seed", "99999999999999999999"], "Invalid value for '--seed'"),
    (["baseline", "--seed", "-1"], "Invalid value for '--seed'"),
    (["hncl", "--labels", "0"], "labels is 0.0; expected 1e-06 to 1"),
    (["hncl", "--batch-size", "1", "--set", "neighbours=none"], "expected a batch size of at least 2"),
    (["baseline", "--backbone", "resnet19x"], "'resnet19x' is unknown to timm"),
    (["baseline", "--weights", "nowhere.pt"], "nowhere.pt: no such file"),
    (["baseline", "--init", "nowhere"], "no such file"),
    (["baseline", "--resume"], "no --out says which"),
    (["baseline", "--device", "tpu"], "device 'tpu' is not available here"),
    (["baseline", "--device", "cpu:x"], "device 'cpu:x' is none; expected cpu"),
    (["baseline", "--precision", "int8"], "precision 'int8' is unknown"),
    (["baseline", "--labels", "0"], "share of the faces (--labels) is 0; expected more than 0"),
    (["baseline", "--lr", "nan"], "lr is nan; expected a number above 0"),
    (["baseline", "--lr", "-1"], "lr is -1.0; expected a number above 0"),
    (["baseline", "--size", "0"], "size is 0; expected at least 1 pixel"),
    (["baseline", "--noise", "2"], "rate is 2"),
    (["baseline", "--noise", "0.05", "--noise-kind", "votes"], "no share of wrong labels can be chosen; leave"),
    (["baseline", "--data", "synthfaces/lab"], "synthfaces/lab); expected one set of faces; leave out the others"),
    (["dann", "--target", "synthfaces/lab", "--target", "PACK"], "--target stands 2 times (synthfaces/lab, "),
    (["baseline", "--target", "PACK"], "baseline has no use for a target domain; leave out --target"),
    (["dmsrl"], "dmsrl needs a target domain; name one with --target"),
    (["baseline", "--score", "PACK:night"], "night"),
    (["id-invariant", "--noise", "0.3"], "id-invariant learns from valence_arousal here; leave it out"),
    (["hncl", "--noise", "2", "--set", "neighbours=none"], "rate is 2"),
    (["baseline", "--set", "task=valence_arousal", "--noise-kind", "votes"], "baseline learns from valence_arousal"),
])
def test_bad_input_is_one_sentence_and_status_2(pack, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    arguments = [a.replace("PACK", str(pack)) for a in arguments]
    assert call("train", "--data", pack, *QUICK, *arguments) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("fercourse: ") and message in error
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.parametrize("name", METHODS)
def test_hyper_parameters_are_listed_with_default_and_meaning(name, capsys):
    assert call("train", name, "--set", "help") == 0
    told, hyper = "".join(capsys.readouterr().out.split()), method_class(name).Hyper
    rows = explained(hyper)
    assert [row.split("=")[0] for row, _ in rows] == [f.name for f in fields(hyper)]
    for row, meaning in rows:
        assert len(meaning) > 5 and "".join((row + meaning).split()) in told
    settings = train._settings([row for row, _ in rows])                       # each default can be said back
    assert method_class(name).Hyper(**typed(method_class(name), settings)) == hyper()


def test_a_meaning_is_that_of_the_class_nearest_and_may_be_missing():
    @dataclass
    class Own(Hyper):
        """Mine.

        Attributes:
            pull, push: how strongly; 0: not at all; kinds: which there
                are.
            clip: mine.

        What follows tells of no field: clip: nothing.
        """
        pull: float = 0.5
        push: bool = True
        kinds: tuple = ("a", "b")
        bare: str | None = None
    assert explained(Own)[-4:] == [
        ("pull=0.5", "how strongly; 0: not at all."), ("push=true", "how strongly; 0: not at all."),
        ("kinds=a,b", "which there are."), ("bare=none", "")]
    assert dict(explained(Own))["clip=5.0"] == "mine." and "climbs" in dict(explained(Own))["warmup=0.05"]


def test_evaluate_wants_a_run(pack, tmp_path, capsys):
    assert call("evaluate", tmp_path, "--data", pack) == 2
    assert "not a run; expected a folder with config.json" in capsys.readouterr().err


def test_a_setting_wins_over_its_option(pack, tmp_path):
    settings = "--set", "grey=true", "--set", "backbone=lesson8"
    assert call("train", "baseline", "--data", pack, "--out", tmp_path / "run", *QUICK, *settings) == 0
    hyper = json.loads((tmp_path / "run" / "config.json").read_text())["hyper"]
    assert hyper["grey"] is True and hyper["backbone"] == "lesson8"


def test_without_labels_to_learn_from_the_share_is_the_probes(pack, tmp_path, capsys):
    few = "--labels", "0.25", "--set", "neighbours=none"
    assert call("train", "hncl", "--data", pack, "--out", tmp_path / "run", *QUICK, *few, "--json") == 0
    assert json.loads(capsys.readouterr().out.strip().splitlines()[-1])["trained_on"] == 48
    assert json.loads((tmp_path / "run" / "config.json").read_text())["hyper"]["labels"] == 0.25


@pytest.fixture(scope="module")
def finished(pack, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    assert call("train", "baseline", "--data", pack, "--out", out, *QUICK) == 0
    return out


@pytest.fixture
def run(finished, tmp_path):
    """A copy of the folder of a run that is finished."""
    return shutil.copytree(finished, tmp_path / "run")


def test_a_run_is_scored_on_its_own_set(run, pack, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call("evaluate", run, "--json") == 0                                # its pack is found from anywhere
    assert json.loads(capsys.readouterr().out)["scored"] == "drawn:test"
    for damaged in ("{", "[]", "{}"):
        (run / "asked.json").write_text(damaged)
        assert call("evaluate", run) == 2 and "asked.json cannot be read" in capsys.readouterr().err
    (run / "asked.json").unlink()                                              # a run of an older version
    assert call("evaluate", run) == 2
    told = capsys.readouterr().err
    assert "the test split of its own set is not at hand (set 'drawn' is unknown" in told and "--data" in told
    assert call("evaluate", run, "--root", pack, "--json") == 0
    assert json.loads(capsys.readouterr().out)["scored"] == "drawn:test"


@pytest.mark.parametrize("target, scored", [
    ("synthfaces/lab:train (9 faces, 0a1b)", ("synthfaces", "test", None, "lab")),
    (None, ("rafdb", "test", None, None)),
])
def test_its_own_set_is_the_target_else_the_data(tmp_path, monkeypatch, target, scored):
    from fercourse.cli.sets import own_test
    (tmp_path / "config.json").write_text(json.dumps({"data": "rafdb:train+val (8 faces, 77aa)", "target": target}))
    monkeypatch.setattr("fercourse.faces.load.load_faces", lambda *asked: asked)
    assert own_test(tmp_path, None, 16) == (*scored, 16)


@pytest.mark.parametrize("column", ["valence_arousal", "mood"])
def test_a_column_that_makes_no_groups_is_refused_before_scoring(run, pack, capsys, column):
    assert call("evaluate", run, "--data", pack, "--by", "gender", "--by", column) == 2
    told = capsys.readouterr()
    assert not told.out and column in told.err and told.err.count("\n") == 1


@pytest.mark.parametrize("log", [None, "5\n", "[]\n", '{"step": "2"}\n', '{"step": 1}\nnull\n', b"\xff\n"])
def test_a_finished_run_whose_log_is_lost_has_no_figures(run, pack, capsys, log):
    (run / "log.jsonl").unlink()
    if log is not None:
        (run / "log.jsonl").write_bytes(log if isinstance(log, bytes) else log.encode())
    again = "train", "baseline", "--data", pack, "--out", run, *QUICK, "--resume"
    assert call(*again, "--json") == 0
    metrics = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert metrics["loss"] is None and metrics["accuracy"] >= 0
    assert call(*again) == 0
    told = capsys.readouterr().out
    assert "accuracy" in told and "loss" not in told


def test_a_broken_line_costs_the_log_only_itself(run, pack):
    whole = (run / "log.jsonl").read_text().splitlines()
    (run / "log.jsonl").write_text("\n".join([whole[0], "7", *whole[1:], '{"step": 6, "ep']))
    assert call("train", "baseline", "--data", pack, "--out", run, *QUICK, "--resume") == 0
    assert (run / "log.jsonl").read_text().splitlines() == whole
