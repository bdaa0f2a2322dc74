"""Retrieval relabelling on features whose answer is known."""

import math

import pytest
import torch

from fercourse.retrieval import Votes, ask, least_margin


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


def test_small_and_empty_galleries():
    features, labels, easy = constructed()
    one = ask(features, labels, torch.arange(10) == 8, torch.tensor([9]), 3, 20)
    assert one.best.tolist() == [2] and one.neighbours.shape == (1, 1)
    nobody = ask(features, labels, torch.zeros_like(easy), torch.tensor([0, 3]), 3, 20)
    assert nobody.best.tolist() == [-1, -1] and nobody.margin(labels[[0, 3]]).tolist() == [0, 0]
    assert ask(features, labels, easy, torch.empty(0, dtype=torch.int64), 3, 3).best.shape == (0,)


def test_least_margin_by_hand():
    shares = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])      # leads 0.8, 0.6, 0.4, 0.2
    votes = Votes(torch.zeros(4, 1), torch.zeros(4, 1), shares)
    labels = torch.tensor([0, 0, 0, 0])                                          # the third vote is wrong
    assert least_margin(votes, labels, 1.0).item() == pytest.approx(0.6)
    assert least_margin(votes, labels, 0.75).item() == pytest.approx(0.2)        # 3 of 4 over all
    assert least_margin(votes, torch.tensor([1, 0, 0, 0]), 0.75).item() == math.inf
    assert least_margin(Votes(*(x[:0] for x in (votes.neighbours, votes.cosines, shares))), labels[:0],
                        0.5).item() == math.inf
