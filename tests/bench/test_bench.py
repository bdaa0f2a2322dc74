"""`fercourse bench`: what is measured is the same work, in turns; no test waits for a speed."""

import json

import pytest
import torch
import torch.nn.functional as F

from fercourse import augment, bench
from fercourse.batches import Stream
from fercourse.bench.bare import bare_loop, device_batches
from fercourse.bench.end_to_end import Views, Work, flat
from fercourse.bench.loader import Files, transforms, write_jpegs
from fercourse.errors import InputError
from fercourse.methods import create
from fercourse.train import fit

from ..drawn import drawn_faces
from ..line import call


def duel(calls, clock, ours=2.0, peer=4.0, amount=8):
    """Return a benchmark whose sides note their call and let the clock go on."""
    def side(name, seconds):
        def work():
            calls.append(name)
            clock[0] += seconds * (1 + len(calls) // 100)
        return work

    def prepare(scale):
        """Toy work."""
        yield bench.Duel(side("ours", ours), side("peer", peer), amount, {"fact": 1})
    return prepare


@pytest.fixture
def toy(monkeypatch):
    """Register one toy benchmark, alone, with a clock of its own; returns the calls made."""
    calls, clock = [], [0.0]
    monkeypatch.setattr(bench, "_BENCHMARKS", {})
    monkeypatch.setattr(bench, "_MODULES", {})
    monkeypatch.setattr(bench.time, "perf_counter", lambda: clock[0])
    bench.benchmark("toy", "things/s", smoke=1.5)(duel(calls, clock))
    return calls


def test_sides_take_turns_after_one_warm_up_each(toy, tmp_path):
    result = bench.run((), "smoke", tmp_path)["toy"]
    assert toy == ["ours", "peer", "ours", "peer", "peer", "ours"]
    assert result["ours"] == {"median": 4.0, "quartiles": [4.0, 4.0], "n": 2} and result["peer"]["median"] == 2.0
    assert result["ratio"] == 2.0 and result["aim"] == 1.5 and result["what"] == "Toy work."
    assert result["facts"] == {"fact": 1} and result["config"]["name"] == "smoke" and "torch" in result["versions"]


def test_results_of_others_stay_in_the_file(toy, tmp_path):
    path = tmp_path / "bench-smoke.json"
    path.write_text('{"other": {"ratio": 3}, "toy": {"ratio": 9}}')
    bench.run(["toy"], "smoke", tmp_path)
    saved = json.loads(path.read_text())
    assert saved["other"] == {"ratio": 3} and saved["toy"]["ratio"] == 2.0
    path.write_text("[")
    with pytest.raises(InputError, match="not a file of benchmarks"):
        bench.run(["toy"], "smoke", tmp_path)
    assert path.read_text() == "["


def test_a_busy_machine_replaces_no_result_that_was_measured_at_rest(toy, tmp_path, monkeypatch):
    monkeypatch.setattr(bench.machine.os, "cpu_count", lambda: 4)
    kept, path = [], tmp_path / "bench-smoke.json"
    for load in (1.5, 1.2, 0.5, 0.6):
        monkeypatch.setattr(bench, "processor_load", lambda load=load: load)
        bench.run(["toy"], "smoke", tmp_path)
        kept.append(json.loads(path.read_text())["toy"]["load_before"])
    monkeypatch.setattr(bench, "processor_load", lambda: 1.1)
    with pytest.warns(UserWarning, match="bench-smoke.json keeps its result of toy, which was measured at rest"):
        assert bench.run(["toy"], "smoke", tmp_path)["toy"]["busy"]
    assert kept == [1.5, 1.2, 0.5, 0.6] and json.loads(path.read_text())["toy"]["load_before"] == 0.6


def test_the_command_writes_only_where_it_is_told_to(toy, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert call("bench", "toy", "--scale", "smoke") == 0 and "ratio 2.00" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_what_lacks_its_peer_is_left_out_unless_it_is_asked_for(toy, monkeypatch, capsys):
    @bench.benchmark("lacking", "things/s", "What nobody can measure here.")
    def prepare(scale):
        yield bench.Duel(print, bench.needed("no_such_peer").search, 1)
    with pytest.warns(UserWarning, match="lacking is left out: this benchmark needs no_such_peer; pip install"):
        assert call("bench", "--scale", "smoke") == 0
    said = capsys.readouterr().out
    assert "toy: Toy work." in said and "lacking" not in said
    assert call("bench", "lacking", "toy", "--scale", "smoke") == 2
    assert "fercourse: this benchmark needs no_such_peer; pip install" in capsys.readouterr().err


def test_spread_by_hand():
    assert bench.spread([1.0, 2, 3, 4, 100]) == {"median": 3, "quartiles": [2, 4], "n": 5}


def test_a_busy_machine_is_told(toy, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench.machine.os, "cpu_count", lambda: 4)
    for load, told in ((1.1, True), (0.9, False)):
        monkeypatch.setattr(bench, "processor_load", lambda load=load: load)
        assert call("bench", "toy", "--scale", "smoke", "--out", tmp_path) == 0
        said = capsys.readouterr().out
        assert ("busy (load 1.1)" in said) == told and "ratio 2.00 (turns 2.00 [2.00 to 2.00]), aim 1.50" in said


@pytest.mark.parametrize("words, told", [(["nothing"], "benchmark 'nothing' is unknown; expected one of augment"),
                                         (["--scale", "big"], "scale 'big' is unknown; expected auto, smoke")])
def test_wrong_words_are_named(words, told, capsys):
    assert call("bench", *words) == 2 and told in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["end-to-end-48", "end-to-end-48-2-views", "end-to-end-48-bf16", "input", "steps"])
def test_every_benchmark_runs(name, tmp_path, capsys):
    assert call("bench", name, "--json", "--scale", "smoke", "--out", tmp_path) == 0
    result = json.loads(capsys.readouterr().out)[name]
    assert result["ratio"] > 0 and result["ours"]["n"] == 2
    assert json.loads((tmp_path / "bench-smoke.json").read_text())[name] == result


def test_the_help_names_every_benchmark(capsys):
    assert sorted(bench.told()) == list(bench.names())
    assert call("bench", "--help") == 0
    told = "".join(capsys.readouterr().out.split())                                # lines are wrapped anywhere
    assert [name for name in bench.names() if name not in told] == []


@pytest.mark.parametrize("views", [1, 2])
def test_the_bare_loop_is_the_arithmetic_of_fit(views):
    """The same batches in the same order must end in the same weights, or the comparison is of two trainings."""
    faces = drawn_faces(48, 32)
    torch.manual_seed(0)
    felt = {"warmup": 0.5, "clip": 0.1}                                  # so that both matter in three steps
    method, plain = Views(faces.classes, 32, Views.Hyper(**felt)), create("baseline", faces)
    method.views = ("weak",) * views
    plain.load_state_dict(method.state_dict())
    stream = Stream(faces, method.views, method.needs, 16, 0, torch.device("cpu"))
    batches = [stream.batch(step, faces.labels) for step in range(stream.steps)]
    model = torch.nn.Sequential(plain.backbone, plain.head)
    loader = flat((batch.views.transpose(0, 1), batch.labels) for batch in batches)        # as a loader stacks them
    bare_loop(model, loader, stream.steps, torch.device("cpu"), **felt)
    fit(method, faces, epochs=1, batch_size=16, device="cpu", quiet=True)
    for (name, ours), theirs in zip(method.state_dict().items(), plain.state_dict().values()):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5, msg=name)


def test_one_view_is_the_baseline():
    faces = drawn_faces(16, 32)
    torch.manual_seed(0)
    method, baseline = Views(faces.classes, 32, Views.Hyper()), create("baseline", faces)
    baseline.load_state_dict(method.state_dict())
    losses = []
    for one in (method, baseline):
        one.setup(faces)
        batch = Stream(faces, ("weak",), one.needs, 16, 0, torch.device("cpu")).batch(0, faces.labels)
        losses.append(one(batch, 0.0)["total"])
    torch.testing.assert_close(*losses)


def test_a_precision_is_of_both_sides(monkeypatch):
    asked = []
    monkeypatch.setattr("fercourse.bench.end_to_end.fit", lambda *_, precision, **__: asked.append(("ours", precision)))
    monkeypatch.setattr("fercourse.bench.end_to_end.bare_loop",
                        lambda *_, precision: asked.append(("peer", precision)))
    bench.names()
    bench.measure(bench._BENCHMARKS[Work(48, 1, "bf16").name], bench.SCALES["smoke"])
    assert set(asked) == {("ours", "bf16"), ("peer", "bf16")}


def test_device_batches_hold_each_face_once_with_its_label():
    images = torch.arange(10, dtype=torch.uint8)[:, None, None, None].expand(10, 3, 4, 4) * 20
    seen = list(device_batches(images, torch.arange(10), "none", 4))
    assert [len(labels) for _, labels in seen] == [4, 4]
    for pixels, labels in seen:
        assert torch.equal(augment.denormalise(pixels), images[labels])
    assert len(torch.cat([labels for _, labels in seen]).unique()) == 8


def test_files_decode_to_the_faces_and_the_transforms_are_the_presets(tmp_path):
    faces = drawn_faces(41, 32)
    files = Files(write_jpegs(faces, tmp_path), faces.labels.tolist(), ("none", "weak"))
    (pixels, other_view), label = files[40]
    assert other_view.shape == pixels.shape and not torch.equal(other_view, pixels)
    assert label == int(faces.labels[40]) and len(files) == 41
    own, other = augment.normalise(faces.images[[40, 20]])
    assert F.l1_loss(pixels, own) < 0.2 < 1 < F.l1_loss(pixels, other)
    flip, move, colour = transforms("weak").transforms[:3]
    assert flip.p == 0.5 and list(move.degrees) == [-10, 10] and move.scale == (0.95, 1.15)
    assert tuple(move.translate) == (0.05, 0.05) and list(colour.contrast) == [0.8, 1.2]
