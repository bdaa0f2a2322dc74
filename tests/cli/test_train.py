"""`fercourse train` and `fercourse evaluate`, from a pack on disk to metrics, and every way to get them wrong."""

import json
import subprocess
import sys

import pytest

from tests.line import QUICK, call, toy_pack


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
    assert call("evaluate", out, "--data", f"{pack}:val") == 0
    readable = capsys.readouterr().out
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


def test_runs_get_a_folder_of_their_own(pack, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        assert call("train", "baseline", "--data", pack, *QUICK) == 0
        assert (tmp_path / "runs" / f"baseline-{number}" / "model.safetensors").exists()


def test_torchrun(pack, tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m",
               "fercourse", "train", "baseline", "--data", str(pack), "--out", str(tmp_path / "run"), *QUICK, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.strip())["trained_on"] == 48                 # one line, by rank 0 alone
    assert call("evaluate", tmp_path / "run", "--data", pack) == 0


@pytest.mark.parametrize("arguments, message", [
    (["nothing"], "method 'nothing' is unknown; expected one of baseline"),
    (["baseline", "--set", "smooth=1"], "baseline has no hyper-parameter smooth"),
    (["baseline", "--set", "smooth"], "--set smooth is no setting; expected NAME=VALUE"),
    (["baseline", "--set", "ema=much"], "ema='much' is no float"),
    (["baseline", "--backbone", "resnet19x"], "'resnet19x' is unknown to timm"),
    (["baseline", "--weights", "nowhere.pt"], "nowhere.pt: no such file"),
    (["baseline", "--init", "nowhere"], "no such file"),
    (["baseline", "--resume"], "no --out says which"),
    (["baseline", "--device", "tpu"], "device 'tpu' is not available here"),
    (["baseline", "--precision", "int8"], "precision 'int8' is unknown"),
    (["baseline", "--labels", "0"], "share is 0"),
    (["baseline", "--lr", "nan"], "lr is nan; expected a number above 0"),
    (["baseline", "--lr", "-1"], "lr is -1.0; expected a number above 0"),
    (["baseline", "--size", "0"], "size is 0; expected at least 1 pixel"),
    (["baseline", "--noise", "2"], "rate is 2"),
    (["baseline", "--target", "PACK"], "baseline has no use for a target domain"),
    (["baseline", "--score", "PACK:night"], "night"),
])
def test_bad_input_is_one_sentence_and_status_2(pack, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    arguments = [a.replace("PACK", str(pack)) for a in arguments]
    assert call("train", "--data", pack, *QUICK, *arguments) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("fercourse: ") and message in error
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_help_explains_every_option_with_its_default(command, capsys):
    assert call(command, "--help") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "NAME[/DOMAIN][:SPLIT]" in told and "[default: synthfaces/wild" in told and "--json" in told


def test_evaluate_wants_a_run(pack, tmp_path, capsys):
    assert call("evaluate", tmp_path, "--data", pack) == 2
    assert "not a run; expected a folder with config.json" in capsys.readouterr().err
