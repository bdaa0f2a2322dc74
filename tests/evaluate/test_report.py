"""The numbers of a method on a set, and of every group in it."""

import json
from dataclasses import replace

import pytest
import torch

from fercourse import evaluate as ev
from fercourse import fit
from fercourse.errors import InputError
from fercourse.evaluate.groups import groups_of
from tests.toy import CLASSES, toy_faces, toy_method


@pytest.fixture(scope="module")
def trained():
    faces = toy_faces(128)
    method = toy_method(faces)
    fit(method, faces, epochs=5, batch_size=16, quiet=True, device="cpu")
    return method


def test_the_truth_is_scored_and_classes_are_matched_by_name(trained):
    test = toy_faces(100, seed=7)
    scores = ev.evaluate(trained, test)
    assert scores["accuracy"] > 0.8
    low, high = scores["accuracy_interval"]
    assert low <= scores["accuracy"] <= high and scores["faces"] == 100
    noisy = test.with_noise(0.5)
    assert ev.evaluate(trained, noisy, draws=0)["accuracy"] == scores["accuracy"]
    other = replace(test, classes=(*reversed(CLASSES), "anger"), labels=3 - test.labels)
    assert ev.evaluate(trained, other, draws=0)["confusion"] == scores["confusion"]
    strange = replace(test, classes=("anger", "fear", "disgust", "contempt"))
    with pytest.raises(InputError, match="no face of a class that this run knows: neutral, happiness"):
        ev.evaluate(trained, strange)


def test_faces_of_which_training_had_another_of_the_group_can_be_left_out(trained):
    train, test = toy_faces(60, seed=6), toy_faces(100, seed=7)
    right = ev.seen(trained, test)["logits"].argmax(1).cpu() == test.truth
    assert 0 < right.sum() < 100
    again = torch.arange(100) < 40                            # the first 40 look like faces of training
    taught = replace(train, attributes={"group": torch.arange(60) % 40})
    asked = replace(test, attributes={"group": torch.where(again, torch.arange(100) % 40, 200)})
    rest = right[40:].float().mean().item()
    assert ev.accuracy_apart(trained, asked, taught) == {"accuracy_apart": pytest.approx(rest)}
    assert ev.accuracy_apart(trained, asked[again], taught) == {}
    assert ev.accuracy_apart(trained, test, taught) == ev.accuracy_apart(trained, asked, train) == {}


def test_other_sizes_are_resized(trained):
    test = toy_faces(100, seed=7)
    assert ev.evaluate(trained, test.resize(64), draws=0)["accuracy"] == pytest.approx(
        ev.evaluate(trained, test, draws=0)["accuracy"], abs=0.05)


def test_features_report(trained):
    report = ev.features_report(trained, toy_faces(128), toy_faces(100, seed=7))
    assert report["linear_probe"] > 0.8 and report["knn"] > 0.8 and report["silhouette"] > 0
    assert report["uniformity"] < 0 and report["identity_leak"]["people"] == 25


def test_readers_learn_the_given_labels_and_are_scored_on_the_truth(trained):
    known, asked = toy_faces(128), toy_faces(100, seed=7)
    turned = known.relabel((known.labels + 1) % 4)
    report = ev.features_report(trained, turned, asked.relabel((asked.labels + 1) % 4))
    assert report["linear_probe"] < 0.2 and report["knn"] < 0.2


def test_intervals_are_over_people(trained):
    """Where everybody is shown as often, rightly and wrongly, whoever is drawn makes no difference."""
    rows = torch.arange(48)
    six = toy_faces(48, seed=7, identity=rows % 6, attributes={"all": torch.zeros(48, dtype=torch.int64)})
    table = ev.by_group(six, torch.where(rows < 24, six.labels, (six.labels + 1) % 4), "all", draws=10)
    assert (table.low == table.high).all() and (table.people == 6).all()


@pytest.mark.parametrize("faces, people", [(48, 6), (48, 5), (48, None), (5, None)])
def test_few_people_have_no_interval(trained, faces, people):
    """Of two people, both may be right by luck: no interval of 95 % is to be had."""
    identity = None if people is None else torch.arange(faces) % people
    few = toy_faces(faces, seed=7, identity=identity, attributes={"all": torch.zeros(faces, dtype=torch.int64)})
    there = (people or faces) > 5
    regressor = toy_method(few, task="valence_arousal")
    for method, name in ((trained, "accuracy_interval"), (regressor, "mean_ccc_interval")):
        scores = ev.evaluate(method, few, draws=5)
        assert (scores[name] is not None) == there and scores["people"] == people
    one = ev.evaluate(trained, replace(few, labels=few.labels.masked_fill(torch.arange(faces) > 3, -1)), draws=5)
    assert one["faces"] == 4 and one["accuracy_interval"] is None, "only scored faces count"
    known, alone = (ev.by_group(few, few.labels, "all", draws=5, least=least).iloc[0] for least in (6, 1))
    assert (known.low == known.low) == there and alone.low == alone.high == 1


def test_looking_leaves_the_method_as_it_was(trained):
    trained.train()
    before = {k: v.clone() for k, v in trained.state_dict().items()}
    ev.seen(trained, toy_faces(20))
    assert trained.training and all(torch.equal(v, before[k]) for k, v in trained.state_dict().items())
    ev.seen(trained.eval(), toy_faces(20))
    assert not trained.training


def test_valence_and_arousal():
    faces = toy_faces(20, 16)
    scores = ev.evaluate(toy_method(faces, task="valence_arousal"), faces)
    assert scores["faces"] == 20 and set(scores["ccc"]) == {"valence", "arousal"}


def test_faces_that_cannot_be_scored_are_told(trained):
    faces = toy_faces(20, 16)
    unknown = replace(faces, valence_arousal=torch.full((20, 2), torch.nan))
    with pytest.raises(InputError, match="toy has no face with valence and arousal"):
        ev.evaluate(toy_method(faces, task="valence_arousal"), unknown)
    with pytest.raises(InputError, match="baseline: there is no face to look at; expected at least one"):
        ev.seen(trained, faces[:0])
    with pytest.raises(InputError, match="the truth was asked for in 'nonsense'; expected 'true_labels' or 'labels'"):
        ev.truth_in(trained, faces, "nonsense")


def test_groups_by_word_number_and_quartile():
    faces = toy_faces(80, 8, attributes={"gender": torch.arange(80) % 2, "age": torch.arange(80).float()},
                      names={"gender": ("woman", "man")})
    predicted = torch.where(torch.arange(80) % 2 == 1, faces.labels, (faces.labels + 1) % 4)
    table = ev.by_group(faces, predicted, "gender", draws=50)
    assert table.value.to_dict() == {"woman": 0, "man": 1} and table.faces.tolist() == [40, 40]
    ages = ev.by_group(faces, predicted, "age", draws=50)
    assert ages.faces.tolist() == [20] * 4 and ages.index[0] == "0 to 20" and (ages.value == 0.5).all()
    assert (ages.low <= 0.5).all() and (ages.high >= 0.5).all()
    unknown = replace(faces, attributes={"gender": torch.arange(80) % 2 - 1})
    assert set(ev.by_group(unknown, predicted, "gender", draws=50).index) == {"unknown", "woman"}
    assert list(ev.by_group(faces, predicted, "labels", draws=5).index) == list(CLASSES)


def test_everybody_and_then_people_by_tone_gender_and_age():
    tone = torch.arange(200) // 50 + 5
    faces = toy_faces(200, 50, identity=torch.arange(200) // 2, names={"gender": ("woman", "man")},
                      attributes={"gender": torch.arange(200) % 2, "skin_tone": tone, "age": torch.arange(200).float()})
    predicted = torch.where(tone == 8, (faces.labels + 1) % 4, faces.labels)        # only the last tone is failed
    table = ev.by_people(faces, predicted, draws=50)
    kinds = list(dict.fromkeys(table.index.get_level_values(0)))
    assert kinds == ["everybody", "skin tone", "gender presentation", "age"]
    assert table.loc[("everybody", ""), "value"] == 0.75 and table.loc[("everybody", ""), "people"] == 100
    assert table.loc["skin tone", "value"].to_dict() == {"4 to 7": 1, "8 to 10": 0}, "no group without a face"
    assert table.loc["skin tone", "clear"].tolist() == ["above", "below"]
    assert table.loc["gender presentation", "clear"].tolist() == ["", ""] and len(table.loc["age"]) == 4
    own = replace(faces, attributes={"skin_tone": tone - 5}, names={"skin_tone": ("a", "b", "c", "d")})
    assert list(ev.by_people(own, predicted, draws=5).loc["skin tone"].index) == ["a", "b", "c", "d"], "own words"
    thin = replace(faces, identity=torch.where(tone == 8, 0, faces.identity))
    assert ev.by_people(thin, predicted, draws=50).loc["skin tone", "clear"].tolist() == ["above", "few"]
    few = replace(faces, attributes={"gender": faces.attributes["gender"]})
    assert set(ev.by_people(few, predicted, draws=5).index.get_level_values(0)) == {"everybody", "gender presentation"}
    with pytest.raises(InputError, match="skin_tone"):
        ev.by_people(replace(faces, attributes={}), predicted)


def test_the_gap_between_two_groups_is_measured_on_people():
    faces = toy_faces(200, 50, identity=torch.arange(200) // 10)
    half, rows = torch.arange(200) < 100, torch.arange(200)
    predicted = torch.where(half | (rows % 2 == 0), faces.labels, (faces.labels + 1) % 4)        # 100 % and 50 %
    found = ev.gap(faces, predicted, half, ~half, draws=50)
    assert found == {"value": 0.5, "low": 0.5, "high": 0.5}, "everybody of a group fares alike"
    assert ev.gap(faces, predicted, ~half, half, draws=5)["value"] == -0.5
    uneven = torch.where(half | (rows >= 150), faces.labels, (faces.labels + 1) % 4)     # five of ten people fail
    found = ev.gap(faces, uneven, half, ~half, draws=300)
    alone = ev.gap(replace(faces, identity=None), uneven, half, ~half, draws=300)
    assert found["value"] == alone["value"] == 0.5
    assert found["high"] - found["low"] > 2 * (alone["high"] - alone["low"]), "fewer people than faces"
    few = ev.gap(faces, uneven, rows < 20, rows >= 150, measure=lambda p, t: (p == t).double().mean(), draws=5)
    assert few["value"] == 0, "faces of neither group do not count"
    for one, other in ((half, half), (half, torch.zeros(200, dtype=torch.bool))):
        with pytest.raises(InputError, match="expected two groups"):
            ev.gap(faces, predicted, one, other)


@pytest.mark.parametrize("values, first", [
    ([3.1, 17.975, 33.75, 45.65, 88.0], "3 to 18"), ([-0.83, -0.31, -0.04, 0.2, 0.9], "-0.8 to -0.3"),
    ([0.0, 0.01, 0.02, 0.03, 5.0], "0.00 to 0.01"), ([1e6, 1e6 + 1, 1e6 + 2, 1e6 + 3, 1e6 + 400], "1000000 to 1000001"),
])
def test_groups_of_numbers_are_named_by_rounded_edges_that_differ(values, first):
    values = torch.tensor(values, dtype=torch.float64)
    faces = toy_faces(5, 5, attributes={"number": values})
    names = [name for name, _ in groups_of(faces, "number")]
    assert names[0] == first and len(set(names)) == 4


def test_unknown_ages_and_people_are_nobody_in_particular():
    age = torch.arange(80).float()
    age[:10] = torch.nan
    faces = toy_faces(80, 8, attributes={"age": age}, identity=torch.arange(80) // 4 - 1)       # the first four: -1
    table = ev.by_group(faces, faces.labels, "age", draws=2)
    assert table.faces["unknown"] == 10 and table.people["unknown"] == 2 and table.faces.sum() == 80


# ---------------------------------------------------------------------- valence and arousal


def test_unknown_values_are_a_group_beside_ranges():
    tones = torch.tensor([-1, 1, 3, 7, 10, 2, -1, 2])
    chosen = groups_of(toy_faces(8, attributes={"skin_tone": tones}), "skin_tone", ((-5, 3), (4, 7), (8, 9)))
    assert [(name, rows.nonzero().flatten().tolist()) for name, rows in chosen] == [
        ("unknown", [0, 6]), ("-5 to 3", [1, 2, 5, 7]), ("4 to 7", [3])]
    yaw = torch.tensor([-0.5, float("nan"), 0.5])
    chosen = groups_of(toy_faces(3, attributes={"yaw": yaw}), "yaw", ((-1, 0), (0, 1)))
    assert [name for name, _ in chosen] == ["unknown", "-1 to 0", "0 to 1"]


def test_numbers_that_nobody_knows_make_one_group():
    faces = replace(toy_faces(8), attributes={"age": torch.full((8,), torch.nan)})
    assert [(name, int(rows.sum())) for name, rows in groups_of(faces, "age")] == [("unknown", 8)]


def test_one_number_for_all_is_a_group_and_known():
    faces = replace(toy_faces(8), attributes={"age": torch.tensor([2.0] * 7 + [torch.nan])})
    assert sorted((name, int(rows.sum())) for name, rows in groups_of(faces, "age")) == [("2", 7), ("unknown", 1)]


def test_bars_that_are_clear_by_luck_are_counted_where_people_change_places():
    right = torch.tensor([1, 1, 1, 0, 1, 0, 0, 0])                  # of four people, two pictures each: 1, 1/2, 1/2, 0
    people = torch.arange(4).repeat_interleave(2)
    faces = toy_faces(8, 8, identity=people, attributes={"gender": people, "half": people // 2})
    predicted = torch.where(right.bool(), faces.labels, (faces.labels + 1) % len(faces.classes))
    alone = ev.clear_when_shuffled(faces, predicted, ["gender"], trials=20, draws=5)
    assert alone.tolist() == [2] * 20, "bars of one person each have no width: of whom is at 1 and at 0"
    both = ev.clear_when_shuffled(faces, predicted, ["half", "gender"], trials=200, draws=200)
    assert set(both.tolist()) == {2}, "two people of whom one is at a half reach it, and so do two that differ"
    even = ev.clear_when_shuffled(faces, faces.labels, ["gender", "half"], trials=5, draws=20)
    assert even.tolist() == [0] * 5
    people = torch.arange(30).repeat_interleave(3)
    alike = toy_faces(90, 8, identity=people, attributes={"gender": people % 2})
    wrong = (torch.arange(90) % 3 == 2).long()
    for truth in (alike.labels, alike.labels.masked_fill(torch.arange(90) % 3 == 0, -1)):
        found = ev.clear_when_shuffled(alike, (alike.labels + wrong) % len(faces.classes), ["gender"], truth, trials=3)
        assert found.tolist() == [0] * 3, "a bar on the line is not clear of it; what nobody labelled is not wrong"
    with pytest.raises(InputError, match="some people are in two groups of labels"):
        ev.clear_when_shuffled(faces, predicted, ["labels"], trials=2)
    with pytest.raises(InputError, match="nobody knows who is in some pictures"):
        ev.clear_when_shuffled(replace(faces, identity=None), predicted, ["gender"])


def test_bars_by_luck_are_rare_where_half_of_all_are_in_them_and_frequent_where_few_are():
    """A half is held against a whole that contains it: its gap is too small for its bar. And four people are few."""
    people, source = torch.arange(80).repeat_interleave(10), torch.Generator().manual_seed(0)
    faces = toy_faces(800, 8, identity=people, attributes={"half": people % 2, "few": people // 4})
    wrong = (torch.rand(800, generator=source) < 0.3).long()
    halves, few = (ev.clear_when_shuffled(faces, (faces.labels + wrong) % len(faces.classes), [column], draws=300)
                   for column in ("half", "few"))
    assert halves.double().mean() / 2 < 0.02 and 0.08 < few.double().mean() / 20 < 0.3


def test_affect_has_an_interval_over_people_and_a_table_by_group():
    faces = toy_faces(96, attributes={"gender": torch.arange(96) % 2}, names={"gender": ("woman", "man")})
    method = toy_method(faces, task="valence_arousal")
    scores = ev.evaluate(method, faces, draws=40)
    low, high = scores["mean_ccc_interval"]
    assert low <= scores["mean_ccc"] <= high
    assert scores["mean_rmse"] == pytest.approx(
        ((scores["rmse"]["valence"] ** 2 + scores["rmse"]["arousal"] ** 2) / 2) ** 0.5)
    guess = faces.valence_arousal + 0.5 * (faces.column("gender") == 1)[:, None]
    table = ev.by_group(faces, guess, "gender", faces.valence_arousal, ev.mean_rmse, draws=10)
    assert table["value"].to_dict() == {"woman": pytest.approx(0, abs=1e-6), "man": pytest.approx(0.5)}
    assert ev.group_gap(table, lower_is_better=True) == pytest.approx(0.25)
    assert ev.group_gap(table) == pytest.approx(0.25)                   # here the best is as far off as the worst
    uneven = table.iloc[[0, 0, 1]].assign(value=[0.1, 0.1, 0.7])
    assert ev.group_gap(uneven, lower_is_better=True) == pytest.approx(0.4)
    assert ev.group_gap(uneven) == pytest.approx(0.2)


def test_the_report_of_features_reads_affect_where_classes_are_unknown():
    faces = replace(toy_faces(96), labels=torch.full((96,), -1))
    method = toy_method(faces, task="valence_arousal")
    report = ev.features_report(method, faces, faces)
    assert "linear_probe" not in report and 0 < report["affect_probe"] <= 1
    opposite = replace(faces, valence_arousal=-faces.valence_arousal)
    assert ev.features_report(method, faces, opposite)["affect_probe"] < 0


def test_affect_probe_is_ridge_regression():
    from sklearn.linear_model import Ridge
    source = torch.Generator().manual_seed(0)
    x, y = torch.randn(80, 5, generator=source), torch.randn(80, 2, generator=source)
    scale = x.std(0, correction=0)
    theirs = Ridge(alpha=80 * 0.01).fit((x / scale).numpy(), y.numpy())
    found = ev.affect_probe(x, y)(x)
    wanted = torch.from_numpy(theirs.predict((x / scale).numpy())).float()
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-3)
    y[:20, 1] = torch.nan                                                 # half known is not known
    torch.testing.assert_close(ev.affect_probe(x, y)(x), ev.affect_probe(x[20:], y[20:])(x))


def test_a_column_of_several_values_makes_no_groups():
    faces = toy_faces(16)
    with pytest.raises(InputError, match=r"valence_arousal holds \[2\] values a face.*; expected one of labels, ids"):
        groups_of(faces, "valence_arousal")


def test_the_report_of_features_leaves_out_what_few_faces_cannot_tell(trained):
    train, test = toy_faces(60), toy_faces(40, seed=7)
    strangers = replace(test, identity=torch.arange(40))
    report = ev.features_report(trained, train, strangers[strangers.labels == 0])
    assert "identity_leak" not in report and report["silhouette"] == 0
    assert "uniformity" not in ev.features_report(trained, train, strangers[:1])
    json.dumps(report, allow_nan=False)
