"""Where marks stand, and what axes say: the alt text alone would not show that they are exchanged."""

import numpy as np
import pytest
import torch
from matplotlib.quiver import Quiver

from fercourse import plots
from fercourse.faces import EMOTIONS

from .drawn import drawn_faces


def test_the_confusions_row_is_the_truth():
    axes = plots.confusion(torch.tensor([0, 0, 0, 0, 1]), torch.tensor([0, 0, 0, 2, 1]), EMOTIONS[:3]).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    [wrong] = [text for text in axes.texts if text.get_text() == "25%\n1"]
    assert wrong.get_position() == (2, 0)                    # of the first class, taken for the third


def test_the_planes_axes_corners_and_arrows():
    axes = plots.valence_arousal(torch.tensor([[0.0, 0.0]]), drawn_faces(1), torch.tensor([[0.5, 0.25]])).axes[0]
    assert axes.get_xlabel().startswith("valence") and axes.get_ylabel().startswith("arousal")
    corners = {text.get_text(): tuple(np.sign(text.get_position())) for text in axes.texts}
    assert corners == {"tense": (-1, 1), "excited": (1, 1), "gloomy": (-1, -1), "calm": (1, -1)}
    [arrow] = [one for one in axes.collections if isinstance(one, Quiver)]
    assert (arrow.X[0], arrow.Y[0], arrow.U[0], arrow.V[0]) == (0, 0, 0.5, 0.25)      # from the truth to the guess


def test_bars_of_confidence_are_as_high_as_they_are_right():
    sure = torch.tensor([0.57, 0.57, 0.95, 0.95])
    axes = plots.reliability(torch.stack([sure, 1 - sure], 1), torch.tensor([0, 1, 0, 0]), 10).axes[0]
    assert [bar.get_height() for bar in axes.patches] == pytest.approx([0.5, 1.0])


def test_an_interval_goes_from_its_low_to_its_high_end():
    axes = plots.group_bars({"light": (0.7, 0.6, 0.9), "dark": (0.5, 0.4, 0.65)}).axes[0]
    assert [line.get_xdata().tolist() for line in axes.lines[::2]] == [[0.6, 0.9], [0.4, 0.65]]


def test_a_curve_says_what_it_counts():
    history = [{"step": 20, "total": 1.0}, {"step": 40, "total": 0.5}]
    assert plots.curves(history).axes[0].get_xlabel() == "step"


def test_a_thumbnail_lies_at_its_own_point():
    points, faces = torch.randn(40, 2, generator=torch.Generator().manual_seed(0)), drawn_faces(40)
    for image in plots.embedding_thumbnails(points, faces, most=8).axes[0].images:
        left, right, low, high = image.get_extent()
        row = int((points - torch.tensor([(left + right) / 2, (low + high) / 2])).norm(dim=1).argmin())
        assert np.asarray(image.get_array())[8, 8, 0] == pytest.approx(5 * row, abs=1)      # its grey says which face


def test_a_group_is_drawn_where_it_is():
    words, points = ["fear"] * 20 + ["anger"] * 20, torch.cat([torch.zeros(20, 2), torch.ones(20, 2)])
    clouds = plots.embedding(points, drawn_faces(40), {"mood": words}).axes[0].collections
    named = {cloud.get_label(): cloud.get_offsets() for cloud in clouds if cloud.get_label() in words}
    assert (named["fear"] == 0).all() and (named["anger"] == 1).all()
