"""Counting how often FER+ confirms FER2013, on three faces by hand and on the real files."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from fercourse.faces.readers.ferplus import COLUMNS
from fercourse.studies.agreement import agreement, count

ROOT = Path(__file__).parents[2].parent / "shared" / "realdata"


def votes(**given):
    return [given.get(word, 0) for word in (*COLUMNS, "unknown", "NF")]


def test_labels_and_votes_are_counted():
    labels = ["anger", "anger", "anger", "happiness", "anger", "anger", "anger"]
    ballots = np.array([votes(anger=6, neutral=4), votes(neutral=9, anger=1), votes(sadness=4, neutral=3),
                        votes(unknown=10), votes(), votes(neutral=5, anger=5), votes(sadness=4, fear=4, anger=2)])
    found = count(labels, ballots, ("anger", "happiness", "disgust"))
    assert found["anger"] == {"labelled": 5, "confirmed": 1, "tied": 2, "most_other": "neutral",
                              "most_other_count": 1}
    assert found["happiness"] == {"labelled": 1, "confirmed": 0, "tied": 0, "most_other": "unknown",
                                  "most_other_count": 1}
    assert found["disgust"] == {"labelled": 0, "confirmed": 0, "tied": 0, "most_other": None,
                                "most_other_count": 0}


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / "fer2013.tar.gz").exists(), reason="no real data")
def test_the_stored_counts_are_those_of_the_real_files():
    stored = json.loads((Path(__file__).parents[2] / "results" / "ferplus-agreement.json").read_text())
    assert {**agreement(ROOT), "commit": None} == {**stored, "commit": None}


@pytest.mark.parametrize("module, words, said", [
    ("studies.agreement", [], "Missing argument"),
    ("studies.agreement", ["nowhere"], "fercourse: nowhere does not exist"),
    ("studies.networks", ["dr_fer"], "fercourse: network 'dr_fer' is unknown; expected one of baseline, wscfer"),
    *((module, ["--help"], "Usage: ") for module in ("studies.agreement", "studies.embedding", "studies.merge",
                                                     "studies.networks", "course.timing")),
])
def test_a_module_that_is_a_program_explains_itself_and_its_errors(module, words, said, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [module, *words])
    monkeypatch.delitem(sys.modules, f"fercourse.{module}", raising=False)       # run it as a program
    with pytest.raises(SystemExit) as left:
        runpy.run_module(f"fercourse.{module}", run_name="__main__")
    assert said in f"{capsys.readouterr()}{left.value.code}"
    assert list(tmp_path.iterdir()) == []
