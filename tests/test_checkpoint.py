"""Checkpoints: a killed run goes on as if nothing had happened, and nothing else is taken for one."""

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fercourse import checkpoint, fit, origin
from fercourse.checkpoint import load_run, read_checkpoint
from fercourse.errors import InputError
from fercourse.lock import take
from tests.holder import holding
from tests.killed import train
from tests.same import equal
from tests.toy import Stop, stopping, toy_faces, toy_method

QUICK = {"batch_size": 16, "epochs": 1, "quiet": True, "device": "cpu"}
pytestmark = pytest.mark.usefixtures("one_thread")               # the killed runs have one thread each


def child(out, *death):
    command = [sys.executable, "-m", "tests.killed", str(out), *death]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def records(out):
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "images_per_s"} for line in lines]


@pytest.fixture(scope="module")
def whole(one_thread, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "whole"
    train(out)
    return out


@pytest.mark.parametrize("death", [("step", "8"), ("save", "4")])
def test_a_killed_run_ends_like_an_uninterrupted_one(tmp_path, whole, death):
    """Step 8 is two steps after a checkpoint within epoch 1; the fourth save is within epoch 1 too."""
    out = tmp_path / "run"
    assert child(out, *death).returncode == -signal.SIGKILL
    kept = read_checkpoint(out / "checkpoint.pt")
    assert kept["step"] == {"step": 6, "save": 6}[death[0]] and kept["memory"]["starts"] == 2
    done = child(out)
    assert done.returncode == 0, done.stderr
    ours, theirs = load_file(out / "model.safetensors"), load_file(whole / "model.safetensors")
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)
    ours, theirs = read_checkpoint(out / "checkpoint.pt"), read_checkpoint(whole / "checkpoint.pt")
    assert equal(ours, theirs)
    assert records(out) == records(whole)
    assert not list(out.glob("*.part"))


def test_a_finished_run_is_not_trained_again(whole, tmp_path):
    out = shutil.copytree(whole, tmp_path / "run")
    before = records(out)
    history, method = train(out)
    assert records(out) == before and history.last["step"] == 15
    weights = load_file(whole / "model.safetensors")
    assert all(torch.equal(v, weights[k]) for k, v in method.state_dict().items())


def test_the_checkpoint_before_is_kept_and_used(whole, tmp_path):
    out = shutil.copytree(whole, tmp_path / "run")
    assert read_checkpoint(out / "checkpoint.previous.pt")["step"] == 12
    (out / "checkpoint.pt").unlink()                                      # killed between two renames
    train(out)
    assert equal(read_checkpoint(out / "checkpoint.pt"), read_checkpoint(whole / "checkpoint.pt"))


def test_a_run_is_not_overwritten(whole, tmp_path):
    with pytest.raises(InputError, match="holds a run already; go on with --resume or another --out"):
        train(whole, resume=False)


def test_two_trainings_never_write_into_one_folder(whole, tmp_path):
    """The other one is killed, and this one goes on."""
    out = shutil.copytree(whole, tmp_path / "run")
    other = "from fercourse.checkpoint import Checkpoint; kept = Checkpoint(sys.argv[1], {}, None, {}); kept._claim()"
    with holding(out, code=other) as kill:
        for resume in (True, False):
            with pytest.raises(InputError, match="run: another training writes into it; wait for its end, or choose"):
                train(out, resume)
        kill()
        train(out)
    assert not (out / "training.lock").exists()


def test_a_stopped_cell_may_be_run_again_in_its_process_but_a_refusal_keeps_nobody_out(whole, tmp_path):
    first, again = (checkpoint.Checkpoint(tmp_path / "run", {}, None, {}) for _ in range(2))
    assert first.open(False) == again.open(True) == 0                     # the first is kept alive by its traceback
    assert take(tmp_path / "run" / "training.lock") is None
    del first
    assert take(tmp_path / "run" / "training.lock") is None
    del again
    assert take(tmp_path / "run" / "training.lock") is not None
    refused = checkpoint.Checkpoint(shutil.copytree(whole, tmp_path / "whole"), {}, None, {})
    with pytest.raises(InputError, match="holds a run already"):
        refused.open(False)
    assert take(tmp_path / "whole" / "training.lock") is not None


def test_only_what_a_killed_training_left_is_removed(tmp_path):
    ours = ("checkpoint.pt.host.12.part", "model.safetensors.other.7.part", "config.json..3.part")
    theirs = ("x.iso.part", "checkpoint.pt.part", "thesis.host.12.part")
    for name in ours + theirs:
        (tmp_path / name).touch()
    for name in ("x.part", "checkpoint.pt.host.13.part"):
        (tmp_path / name).mkdir()
    checkpoint.Checkpoint(tmp_path, {}, None, {}).open(False)
    assert {path.name for path in tmp_path.glob("*.part")} == {*theirs, "x.part", "checkpoint.pt.host.13.part"}


def test_two_that_begin_together_get_two_folders(tmp_path):
    first, second = (checkpoint.new_folder(tmp_path / "runs", "baseline") for _ in range(2))
    assert (first.name, second.name) == ("baseline-1", "baseline-2") and first.is_dir() and second.is_dir()
    (second / "log.jsonl").touch()
    for folder in (first, second):
        checkpoint._remove_empty(folder)
    assert not first.exists() and second.exists()
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file is where a folder is needed"):
        checkpoint.new_folder(tmp_path / "file", "baseline")


def test_other_valence_is_other_data():
    faces = toy_faces(32, 16, valence_arousal=torch.zeros(32, 2))
    other = replace(faces, valence_arousal=torch.ones(32, 2))
    assert checkpoint.fingerprint(faces) == checkpoint.fingerprint(replace(faces)) != checkpoint.fingerprint(other)


@pytest.mark.parametrize("change, message", [
    ({"seed": 1}, "was made with seed 0, but 1 was asked for"),
    ({"epochs": 2}, "was made with epochs 1, but 2 was asked for"),
    ({"hyper": {"label_smoothing": 0.3}}, "was made with hyper label_smoothing 0.1, but 0.3 was asked for"),
    ({"faces": {"seed": 5}}, r"was made with data toy \(32 faces, [0-9a-f]+\), but toy \(32 faces, [0-9a-f]+\) was"),
    ({"method": "forgetful"}, "was made with method baseline, but forgetful was asked for"),
])
def test_only_the_same_run_goes_on(tmp_path, change, message):
    def run(method="baseline", faces={}, hyper={}, **settings):           # noqa: B006
        set_of_faces = toy_faces(32, 16, **faces)
        fit(toy_method(set_of_faces, method, **hyper), set_of_faces, out=tmp_path / "run", resume=True,
            **{**QUICK, **settings})
    run()
    with pytest.raises(InputError, match=message):
        run(**change)


def test_a_damaged_checkpoint_points_to_the_one_before(whole, tmp_path):
    out = shutil.copytree(whole, tmp_path / "run")
    (out / "checkpoint.pt").write_bytes(b"nonsense")
    with pytest.raises(InputError, match=r"delete it; checkpoint.previous.pt beside it holds the state before"):
        train(out)


def test_exported_runs_predict_without_their_training_set(tmp_path):
    faces = toy_faces(32, 16)
    method = toy_method(faces, label_smoothing=0.2)
    fit(method, faces, out=tmp_path / "run", **QUICK)
    (tmp_path / "run" / "checkpoint.pt").unlink()
    loaded = load_run(tmp_path / "run")
    with torch.no_grad():
        assert torch.equal(loaded.predict(faces.images), method.predict(faces.images))
    assert loaded.classes == faces.classes and loaded.hyper == method.hyper and not loaded.memory
    assert not loaded.training


def test_runs_that_cannot_be_loaded(tmp_path):
    with pytest.raises(InputError, match=r"not a run; expected a folder with config.json"):
        load_run(tmp_path)
    faces = toy_faces(8, 16)
    checkpoint.export(toy_method(faces), tmp_path / "run")
    whole = (tmp_path / "run" / "config.json").read_text()
    for odd in ("[" * 100_000, json.dumps({**json.loads(whole), "classes": [["neutral"]]})):
        (tmp_path / "run" / "config.json").write_text(odd)
        with pytest.raises(InputError, match=r"not a run; expected a folder with config.json"):
            load_run(tmp_path / "run")
    (tmp_path / "run" / "config.json").write_text(whole)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    weights = tmp_path / "run" / "model.safetensors"
    checkpoint.write_json(tmp_path / "run" / "config.json", {**config, "classes": ["neutral"]})
    with pytest.raises(InputError, match=r"damaged, or not the weights of config.json"):
        load_run(tmp_path / "run")
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match="damaged"):
        load_run(tmp_path / "run")
    weights.unlink()
    with pytest.raises(InputError, match="the run is not finished"):
        load_run(tmp_path / "run")
    checkpoint.write_json(tmp_path / "run" / "config.json", {**config, "method": "tomorrow"})
    with pytest.raises(InputError, match="method 'tomorrow' is unknown"):
        load_run(tmp_path / "run")
    checkpoint.write_json(tmp_path / "run" / "config.json", {**config, "hyper": {"patience": 3}})
    with pytest.raises(InputError, match="baseline has no hyper-parameter patience"):
        load_run(tmp_path / "run")


def test_numbers_of_numpy_and_paths_are_kept_as_plain_values(tmp_path):
    faces, weights = toy_faces(32, 16), tmp_path / "weights.safetensors"
    settings = dict(epochs=np.int64(1), batch_size=np.int64(16), lr=np.logspace(-3, -2, 3)[0], seed=np.int64(1),
                    quiet=True, device="cpu")

    def made():
        method = toy_method(faces, label_smoothing=np.float64(0.1), weight_decay=np.float32(0.05))
        method.hyper.weights = weights                                    # where its first weights came from
        method.start_epoch = lambda epoch, look: {"one": np.float32(0.5), "other": np.ones(1), "third": torch.ones(1)}
        return method
    fit(made(), faces, out=tmp_path / "run", **settings)
    history = fit(made(), faces, out=tmp_path / "run", resume=True, **settings)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["hyper"]["weights"] == str(weights) and config["lr"] == 1e-3
    assert history.starts[0]["start"] == {"one": 0.5, "other": 1, "third": 1}


def test_what_could_not_be_read_again_is_refused_before_the_first_step(tmp_path):
    faces, done = toy_faces(32, 16), []
    for change, message in ((lambda m: m.memory.update(bank=np.zeros(3)), r"memory\['bank'\] holds .* ndarray"),
                            (lambda m: setattr(m.hyper, "grey", object()), "hyper grey is of type object")):
        method = toy_method(faces)
        method.setup = lambda *sets, method=method, change=change: (type(method).setup(method, *sets), change(method))
        method.after_step = lambda: done.append(1)
        with pytest.raises(InputError, match=message):
            fit(method, faces, out=tmp_path / "run", **QUICK)
    method = toy_method(faces)
    method.start_epoch = lambda epoch, look: {"several": torch.zeros(3)}
    with pytest.raises(InputError, match="start_epoch says several with 3 numbers; expected a single one"):
        fit(method, faces, **QUICK)
    assert not done


def test_a_run_goes_on_in_another_precision(tmp_path):
    faces = toy_faces(32, 16)

    def stop(epoch, method):
        if epoch == last:
            raise KeyboardInterrupt
    settings = dict(out=tmp_path / "run", **{**QUICK, "epochs": 3})
    for last, precision in enumerate(("fp32", "fp16")):
        with pytest.raises(KeyboardInterrupt):
            fit(toy_method(faces), faces, precision=precision, resume=last > 0, watch=stop, **settings)
    assert read_checkpoint(tmp_path / "run" / "checkpoint.pt")["scaler"]
    assert fit(toy_method(faces), faces, precision="bf16", resume=True, **settings).last["epoch"] == 2


def test_weights_that_a_run_began_with_may_move_but_not_change(tmp_path):
    faces, out = toy_faces(32, 16), tmp_path / "run"
    first, moved, other = (tmp_path / f"{name}.pt" for name in ("first", "moved", "other"))
    torch.save(toy_method(faces).backbone.trunk.state_dict(), first)
    fit(toy_method(faces, weights=str(first)), faces, out=out, **QUICK)
    shutil.copy(first, moved)
    torch.save({k: v * 1.5 for k, v in torch.load(first).items()}, other)
    fit(toy_method(faces, weights=str(moved)), faces, out=out, resume=True, **QUICK)
    for weights, said in ((other, "was made with weights_sha256 [0-9a-f]+, but [0-9a-f]+ was asked for"),
                          (None, "was made with hyper weights .*, but None was asked for")):
        with pytest.raises(InputError, match=said):
            fit(toy_method(faces, weights=weights and str(weights)), faces, out=out, resume=True, **QUICK)


def test_a_resumed_run_shows_again_what_was_saved_before_it_was_shown(tmp_path):
    """Stopped in the watch of epoch 0; what is shown is what an uninterrupted run shows."""
    faces, shown = toy_faces(48, 16), []

    def run(out, stop=None):
        def watch(epoch, method):
            shown.append((out, epoch, method.training, method.predict(faces.images)))
            if epoch == stop:
                raise KeyboardInterrupt
        method = toy_method(faces, ema=0.9)
        fit(method, faces, out=tmp_path / out, resume=True, watch=watch, **{**QUICK, "epochs": 3})
    run("whole")
    with pytest.raises(KeyboardInterrupt):
        run("stopped", stop=0)
    run("stopped")
    of = {name: [row for row in shown if row[0] == name] for name in ("whole", "stopped")}
    assert [row[1:3] for row in of["stopped"]] == [(epoch, False) for epoch in (0, 0, 1, 2)]
    assert all(torch.equal(a[3], b[3]) for a, b in zip(of["whole"], of["stopped"][1:]))


def test_a_resume_wants_the_same_views_unless_nobody_wrote_them_down(tmp_path):
    faces, out = toy_faces(32, 16), tmp_path / "run"
    method = toy_method(faces)
    method.views = ("weak",)
    fit(method, faces, out=out, **QUICK)
    other = toy_method(faces)                                             # a preset of its own
    with pytest.raises(InputError, match=r"was made with views \['weak'\], but \['Preset\(.*\] was asked for"):
        fit(other, faces, out=out, resume=True, **QUICK)
    kept = read_checkpoint(out / "checkpoint.pt")
    kept["config"] = {k: v for k, v in kept["config"].items() if "views" not in k}
    torch.save(kept, out / "checkpoint.pt")
    fit(method, faces, out=out, resume=True, **QUICK)


def test_a_hyper_parameter_that_the_kept_run_does_not_know_had_its_default(tmp_path):
    faces, out = toy_faces(32, 16), tmp_path / "run"
    fit(toy_method(faces), faces, out=out, **QUICK)
    kept = read_checkpoint(out / "checkpoint.pt")
    del kept["config"]["hyper"]["momentum"]
    torch.save(kept, out / "checkpoint.pt")
    with pytest.raises(InputError, match=r"was made with hyper momentum 0\.9, but 0\.5 was asked for"):
        fit(toy_method(faces, momentum=0.5), faces, out=out, resume=True, **QUICK)
    fit(toy_method(faces), faces, out=out, resume=True, **QUICK)
    assert json.loads((out / "config.json").read_text())["hyper"]["momentum"] == 0.9


@pytest.mark.parametrize("kept", [{"hyper": None}, {"hyper": {"gone": 1}}])
def test_what_is_no_list_of_hyper_parameters_or_holds_one_that_is_gone_is_refused(kept):
    hyper = toy_method(toy_faces(8, 16)).hyper
    with pytest.raises(InputError, match="was made with hyper"):
        origin.same_run("run", kept, {"hyper": vars(hyper)}, hyper)


def counted(faces, stop=None, resume=False, out=None):
    """Train a method that has names of its own for two tensors in memory: one is counted in, one replaced."""
    method = toy_method(faces)

    def setup(*sets):
        type(method).setup(method, *sets)
        method.turns, method.given = torch.zeros(len(faces)), method.memory["labels"]
        method.memory |= {"turns": method.turns, "prior": torch.ones(1).expand(len(faces))}

    def start_epoch(epoch, look):
        method.memory["labels"] = (method.given + epoch) % 4
        return {}

    def forward(batch, progress):
        method.rows = batch.index
        return type(method).forward(method, batch, progress)

    def after_step():
        method.turns[method.rows] += 1
    method.setup, method.start_epoch, method.forward, method.after_step = setup, start_epoch, forward, after_step
    try:
        fit(stopping(method, stop), faces, out=out, resume=resume, **{**QUICK, "epochs": 3})
    except Stop:
        pass
    return method


def test_a_name_of_ones_own_for_a_tensor_in_memory_outlasts_a_stop(tmp_path):
    faces = toy_faces(32, 16)
    whole = counted(faces)
    counted(faces, stop=5, out=tmp_path)                                  # saved after four, of six
    again = counted(faces, resume=True, out=tmp_path)
    assert again.turns is again.memory["turns"] and torch.equal(again.turns, torch.full((32,), 3.0))
    assert torch.equal(again.given, faces.labels) and again.given is not again.memory["labels"]
    assert equal(dict(whole.state_dict()), dict(again.state_dict())) and equal(whole.memory, again.memory)


def test_a_checkpoint_that_does_not_say_what_is_still_of_the_setup_is_read(tmp_path):
    faces = toy_faces(32, 16)
    counted(faces, stop=3, out=tmp_path)
    kept = read_checkpoint(tmp_path / "checkpoint.pt")
    assert "turns" in kept["still"] and "labels" not in kept.pop("still")
    torch.save(kept, tmp_path / "checkpoint.pt")
    assert torch.equal(counted(faces, stop=1, resume=True, out=tmp_path).memory["turns"], torch.ones(32))
