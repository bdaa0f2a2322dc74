"""Instance contrast by hand, against two libraries, in the limits, and over two processes."""

import math

import pytest
import torch
import torch.nn.functional as F

from fercourse.distributed import gather, rank, share
from fercourse.errors import InputError
from fercourse.losses.contrastive import RULES, Masks, Pairs, all_pairs, instance_contrast, nearest_share, spoilt
from tests.twice import twice

FACES = torch.tensor([0, 1, 2, 0, 1, 2])                         # three faces, two views each, view by view
LABELS = torch.tensor([0, 0, 1, 0, 0, 1])                        # the first two are of one class


def batch(faces=12, width=8, classes=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    embeddings = torch.randn(2 * faces, width, generator=generator, dtype=torch.float64)
    labels = torch.arange(faces) % classes
    return embeddings, labels, torch.randperm(100, generator=generator)[:faces]


def pairs_of(labels, faces, rule):
    return Pairs(labels.repeat(2), faces.repeat(2), rule)


def plainly(embeddings, pairs, temperature):
    """Return (2.1) written with loops over rows and plain autograd."""
    unit = F.normalize(embeddings, dim=1)
    logits, losses = unit @ unit.T / temperature, []
    for row, positive, kept in zip(logits, *pairs.masks()):
        if positive.any():
            losses.append(torch.logsumexp(row[kept], 0) - row[positive].mean())
    return torch.stack(losses).mean()


# ---------------------------------------------------------------------- masks

def test_masks_by_hand():
    """Row 0 is the first view of face 0; view 3 is its other view, 1 and 4 are of its class, 2 and 5 are not."""
    expected = {"simclr": ([3], [1, 2, 3, 4, 5]), "supcon": ([1, 3, 4], [1, 2, 3, 4, 5]), "wsc": ([3], [2, 3, 5])}
    for rule, wanted in expected.items():
        positive, kept = Pairs(LABELS, FACES, rule).masks()
        assert (positive[0].nonzero().flatten().tolist(), kept[0].nonzero().flatten().tolist()) == wanted


@pytest.mark.parametrize("rule", RULES)
def test_masks_of_some_rows_are_rows_of_the_masks(rule):
    pairs = Pairs(LABELS, FACES, rule)
    for whole, some in zip(pairs.masks(), pairs.masks(torch.tensor([4, 1]))):
        assert torch.equal(whole[[4, 1]], some) and not whole.diagonal().any()


def test_a_wrong_label_never_makes_a_false_positive_in_wsc():
    """Whatever the labels say, only the other view attracts; in SupCon a wrong label attracts another class."""
    true, wrong = torch.tensor([0, 0, 1, 1]), torch.tensor([1, 0, 1, 1])
    faces, same_class = torch.arange(4), (true[:, None] == true).repeat(2, 2)
    for rule, harmed in (("wsc", False), ("simclr", False), ("supcon", True)):
        positive, _ = pairs_of(wrong, faces, rule).masks()
        assert bool((positive & ~same_class).any()) == harmed
    before, after = (pairs_of(labels, faces, "wsc").masks()[1] for labels in (true, wrong))
    assert not torch.equal(before, after)                        # negatives do change


def test_unknown_rule():
    with pytest.raises(InputError, match="'moco'; expected one of simclr, supcon, wsc"):
        Pairs(LABELS, FACES, "moco")


# ---------------------------------------------------------------------- values

def test_four_views_by_hand():
    """Two faces of two classes at right angles: every row has one positive with cosine 1 and two others with 0."""
    embeddings = torch.tensor([[2.0, 0], [0, 3], [1, 0], [0, 1]])
    found = instance_contrast(embeddings, Pairs(torch.tensor([0, 1, 0, 1]), torch.tensor([0, 1, 0, 1])), 0.5)
    assert found.item() == pytest.approx(math.log(1 + 2 * math.exp(-2)), rel=1e-6)


def test_three_masks_by_hand():
    """Views at 0, 90 and 180 degrees, temperature 1: row 0 sees cosines 0, -1, 1, 0, -1 of the views 1 to 5."""
    embeddings = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [1, 0], [0, 1], [-1, 0]])
    everything = math.log(2 + 2 / math.e + math.e)
    ends, middle = {}, {}
    ends["simclr"], middle["simclr"] = everything - 1, math.log(4 + math.e) - 1
    ends["wsc"], middle["wsc"] = math.log(2 / math.e + math.e) - 1, math.log(2 + math.e) - 1
    last = {"simclr": ends["simclr"], "wsc": math.log(2 + 2 / math.e + math.e) - 1, "supcon": everything - 1}
    ends["supcon"], middle["supcon"] = everything - 1 / 3, math.log(4 + math.e) - 1 / 3
    for rule in RULES:
        found = instance_contrast(embeddings.double(), Pairs(LABELS, FACES, rule), 1.0).item()
        assert found == pytest.approx((ends[rule] + middle[rule] + last[rule]) / 3, rel=1e-9), rule


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("chunk", [3, 7, 256])
def test_value_and_gradient_are_those_of_plain_autograd(rule, chunk):
    embeddings, labels, faces = batch()
    pairs, ours, theirs = pairs_of(labels, faces, rule), embeddings.clone(), embeddings.clone()
    found = instance_contrast(ours.requires_grad_(), pairs, 0.2, chunk)
    wanted = plainly(theirs.requires_grad_(), pairs, 0.2)
    (3 * found).backward()
    (3 * wanted).backward()
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize("rule", RULES)
def test_gradient_check(rule):
    embeddings, labels, faces = batch(5, 4)
    pairs = pairs_of(labels, faces, rule)
    assert torch.autograd.gradcheck(lambda z: instance_contrast(z, pairs, 0.3, chunk=4), embeddings.requires_grad_())


def test_rows_without_a_positive_do_not_count():
    """SupCon on single views: the third face is alone in its class, so the mean is over two rows."""
    embeddings, _, _ = batch(2, 4)
    labels = torch.tensor([0, 0, 1, 2])
    pairs, z = Pairs(labels, torch.arange(4), "supcon"), embeddings.clone().requires_grad_()
    found = instance_contrast(z, pairs, 0.2)
    torch.testing.assert_close(found, plainly(embeddings, pairs, 0.2))
    found.backward()
    assert z.grad.isfinite().all()
    alone = instance_contrast(z, Pairs(torch.arange(4), torch.arange(4), "supcon"))
    assert alone.item() == 0 and torch.autograd.grad(alone, z)[0].abs().max() == 0


def test_written_masks_are_used_as_they_are():
    embeddings, labels, faces = batch()
    pairs = pairs_of(labels, faces, "wsc")
    torch.testing.assert_close(instance_contrast(embeddings, Masks(*pairs.masks()), 0.2, 5),
                               instance_contrast(embeddings, pairs, 0.2, 5))


# ---------------------------------------------------------------------- other libraries

def test_supcon_is_that_of_pytorch_metric_learning():
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    embeddings, labels, faces = batch(20)
    oracle = losses.SupConLoss(temperature=0.1)(embeddings, labels.repeat(2))
    torch.testing.assert_close(instance_contrast(embeddings, pairs_of(labels, faces, "supcon"), 0.1), oracle)


def test_simclr_is_that_of_lightly():
    loss = pytest.importorskip("lightly.loss")
    embeddings, labels, faces = batch(20)
    oracle = loss.NTXentLoss(temperature=0.2)(*embeddings.chunk(2))
    torch.testing.assert_close(instance_contrast(embeddings, pairs_of(labels, faces, "simclr"), 0.2), oracle)


def test_wsc_is_that_of_pytorch_metric_learning_given_the_pairs():
    """NT-Xent there takes a positive against all negatives of its anchor: (2.1) with one positive a row."""
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    embeddings, labels, faces = batch(10)
    pairs = pairs_of(labels, faces, "wsc")
    positive, kept = pairs.masks()
    a1, p = positive.nonzero(as_tuple=True)
    a2, n = (kept & ~positive).nonzero(as_tuple=True)
    oracle = losses.NTXentLoss(temperature=0.3)(embeddings, labels.repeat(2), (a1, p, a2, n))
    torch.testing.assert_close(instance_contrast(embeddings, pairs, 0.3), oracle)


# ---------------------------------------------------------------------- invariances and limits

@pytest.mark.parametrize("rule", RULES)
def test_scale_and_order_do_not_matter(rule):
    embeddings, labels, faces = batch()
    pairs, order = pairs_of(labels, faces, rule), torch.randperm(len(embeddings))
    found, scale = instance_contrast(embeddings, pairs), torch.rand(len(embeddings), 1).double() + 0.1
    torch.testing.assert_close(instance_contrast(embeddings * scale, pairs), found)
    shuffled = Pairs(pairs.labels[order], pairs.faces[order], rule)
    torch.testing.assert_close(instance_contrast(embeddings[order], shuffled), found)


def test_names_of_classes_do_not_matter_and_simclr_asks_for_none():
    embeddings, labels, faces = batch()
    for rule, others in (("wsc", 9 - labels), ("simclr", labels**2)):
        found, wanted = (instance_contrast(embeddings, pairs_of(x, faces, rule)) for x in (labels, others))
        torch.testing.assert_close(found, wanted)


def test_when_every_face_is_its_own_class_the_three_are_one():
    embeddings, _, faces = batch()
    found = [instance_contrast(embeddings, pairs_of(faces, faces, rule)) for rule in RULES]
    torch.testing.assert_close(found[0], found[1])
    torch.testing.assert_close(found[0], found[2])


def test_one_class_has_no_negatives_and_costs_nothing():
    embeddings, labels, faces = batch()
    z = embeddings.requires_grad_()
    found = instance_contrast(z, pairs_of(torch.zeros_like(labels), faces, "wsc"))
    assert found.item() == pytest.approx(0, abs=1e-12)
    assert torch.autograd.grad(found, z)[0].abs().max() < 1e-12


@pytest.mark.parametrize("temperature", [1e-3, 1e3])
def test_extreme_temperatures_and_equal_views_stay_finite(temperature):
    _, labels, faces = batch()
    z = torch.cat([torch.ones(12, 8), -torch.ones(12, 8)]).requires_grad_()
    found = instance_contrast(z, pairs_of(labels, faces, "simclr"), temperature)
    found.backward()
    assert found.isfinite() and z.grad.isfinite().all()
    nothing = torch.zeros(24, 8, requires_grad=True)
    instance_contrast(nothing, pairs_of(labels, faces, "wsc")).backward()
    assert nothing.grad.isfinite().all()


def test_half_precision_is_computed_in_single():
    embeddings, labels, faces = batch(64)
    half, pairs = embeddings.bfloat16(), pairs_of(labels, faces, "supcon")
    with torch.autocast("cpu", torch.bfloat16):
        found = instance_contrast(half.requires_grad_(), pairs)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, instance_contrast(half.detach().float(), pairs))
    found.backward()
    assert half.grad.dtype == torch.bfloat16


# ---------------------------------------------------------------------- two processes

ALONE = torch.tensor([0, 0, 1, 2, 0, 0, 0, 1])                   # the fourth face has no other of its class


def _contrast_in_one_of_two(rule, single):
    """Return this process's loss and the gradient of one shared matrix under the average of DDP."""
    inputs, labels, faces = batch(8, 6, seed=3)
    labels = ALONE if single else labels
    weight = torch.eye(6, dtype=torch.float64).requires_grad_()
    rows = share(torch.arange(8))
    views = inputs.view(2, 8, 6)[: 1 if single else 2, rows].flatten(0, 1)
    pairs = all_pairs(labels[rows], faces[rows], 1 if single else 2, rule)
    loss = instance_contrast(views @ weight, pairs, 0.2, chunk=3)
    loss.backward()
    each, slopes = gather(loss.detach()[None]), gather(weight.grad[None])
    return each.mean(), slopes.mean(0), torch.tensor(rank())


@pytest.mark.parametrize("rule, single", [("wsc", False), ("supcon", True)])
def test_two_processes_have_the_gradient_of_one(rule, single):
    """SupCon on single views: three rows of one process have a positive, and four of the other."""
    alone = _contrast_in_one_of_two(rule, single)
    for number, (loss, slope, who) in enumerate(twice(_contrast_in_one_of_two, rule, single)):
        assert who == number
        assert (loss - alone[0]).abs() <= 1e-6 * alone[0].abs()
        assert (slope - alone[1]).norm() <= 1e-6 * alone[1].norm()


def test_an_embedding_of_zero_does_not_drown_the_gradients_of_others():
    embeddings = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
    embeddings[0] = 0
    embeddings.requires_grad_()
    labels = torch.tensor([0, 0, 1, 1]).repeat(2)
    instance_contrast(embeddings, all_pairs(labels[:4], torch.arange(4)), 0.5).backward()
    assert embeddings.grad.isfinite().all() and embeddings.grad.norm(dim=1)[0] < 1e7


def test_a_face_without_a_label_is_like_nobody():
    faces, labels = torch.arange(3).repeat(2), torch.tensor([-1, -1, 0] * 2)
    for rule in ("supcon", "wsc"):
        positive, kept = Pairs(labels, faces, rule).masks()
        assert positive.sum(1).tolist() == [1] * 6                       # its own other view
        assert kept[0].tolist() == [False, True, True, True, True, True]


def test_the_nearest_of_two_negatives_takes_its_share_of_a_softmax():
    row = torch.tensor([0.0, 0.5])
    share = nearest_share(row, 0.5)
    assert abs(float(share) - math.e / (1 + math.e)) < 1e-6
    assert torch.equal(nearest_share(torch.stack([row, row.flip(0)]), 0.5), share.expand(2))


def test_one_wrong_label_among_three_faces():
    labels, truth, faces = torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), torch.arange(3)
    counts = {rule: spoilt(*Pairs(labels.repeat(2), faces.repeat(2), rule).masks(), truth.repeat(2))
              for rule in ("simclr", "supcon", "wsc")}
    assert counts["supcon"] == {"attract": 14, "repel": 16, "false attractions": 8, "false repulsions": 8}
    assert counts["wsc"] == {"attract": 6, "repel": 16, "false attractions": 0, "false repulsions": 8}
    assert counts["simclr"] == {"attract": 6, "repel": 24, "false attractions": 0, "false repulsions": 8}
