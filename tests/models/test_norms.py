"""Batch norm and domains: statistics apart in training, swapped and put back, and taken again on another set."""

import pytest
import torch
from torch import nn

from fercourse.methods import create
from fercourse.models.norms import as_source, batch_norms, keep_two_statistics, recalibrate
from tests.toy import toy_faces


def made():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Flatten(), nn.LazyLinear(5), nn.BatchNorm1d(5))
    network(torch.randn(2, 3, 4, 4))
    for norm in batch_norms(network):
        norm.reset_running_stats()
    keep_two_statistics(network)
    return network.train()


def test_each_domain_moves_its_own_figures():
    network = made()
    norm, x = network[1], torch.randn(64, 3, 4, 4)
    with as_source(network):
        network(x + 5)
    assert norm.running_mean.eq(0).all() and norm.source_running_mean.abs().max() > 0.1
    kept = norm.source_running_mean.clone()
    network(x - 5)
    assert torch.equal(norm.source_running_mean, kept) and not torch.equal(norm.running_mean, kept)


def test_figures_are_put_back_after_an_error():
    network = made()
    network[1].source_running_mean += 1
    with pytest.raises(RuntimeError), as_source(network):
        assert network[1].running_mean.eq(1).all()
        raise RuntimeError
    assert network[1].running_mean.eq(0).all()


def test_both_sets_are_in_the_weights():
    assert {"1.running_mean", "1.source_running_mean", "4.source_running_var"} <= made().state_dict().keys()


def test_recalibration_takes_the_figures_of_the_new_set_and_learns_nothing():
    faces = toy_faces(64, 16)
    torch.manual_seed(0)
    method = create("baseline", faces).eval()
    first = batch_norms(method)[0]
    weights = {name: p.clone() for name, p in method.named_parameters()}
    seen = []
    hook = first.register_forward_hook(lambda m, given, out: seen.append(given[0]))
    recalibrate(method, faces.images, batch_size=32)
    hook.remove()
    expected = torch.stack([x.mean((0, 2, 3)) for x in seen]).mean(0)
    torch.testing.assert_close(first.running_mean, expected)
    assert not method.training and all(torch.equal(p, weights[name]) for name, p in method.named_parameters())
    assert first.momentum == 0.1
