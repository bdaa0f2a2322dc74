"""DMSRL: its sum of terms, whose figures and labels it uses, and that no target label can reach it."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from fercourse import augment, distributed, fit
from fercourse.checkpoint import load_run
from fercourse.errors import InputError
from fercourse.evaluate import evaluate, seen
from fercourse.losses.adversarial import domain_ramp
from fercourse.losses.margin import SOURCE, TARGET, agreement, class_means, intra, margin_penalty
from fercourse.methods import Batch
from tests.same import equal
from tests.toy import STILL, Stop, stopping, toy_faces, toy_method
from tests.twice import twice


def made(source=None, target=None, **hyper):
    """Return a method in evaluation mode, set up, with a batch of everything and target labels that are believed."""
    source, target = source or toy_faces(24, 16), target or toy_faces(20, 16, seed=1)
    method = toy_method(source, "dmsrl", **hyper).eval()
    method.setup(source, target)
    method.memory["target_labels"] = torch.arange(20) % 4
    method.memory["target_believed"] = torch.arange(20) < 15
    views = [torch.randn(1, len(f), 3, 16, 16, generator=torch.Generator().manual_seed(i))
             for i, f in enumerate((source, target))]
    inner = Batch(torch.arange(len(target)), views[1])
    return method, Batch(torch.arange(len(source)), views[0], method.memory["labels"], target=inner)


def trained(target, source=None, epochs=3, **hyper):
    source = source or toy_faces(64, 16)
    method = toy_method(source, "dmsrl", **hyper)
    method.target_views = STILL
    fit(method, source, target=target, epochs=epochs, batch_size=16, lr=3e-3, quiet=True, device="cpu")
    return method


def test_the_total_is_the_sum_of_its_terms():
    method, batch = made(metric=0.3, align=0.2, information=0.05, self_train=0.7)
    found, w = method(batch, 0.5), domain_ramp(0.5)
    with torch.no_grad():
        z, t = (method.invariant(method.parts(views[0])) for views in (batch.views, batch.target.views))
    centres, told = method.metric.centres, torch.arange(20) % 4
    terms = {
        "classify": F.cross_entropy(method.head(z), batch.labels, label_smoothing=0.1),
        "self_train": F.cross_entropy(method.head(t)[:15], told[:15]),
        "intra": intra(z, batch.labels, centres[SOURCE]) + intra(t[:15], told[:15], centres[TARGET]),
        "penalty": margin_penalty(centres[SOURCE], 0.5) + margin_penalty(centres[TARGET], 0.5),
        "align": 0.2 * agreement(*centres)}
    for name, value in terms.items():
        torch.testing.assert_close(found[name], value, msg=name, rtol=1e-4, atol=1e-5)
    total = (found["classify"] + 0.7 * w * found["self_train"] + found["domain"] + found["intra"] + found["penalty"]
             + found["align"] + found["sensitive"] + 0.05 * w * found["shared"] + found["critic"])
    torch.testing.assert_close(found["total"], total)


@pytest.mark.parametrize("term, switch", [("intra", "metric"), ("domain", "adversary"), ("shared", "information")])
def test_every_term_can_be_switched_off_for_the_features(term, switch):
    """With weight 0 the network's gradient is that of the rest; centres, discriminator and critic still learn."""
    gradients = {}
    for weight in (0.0, 0.5):
        method, batch = made(**{switch: weight})
        losses = method(batch, 1.0)
        scale = 1.0 if switch != "information" else weight
        (scale * losses[term]).backward()
        gradients[weight] = method.invariant[0].weight.grad.norm().item()
    assert gradients[0.0] == 0 < gradients[0.5]


def test_what_both_components_share_moves_the_invariant_one_only():
    method, batch = made()
    method(batch, 1.0)["shared"].backward()
    assert method.invariant[0].weight.grad.any() and all(p.grad is None for p in method.sensitive.parameters())


def looked(method, progress, logits, source, target):
    """Stand in for a look; the source's features are another domain's unless they are seen as the source's."""
    def look(what, of="source"):
        if what == "logits":
            return logits
        return target if of == "target" else source + (method.domain != "source")
    look.progress = progress
    return look


def test_the_centres_begin_once_at_the_means_of_what_is_believed():
    method, _ = made(begin=0.2, believe=0.8)
    method.memory["target_believed"][:] = False
    told = torch.arange(20) % 3                                           # class 3 is told of nobody
    logits = F.one_hot(told, 4) * torch.linspace(1, 3, 20)[:, None]
    source, target = torch.randn(24, 128), torch.randn(20, 128)
    assert "believed" not in method.start_epoch(1, looked(method, 0.1, logits, source, target))
    method.start_epoch(2, looked(method, 0.2, logits, source, target))
    believed, means = method.memory["target_believed"], class_means(source, method.memory["labels"], 4)
    assert 0 < believed.sum() < 20
    torch.testing.assert_close(method.metric.centres[SOURCE].data, means)
    torch.testing.assert_close(method.metric.centres[TARGET].data[:3],
                               torch.stack([target[believed & (told == c)].mean(0) for c in range(3)]))
    torch.testing.assert_close(method.metric.centres[TARGET].data[3], means[3])
    before = method.metric.centres.clone()
    method.start_epoch(3, looked(method, 0.6, logits, source + 5, target + 5))
    assert torch.equal(method.metric.centres, before)


def test_random_centres_stay_where_they_were_drawn():
    method, _ = made(begin=0.2, centres="random")
    method.memory["target_believed"][:] = False
    before, logits = method.metric.centres.clone(), torch.randn(20, 4)
    method.start_epoch(2, looked(method, 0.5, logits, torch.randn(24, 128), torch.randn(20, 128)))
    assert method.memory["target_believed"].any() and torch.equal(method.metric.centres, before)


def test_centres_have_the_rate_that_was_asked_for():
    [group] = made(centre_rate=0.1)[0].optimisers(1e-3)[2].param_groups
    assert group["lr"] == pytest.approx(0.1 * 4 * 128) and group["constant"]       # for means over classes and width


@pytest.mark.parametrize("balanced, believed", [(True, [8, 13]), (False, [6, 12])])
def test_belief_rises_from_half_of_it_to_all(balanced, believed):
    """Of 10, 5, 4 and 1 faces told, 0.3 and 0.6 of each class are 3 + 2 + 2 + 1 and 6 + 3 + 3 + 1; of all 6 and 12."""
    method, _ = made(begin=0.2, believe=0.6, balanced=balanced)
    told = torch.tensor([0] * 10 + [1] * 5 + [2] * 4 + [3])
    logits = F.one_hot(told, 4) * torch.linspace(3, 1, 20)[:, None]
    counts = []
    for progress in (0.2, 1.0):
        method.start_epoch(2, looked(method, progress, logits, torch.zeros(24, 128), torch.zeros(20, 128)))
        counts.append(int(method.memory["target_believed"].sum()))
    assert counts == believed


def test_labels_of_the_step_are_believed_from_the_beginning_on():
    method, _ = made(pseudo="step", begin=0.5)
    logits = torch.randn(20, 4)
    told, before = method._pseudo_labels(torch.arange(20), logits, 0.4)
    assert torch.equal(told, logits.argmax(1)) and not before.any()
    assert method._pseudo_labels(torch.arange(20), logits, 0.5)[1].any()


def told_by_halves():
    """Return what this process's share of 20 target faces is told, of which the second half is much surer."""
    method, _ = made(pseudo="step", believe=0.5, balanced=False, begin=0.0)
    logits = F.one_hot(torch.arange(20) % 4, 4) * torch.linspace(1, 5, 20)[:, None]
    rows = distributed.share(torch.arange(20))
    return method._pseudo_labels(rows, logits[rows], 1.0)


def test_two_processes_believe_the_surest_of_both():
    for whole, *halves in zip(told_by_halves(), *twice(told_by_halves)):
        assert torch.equal(whole, torch.cat(halves))


def test_shared_batch_norm_sees_one_batch():
    method, batch = made(own_norms=False)
    method.train()
    joint = torch.cat([batch.views[0], batch.target.views[0]])
    torch.testing.assert_close(torch.cat(method._both(batch)), method.invariant(method.parts(joint)))


def test_the_judges_gradients_do_not_clip_the_network():
    """Clipping is by optimiser, and a critic's gradient is many times the network's."""
    method, _ = made()
    network, judges, centres = ({id(p) for group in one.param_groups for p in group["params"]}
                                for one in method.optimisers(1e-3))
    assert network.isdisjoint(judges) and len(network | judges | centres) == len(list(method.parameters()))
    for group, parts in ((judges, (method.critic, method.tell, method.discriminator, method.sensitive)),
                         (network, (method.backbone, method.head, method.invariant, method.corners))):
        assert all(id(p) in group for part in parts for p in part.parameters())


def test_source_and_target_have_their_own_batch_norm():
    source = toy_faces(48, 16)
    dark = replace(source, images=source.images // 4)
    method = trained(dark, source, self_train=0.0)
    as_target = seen(method, source)["embedding"]
    with method.seen_as("source"):
        as_source = seen(method, source)["embedding"]
    assert (as_target - as_source).abs().mean() > 0.05
    assert torch.equal(seen(method, source)["embedding"], as_target)


def test_the_sensitive_component_tells_the_domain_that_batch_norm_hides():
    source = toy_faces(64, 16)
    dark = replace(source, images=source.images // 2)
    method = trained(source, dark, epochs=20)
    told = [method.tell(method.sensitive(augment.normalise(faces.images))) > 0 for faces in (dark, source)]
    assert abs(told[0].float().mean() - told[1].float().mean()) > 0.9


def test_averaged_weights_keep_the_figures_of_the_domains_apart():
    """While the average is installed, a look at the source uses the source's averaged figures."""
    from fercourse.ema import Average
    source = toy_faces(24, 16)
    method, _ = made(source)
    average = Average(method, 0.5)
    norm = method.invariant[1]
    with torch.no_grad():
        norm.source_running_mean += 7
    average.update(10**6)
    with average.installed(), method.seen_as("source"):
        shifted = seen(method, source)["embedding"]
    with average.installed():
        plain = seen(method, source)["embedding"]
    half = -3.5 * norm.weight / (norm.running_var + norm.eps).sqrt()
    torch.testing.assert_close((shifted - plain).mean(0), half.detach(), rtol=1e-3, atol=1e-3)


def test_no_target_label_reaches_the_weights():
    """Permuted, wrong in every face, or gone: the same weights, bit for bit."""
    target = toy_faces(40, 16, seed=1)
    others = (target.relabel(target.labels.roll(7)), target.relabel((target.labels + 1) % 4),
              replace(target, labels=torch.full_like(target.labels, -1), valence_arousal=None))
    first = trained(target, begin=0.2).state_dict()
    for other in others:
        for name, value in trained(other, begin=0.2).state_dict().items():
            assert torch.equal(value, first[name]), name


def test_it_learns_the_source_and_believes_target_faces():
    source, plain = toy_faces(128, 16), toy_faces(64, 16, seed=1)
    target = replace(plain, images=plain.images // 2 + 60)                  # the same classes in poor light
    method = trained(target, source, epochs=8, ema=0.5, begin=0.2)
    assert method.memory["target_believed"].any()
    assert evaluate(method, target, draws=0)["accuracy"] > 0.4                  # a quarter by chance
    with method.seen_as("source"):
        assert evaluate(method, source, draws=0)["accuracy"] > 0.9


@pytest.mark.parametrize("count", [10, 40, 200])
def test_domains_of_different_lengths(count):
    method = trained(toy_faces(count, 16, seed=1), epochs=2)
    assert all(p.isfinite().all() for p in method.parameters())


def test_a_class_that_the_target_lacks():
    """Nobody is told of it: its target centre starts at the source's, and everything stays finite."""
    target = toy_faces(60, 16, seed=1)
    method = trained(target.subset(target.labels != 2), epochs=3, begin=0.0)
    assert method.metric.centres.isfinite().all()


def test_a_class_that_the_source_lacks():
    source = toy_faces(80, 16)
    method = trained(toy_faces(40, 16, seed=1), source.subset(source.labels != 2), epochs=3)
    assert all(p.isfinite().all() for p in method.parameters())


@pytest.mark.parametrize("hyper", [
    dict(local=False), dict(own_norms=False), dict(sensitive=False), dict(pseudo="step", believe=1.0),
    dict(centres="random", self_train=0.0, adversary=0.01, balanced=False)])
def test_parts_can_be_left_out(hyper):
    method = trained(toy_faces(32, 16, seed=1), epochs=2, **hyper)
    assert seen(method, toy_faces(8, 16))["embedding"].shape == (8, 128)


@pytest.fixture
def marked(monkeypatch):
    """Return 24 source and 20 target faces whose landmarks show their class; the first three target faces have none."""
    source, target = toy_faces(24, 16), toy_faces(20, 16, seed=1)
    shown = {len(faces): F.one_hot(faces.labels, 4) + 0.01 * torch.rand(len(faces), 4) for faces in (source, target)}
    shown[20][:3] = 0
    monkeypatch.setattr("fercourse.methods.dmsrl.expressions", lambda faces, device: shown[len(faces)])
    return source, target


def test_landmarks_are_a_second_opinion_on_the_target(marked):
    source, target = marked
    method = toy_method(source, "dmsrl", geometry=2.0)
    method.setup(source, replace(target, labels=torch.full_like(target.labels, -1)))
    opinion, logits = method.memory["target_geometry"], torch.randn(20, 4)
    assert torch.equal(opinion[3:].argmax(1), target.labels[3:]) and (opinion[:3] == 0).all()
    torch.testing.assert_close(opinion[3:].exp().sum(1), torch.ones(17))
    torch.testing.assert_close(method._opinion(logits), logits.log_softmax(1) + 2 * opinion)


@pytest.mark.parametrize("pseudo", ["epoch", "step"])
def test_with_much_weight_landmarks_decide_what_target_faces_are(marked, pseudo):
    source, target = marked
    method = toy_method(source, "dmsrl", geometry=1000.0, pseudo=pseudo, begin=0.0).eval()
    method.setup(source, target)
    logits, rows = torch.randn(20, 4), torch.arange(20).flip(0)
    method.start_epoch(1, looked(method, 0.5, logits, torch.zeros(24, 128), torch.zeros(20, 128)))
    told, believed = method._pseudo_labels(rows, logits[rows], 1.0)
    assert torch.equal(told[:17], target.labels[rows][:17]) and believed.any()
    assert torch.equal(told[17:], logits[rows][17:].argmax(1))           # where there are no landmarks, the network


def test_without_geometry_no_landmark_is_searched(monkeypatch):
    monkeypatch.setattr("fercourse.methods.dmsrl.expressions", lambda *faces, **options: 1 / 0)
    method, _ = made()
    assert "target_geometry" not in method.memory


def test_a_run_that_stopped_ends_like_one_that_did_not(tmp_path, one_thread):
    source, target = toy_faces(48, 16), toy_faces(32, 16, seed=1)

    def run(folder, stop=None, resume=False):
        method = stopping(toy_method(source, "dmsrl"), stop)
        fit(method, source, target=target, epochs=3, batch_size=16, seed=3, save_every=2, quiet=True,
            out=tmp_path / folder, resume=resume, device="cpu")
        return method
    whole = run("whole")
    with pytest.raises(Stop):
        run("cut", stop=5)                                       # within epoch 1, after the save at 4
    again = run("cut", resume=True)
    assert equal(whole.state_dict(), again.state_dict()) and equal(whole.memory, again.memory)
    assert torch.equal(seen(load_run(tmp_path / "cut"), target)["logits"], seen(whole, target)["logits"])


def test_it_wants_a_target():
    with pytest.raises(InputError, match="needs a target domain"):
        fit(toy_method(toy_faces(16, 16), "dmsrl"), toy_faces(16, 16), quiet=True)
