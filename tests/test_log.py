"""What a training notes down of its losses."""

import torch

from fercourse.log import History, Log


def test_history_weighs_by_steps():
    steps = [{"step": 20, "epoch": 0, "of": 20, "total": 1.0},
             {"step": 25, "epoch": 0, "of": 5, "total": 2.0}]
    assert History(steps).epochs().total.tolist() == [1.2]


def test_losses_that_a_checkpoint_kept_on_the_cpu_join_those_of_the_device():
    log = Log(None, 1, 10, 4, quiet=True)
    log.load_state_dict({"names": ["total"], "pending": [torch.ones(1)]})
    log.pending.append(torch.ones(1, device="meta"))
    assert log._means().shape == (2, 1) and log._means().device.type == "meta"


def test_a_log_that_has_not_begun_notes_losses_and_can_be_closed():
    log = Log(None, 1, 1, 4, quiet=True)
    assert log.step(1, {"total": torch.ones(())}, 0.1) and log.history.last["total"] == 1
    log.close()
