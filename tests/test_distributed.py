"""Two or four processes train like one on the joined batch, and look at every face exactly once."""

import json
import subprocess
import sys
import warnings

import pytest
import torch
from safetensors.torch import load_file

from fercourse import distributed, fit
from fercourse.errors import InputError
from tests.joined import train
from tests.same import equal
from tests.toy import Stop, stopping, toy_faces, toy_method
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


def test_several_processes_that_nobody_started_are_told(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="WORLD_SIZE is 2, but RANK, MASTER_ADDR, MASTER_PORT is not set; start sev"):
        distributed.start(torch.device("cpu"))


@pytest.mark.parametrize("name, place", [("LOCAL_RANK", 3), ("SLURM_LOCALID", 3), ("OMPI_COMM_WORLD_LOCAL_RANK", 3),
                                         (None, 1)])
def test_a_process_whose_place_on_its_machine_is_not_told_counts_the_gpus(monkeypatch, name, place):
    for other in ("LOCAL_RANK", "SLURM_LOCALID", "OMPI_COMM_WORLD_LOCAL_RANK"):
        monkeypatch.delenv(other, raising=False)
    if name:
        monkeypatch.setenv(name, "3")
    for name, value in dict(WORLD_SIZE=8, RANK=5, MASTER_ADDR="here", MASTER_PORT=1).items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    monkeypatch.setattr(distributed.dist, "init_process_group", lambda backend: None)
    assert distributed.start(torch.device("cuda")) == torch.device("cuda", place)


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


def cut_and_whole(folder):
    """Return weights, memory and losses of a run of two processes, and of one that was stopped within epoch 1."""
    def run(out, stop=None, resume=False):
        faces = toy_faces(48, 16)
        method = stopping(toy_method(faces, "hncl", neighbours="embedding", queue=12, ema=0.9), stop)
        history = fit(method, faces, epochs=3, batch_size=16, save_every=2, out=f"{folder}/{out}", resume=resume,
                      quiet=True, device="cpu")
        losses = [{k: v for k, v in record.items() if k != "images_per_s"} for record in history.steps]
        return [dict(method.state_dict()), method.memory, losses]
    whole = run("whole")
    try:
        run("cut", stop=5)
    except Stop:
        return whole, run("cut", resume=True)


def test_a_resume_of_two_processes_is_the_same_bit_for_bit_in_both(tmp_path):
    (whole, cut), (other, _) = twice(cut_and_whole, str(tmp_path))
    assert equal(whole, cut) and equal(whole, other)


def alike_and_apart():
    """Return what is trained from the same weights in both processes, and from others in the second."""
    def run(apart):
        faces = toy_faces(32, 16)
        method = toy_method(faces, ema=0.9)
        with torch.no_grad():
            method.head.weight.add_(apart)
        fit(method, faces, epochs=1, batch_size=16, quiet=True, device="cpu")
        return dict(method.state_dict())
    return [run(0.0), run(float(distributed.rank()))]


def test_the_average_begins_with_the_weights_of_the_first_process():
    for alike, apart in twice(alike_and_apart):
        assert equal(alike, apart)


def forgotten_parameter():
    faces = toy_faces(32, 16)
    method = toy_method(faces)
    method.rests = torch.nn.Parameter(torch.ones(1))
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*broadcast_buffers")
            fit(method, faces, epochs=1, batch_size=16, quiet=True, device="cpu")
    except InputError as error:
        return str(error)


def test_a_parameter_that_rests_is_told():
    for said in twice(forgotten_parameter):
        assert said.startswith("baseline: a parameter had no part in the step before, which several processes cannot")


def with_buffers(shared):
    """Return the buffers of a method that keeps centres and counts faces, or why its training was refused.

    Args:
        shared: it counts, and averages, what all processes saw.
    """
    torch.manual_seed(0)
    faces = toy_faces(32, 16)
    method = toy_method(faces)
    method.register_buffer("rests", torch.tensor([torch.nan, torch.inf]))
    method.register_buffer("scratch", torch.zeros(8, 3, 16, 16), persistent=False)
    method.register_buffer("mean", torch.zeros(3))
    method.register_buffer("seen", torch.zeros(4, dtype=torch.int64))
    method.other = torch.nn.InstanceNorm2d(3, track_running_stats=True)       # the loop averages its figures

    def forward(batch, progress):
        method.scratch.copy_(batch.views[0])
        method.other(batch.views[0])
        labels, pixels = batch.labels, batch.views[0].mean((2, 3))
        if shared:
            labels, pixels = distributed.gather(labels), distributed.gather(pixels)
        method.mean.lerp_(pixels.mean(0), 0.1)
        method.seen += torch.bincount(labels, minlength=4)
        return type(method).forward(method, batch, progress)
    method.forward = forward
    try:
        fit(method, faces, epochs=1, batch_size=16, quiet=True, device="cpu")
    except InputError as error:
        return str(error)
    return method.mean, method.seen


def buffers_apart_and_alike():
    return with_buffers(False), with_buffers(True)


def test_a_buffer_that_each_process_fills_on_its_own_is_told_before_it_is_saved():
    for said, (mean, seen) in twice(buffers_apart_and_alike):
        assert said.startswith("baseline: the buffer mean differs between processes after step 2, and only that of the")
        assert seen.sum() == 32 and mean.abs().sum() > 0


def with_memory():
    """Return what is warned of a method that keeps a queue of all faces, one of its own, or a counter of its own."""
    said = []
    for queue in (distributed.gather, lambda rows: rows, lambda rows: rows[distributed.rank():]):
        faces = toy_faces(32, 16)
        method = toy_method(faces)

        def forward(batch, progress, method=method, queue=queue):
            method.memory |= {"queue": queue(batch.views[0].mean((2, 3))), "next": 3, "empty": torch.zeros(0)}
            return type(method).forward(method, batch, progress)
        method.forward = forward
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            fit(method, faces, epochs=1, batch_size=16, quiet=True, device="cpu")
        said.append([str(one.message) for one in told if "memory" in str(one.message)])
    return said


def test_memory_that_each_process_fills_on_its_own_is_told_when_it_is_saved():
    (alike, *apart), others = twice(with_memory)
    assert alike == [] and others == [[]] * 3                             # the first process speaks for all
    for said, in apart:
        assert said.startswith("baseline: memory['queue'] differs between processes after step 2, and only that of the")


def rounded_apart():
    one = torch.tensor([1.0, 0.0, 300.0, torch.nan, torch.inf])
    step = torch.tensor([0.0, 1e-4, 0.0, 0.0, 0.0]) * distributed.rank()
    return distributed.alike([one + step, one + 100 * step, torch.tensor(3), torch.tensor(distributed.rank()),
                              torch.tensor([True])])


def test_alike_is_what_differs_by_rounding_at_most():
    assert twice(rounded_apart) == [[True, False, True, False, True]] * 2
