"""The deterministic mode: on in every step and off afterwards, and a training in it repeats itself bit by bit."""

import os
from functools import partial

import pytest
import torch
from torch.backends import cudnn

from fercourse.cli.train import METHODS
from fercourse.deterministic import WORKSPACE
from tests.same import equal
from tests.toy import fitted

ON = True, True, True, False, ":4096:8"
stepped = partial(fitted, epochs=1, deterministic=True, device="cpu")


def settings():
    return (torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled(),
            cudnn.deterministic, cudnn.benchmark, os.environ.get(WORKSPACE))


@pytest.fixture
def before(monkeypatch):
    """Settings that differ from those of the mode."""
    monkeypatch.setenv(WORKSPACE, "")                        # so that it is put back afterwards
    monkeypatch.delenv(WORKSPACE)
    monkeypatch.setattr(cudnn, "benchmark", True)
    return settings()


def test_it_is_on_in_every_step_and_off_afterwards(before):
    seen = []
    stepped(change=lambda method: setattr(method, "after_step", lambda: seen.append(settings())))
    assert seen == [ON] * 2 and settings() == before != ON


def test_it_is_off_after_an_error_and_without_being_asked_for(before, monkeypatch):
    seen = []

    def fail():
        seen.append(settings())
        raise KeyboardInterrupt
    monkeypatch.setenv(WORKSPACE, ":16:8")                   # what the environment says already stays
    for asked in (True, False):
        with pytest.raises(KeyboardInterrupt):
            stepped(change=lambda method: setattr(method, "after_step", fail), deterministic=asked)
    assert seen == [(*ON[:-1], ":16:8"), (*before[:-1], ":16:8")] and settings() == seen[1]


def test_what_was_deterministic_before_stays_so(before):
    torch.use_deterministic_algorithms(True)
    try:
        stepped()
        assert settings()[:2] == (True, False)
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_steps_in_it_and_repeats_itself(name):
    one = stepped(name, batch_size=32).state_dict()
    assert equal(one, stepped(name, batch_size=32).state_dict())


def test_a_run_goes_on_without_it(tmp_path):
    stepped(out=tmp_path)
    stepped(out=tmp_path, resume=True, deterministic=False)
