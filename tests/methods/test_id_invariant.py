"""The identity-invariant method: its loss by hand, who moves whom, attributes that come and go, a whole run."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from fercourse import distributed, fit
from fercourse.checkpoint import load_run
from fercourse.errors import InputError
from fercourse.evaluate import evaluate, seen
from fercourse.losses.concordance import affect_loss
from fercourse.losses.mutual_information import beyond
from fercourse.methods import Batch, create
from fercourse.methods import id_invariant as method_file
from fercourse.models import attributes as at
from tests.toy import toy_faces, toy_method
from tests.twice import twice


def told_by_rows(faces, questions, engine, device):
    """Stand in for retrieval: row i's answer is i modulo the number of words, text vectors are drawn."""
    source = torch.Generator().manual_seed(5)
    vectors = {n: F.normalize(torch.randn(len(q.words), 64, generator=source), dim=1) for n, q in questions.items()}
    scores = {n: F.one_hot(torch.arange(len(faces)) % len(q.words), len(q.words)).float() for n, q in questions.items()}
    return at.Retrieved(questions, scores, vectors)


@pytest.fixture(autouse=True)
def no_engine(monkeypatch):
    monkeypatch.setattr(at, "retrieve", told_by_rows)


def ready(count=32, **hyper):
    faces = toy_faces(count)
    method = toy_method(faces, "id-invariant", **{"attributes": "gender,skin_tone", **hyper})
    method.setup(faces)
    rows = torch.arange(count)
    views = torch.randn(1, count, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    return method, Batch(rows, views, faces.labels, {"valence_arousal": faces.valence_arousal})


# ---------------------------------------------------------------------- the loss

def test_the_total_is_its_parts():
    method, batch = ready(withhold=1.0, information=0.3, agreement=0.7)
    parts = method(batch, 0.25)                                          # halfway up the ramp from 0.1 to 0.4
    task = parts["squared"] + parts["correlation"] + parts["concordance"]
    wanted = task + 0.7 * parts["agreement"] + 0.15 * parts["information"] + parts["critic"]
    torch.testing.assert_close(parts["total"], wanted)


def test_parts_are_what_the_equations_say():
    method, batch = ready(withhold=1.0)
    method.eval()
    parts = method(batch, 1.0)
    with torch.no_grad():
        z = method.backbone.features(batch.views[0])
        expression, identity = method.residual(z, {n: method.texts(n).mean(0).expand(32, -1) for n in method.names})
        guess = method.head(expression).tanh()
        for name, value in affect_loss(guess, batch.extra["valence_arousal"], method.memory["weights"]).items():
            torch.testing.assert_close(parts[name], value * (4 if name == "concordance" else 1))
        agreement, information = 0, 0
        for name, feature in identity.items():
            said = F.cosine_similarity(method.speak[name](feature)[:, None], method.texts(name)[None], dim=2)
            agreement = agreement + F.cross_entropy(said / 0.07, method.memory[f"retrieved {name}"])
            given = method_file.bumps(batch.extra["valence_arousal"])
            information = information + method.critics[name](expression, said, given)["bound"]
        torch.testing.assert_close(parts["agreement"], agreement)
        torch.testing.assert_close(parts["information"], information)


def test_without_the_label_all_that_is_shared_counts():
    method, batch = ready(withhold=1.0, given_label=False)
    method.eval()
    found = method(batch, 1.0)["information"]
    with torch.no_grad():
        expression, identity = method.residual(method.backbone.features(batch.views[0]), method._hints(32))
        wanted = sum(method.critics[name](expression, method.said(name, feature))["bound"]
                     for name, feature in identity.items())
    torch.testing.assert_close(found, wanted)


def test_weights_of_faces_reach_the_loss_of_classes():
    method, batch = ready(withhold=1.0, task="classes")
    method.eval()
    method.memory["weights"] = torch.arange(32.0) / 15.5
    found = method(batch, 0.0)["classify"]
    logits = method.decide(method.residual(method.backbone.features(batch.views[0]), method._hints(32))[0])
    losses = F.cross_entropy(logits, batch.labels, reduction="none")
    torch.testing.assert_close(found, (losses * torch.arange(32.0) / 15.5).mean())


def test_critics_take_the_steps_that_were_asked_for():
    method, batch = ready(critic_steps=3, withhold=1.0)
    method.optimisers(1e-3)
    method(batch, 1.0)
    taken = []
    method._teacher.step = lambda: taken.append(1)
    method.after_step()
    assert len(taken) == 2                                                # and the first with everybody else


def test_further_steps_of_the_critics_are_clipped_like_the_first():
    method, batch = ready(critic_steps=3, withhold=1.0, clip=1e-3)
    method.optimisers(1e-3)
    method(batch, 1.0)
    norms, parts = [], [*method.critics.parameters()]
    method._teacher.step = lambda: norms.append(torch.cat([part.grad.flatten() for part in parts]).norm().item())
    method.after_step()
    assert norms == [pytest.approx(1e-3, rel=0.01)] * 2


def test_bumps_can_follow_a_step():
    affect = 2 * torch.rand(400, 2, generator=torch.Generator().manual_seed(0)) - 1
    step = (affect[:, :1] > 0).float()
    left = beyond(step, method_file.bumps(affect))
    assert left.square().mean() < 0.25 * step.var()


@pytest.mark.parametrize("estimator", ["vclub", "infonce", "relative", "adversary"])
def test_the_critic_and_the_encoder_do_not_leak_into_each_other(estimator):
    method, batch = ready(estimator=estimator)
    parts = method(batch, 1.0)
    parts["information"].backward(retain_graph=True)
    assert all(p.grad is None for p in method.critics.parameters())
    assert all(p.grad is None for p in method.speak.parameters())           # what z_id says is the critic's target only
    assert method.backbone.trunk.conv1[0].weight.grad.norm() > 0
    method.zero_grad()
    parts["critic"].backward()
    assert all(p.grad is None or p.grad.norm() == 0 for n, p in method.named_parameters() if "critics" not in n)
    assert sum(p.grad.norm() for p in method.critics.parameters()) > 0


def test_terms_of_weight_zero_pull_on_nothing():
    gradients = []
    for estimator in ("vclub", "infonce"):
        method, batch = ready(agreement=0, information=0, withhold=1, estimator=estimator)
        torch.manual_seed(0)
        method(batch, 1.0)["total"].backward()
        gradients.append(method.backbone.trunk.conv1[0].weight.grad.clone())
    torch.testing.assert_close(*gradients)


def test_weights_make_answers_and_labels_unrelated():
    faces = toy_faces(400)
    method = toy_method(faces, "id-invariant", attributes="gender", task="classes")
    answers = (faces.labels + (torch.arange(400) % 10 == 0)) % 2          # nine of ten follow the label
    method.memory = {"labels": faces.labels, "retrieved gender": answers}
    weights = method._weights(faces)
    assert weights.mean().item() == pytest.approx(1, abs=1e-5)
    for label in range(4):
        for answer in range(2):
            both = weights[(faces.labels == label) & (answers == answer)].sum() / 400
            alone = (faces.labels == label).float().mean() * (answers == answer).float().mean()
            assert both.item() == pytest.approx(alone.item(), abs=1e-5)
    method.regresses = True                                               # where only valence goes with the answer
    faces = replace(faces, valence_arousal=torch.stack([answers - 0.5, faces.labels % 2 - 0.5], 1))
    method.memory["retrieved gender"] = torch.where(torch.arange(400) % 5 == 0, 1 - answers, answers)
    valence, arousal = method._weights(faces).unbind(1)
    assert valence.std() > 0.3 and arousal.mean().item() == pytest.approx(1, abs=1e-5)
    method.hyper.even = False
    assert method._weights(faces).unique().tolist() == [1]


def test_no_face_weighs_more_than_ten_before_the_mean_is_one():
    """Two of 400 answers go against the label: p(label) p(answer) / p(both) is 1/4 / (1/400) = 100 for these."""
    faces = toy_faces(400).relabel(torch.arange(400) // 200)
    answers = torch.arange(400) // 200
    answers[[0, 399]] = torch.tensor([1, 0])
    method = toy_method(faces, "id-invariant", attributes="gender", task="classes")
    method.memory = {"labels": faces.labels, "retrieved gender": answers}
    weights = method._weights(faces)
    assert (weights.max() / weights.min()).item() == pytest.approx(10 / (0.25 / (199 / 400)), rel=1e-4)


# ---------------------------------------------------------------------- attributes attach and detach

def test_a_detached_attribute_has_no_part_in_anything():
    method, batch = ready()
    method.detach("gender")
    method(batch, 1.0)["total"].backward()
    touched = {name for name, p in method.named_parameters() if p.grad is not None}
    assert touched and not any("gender" in name for name in touched)
    assert "identity gender" not in method.eval().see(torch.zeros(2, 3, 32, 32, dtype=torch.uint8))
    method.attach("gender")
    assert method.names == ("gender", "skin_tone")
    method(batch, 1.0)["total"].backward()
    assert method.residual.identity["gender"][0].weight.grad is not None


def test_faces_are_weighed_by_the_attributes_that_are_attached():
    faces = toy_faces(32)
    method = toy_method(faces, "id-invariant", attributes="gender,skin_tone")
    method.detach("gender")
    method.setup(faces)
    alone, _ = ready(attributes="skin_tone")
    both, _ = ready()
    assert torch.equal(method.memory["weights"], alone.memory["weights"])
    assert not torch.equal(method.memory["weights"], both.memory["weights"])


def test_names_that_are_detached_and_attached_are_read_as_settings_are():
    method, _ = ready()
    method.detach("skin-tone")
    assert method.names == ("gender",)
    method.attach("skin-tone")
    assert method.names == ("gender", "skin_tone")
    for change in (method.detach, method.attach):
        with pytest.raises(InputError, match="attribute 'age' is unknown; expected some of gender, skin_tone"):
            change("age")


def test_an_attribute_left_out_at_construction_has_no_parameters():
    method, batch = ready(attributes="age")
    assert not any("gender" in name for name, _ in method.named_parameters())
    none, batch = ready(attributes="")
    parts = none(batch, 1.0)
    assert parts["agreement"] == parts["information"] == parts["critic"] == 0
    parts["total"].backward()
    assert len(none.optimisers(1e-3)) == 1


def test_withheld_text_is_the_mean_of_the_words():
    method, _ = ready()
    hints = method._hints(3)
    torch.testing.assert_close(hints["gender"], method.texts("gender").mean(0).expand(3, -1))
    method.hyper.withhold = 0.0
    told = {name: torch.tensor([1, 0, 1]) for name in method.names}
    torch.testing.assert_close(method._hints(3, told)["gender"], method.texts("gender")[[1, 0, 1]])


def test_bad_settings_are_named():
    for wrong in ({"attributes": "mood"}, {"residual": "during"}):
        with pytest.raises(InputError, match=next(iter(wrong.values()))):
            create("id-invariant", toy_faces(4), **wrong)


# ---------------------------------------------------------------------- a run

def test_critics_have_an_optimiser_of_their_own_that_is_faster():
    method, _ = ready()
    rest, critics = method.optimisers(1e-3)
    mine = {id(p) for p in method.critics.parameters()}
    assert {id(p) for g in critics.param_groups for p in g["params"]} == mine
    assert not mine & {id(p) for g in rest.param_groups for p in g["params"]}
    assert critics.param_groups[0]["lr"] == pytest.approx(5e-3)


@pytest.mark.parametrize("hyper", [{}, {"critic_steps": 2, "residual": "prev"},
                                   {"task": "classes", "residual": "simple", "estimator": "infonce"}])
def test_it_learns_and_comes_back_from_its_folder(tmp_path, hyper):
    faces = toy_faces(96)
    method = toy_method(faces, "id-invariant", attributes="gender", **hyper)
    fit(method, faces, epochs=10, batch_size=32, lr=3e-3, out=tmp_path, quiet=True, device="cpu")
    scores = evaluate(method, faces, draws=0)
    assert scores.get("mean_ccc", scores.get("accuracy")) > 0.6
    again = load_run(tmp_path)
    torch.testing.assert_close(seen(again, faces)["logits"], seen(method, faces)["logits"])
    torch.testing.assert_close(again.texts("gender"), method.texts("gender"))


# ---------------------------------------------------------------------- two processes

def gradients():
    """Return the gradients on 24 faces in float64, in evaluation mode, so that batch norm crosses no rows."""
    at.retrieve = told_by_rows
    method, batch = ready(24, withhold=1.0, information=0.5)
    method = method.double().eval()
    rows = distributed.share(batch.index)
    mine = Batch(rows, batch.views[:, rows].double(), None, {k: v[rows].double() for k, v in batch.extra.items()})
    method(mine, 1.0)["total"].backward()
    return {n: p.grad for n, p in method.named_parameters() if p.grad is not None}


def test_two_processes_have_the_gradients_of_one():
    alone, (first, second) = gradients(), twice(gradients)
    assert set(first) == set(alone)
    for name, wanted in alone.items():
        error = ((first[name] + second[name]) / 2 - wanted).norm()
        assert error <= 1e-6 * wanted.norm() + 1e-9, name


def test_critics_that_rest_do_not_stop_fp16():
    faces = toy_faces(16)
    method = toy_method(faces, "id-invariant", attributes="gender", task="classes")
    method.detach("gender")
    history = fit(method, faces, epochs=1, batch_size=8, precision="fp16", quiet=True, device="cpu")
    assert math.isfinite(history.last["total"])


def test_critics_begin_each_step_without_a_gradient():
    method, batch = ready(critic_steps=2, withhold=1.0)
    method.optimisers(1e-3)
    method(batch, 1.0)
    method.after_step()
    assert all(part.grad is None or not part.grad.any() for part in method.critics.parameters())
