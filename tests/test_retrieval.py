"""Retrieval relabelling on features whose answer is known."""

import math

import pytest
import torch

from fercourse.retrieval import Votes, anchored_noise, ask, lead, least_lead, pictures
from tests.toy import toy_faces


def constructed():
    """Return features in three directions, labels with two wrong ones (rows 3 and 7), and who is easy."""
    angle = torch.tensor([0.0, 0.1, 0.2, 0.15, 1.5, 1.6, 1.7, 1.65, 3.0, 3.1])
    features = torch.stack([angle.cos(), angle.sin()], 1) * torch.linspace(0.5, 4, 10)[:, None]
    labels = torch.tensor([0, 0, 0, 1, 1, 1, 1, 0, 2, 2])
    easy = torch.ones(10, dtype=torch.bool)
    easy[[3, 7]] = False
    return features, labels, easy


def test_wrong_labels_are_told_by_their_neighbours():
    features, labels, easy = constructed()
    votes = ask(features, labels, easy, torch.tensor([3, 7]), classes=3, count=3)
    assert votes.best.tolist() == [0, 1]
    assert sorted(votes.neighbours[0].tolist()) == [0, 1, 2] and sorted(votes.neighbours[1].tolist()) == [4, 5, 6]
    assert votes.margin(labels[[3, 7]]).tolist() == pytest.approx([1, 1])
    assert votes.margin(torch.tensor([0, 1])).tolist() == [0, 0]


def test_shares_by_hand():
    features = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.6, 0.8], [-1.0, 0.0]])
    votes = ask(features, torch.tensor([1, 0, 1, 2]), torch.tensor([False, True, True, True]), torch.tensor([0]), 3, 3)
    assert votes.cosines[0].tolist() == pytest.approx([1, 0.6, -1])
    assert votes.shares[0].tolist() == pytest.approx([1 / 1.6, 0.6 / 1.6, 0])       # opposite faces have no say
    assert votes.margin(torch.tensor([1])).item() == pytest.approx(0.4 / 1.6)


def test_against_a_loop_over_faces():
    g = torch.Generator().manual_seed(0)
    features, labels = torch.randn(60, 8, generator=g), torch.randint(0, 4, (60,), generator=g)
    easy = torch.rand(60, generator=g) < 0.6
    hard = (~easy).nonzero().flatten()
    votes = ask(features, labels, easy, hard, 4, 7)
    for row, face in enumerate(hard.tolist()):
        cosine = torch.cosine_similarity(features[face][None], features)
        near = sorted(easy.nonzero().flatten().tolist(), key=lambda j: -cosine[j])[:7]
        share = torch.zeros(4)
        for j in near:
            share[labels[j]] += cosine[j].clamp(min=0)
        assert votes.neighbours[row].tolist() == near
        assert torch.allclose(votes.shares[row], share / share.sum(), atol=1e-5)


def test_nobody_votes_on_their_own_face():
    features, labels, easy = constructed()
    rows = easy.nonzero().flatten()
    votes = ask(features, labels, easy, rows, 3, 3)
    own = votes.neighbours == rows[:, None]
    assert not (own & (votes.cosines > -math.inf)).any()


def test_rows_of_one_id_or_one_group_show_the_same_picture():
    assert pictures(toy_faces(6, 8)).tolist() == [0, 1, 2, 3, 4, 5]
    repeated = toy_faces(3, 8)[torch.tensor([2, 0, 2, 1, 0])]
    assert pictures(repeated).tolist() == [0, 1, 0, 3, 1]
    grouped = toy_faces(6, 8, attributes={"group": torch.tensor([-1, 5, -1, 0, 5, 0])})
    assert pictures(grouped[torch.tensor([0, 1, 2, 3, 4, 5, 0])]).tolist() == [0, 1, 2, 3, 1, 3, 0]


def test_nobody_votes_on_a_copy_of_their_own_picture():
    features, labels, easy = constructed()
    twice = torch.arange(10).repeat(2)
    asked, copies = torch.tensor([8, 13]), twice               # row 8 has a wrong label here, which its copy 18 repeats
    labels = labels.clone()
    labels[8] = 0
    said = [ask(features[twice], labels[twice], easy[twice], asked, 3, 2, *known) for known in ((), (copies,))]
    assert said[0].neighbours[0, 0] == 18 and said[0].best[0] == 0
    assert set(said[1].neighbours[0].tolist()) == {9, 19} and said[1].best.tolist() == [2, 0]


def test_small_and_empty_galleries():
    features, labels, easy = constructed()
    one = ask(features, labels, torch.arange(10) == 8, torch.tensor([9]), 3, 20)
    assert one.best.tolist() == [2] and one.neighbours.shape == (1, 1)
    nobody = ask(features, labels, torch.zeros_like(easy), torch.tensor([0, 3]), 3, 20)
    assert nobody.best.tolist() == [-1, -1] and nobody.margin(labels[[0, 3]]).tolist() == [0, 0]
    assert ask(features, labels, easy, torch.empty(0, dtype=torch.int64), 3, 3).best.shape == (0,)


def test_lead_is_that_over_the_second_class():
    shares = torch.tensor([[0.5, 0.3, 0.2], [0.0, 0.0, 0.0]])
    assert lead(Votes(torch.zeros(2, 1), torch.zeros(2, 1), shares)).tolist() == pytest.approx([0.2, 0])


def jury(count=4000, right=0.9, noise=0.3, classes=5, seed=0):
    """Return votes that are right with a chance, all with the same lead, and labels of which a share is wrong."""
    g = torch.Generator().manual_seed(seed)
    truth = torch.randint(0, classes, (count,), generator=g)

    def slip(chance):
        steps = torch.randint(1, classes, (count,), generator=g)
        return torch.where(torch.rand(count, generator=g) < chance, (truth + steps) % classes, truth)

    best, labels = slip(1 - right), slip(noise)
    shares = 0.9 * torch.nn.functional.one_hot(best, classes) + 0.1 / classes
    return Votes(torch.zeros(count, 1), torch.zeros(count, 1), shares), labels, truth


@pytest.mark.parametrize("right, noise, classes", [(0.8, 0.3, 5), (0.9, 0.3, 5), (0.9, 0.1, 5), (0.95, 0.4, 5),
                                                   (0.9, 0.3, 2)])
def test_the_jury_foretells_how_many_new_labels_are_right(right, noise, classes):
    votes, labels, truth = jury(right=right, noise=noise, classes=classes)
    really = (votes.best == truth)[votes.best != labels].float().mean().item()
    assert least_lead(votes, labels, noise, really - 0.08) < 1
    assert least_lead(votes, labels, noise, really + 0.08) == math.inf


def test_the_sure_are_trusted_and_the_unsure_are_not():
    sure, labels, _ = jury(400, right=1.0, noise=0.3)
    unsure, others, _ = jury(400, right=0.5, noise=0.3, seed=1)
    weak = 0.5 * unsure.shares + 0.1
    votes = Votes(torch.zeros(800, 1), torch.zeros(800, 1), torch.cat([sure.shares, weak]))
    found = least_lead(votes, torch.cat([labels, others]), 0.3, 0.9)
    assert 0.44 < found <= 0.9001
    assert anchored_noise(votes, torch.cat([labels, others])) == pytest.approx(0.3, abs=0.1)


def test_a_small_jury_and_no_noise_trust_nothing():
    votes, labels, _ = jury(9)
    assert least_lead(votes, labels, 0.3, 0.1) == math.inf
    votes, labels, _ = jury(100)
    assert least_lead(votes, labels, 0.0, 0.1) == math.inf
    empty = Votes(*(x[:0] for x in (votes.neighbours, votes.cosines, votes.shares)))
    assert least_lead(empty, labels[:0], 0.3, 0.1) == math.inf and anchored_noise(empty, labels[:0]) == 0


def seated(agreed, leads, classes=2):
    """Return votes for class 0 with these leads over class 1, and labels that agree where told."""
    leads = torch.as_tensor(leads, dtype=torch.float64)
    shares = torch.stack([(1 + leads) / 2, (1 - leads) / 2, *[0 * leads] * (classes - 2)], 1)
    return Votes(torch.zeros(len(leads), 1), torch.zeros(len(leads), 1), shares), (~torch.as_tensor(agreed)).long()


def test_the_jurys_arithmetic_by_hand():
    """Of 10,000 votes 0.66 agree, at least 0.6553 less luck; with n = 0.3 and two classes 0.888 are right."""
    votes, labels = seated(torch.arange(10_000) < 6600, torch.full((10_000,), 0.5))
    right = (0.66 - (0.66 * 0.34 / 10_000) ** 0.5 - 0.3) / 0.4
    precision = 0.3 * right / (0.3 * right + 0.7 * (1 - right))
    assert least_lead(votes, labels, 0.3, precision - 1e-4) == pytest.approx(0.5)
    assert least_lead(votes, labels, 0.3, precision + 1e-4) == math.inf


def test_votes_of_one_lead_are_judged_together_and_a_few_not_at_all():
    half = torch.arange(20) < 10
    assert least_lead(*seated(half, torch.full((20,), 0.5)), 0.3, 0.7) == math.inf
    assert least_lead(*seated(half, torch.linspace(0.9, 0.1, 20)), 0.3, 0.7) < 1
    few = torch.arange(20) < 5
    assert least_lead(*seated(few, torch.linspace(0.9, 0.1, 20)), 0.3, 0.7) == math.inf


def test_ten_votes_at_least_tell_the_noise():
    votes, labels = seated(torch.arange(20) < 5, torch.linspace(0.9, 0.1, 20))
    assert anchored_noise(votes, labels) == 0.5


def test_the_surest_quarter_tells_the_noise():
    votes, labels = seated(torch.arange(80) < 20, torch.linspace(0.9, 0.1, 80))
    assert anchored_noise(votes, labels) == 0
