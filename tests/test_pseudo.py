"""Who is believed: the surest share of every class, or of all; by hand and against sorting."""

import pytest
import torch

from fercourse.pseudo import most_sure


def logits(pairs, count=3):
    """Return logits whose likeliest class and its lead are given."""
    rows = torch.zeros(len(pairs), count)
    for row, (word, lead) in zip(rows, pairs):
        row[word] = lead
    return rows


def test_by_hand():
    given = logits([(0, 3.0), (0, 1.0), (0, 2.0), (1, 0.5), (1, 0.2), (0, 4.0)])
    told, believed = most_sure(given, 0.5)
    assert told.tolist() == [0, 0, 0, 1, 1, 0]
    assert believed.tolist() == [True, False, False, True, False, True]
    assert most_sure(given, 0.5, balanced=False)[1].tolist() == [True, False, True, False, False, True]


def test_a_class_told_of_one_face_keeps_it():
    assert most_sure(logits([(0, 1.0), (0, 2.0), (2, 0.1)]), 0.3)[1].tolist() == [False, True, True]


@pytest.mark.parametrize("share, kept", [(0.0, 0), (1.0, 40)])
def test_limits(share, kept):
    assert most_sure(torch.randn(40, 5), share)[1].sum() == kept


@pytest.mark.parametrize("share", [0.1, 0.37, 0.8])
def test_against_sorting(share):
    given = torch.randn(200, 7, generator=torch.Generator().manual_seed(1))
    told, believed = most_sure(given, share)
    sure = given.softmax(1).max(1).values
    for word in range(7):
        rows = (told == word).nonzero().flatten()
        count = -int(-share * len(rows) // 1)
        best = rows[sure[rows].argsort(descending=True)[:count]]
        assert set(best.tolist()) == set(rows[believed[rows]].tolist())


@pytest.mark.parametrize("share, faces, kept", [(0.6, 50, 30), (0.3, 100, 30), (0.6, 100, 60), (0.55, 7, 4)])
def test_a_share_that_is_a_whole_number_of_faces_is_not_rounded_up(share, faces, kept):
    assert most_sure(logits([(0, 0.01 * row) for row in range(faces)]), share)[1].sum() == kept
