"""Concept erasure against the reference implementation, and readers that are not linear."""

import pytest
import torch

from fercourse import evaluate as ev


def features_of(count=600, width=12, seed=0):
    """Return features in which a concept of three values is linear, and the concept; one column repeats another."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 3, (count,), generator=generator)
    mix = torch.randn(width, width, generator=generator, dtype=torch.float64)
    features = torch.randn(count, width, generator=generator, dtype=torch.float64) @ mix
    features[:, :2] += 3 * torch.stack([labels == 1, labels == 2], 1)
    return torch.cat([features, features[:, :1]], 1), labels


def test_leace_agrees_with_the_reference():
    reference = pytest.importorskip("concept_erasure")
    features, labels = features_of()
    theirs = reference.LeaceFitter.fit(features[:, :-1], torch.nn.functional.one_hot(labels).double(), shrinkage=False,
                                         constrain_cov_trace=False, svd_tol=1e-6).eraser
    ours = ev.leace(features[:, :-1], labels)
    torch.testing.assert_close(ours(features[:, :-1]), theirs(features[:, :-1]), rtol=1e-6, atol=1e-8)


def test_after_leace_the_means_of_all_groups_are_one():
    features, labels = features_of()
    clean = ev.leace(features, labels)(features)
    for value in range(3):
        torch.testing.assert_close(clean[labels == value].mean(0), features.mean(0), rtol=0, atol=1e-8)
    probe = ev.linear_probe(clean, labels)
    commonest = labels.bincount().max().item() / len(labels)
    assert (probe(clean).argmax(1) == labels).double().mean() <= commonest + 0.02
    assert (ev.linear_probe(features, labels)(features).argmax(1) == labels).double().mean() > 0.5 + commonest - 0.33


def test_leace_leaves_alone_what_knows_nothing():
    features, _ = features_of()
    labels = torch.arange(600) % 2
    doubled = features.repeat_interleave(2, 0)                          # each feature once in either group
    torch.testing.assert_close(ev.leace(doubled, torch.arange(1200) % 2)(doubled), doubled)
    assert ev.leace(features.float(), labels)(features.float()).dtype == torch.float32


def test_faces_of_no_known_group_are_left_out_of_the_fit():
    features, labels = features_of()
    some = labels.masked_fill(torch.arange(600) < 200, -1)
    torch.testing.assert_close(ev.leace(features, some).away, ev.leace(features[200:], labels[200:]).away)


def test_a_second_layer_reads_what_a_line_cannot():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(1200, 2, generator=generator)
    labels = (features.prod(1) > 0).long()                              # exclusive or
    found = ev.readable(features[:800], labels[:800], features[800:], labels[800:])
    assert found["linear"] < 0.65 and found["mlp"] > 0.9
    assert found["chance"] == pytest.approx(0.5, abs=0.06)
    again = ev.readable(features[:800], labels[:800], features[800:], labels[800:])
    assert found == again


def test_people_can_be_asked_of_either_reader():
    generator = torch.Generator().manual_seed(1)
    people = torch.arange(8).repeat_interleave(20)
    features = torch.randn(8, 5, generator=generator)[people] + 0.1 * torch.randn(160, 5, generator=generator)
    for fit in (ev.linear_probe, ev.mlp_probe):
        assert ev.identity_leak(features, people, fit=fit)["accuracy"] > 0.8
