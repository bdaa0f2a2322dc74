"""Scores of embeddings against scikit-learn, and against values derived by hand."""

import math

import pytest
import sklearn.metrics as sk
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.preprocessing import StandardScaler

from fercourse import evaluate as ev
from fercourse.errors import InputError

RANDOM = torch.Generator().manual_seed(4)
CENTRES = torch.randn(4, 6, generator=RANDOM)
LABELS = torch.randint(0, 4, (150,), generator=RANDOM)
FEATURES = CENTRES[LABELS] * 0.7 + torch.randn(150, 6, generator=RANDOM)


def test_neighbours_are_those_of_scikit_learn():
    queries = torch.randn(40, 6, generator=RANDOM)
    cosines, rows = ev.nearest(queries, FEATURES, 7, chunk=16)
    distance, expected = NearestNeighbors(n_neighbors=7, metric="cosine").fit(FEATURES).kneighbors(queries)
    assert rows.tolist() == expected.tolist()
    torch.testing.assert_close(cosines, torch.from_numpy(1 - distance).float(), atol=1e-5, rtol=0)


def test_nobody_is_their_own_neighbour_nor_of_their_own_group():
    _, rows = ev.nearest(FEATURES, count=5, chunk=32)
    assert (rows != torch.arange(150)[:, None]).all()
    groups = torch.arange(150) // 10
    _, rows = ev.nearest(FEATURES, count=5, query_groups=groups, chunk=32)
    assert (groups[rows] != groups[:, None]).all()
    groups[:20] = -1                                                      # nobody known: nothing excluded
    _, rows = ev.nearest(FEATURES[:20], FEATURES, 3, groups[:20], groups)
    assert (rows[:, 0] == torch.arange(20)).all()
    with pytest.raises(InputError, match="150 neighbours were asked for among 149 faces"):
        ev.nearest(FEATURES, count=150)
    assert ev.nearest(torch.ones(1, 4), count=0)[1].shape == (1, 0)


def test_knn_agrees_with_scikit_learn():
    unit = torch.nn.functional.normalize(FEATURES, dim=1)
    test, truth = unit[100:], LABELS[100:]
    weigh = lambda distance: torch.from_numpy((1 - distance**2 / 2 - 1) / 0.1).exp().numpy()   # noqa: E731
    oracle = KNeighborsClassifier(9, weights=weigh).fit(unit[:100], LABELS[:100])
    assert ev.knn_predict(unit[:100], LABELS[:100], test, 9).argmax(1).tolist() == oracle.predict(test).tolist()
    assert ev.knn_accuracy(unit[:100], LABELS[:100], test, truth, 9) == pytest.approx(oracle.score(test, truth))


def test_linear_probe_is_scikit_learns_logistic_regression():
    scaler = StandardScaler().fit(FEATURES)
    oracle = LogisticRegression(C=1 / (0.01 * 150), tol=1e-9, max_iter=2000).fit(scaler.transform(FEATURES), LABELS)
    ours = ev.linear_probe(FEATURES, LABELS, decay=0.01)(FEATURES).softmax(1)
    theirs = oracle.predict_proba(scaler.transform(FEATURES))
    torch.testing.assert_close(ours, torch.from_numpy(theirs), atol=1e-4, rtol=0)
    assert torch.equal(ev.linear_probe(FEATURES, LABELS).weight, ev.linear_probe(FEATURES, LABELS).weight)


def test_probes_leave_out_what_has_no_label():
    some = LABELS.clone()
    some[:50] = -1
    fewer = ev.linear_probe(FEATURES[50:], LABELS[50:])
    torch.testing.assert_close(ev.linear_probe(FEATURES, some).weight, fewer.weight)
    with pytest.raises(InputError, match="no face has a label"):
        ev.linear_probe(FEATURES, some - 9)
    constant = torch.cat([FEATURES, torch.ones(150, 1)], 1)               # a dead feature does no harm
    assert ev.linear_probe(constant, LABELS)(constant).isfinite().all()


@pytest.mark.parametrize(("probe", "told"), [
    (ev.linear_probe, "no face has a label"), (ev.mlp_probe, "no face has a label"),
    (ev.affect_probe, "no face has valence and arousal")])
def test_every_probe_says_that_nobody_teaches_it(probe, told):
    answers = torch.full((150, 2), torch.nan) if probe is ev.affect_probe else torch.full((150,), -1)
    with pytest.raises(InputError, match=told):
        probe(FEATURES, answers)


def test_no_probe_blows_up_what_hardly_moved():
    still, moved = 1e-8 * torch.randn(150, 1, generator=torch.Generator().manual_seed(0)), torch.full((150, 1), 0.01)
    affect = torch.stack([LABELS / 2 - 0.5, -LABELS / 3], 1)
    for probe, answers in ((ev.linear_probe, LABELS), (ev.mlp_probe, LABELS), (ev.affect_probe, affect)):
        told = probe(torch.cat([FEATURES, still], 1), answers)
        same, other = (told(torch.cat([FEATURES, last], 1)) for last in (still, moved))
        assert (same - other).abs().max() < 0.1


def test_neighbours_leave_out_what_has_no_label():
    unknown = torch.arange(150) % 3 == 0
    some = LABELS.masked_fill(unknown, -1)
    whole = ev.knn_accuracy(FEATURES[:100], some[:100], FEATURES[100:], some[100:], 9)
    known = ~unknown
    assert whole == ev.knn_accuracy(FEATURES[:100][known[:100]], LABELS[:100][known[:100]], FEATURES[100:][known[100:]],
                                    LABELS[100:][known[100:]], 9)


def test_a_second_layer_leaves_out_what_has_no_label_and_other_random_numbers_alone():
    some = LABELS.clone()
    some[:50] = -1
    before = torch.get_rng_state()
    one, fewer, other = (ev.mlp_probe(FEATURES[first:], labels, steps=3, seed=seed)(FEATURES) for first, labels, seed
                         in ((0, some, 0), (50, LABELS[50:], 0), (50, LABELS[50:], 1)))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one, fewer) and not torch.equal(one, other)


def test_chance_is_to_name_the_commonest_answer_that_was_taught():
    taught, truth = torch.tensor([2, 2, 1, -1, -1, -1]), torch.tensor([1, 1, 1, 2, -1])
    found = ev.readable(torch.zeros(6, 1), taught, torch.zeros(5, 1), truth, readers=())
    assert found == {"chance": 0.25}


def test_silhouette_agrees_with_scikit_learn():
    expected = sk.silhouette_score(FEATURES.double(), LABELS)
    assert ev.silhouette(FEATURES, LABELS, chunk=64) == pytest.approx(expected, rel=1e-9)
    single = torch.where(torch.arange(150) == 0, 9, LABELS)               # a class of one face
    assert ev.silhouette(FEATURES, single) == pytest.approx(sk.silhouette_score(FEATURES.double(), single), rel=1e-9)
    some = LABELS.masked_fill(torch.arange(150) < 50, -1)
    assert ev.silhouette(FEATURES, some) == pytest.approx(ev.silhouette(FEATURES[50:], LABELS[50:]), rel=1e-9)


def test_alignment_and_uniformity_by_hand():
    east, north, west = torch.tensor([2.0, 0]), torch.tensor([0, 3.0]), torch.tensor([-1.0, 0])
    assert ev.alignment(torch.stack([east, east]), torch.stack([north, east])) == pytest.approx(1)   # (2 + 0) / 2
    # pairs: squared distances 2 (east north), 4 (east west), 2 (north west)
    expected = math.log((2 * math.exp(-4) + math.exp(-8)) / 3)
    assert ev.uniformity(torch.stack([east, north, west])) == pytest.approx(expected)
    expected = math.log((2 * math.exp(-2) + math.exp(-4)) / 3)
    assert ev.uniformity(torch.stack([east, north, west]), temperature=1) == pytest.approx(expected)
    many = torch.randn(500, 3, generator=RANDOM)
    assert ev.uniformity(many, most=400) == pytest.approx(ev.uniformity(many), abs=0.1)
    assert ev.uniformity(many, most=50) == ev.uniformity(many, most=50) != ev.uniformity(many, most=50, seed=1)


def test_identity_leak_finds_people_and_not_noise():
    people = torch.arange(200) // 10
    leaky = torch.nn.functional.one_hot(people, 20).float() + 0.15 * torch.randn(200, 20, generator=RANDOM)
    found = ev.identity_leak(leaky, people)
    assert found["people"] == 20 and found["chance"] == pytest.approx(1 / 20)
    assert found["accuracy"] > 0.85
    assert ev.identity_leak(torch.randn(200, 20, generator=RANDOM), people)["accuracy"] < 0.2
    assert found == ev.identity_leak(leaky, people)


def test_identity_leak_needs_people_with_two_pictures():
    people = torch.tensor([5, 5, 5, 7, 7, 9, -1, -1])                     # 9 has one picture, -1 is nobody
    features = torch.nn.functional.one_hot(people.clamp(min=0)).float()
    assert ev.identity_leak(features, people) == {"accuracy": 1.0, "chance": pytest.approx(2 / 3, abs=0.2), "people": 2}
    with pytest.raises(InputError, match="two people with two pictures each"):
        ev.identity_leak(features[3:], people[3:])


def test_identity_leak_teaches_the_share_that_the_seed_draws():
    people, taught = torch.arange(40) // 10, []

    def fit(features, person, count):
        taught.append(features[:, 0].tolist())
        return lambda asked: torch.zeros(len(asked), count)
    for share, seed in ((0.5, 0), (0.8, 0), (0.8, 1)):
        ev.identity_leak(torch.arange(40.0)[:, None], people, seed, share, fit)
    assert [len(rows) for rows in taught] == [20, 32, 32] and sorted(taught[1]) != sorted(taught[2])


def test_a_single_class_and_a_zero_row_have_a_geometry():
    features = torch.randn(20, 3, generator=torch.Generator().manual_seed(2))
    assert ev.silhouette(features, torch.zeros(20, dtype=torch.long)) == 0
    features[0] = 0
    unit = torch.nn.functional.normalize(features.double(), dim=1)
    pairs = [(-2 * (unit[i] - unit[j]).square().sum()).exp() for i in range(20) for j in range(20) if i != j]
    zero = [(-2 * (2 - 2 * unit[i] @ unit[j])).exp() for i in range(20) for j in range(20) if i != j and 0 in (i, j)]
    others = [(-2 * (unit[i] - unit[j]).square().sum()).exp() for i in range(1, 20) for j in range(1, 20) if i != j]
    assert len(pairs) == len(zero) + len(others)
    assert ev.uniformity(features) == pytest.approx(torch.stack(zero + others).mean().log().item())


def test_probes_read_features_that_still_carry_a_gradient():
    features = torch.randn(60, 4, generator=torch.Generator().manual_seed(0), requires_grad=True) * 2
    labels, affect = torch.arange(60) % 3, torch.rand(60, 2)
    for probe, truth in ((ev.linear_probe, labels), (ev.mlp_probe, labels),
                         (ev.affect_probe, affect)):
        assert not probe(features, truth)(features.detach()).requires_grad


def test_the_leaks_chance_is_that_of_those_who_are_asked():
    people = torch.tensor([0] * 5 + [1] * 4)                 # two of each teach, three and two are asked
    assert ev.identity_leak(torch.nn.functional.one_hot(people).float(), people)["chance"] == pytest.approx(3 / 5)
