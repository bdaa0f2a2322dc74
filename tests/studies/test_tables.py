"""What tables tell of results: numbers with their spread, rows once they are measured, and on what machine."""

import json
from copy import deepcopy
from pathlib import Path

import pytest

from fercourse import studies
from fercourse.studies import annotators, effects, record, table


def test_a_table_tells_the_hardware_of_the_runs_of_its_row():
    made = {"gpu": None, "cores": 2, "processor": "x86_64"}
    runs = [{"arm": "a", "seed": 0, "commit": "c"}, {"arm": "a", "seed": 1, "commit": "c", "hardware": {"gpu": "H100"}},
            {"arm": "b", "seed": 0, "commit": "c"}]
    summary = {arm: {"accuracy": {"mean": 0.5, "sd": 0.1, "n": 2}} for arm in "ab"}
    content = {"hardware": made, "runs": runs, "summary": summary, "config": {"name": "cpu", "size": 48, "epochs": 3}}
    assert "| 2 x86_64 cores and H100 |" in table._row("title", content, "a", "accuracy")
    assert "| 2 x86_64 cores |" in table._row("title", content, "b", "accuracy")


@pytest.mark.parametrize("pair", ["lab-wild", "wild-lab", "synthfaces-fer2013", "fer2013-synthfaces"])
def test_recalibrated_scores_have_their_rows_once_they_are_measured(tmp_path, pair):
    arms = ("source only", "source only, for longer", "DANN", "CDAN", "DMSRL", "oracle")
    name, places = f"domains-{pair}-cpu", (tmp_path / "before", tmp_path / "after")
    for place, recalibrated in zip(places, ({}, {"recalibrated_macro_recall": .625})):
        runs = [{"arm": arm, "seed": seed, "commit": "c", "metrics": {"macro_recall": .5} | recalibrated}
                for arm in arms for seed in (0, 1)]
        kept = record.Record(place / f"{name}.json", "domains", pair, {"name": "cpu", "size": 48, "epochs": 8}, runs)
        place.mkdir()
        kept.save()
    before, after = (table.results_table(place).split("\n") for place in places)
    fresh = [row.split("|")[1].strip() for row in after if "| 62.5 " in row and row not in before]
    assert fresh[0].startswith("batch norm recalibrated on ") and fresh[1:] == [
        "on the source again, as long as the others, recalibrated", "DANN, recalibrated", "CDAN, recalibrated",
        "DMSRL, recalibrated", "the same, recalibrated"]
    before, after = (table.effects_table(place).split("\n") for place in places)
    [row] = [row for row in after if ", everyone recalibrated, mean recall |" in row]
    assert row.count("62.5") == 4 and not [row for row in before if "everyone recalibrated" in row]


def test_a_doubt_at_the_textbooks_d_that_changed_no_label_is_told_as_such():
    [effect] = [one for one in effects.EFFECTS if "FER+" in one.what]
    word, arm = effect.method
    runs = json.loads((Path(studies.__file__).parents[2] / "results" / f"{effect.file}.json").read_text())["runs"]
    relabelled = {run["metrics"]["relabelled"] for run in runs if run["arm"] == arm}
    assert (f"D = {annotators.TEXTBOOK:g}" in word, "never relabelled" in word) == (True, relabelled == {0})


def test_numbers_are_told_with_their_spread_and_seeds():
    assert record.told({"mean": .5239, "sd": .0123, "n": 3}) == "52.4 ± 1.2 (3)"
    assert record.told({"mean": .5239, "sd": None, "n": 1}) == "52.4 (1)"                     # never "± 0"
    assert record.told({"mean": -.0004, "sd": None, "n": 1}) == "0.0 (1)"
    assert record.told({"mean": .125, "sd": 0.0, "n": 2}, scale=1, places=2, seeds=False) == "0.12"    # no seed at work
    assert record.told({"mean": .125, "sd": 1e-4, "n": 2}, scale=1, places=2, seeds=False) == "0.12 ± 0.00"
    results = {"config": {"limit": 1200, "epochs": 14, "size": 48}, "hardware": {"gpu": None, "cores": 2}}
    assert record.made(results) == "1,200 faces, 14 epochs, 48 px, 2 CPU cores; mean ± sd over n seeds"


def test_the_interval_of_a_mean_over_seeds_is_students():
    assert record.half_width({"mean": .2, "sd": .1, "n": 3}) == pytest.approx(4.302653 * .1 / 3 ** .5)
    assert record.half_width({"mean": .2, "sd": None, "n": 1}) is None
    assert record.half_width({"mean": .2, "sd": .0, "n": 3}) == 0


def test_arms_in_columns():
    of = lambda mean, n: {"mean": mean, "sd": .01 if n > 1 else None, "n": n}                      # noqa: E731
    assert record.in_columns({"long name": {"a": of(.5, 2)}, "b": {"a": of(.4, 1), "probe": of(-.031, 3)}}) == (
        "           a           probe       seeds\n"
        "long name  50.0 ± 1.0              2\n"
        "b          40.0        -3.1 ± 1.0  1 to 3")
    assert record.in_columns({"b": {"a": of(.4, 1), "probe": of(.5, 1)}}, {"probe": "right", "none": "never"}) == (
        "   right  seeds\nb  50.0   1")
    table = record.in_columns({"<b>": {"a": of(.4, 1), "probe": of(.5, 1)}}, ("a",))
    assert "probe" not in table and repr(table) == str(table) == str(deepcopy(table))
    assert table._repr_html_() == (
        '<table><tr><th scope="col"></th><th scope="col">a</th><th scope="col">seeds</th></tr>'
        '<tr><th scope="row" style="text-align:left">&lt;b&gt;</th><td>40.0</td><td>1</td></tr></table>')
