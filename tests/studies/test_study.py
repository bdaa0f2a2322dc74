"""Studies: every finished run is kept, nothing is run twice, and the summary is the mean and spread."""

import json
import re
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fercourse import studies
from fercourse.errors import InputError
from fercourse.faces import Listing
from fercourse.faces.decode import Crop
from fercourse.faces.pack import write_pack
from fercourse.studies import Scale, Study, record
from tests.holder import holding
from tests.line import call
from tests.toy import toy_faces


def test_a_stopped_study_goes_on_where_it_was(counted, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        studies.run("toy", scale="smoke", seeds=4, out=tmp_path)
    done = studies.run("toy", scale="smoke", seeds=4, out=tmp_path)
    assert counted == [0, 1, 2, 2, 3]
    saved = json.loads((tmp_path / "toy-synthfaces-smoke.json").read_text())
    assert saved["summary"] == done.summary()
    assert saved["summary"]["only"]["accuracy"] == {"mean": .65, "sd": .1291, "n": 4}
    assert saved["hardware"]["cores"] >= 1 and saved["versions"]["torch"] and len(saved["runs"]) == 4


def test_a_limit_draws_faces_and_none_leaves_them_all():
    faces, few = toy_faces(12, 8), Scale("smoke", 8, 1, limit=5)
    assert few.limited(faces, 3).ids.tolist() == few.drawn(faces, 3).ids.tolist() == faces.sample(5, 3).ids.tolist()
    every = replace(few, limit=None)
    assert every.limited(faces, 3) is faces
    assert every.drawn(faces, 3).ids.tolist() == faces.sample(12, 3).ids.tolist() != faces.ids.tolist()


def test_fewer_faces_have_as_many_steps_in_more_epochs():
    scale = Scale("smoke", 8, 6, limit=5)
    assert [scale.as_many_steps(faces, 24).epochs for faces in (24, 16, 7, 48, 1000)] == [6, 9, 21, 3, 1]
    assert scale.as_many_steps(24, 24) == scale


def test_a_training_has_all_faces_that_it_is_given(monkeypatch):
    trained = []
    monkeypatch.setattr("fercourse.train.fit", lambda learner, faces, **more: trained.append(faces))
    studies.train_classifier(toy_faces(12, 8), Scale("smoke", 16, 1, limit=5), seed=0)
    assert trained[0].ids.tolist() == toy_faces(12, 8).ids.tolist() and trained[0].images.shape[-1] == 16


def test_what_is_not_finite_is_kept_as_nothing_and_does_not_count(tmp_path):
    kept = record.Record.open(tmp_path, "toy", "d", Scale("smoke", 48, 1))
    for seed, value in enumerate((float("nan"), 0.5, float("inf"), 0.7)):
        kept.measure("only", seed, lambda _: {"accuracy": value, "lost": float("nan"), "all": [value]})   # noqa: B023
    saved = json.loads(kept.path.read_text(), parse_constant=pytest.fail)
    assert saved["summary"] == {"only": {"accuracy": {"mean": .6, "sd": .14142, "n": 2}}} == kept.summary()
    assert [run["metrics"]["accuracy"] for run in saved["runs"]] == [None, .5, None, .7]
    assert saved["runs"][0]["metrics"]["all"] == [None]


def test_another_configuration_is_refused(counted, tmp_path):
    studies.run("toy", scale="smoke", seeds=1, out=tmp_path)
    with pytest.raises(InputError, match="another configuration"):
        record.Record.open(tmp_path, "toy", "synthfaces", Scale("smoke", 64, 1))
    (tmp_path / "toy-synthfaces-smoke.json").write_text("{")
    with pytest.raises(InputError, match="not a results file"):
        studies.run("toy", scale="smoke", seeds=1, out=tmp_path)


def test_a_run_names_the_commit_it_was_loaded_from_not_the_one_it_ended_at(counted, monkeypatch, tmp_path):
    heads = iter(["began", "ended"])
    monkeypatch.setattr(record, "commit", lambda: next(heads))
    found = studies.run("toy", scale="smoke", seeds=2, out=tmp_path)
    assert [run["commit"] for run in found.runs] == ["began", "began"]


def test_two_that_write_one_file_lose_no_run_of_each_other(tmp_path):
    one, two = (record.Record.open(tmp_path, "toy", "d", Scale("smoke", 48, 1)) for _ in range(2))
    for kept, arm, seed in ((one, "wild", 0), (two, "wild", 1), (one, "lab", 0), (two, "lab", 0)):
        kept.measure(arm, seed, lambda seed: {"accuracy": seed / 10})
    saved = json.loads(one.path.read_text())
    assert [(run["arm"], run["seed"]) for run in saved["runs"]] == [("wild", 0), ("wild", 1), ("lab", 0)]
    assert saved["summary"]["wild"]["accuracy"]["n"] == 2 and [file.name for file in tmp_path.iterdir()] == [
        one.path.name]


def test_who_writes_while_another_does_waits_for_it(tmp_path):
    kept = record.Record.open(tmp_path, "toy", "d", Scale("smoke", 48, 1))
    with holding(f"{kept.path}.lock") as kill:
        writer = threading.Thread(target=kept.measure, args=("wild", 0, lambda seed: {"accuracy": .5}))
        writer.start()
        writer.join(.5)
        assert not kept.path.exists()
        kill()
        writer.join(10)
        assert len(json.loads(kept.path.read_text())["runs"]) == 1


def test_a_run_that_was_made_otherwise_than_the_file_says_so(tmp_path, monkeypatch):
    def measured(cores, torch, seeds):
        monkeypatch.setattr(record, "hardware", lambda: {"cores": cores, "gpu": None})
        monkeypatch.setattr(record, "versions", lambda: {"torch": torch})
        kept = record.Record.open(tmp_path, "toy", "d", Scale("smoke", 48, 1))
        for seed in seeds:
            kept.measure("wild", seed, lambda seed: {"accuracy": .5})
        return json.loads(kept.path.read_text())
    first = measured(2, "2.6", [0])
    assert "hardware" not in first["runs"][0] and "versions" not in first["runs"][0]
    assert measured(64, "2.6", [0]) == first
    measured(64, "2.6", [1])
    last = measured(2, "2.7", [2])
    assert last["hardware"] == {"cores": 2, "gpu": None} and last["versions"] == {"torch": "2.6"}
    assert [run.get("hardware") for run in last["runs"]] == [None, {"cores": 64, "gpu": None}, None]
    assert [run.get("versions") for run in last["runs"]] == [None, None, {"torch": "2.7"}]
    assert "2 CPU cores and 64 CPU cores;" in record.made(last)


def test_what_a_file_told_of_its_runs_stays_true_where_another_took_its_place(tmp_path, monkeypatch):
    for cores, seed in ((2, 0), (4, 1)):
        monkeypatch.setattr(record, "hardware", lambda cores=cores: {"cores": cores, "gpu": None})
        kept = record.Record.open(tmp_path, "toy", "d", Scale("smoke", 48, 1))
        kept.measure("wild", seed, lambda seed: {})
    other = json.loads(kept.path.read_text()) | {"hardware": {"cores": 8, "gpu": None}, "runs": []}
    kept.path.write_text(json.dumps(other))
    kept.save()
    saved = json.loads(kept.path.read_text())
    assert saved["hardware"]["cores"] == 8 and [run["hardware"]["cores"] for run in saved["runs"]] == [2, 4]


def test_committed_results_are_read_and_not_touched(counted, tmp_path):
    studies.run("toy", scale="smoke", seeds=2, out=tmp_path)
    [path] = tmp_path.iterdir()
    before = path.read_bytes(), path.stat().st_mtime_ns
    again = studies.run("toy", scale="smoke", seeds=2, out=tmp_path)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before and counted == [0, 1]
    assert (again.found, again.measured) == (2, 0)


def test_the_command_says_which_numbers_are_no_news(counted, tmp_path, capsys):
    said = "runs were there already; nothing was run; --out elsewhere measures again"
    line = ("study", "toy", "--scale", "smoke", "--out", tmp_path, "--seeds")
    assert call(*line, 2) == 0 and "already" not in capsys.readouterr().out
    assert call(*line, 2) == 0 and capsys.readouterr().out.splitlines()[0] == f"all 2 {said}"
    assert call(*line, 1) == 0 and "the run was there already; nothing was run" in capsys.readouterr().out
    counted.clear()
    assert call(*line, 3) == 0 and capsys.readouterr().out.splitlines()[0] == "2 of 3 runs were there already"


def test_a_place_that_cannot_be_written_is_told_before_the_first_run(counted, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        studies.run("toy", scale="smoke", seeds=1, out=tmp_path / "file")
    assert counted == []


def test_a_study_of_a_pack_of_fer2013_reads_the_public_test_too(tmp_path):
    pixels, split = np.zeros((3, 8, 8, 3), np.uint8), np.array(["train", "PublicTest", "test"], dtype=object)
    labels, ids = np.zeros(3, np.int64), np.arange(3)
    write_pack(Listing("fer2013", ("anger",), labels, split, ids, pixels=pixels), tmp_path / "pack", Crop(8))
    load = studies.loader(str(tmp_path / "pack"))
    assert load("test").name == "fer2013:PublicTest" and load("train").ids.tolist() == [0]


def test_the_regime_of_a_set_does_not_hang_on_its_spelling(tmp_path):
    pixels, split = np.zeros((1, 8, 8, 3), np.uint8), np.array(["train"], dtype=object)
    pack = str(tmp_path / "own.safetensors")
    write_pack(Listing("fer2013", ("anger",), np.zeros(1, np.int64), split, np.arange(1), pixels=pixels), pack, Crop(8))
    for name in ("wscfer", "robust"):
        own = studies.get(name)
        for one, other in (("fer2013", "FER2013"), ("fer2013", pack), ("synthfaces/lab", "Synth-Faces/lab"),
                           ("synthfaces/wild", "mine/rendered.parquet/wild")):
            scale = own.scale("cpu", one)
            assert own.scale("cpu", other) == scale
            assert own.arms(scale, other, None).keys() == own.arms(scale, one, None).keys()


def test_results_have_the_catalogues_spelling_and_packs_their_own(counted, tmp_path):
    assert studies.run("toy", "Synth-Faces/lab", "smoke", 1, out=tmp_path).path.name == "toy-synthfaces-lab-smoke.json"
    assert studies.run("toy", "My.safetensors", "smoke", 1, out=tmp_path).data == "My.safetensors"


@pytest.mark.parametrize("data", ["synthfaces:test", "FER2013:PublicTest", "synthfaces/wild:val", "a.safetensors:test"])
def test_a_study_takes_no_split(counted, tmp_path, data):
    with pytest.raises(InputError, match=f"names the split .*; expected {data.rpartition(':')[0]}$"):
        studies.run("toy", data, "smoke", 1, out=tmp_path)
    assert not counted and not list(tmp_path.iterdir())


@pytest.mark.parametrize("name, data, sentence", [
    ("faces", "synthfaces/wild", "compares lab and wild, but synthfaces/wild is wild alone; expected synthfaces$"),
    ("annotators", "synthfaces", "needs FER2013, whose faces FER. judges, not synthfaces; leave out --data"),
])
def test_a_study_says_which_set_it_needs(tmp_path, name, data, sentence):
    with pytest.raises(InputError, match=sentence):
        studies.run(name, data, "smoke", 1, out=tmp_path)


def test_seeds_may_begin_later(counted, tmp_path):
    found = studies.run("toy", scale="smoke", seeds=2, out=tmp_path, first=5)
    assert counted == [5, 6] and [run["seed"] for run in found.runs] == [5, 6]


def test_some_arms_only(counted, tmp_path):
    assert studies.run("toy", scale="smoke", seeds=1, out=tmp_path, only=["nl"]).runs[0]["arm"] == "only"
    with pytest.raises(InputError, match="no arm with lonely in its name; expected part of one of only"):
        studies.run("toy", scale="smoke", seeds=1, out=tmp_path, only=["lonely"])


def test_an_arm_of_that_very_name_is_meant_before_those_that_contain_it(monkeypatch, tmp_path):
    made = dict.fromkeys(("DMSRL", "DMSRL as found"), lambda seed: {"value": 0.5})
    monkeypatch.setattr(studies, "get", lambda name: Study("toy", "synthfaces", lambda *_: made, {}))
    for text, arms in (("DMSRL", ["DMSRL"]), ("DMS", [*made])):
        found = studies.run("toy", scale="smoke", seeds=1, out=tmp_path / text, only=[text])
        assert [run["arm"] for run in found.runs] == arms


def test_a_file_tells_of_the_arms_in_the_studys_order(tmp_path):
    kept = record.Record(tmp_path / "toy.json", "toy", "none", {}, arms=("first", "second"))
    for arm in ("second", "other", "first"):
        kept.measure(arm, 0, lambda seed: {"accuracy": 0.5})
    assert list(json.loads(kept.path.read_text())["summary"]) == ["first", "second", "other"]


def test_the_help_names_every_study():
    from typer.testing import CliRunner

    from fercourse.cli import app
    told = "".join(CliRunner().invoke(app, ["study", "--help"]).output.split())          # lines are wrapped anywhere
    assert [name for name in studies.names() if name not in told] == []


def test_every_study_is_told_by_name():
    source = "".join(path.read_text("utf-8") for path in Path(studies.__file__).parent.glob("*.py"))
    written = re.findall(r'^@study\("(.+?)"', source, re.MULTILINE)
    assert sorted(written) == sorted(name for told in studies._MODULES.values() for name in told)
    assert [studies.get(name).name for name in written] == written


def test_files_of_backbones_end_with_the_process():
    code = ("from types import SimpleNamespace as of\nfrom torch import nn\n"
            "from fercourse.studies import backbone_file\nlearner = of(backbone=of(trunk=nn.Linear(1, 1)))\n"
            "first, second = backbone_file(learner.backbone), backbone_file(learner.backbone)\n"
            "assert first != second\nopen(first).close()\nprint(first)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    path = Path(done.stdout.strip())
    assert path.name == "backbone.pt" and not path.parent.exists()


def test_unknown_study_and_scale():
    with pytest.raises(InputError, match=r"'heads' is unknown.*faces"):
        studies.run("heads")
    with pytest.raises(InputError, match="scale 'huge' is unknown"):
        studies.run("faces", scale="huge")


def test_the_faces_study_at_its_smallest(tmp_path):
    found = studies.run("faces", scale="smoke", seeds=1, out=tmp_path).summary()
    assert set(found) == {"wild", "lab"} and found["wild"]["identity_people"]["mean"] == 80
    assert 0 <= found["lab"]["wild_accuracy"]["mean"] <= 1


