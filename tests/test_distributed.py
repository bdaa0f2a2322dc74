"""Two or four processes train like one on the joined batch, and look at every face exactly once."""

import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from fercourse import distributed
from fercourse.errors import InputError
from tests.joined import train
from tests.twice import twice


@pytest.fixture(scope="module", params=[2, 4])
def many(request, tmp_path_factory):
    out = tmp_path_factory.mktemp(f"processes{request.param}")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(request.param)]
    done = subprocess.run([*torchrun, "-m", "tests.joined", str(out)], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    return out, [json.loads((out / f"rank{r}.json").read_text()) for r in range(request.param)]


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    out = tmp_path_factory.mktemp("one")
    return out, *train(out)


def test_many_processes_train_like_one(many, one):
    ours, theirs = load_file(many[0] / "model.safetensors"), load_file(one[0] / "model.safetensors")
    for name in theirs:
        assert ours[name].dtype == torch.float64
        error = (ours[name] - theirs[name]).norm() / theirs[name].norm()
        assert error <= 1e-6, name


def test_losses_in_the_log_are_those_of_the_joined_batch(many, one):
    folder, ranks = many
    assert [r["world"] for r in ranks] == [len(ranks)] * len(ranks)
    for part in ("total", "classify", "contrast", "concordance"):
        assert ranks[0]["last"][part] == pytest.approx(one[2].last[part], rel=1e-6)
    lines = (folder / "log.jsonl").read_text().splitlines()
    assert len(lines) == 4                                                # one writer: two starts, two epochs


def test_each_face_is_looked_at_once_and_in_order(many, one):
    _, ranks = many
    for facts in ranks:                                                   # 51 faces: 26 + 25, or 13 + 13 + 13 + 12
        torch.testing.assert_close(torch.tensor(facts["seen"]), one[1].seen, rtol=1e-6, atol=1e-7)
        assert facts["parts"] == [0, 1] + [10 * r + i for r in range(1, len(ranks)) for i in range(5)]


def test_one_bad_process_stops_all(many):
    for facts in many[1]:
        assert "not finite at step 1: contrast" in facts["error"]


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


def doubly_gathered():
    mine = torch.full((1, 2), float(distributed.rank() + 1), requires_grad=True)
    other = mine.detach().clone().requires_grad_()
    ((distributed.gather(mine) + distributed.gather(other)) * torch.tensor([[1.0, 2], [3, 4]])).sum().backward()
    return mine.grad, other.grad


def test_two_gathered_tensors_may_share_a_gradient():
    for rank, gradients in enumerate(twice(doubly_gathered)):
        for gradient in gradients:
            assert gradient.tolist() == [[[2, 4], [6, 8]][rank]]
