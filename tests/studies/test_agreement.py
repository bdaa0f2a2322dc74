"""Counting how often FER+ confirms FER2013, on three faces by hand and on the real files."""

import json
from pathlib import Path

import numpy as np
import pytest

from fercourse.faces.readers.ferplus import COLUMNS
from fercourse.studies.agreement import agreement, count

ROOT = Path(__file__).parents[2].parent / "shared" / "realdata"


def votes(**given):
    return [given.get(word, 0) for word in (*COLUMNS, "unknown", "NF")]


def test_labels_and_votes_are_counted():
    labels = ["anger", "anger", "anger", "happiness", "anger"]
    ballots = np.array([votes(anger=6, neutral=4), votes(neutral=9, anger=1), votes(sadness=4, neutral=3),
                        votes(unknown=10), votes()])
    found = count(labels, ballots, ("anger", "happiness", "disgust"))
    assert found["anger"] == {"labelled": 3, "confirmed": 1, "most_other": "neutral", "most_other_count": 1}
    assert found["happiness"] == {"labelled": 1, "confirmed": 0, "most_other": "unknown", "most_other_count": 1}
    assert found["disgust"] == {"labelled": 0, "confirmed": 0, "most_other": None, "most_other_count": 0}


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / "fer2013.tar.gz").exists(), reason="no real data")
def test_the_stored_counts_are_those_of_the_real_files():
    stored = json.loads((Path(__file__).parents[2] / "results" / "ferplus-agreement.json").read_text())
    assert {**agreement(ROOT), "commit": None} == {**stored, "commit": None}
