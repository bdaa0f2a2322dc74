"""DR-FER: its loss by hand, its decisions on constructed features, what a resume and a second process keep."""

import pytest
import torch
import torch.nn.functional as F

from fercourse import fit
from fercourse.checkpoint import load_run, read_checkpoint
from fercourse.errors import InputError
from fercourse.losses.masked_image import masked_l1
from fercourse.methods import Batch
from tests.toy import Stop, stopping, toy_faces, toy_method
from tests.twice import twice

QUICK = {"batch_size": 16, "lr": 2e-3, "quiet": True, "device": "cpu"}


def made(faces, **hyper):
    """Return a method that is set up, and a batch of all faces."""
    method = toy_method(faces, "dr-fer", **hyper)
    method.setup(faces)
    index = torch.arange(len(faces))
    size = faces.images.shape[-1]
    views = torch.randn(1, len(faces), 3, size, size, generator=torch.Generator().manual_seed(0))
    return method, Batch(index, views, method.memory["labels"][index])


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_only_believed_faces_are_classified(smoothing):
    method, batch = made(toy_faces(8, 24), reconstruct=0.0, label_smoothing=smoothing)
    method.eval()
    method.memory["weights"][:] = torch.tensor([1, 1, 0, 1, 0, 0, 1, 1.0])
    losses = F.cross_entropy(method.decide(method.backbone(batch.views[0])), batch.labels, reduction="none",
                             label_smoothing=smoothing)
    found = method(batch, 0.0)
    assert found.keys() == {"total", "classify"}
    assert found["total"].item() == pytest.approx(losses[[0, 1, 3, 6, 7]].sum().item() / 8, rel=1e-5)


def test_hidden_pixels_of_hard_faces_are_rebuilt():
    method, batch = made(toy_faces(8, 24), reconstruct=0.5)
    method.memory["weights"].zero_()
    parts = method(batch, 0.0)
    assert parts["classify"].item() == 0
    assert parts["total"].item() == pytest.approx(0.5 * parts["reconstruct"].item())
    parts["total"].backward()
    assert method.backbone.trunk.conv1[0].weight.grad.any() and method.decoder.paint.weight.grad.any()


def test_reconstruction_is_scored_where_it_was_hidden():
    method, batch = made(toy_faces(8, 24))
    loss, rebuilt, hidden = method.reconstruct(batch.views[0])
    assert torch.equal(loss, masked_l1(rebuilt, batch.views[0], hidden))
    assert hidden.flatten(1).sum(1).unique().tolist() == [round(0.6 * 36) * 16]      # 36 cells of 4 x 4 pixels


def test_masked_faces_leave_no_trace_in_what_tests_use():
    method, batch = made(toy_faces(8, 24))
    before = {k: v.clone() for k, v in method.backbone.named_buffers() if "running" in k}
    momenta = [m.momentum for m in method.modules() if hasattr(m, "momentum")]
    method.train().reconstruct(batch.views[0])
    after = dict(method.backbone.named_buffers())
    assert before and all(torch.equal(after[k], v) for k, v in before.items())
    assert [m.momentum for m in method.modules() if hasattr(m, "momentum")] == momenta
    torch.manual_seed(0)
    trained = method.reconstruct(batch.views[0])[0]
    torch.manual_seed(0)
    assert torch.allclose(method.eval().reconstruct(batch.views[0])[0], trained)
    assert not method.backbone.trunk.bn1.training
    method.train().backbone(batch.views[0])
    assert any(not torch.equal(dict(method.backbone.named_buffers())[k], v) for k, v in before.items())


def world():
    """Return faces of two classes with two wrong labels and a difficult one, and what a network would see of them."""
    labels = torch.tensor([0] * 20 + [1] * 20)
    given = labels.clone()
    given[0], given[39] = 1, 0
    g = torch.Generator().manual_seed(0)
    features = F.one_hot(labels, 4).float() + 0.05 * torch.randn(40, 4, generator=g)
    losses = 0.05 + 0.05 * torch.rand(40, generator=g)
    losses[[0, 39]], losses[5] = 3.0, 2.5                       # row 5 is right, but hard
    faces = toy_faces(40, 24).relabel(given)
    return faces, {"loss": losses, "embedding": features, "logits": 5 * F.one_hot(labels, 4).float()}


def looked(seen):
    return lambda *names: [seen[name] for name in names]


def test_wrong_labels_are_found_replaced_and_noted():
    faces, seen = world()
    method, _ = made(faces, neighbours=5, jury=0.0)
    method.start_epoch(0, looked(seen))
    assert method.memory["easy"].all()                          # random weights have no opinion
    for _ in range(2):
        facts = method.start_epoch(1, looked(seen))
    memory = method.memory
    hard = (~memory["easy"]).nonzero().flatten().tolist()
    assert {0, 5, 39} <= set(hard) and memory["paced"].tolist() == [True, True, False, False]
    assert memory["labels"][[0, 39]].tolist() == [0, 1] and memory["weights"][[0, 39]].tolist() == [1, 1]
    assert memory["labels"][5] == 0 and memory["weights"][5] == 1               # taken back
    assert memory["given"].tolist() == faces.labels.tolist()
    assert facts["relabelled"].item() == pytest.approx(2 / 40)
    assert memory["changes"][:, :4].tolist() == [[1, 0, 1, 0], [1, 39, 0, 1]]    # once, not once an epoch
    near = memory["changes"][:, 4:]
    assert (faces.labels[near] == torch.tensor([[0], [1]])).all() and memory["easy"][near].all()


def test_no_new_label_where_the_head_disagrees_or_the_margin_is_small():
    faces, seen = world()
    for change in ({"logits": seen["logits"].flip(1)}, {"embedding": torch.ones(40, 4)}):
        method, _ = made(faces, neighbours=40, margin=0.9, jury=0.0)
        method.start_epoch(1, looked(seen | change))
        assert not (method.memory["labels"] != method.memory["given"]).any() and not len(method.memory["changes"])


def test_a_jury_is_drawn_from_every_class_and_never_trained_on():
    faces, seen = world()
    method, _ = made(faces, neighbours=5, jury=0.25, reconstruct=0.0)
    jury = method.memory["jury"]
    assert faces.labels[jury].bincount(minlength=2).tolist() == [5, 5]
    assert torch.equal(jury, made(faces, jury=0.25)[0].memory["jury"])
    assert not made(faces, pace=False)[0].memory["jury"].any()
    for epoch in (0, 1, 2):
        facts = method.start_epoch(epoch, looked(seen))
        assert not method.memory["weights"][jury].any()
    assert not torch.isin(method.memory["changes"][:, 4:], jury.nonzero().flatten()).any()
    assert not torch.isin(method.memory["changes"][:, 1], jury.nonzero().flatten()).any()
    assert facts["relabelled"] == 0 or facts["least_lead"] <= 1


def test_rows_that_are_repeated_hide_no_noise_from_the_jury():
    """A network that knows every label it was taught by heart: its features lie together for each given label."""
    faces, seen = world()
    ten = torch.arange(40).repeat(10)
    once, _ = made(faces, neighbours=5, jury=0.25, reconstruct=0.0)
    method, _ = made(faces[ten], neighbours=5, jury=0.25, reconstruct=0.0)
    jury = method.memory["jury"].reshape(10, 40)
    assert (jury == jury[0]).all() and faces.labels[jury[0]].bincount(minlength=2).tolist() == [5, 5]
    own = 20 * F.one_hot(torch.arange(40), 40).float()
    heart = torch.cat([seen["embedding"], own], 1)             # a copy is nearer than anybody else
    for one, rows in ((once, torch.arange(40)), (method, ten)):
        votes = one._vote(heart[rows], one.memory["jury"].nonzero().flatten(), torch.ones(len(rows), dtype=torch.bool))
        given = one.memory["given"][one.memory["jury"]]
        truth = (rows[one.memory["jury"]] >= 20).long()
        assert torch.equal(votes.best, truth), "not what a copy was labelled"
        assert not one.memory["jury"][votes.neighbours[votes.cosines > -torch.inf]].any() and len(given) >= 10


def test_pictures_of_one_group_are_on_the_jury_together():
    faces, _ = world()
    groups = torch.arange(40) // 2
    method, _ = made(toy_faces(40, 24, attributes={"group": groups}).relabel(faces.labels), jury=0.25)
    jury = method.memory["jury"].reshape(20, 2)
    assert torch.equal(jury[:, 0], jury[:, 1]) and 0 < jury.sum() < 40


def test_right_labels_that_are_hard_to_learn_are_not_doubted():
    """A broad heap of doubts falls into two groups, too; the jury, whom nobody contradicts, tells them from noise."""
    faces, seen = world()
    right = faces.relabel(torch.arange(40) // 20)
    broad = seen | {"loss": torch.linspace(0.05, 3.0, 20).repeat(2)}
    trusting, _ = made(right, neighbours=5, jury=0.0)
    asking, _ = made(right, neighbours=5, jury=0.25)
    for method in (trusting, asking):
        facts = method.start_epoch(1, looked(broad))
        assert method.memory["paced"][:2].all()
    assert not trusting.memory["easy"].all()
    assert asking.memory["easy"].all() and facts["jury_noise"] == 0 and not asking.memory["doubted"].any()


def test_a_hard_face_that_is_neither_changed_nor_taken_back_is_left_out():
    faces, seen = world()
    method, _ = made(faces, neighbours=5, jury=0.0)
    method.start_epoch(1, looked(seen | {"logits": seen["logits"].flip(1)}))      # the head disagrees
    assert method.memory["weights"][[0, 5, 39]].tolist() == [0, 1, 0]
    assert method.memory["doubted"][[0, 5, 39]].tolist() == [True, False, True]


def test_a_face_that_is_easy_again_has_its_own_label_and_its_class_stays_split():
    faces, seen = world()
    method, _ = made(faces, neighbours=5, jury=0.0, keep=0.0)
    method.start_epoch(1, looked(seen))
    assert method.memory["labels"][0] == 0 != method.memory["given"][0]
    method.start_epoch(2, looked(seen | {"loss": torch.full((40,), 3.0)}))        # one heap
    assert method.memory["paced"].tolist() == [True, True, False, False]
    assert torch.equal(method.memory["labels"], method.memory["given"])


def test_without_relabelling_nobody_votes():
    faces, seen = world()
    method, _ = made(faces, neighbours=5, jury=0.0, relabel=False)
    assert "relabelled" not in method.start_epoch(1, looked(seen))
    assert torch.equal(method.memory["labels"], method.memory["given"])
    assert not method.memory["weights"][[0, 5, 39]].any()


def test_one_pace_for_all_doubts_a_class_that_is_wrong_as_a_whole():
    """By its own measure a class is never badly labelled as a whole; by everybody's measure it can be."""
    faces, seen = world()
    wrong = faces.relabel(torch.arange(40) // 10)                              # half of the classes are made up
    losses = torch.full((40,), 0.05) + 0.05 * torch.rand(40, generator=torch.Generator().manual_seed(2))
    losses[10:20] += 2.5
    for by_class, least, most in ((True, 0, 0), (False, 9, 10)):
        method, _ = made(wrong, neighbours=5, jury=0.0, by_class=by_class, relabel=False)
        method.start_epoch(1, looked(seen | {"loss": losses}))
        assert least <= method.memory["doubted"].sum() <= most and not method.memory["doubted"][20:].any()
        assert method.memory["paced"].any() != by_class and len(set(method.memory["thresholds"].tolist())) == 1


def test_nothing_is_split_before_the_groups_part():
    faces, seen = world()
    early = seen | {"loss": 1.4 + 0.1 * torch.randn(40, generator=torch.Generator().manual_seed(1))}
    method, _ = made(faces, jury=0.0)
    facts = method.start_epoch(1, looked(early))
    assert facts["paced"].item() == 0 and method.memory["easy"].all() and method.memory["weights"].all()
    method.start_epoch(2, looked(seen))
    assert not method.memory["easy"].all()


def test_nobody_votes_before_every_class_is_split():
    faces, seen = world()
    one = seen["loss"].clone()
    one[20:], one[0] = 0.7, 0.7                                  # class 1 is one heap still
    method, _ = made(faces.relabel(faces.labels.index_fill(0, torch.tensor([39]), 1)), neighbours=5, jury=0.0)
    facts = method.start_epoch(1, looked(seen | {"loss": one}))
    assert method.memory["paced"].tolist()[:2] == [True, False]
    assert "relabelled" not in facts and torch.equal(method.memory["labels"], method.memory["given"])


def test_running_losses_remember():
    faces, seen = world()
    method, _ = made(faces, keep=0.25)
    method.start_epoch(1, looked(seen))
    method.start_epoch(2, looked(seen | {"loss": torch.zeros(40)}))
    assert torch.allclose(method.memory["losses"], 0.25 * seen["loss"])


@pytest.mark.parametrize("count", [1, 2])
def test_classes_of_hardly_any_face(count):
    """A class of one face is never split; its only face stays as it is."""
    faces, seen = world()
    given = faces.labels.clone()
    given[:count] = 3
    method, _ = made(faces.relabel(given), neighbours=60, jury=0.0)
    facts = method.start_epoch(1, looked(seen))
    assert facts["bare"].item() >= 1
    assert count > 1 or (method.memory["easy"][0] and method.memory["weights"][0] == 1)
    assert all(torch.as_tensor(value).isfinite().all() for name, value in facts.items() if name != "least_lead")


def test_switched_off_parts_are_not_there():
    faces = toy_faces(32, 24)
    method, _ = made(faces, reconstruct=0.0, pace=False)
    assert method.decoder is None and method.start_epoch(3, None) == {}
    history = fit(method, faces, epochs=1, **QUICK)
    assert "reconstruct" not in history.last and not len(method.memory["changes"])


def test_cells_that_do_not_fill_the_picture_are_refused():
    with pytest.raises(InputError, match="cell"):
        toy_method(toy_faces(8, 24), "dr-fer", cell=7)


def trained(out, stop=None, resume=False):
    """Train three epochs, in which everything happens; stop after so many steps."""
    faces = toy_faces(48, 24).with_noise(0.25)
    method = toy_method(faces, "dr-fer", apart=0.0, jury=0.0, margin=0.0, neighbours=4)
    stopping(method, stop)
    fit(method, faces, epochs=3, out=out, resume=resume, save_every=2, **QUICK)
    return method


def test_a_resume_is_the_same_bit_for_bit(tmp_path, one_thread):
    whole = trained(tmp_path / "whole")
    with pytest.raises(Stop):
        trained(tmp_path / "cut", stop=9)                        # within epoch 2, after the save at 8
    kept = read_checkpoint(tmp_path / "cut" / "checkpoint.pt")
    assert kept["step"] == 8 and not kept["memory"]["easy"].all()
    again = trained(tmp_path / "cut", resume=True)
    assert len(whole.memory["changes"]) > 0
    for kept, other in ((whole.memory, again.memory), (whole.state_dict(), again.state_dict())):
        assert kept.keys() == other.keys() and all(torch.equal(kept[k], other[k]) for k in kept)
    loaded = load_run(tmp_path / "cut")
    assert torch.equal(loaded.predict(toy_faces(4, 24).images), whole.eval().predict(toy_faces(4, 24).images))


def in_company():
    return trained(None).memory


def test_two_processes_relabel_alike():
    first, second = twice(in_company)
    assert first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)
    assert len(first["changes"]) > 0 and not first["easy"].all()


def test_whoever_was_just_trained_on_says_nothing_new(monkeypatch):
    """Row 0 is under a new label, row 5 was taken back: their votes stand; the jury's move."""
    monkeypatch.setattr("fercourse.methods.dr_fer.anchored_noise", lambda votes, labels: 0.1)
    faces, seen = world()
    method, _ = made(faces, neighbours=5, jury=0.25, trust=0.0, keep=0.5)
    method.memory["jury"][[0, 5, 39]] = False
    method.start_epoch(1, looked(seen))
    before, jury = method.memory["shares"].clone(), method.memory["jury"]
    method.memory["weights"][[0, 5]] = 1.0
    assert before[[0, 5]].sum(1).tolist() == pytest.approx([1, 1]) and not before[method.memory["easy"] & ~jury].any()
    turned = seen | {"embedding": seen["embedding"].roll(1, 1)}
    turned["embedding"][method.memory["easy"] & ~jury] = seen["embedding"][method.memory["easy"] & ~jury]
    method.start_epoch(2, looked(turned))
    after = method.memory["shares"]
    assert torch.equal(after[[0, 5]], before[[0, 5]])
    assert (after[jury] != before[jury]).any()


def test_losses_are_under_the_given_labels():
    """A relabelled face would become easy by its new label, and never be asked again."""
    faces = toy_faces(8, 24)
    method, _ = made(faces)
    method.memory["labels"] = (faces.labels + 1) % 4
    logits = torch.randn(8, 4)
    torch.testing.assert_close(method.sample_losses(logits, torch.arange(8)),
                               F.cross_entropy(logits, faces.labels, reduction="none"))


@pytest.mark.parametrize("hyper, hidden", [({"mask_ratio": 0.25}, 9 * 16), ({"cell": 8}, 5 * 64)])
def test_masks_are_as_asked(hyper, hidden):
    method, batch = made(toy_faces(8, 24), **hyper)
    assert method.reconstruct(batch.views[0])[2].flatten(1).sum(1).unique().tolist() == [hidden]


@pytest.mark.parametrize("least, changed", [(0.0, 2), (2.0, 0)])
def test_new_labels_wait_for_the_lead_that_the_jury_asks_for(monkeypatch, least, changed):
    asked = []
    monkeypatch.setattr("fercourse.methods.dr_fer.anchored_noise", lambda votes, labels: 0.1)
    monkeypatch.setattr("fercourse.methods.dr_fer.least_lead",
                        lambda votes, labels, noise, trust: asked.append(trust) or least)
    faces, seen = world()
    method, _ = made(faces, neighbours=5, jury=0.25, trust=0.9)
    method.memory["jury"][[0, 5, 39]] = False
    method.start_epoch(1, looked(seen))
    assert len(method.memory["changes"]) == changed and asked == [0.9]
