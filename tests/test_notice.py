"""A notice to stop: what was trained is saved at that very step, and signals mean afterwards what they meant before."""

import os
import signal
import subprocess
import sys
import threading

import pytest
import torch
from safetensors.torch import load_file

from fercourse import fit
from fercourse.checkpoint import read_checkpoint
from fercourse.notice import SIGNALS, Stopped, stop_signals
from tests.killed import train
from tests.line import QUICK, call, toy_pack
from tests.same import equal
from tests.toy import toy_faces, toy_method
from tests.twice import twice

CPU = torch.device("cpu")
GO_ON = "go on with --resume (in Python resume=True)"


def child(out, *notice):
    command = [sys.executable, "-m", "tests.killed", str(out), *notice]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def signalling(method, number, at):
    """Let a method's process get a signal in its step `at`."""
    steps, own = iter(range(1, 100)), method.after_step

    def after_step():
        own()
        if next(steps) == at:
            signal.raise_signal(number)
    method.after_step = after_step
    return method


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process that it sends SIGTERM")
def test_a_training_that_gets_a_notice_saves_that_step_and_ends_like_an_uninterrupted_one(tmp_path, one_thread):
    train(tmp_path / "whole")
    stopped = child(tmp_path / "run", "notice", "8")
    assert (stopped.returncode, stopped.stderr) == (
        128 + signal.SIGTERM, f"stopped by a notice after step 3 of epoch 2; {GO_ON}\n")
    assert read_checkpoint(tmp_path / "run" / "checkpoint.pt")["step"] == 8        # two after the one of --save-every
    done = child(tmp_path / "run")
    assert done.returncode == 0, done.stderr
    ours, theirs = (load_file(tmp_path / name / "model.safetensors") for name in ("run", "whole"))
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)
    assert equal(*(read_checkpoint(tmp_path / name / "checkpoint.pt") for name in ("run", "whole")))


@pytest.mark.parametrize("number", SIGNALS)
def test_the_command_leaves_with_the_signals_status(tmp_path, monkeypatch, caplog, number):
    from fercourse.methods.baseline import Baseline
    steps = iter(range(1, 100))
    monkeypatch.setattr(Baseline, "after_step", lambda method: next(steps) == 2 and signal.raise_signal(number))
    line = "train", "baseline", "--data", toy_pack(tmp_path / "a.safetensors"), "--out", tmp_path / "run", *QUICK
    assert call(*line) == 128 + number
    assert caplog.messages == [f"stopped by a notice after step 2 of epoch 1; {GO_ON}"]
    assert read_checkpoint(tmp_path / "run" / "checkpoint.pt")["step"] == 2
    assert signal.getsignal(number) is signal.SIG_DFL
    assert call(*line, "--resume") == 0 and (tmp_path / "run" / "metrics.json").is_file()


def one_of_two_gets_it(folder):
    """Return the status, and the step that was saved, of a process of which the first gets no notice."""
    faces = toy_faces(48, 16)
    method = toy_method(faces)
    if torch.distributed.get_rank() == 1:
        signalling(method, signal.SIGTERM, 2)
    try:
        fit(method, faces, epochs=2, batch_size=16, out=folder, quiet=True, device="cpu")
    except Stopped as stopped:
        return stopped.code, read_checkpoint(f"{folder}/checkpoint.pt")["step"]


def test_several_processes_stop_at_the_same_step_though_one_alone_gets_the_notice(tmp_path):
    assert twice(one_of_two_gets_it, str(tmp_path / "run")) == [(128 + signal.SIGTERM, 3)] * 2


def test_a_notice_that_comes_too_late_is_passed_on(monkeypatch):
    passed_on, send = [], signal.raise_signal
    monkeypatch.setattr(signal, "raise_signal", lambda number: passed_on.append((number, signal.getsignal(number))))
    with stop_signals(CPU) as notice:
        send(signal.SIGTERM)
        assert notice.came(meeting=False)
    assert passed_on == [(signal.SIGTERM, signal.SIG_DFL)]


@pytest.mark.parametrize("own", [signal.SIG_IGN, lambda number, frame: None])
def test_who_ignores_or_handles_a_signal_keeps_to_that(own, tmp_path):
    faces = toy_faces(32, 16)
    before = signal.signal(signal.SIGTERM, own)
    try:
        method = signalling(toy_method(faces), signal.SIGTERM, 1)
        fit(method, faces, epochs=1, batch_size=16, out=tmp_path / "run", quiet=True, device="cpu")
        assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)


def test_without_a_folder_or_outside_the_main_thread_no_signal_is_touched(tmp_path):
    faces, found = toy_faces(32, 16), []

    def trained(out=None):
        fit(toy_method(faces), faces, epochs=1, batch_size=16, out=out, quiet=True, device="cpu",
            watch=lambda *_: found.append(signal.getsignal(signal.SIGTERM)))
    trained()
    thread = threading.Thread(target=trained, args=[tmp_path / "run"])
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL] * 2
    trained(tmp_path / "other")
    assert found[2] is not signal.SIG_DFL and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")
def test_a_child_that_was_forked_meanwhile_ends_as_ever():
    with stop_signals(CPU) as notice:
        if not (child := os.fork()):
            signal.raise_signal(signal.SIGTERM)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == signal.SIGTERM and not notice.number
