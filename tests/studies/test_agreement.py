"""Counting how often FER+ confirms FER2013, on three faces by hand and on the real files."""

import json
import re
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


@pytest.mark.parametrize("words, sentence", [
    ([], "expected the folder of FER2013 and FER+: python -m fercourse.studies.agreement DIR"),
    (["nowhere"], "nowhere does not exist"),
])
def test_a_missing_folder_is_one_sentence(words, sentence, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["agreement", *words])
    monkeypatch.delitem(sys.modules, "fercourse.studies.agreement")          # run it as a program
    with pytest.raises(SystemExit, match=f"agreement: .*{re.escape(sentence)}"):
        runpy.run_module("fercourse.studies.agreement", run_name="__main__")
