"""Histograms of doubts: every face is drawn once, thresholds where they are, and the animation's frames."""

import numpy as np
import torch

from fercourse import plots
from tests.toy import CLASSES


def made(count=80):
    g = torch.Generator().manual_seed(0)
    return torch.rand(count, generator=g), torch.arange(count) % 4, torch.rand(count, generator=g) < 0.3


def test_every_face_stands_in_its_class():
    doubts, labels, wrong = made()
    figure = plots.doubt_histograms(doubts, labels, CLASSES, torch.tensor([0.3, 0.5, float("inf"), 0.7]), wrong)
    assert [axes.get_title(loc="left") for axes in figure.axes] == list(CLASSES)
    assert [sum(round(bar.get_height()) for bar in axes.patches) for axes in figure.axes] == [20] * 4
    assert [len(axes.lines) for axes in figure.axes] == [1, 1, 0, 1] and figure.alt
    assert figure.axes[1].lines[0].get_xdata()[0] == 0.5


def test_seven_classes_stand_in_two_rows_and_black_stands_out_before_each():
    words = list(plots.COLOURS)[:7]
    figure = plots.doubt_histograms(torch.rand(70), torch.arange(70) % 7, words)
    assert [axes.get_title(loc="left") for axes in figure.axes if axes.axison] == words
    assert figure.get_figwidth() < 8 and len({axes.get_position().y0 for axes in figure.axes}) == 2
    for axes in figure.axes[:7]:
        assert np.dot(axes.patches[-1].get_facecolor()[:3], [0.3, 0.6, 0.1]) > 0.5


def test_wrong_labels_stand_at_the_bottom_where_the_animation_cuts_nothing_off():
    doubts, labels, wrong = made()
    figure = plots.doubt_histograms(doubts, labels, CLASSES, wrong=wrong)
    for number, axes in enumerate(figure.axes):
        black = [bar for bar in axes.patches if max(bar.get_facecolor()[:3]) < 0.2]
        assert sum(round(bar.get_height()) for bar in black) == int((wrong & (labels == number)).sum())
        assert all(bar.get_y() == 0 for bar in black)


def test_black_and_the_line_are_explained_where_they_are_drawn():
    doubts, labels, wrong = made()
    told, = plots.doubt_histograms(doubts, labels, CLASSES, torch.ones(4), wrong).legends
    assert [one.get_text() for one in told.get_texts()] == ["label is wrong", "threshold: easy\nto its left"]
    assert not plots.doubt_histograms(doubts, labels, CLASSES).legends
    seven = plots.doubt_histograms(doubts, labels, list(plots.COLOURS)[:7], wrong=wrong)
    assert [one.get_text() for one in seven.axes[7].get_legend().get_texts()] == ["label is wrong"]


def test_animation_has_a_frame_a_moment():
    doubts, labels, wrong = made()
    moments = [{"title": f"epoch {e}", "doubts": doubts / e, "thresholds": torch.full((4,), 0.5 / e)} for e in (1, 2)]
    film = plots.doubt_animation(moments, labels, CLASSES, wrong)
    assert len(film.frames) == 2 and film.frames[0].shape == film.frames[1].shape and "4 classes" in film.alt
