"""Two processes train like one on the joined batch, and look at every face exactly once."""

import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from fercourse import distributed
from fercourse.errors import InputError
from tests.joined import train


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    out = tmp_path_factory.mktemp("two")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run([*torchrun, "-m", "tests.joined", str(out)], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    return out


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    out = tmp_path_factory.mktemp("one")
    return out, *train(out)


def test_two_processes_train_like_one(two, one):
    ours, theirs = load_file(two / "model.safetensors"), load_file(one[0] / "model.safetensors")
    for name in theirs:
        assert ours[name].dtype == torch.float64
        error = (ours[name] - theirs[name]).norm() / theirs[name].norm()
        assert error <= 1e-6, name


def test_losses_in_the_log_are_those_of_the_joined_batch(two, one):
    ranks = [json.loads((two / f"rank{r}.json").read_text()) for r in (0, 1)]
    assert [r["world"] for r in ranks] == [2, 2]
    for part in ("total", "classify", "contrast", "concordance"):
        assert ranks[0]["last"][part] == pytest.approx(one[2].last[part], rel=1e-6)
    lines = (two / "log.jsonl").read_text().splitlines()
    assert len(lines) == 4                                                # one writer: two starts, two epochs


def test_each_face_is_looked_at_once_and_in_order(two, one):
    expected = one[1].seen
    for r in (0, 1):
        facts = json.loads((two / f"rank{r}.json").read_text())
        torch.testing.assert_close(torch.tensor(facts["seen"]), expected, rtol=1e-6, atol=1e-7)   # 51 faces: 26 + 25
        assert facts["parts"] == [0, 1, 10, 11, 12, 13, 14]


def test_one_bad_process_stops_all(two):
    for r in (0, 1):
        assert "not finite at step 1: contrast" in json.loads((two / f"rank{r}.json").read_text())["error"]


def test_alone_everything_is_itself():
    rows = torch.arange(4.0, requires_grad=True)
    assert distributed.gather(rows) is rows and distributed.gather_parts(rows) is rows
    assert distributed.share(rows).equal(rows) and distributed.mean(rows).equal(rows)
    assert distributed.anchors(3).tolist() == [0, 1, 2]
    assert (distributed.rank(), distributed.world()) == (0, 1)
    distributed.wait()


def test_batches_that_cannot_be_dealt(monkeypatch):
    monkeypatch.setattr(distributed, "world", lambda: 3)
    with pytest.raises(InputError, match="a batch of 4 cannot be dealt to 3 processes"):
        distributed.share(torch.arange(4))
