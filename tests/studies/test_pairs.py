"""Counts of pairs and shares of the push, against values worked out by hand."""

import math

import torch

from fercourse.losses.contrastive import Pairs
from fercourse.studies.pairs import nearest_share, spoilt


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
