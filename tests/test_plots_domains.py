"""Pictures of two domains: every face and centre is drawn where it is, and the alt text has the numbers."""

import numpy as np
import pytest
import torch

from fercourse import plots
from fercourse.errors import InputError

CLASSES = ("happiness", "sadness")


def test_centres_are_joined_in_pairs():
    points = torch.randn(10, 2)
    domains = [False] * 3 + [True] * 3
    figure = plots.two_domains([points, 2 * points], [0, 1] * 3, domains, CLASSES, ["a", "b"], centres=2)
    first = figure.axes[0]
    joined = [line.get_xydata() for line in first.lines]
    np.testing.assert_allclose(joined, [points[[6, 8]].numpy(), points[[7, 9]].numpy()])
    assert "3 faces of the source and 3 of the target, 2 panels: a, b" in figure.alt and "centres" in figure.alt
    assert sum(len(cloud.get_offsets()) for cloud in first.collections) == 6 + 4


def test_the_alt_text_tells_how_far_the_target_keeps_together_and_centres_are_apart():
    points = torch.cat([torch.eye(2).repeat(6, 1), torch.tensor([[0.0, 0.0], [0, 1], [0.0, 0.5], [0, 1]])])
    figure = plots.two_domains([points], [0, 1] * 6, [True] * 6 + [False] * 6, CLASSES, ["end"], centres=2)
    assert "those of its own group (by chance 40%): end 40% (happiness 40%, sadness 40%)" in figure.alt
    assert "Between the two centres of a class, of the picture's width: end happiness 4" in figure.alt
    assert figure.alt.endswith(", sadness 0%")


def test_one_moment_alone_is_drawn_large():
    points = torch.rand(40, 2, generator=torch.Generator().manual_seed(0))
    wide = [plots.two_domains([points] * count, [0, 1] * 20, [False, True] * 20, CLASSES, ["a"] * count)
            for count in (1, 2)]
    assert wide[0].get_figheight() > 1.2 * wide[1].get_figheight()


def test_panels_are_large_and_the_legend_tells_ring_disc_and_line():
    figure = plots.two_domains([torch.rand(10, 2)] * 3, [0, 1] * 3, [False] * 3 + [True] * 3, CLASSES, "abc", centres=2)
    figure.pixels(dpi=100)
    width = max(axes.get_window_extent().width for axes in figure.axes) * 100 / figure.dpi
    assert width >= 340 and figure.get_figwidth() < 9.5
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert told == [*CLASSES, "centre, source", "centre, target", "of one class"]
    alone = plots.two_domains([torch.rand(6, 2)], [0, 1] * 3, [False] * 3 + [True] * 3, CLASSES, ["a"])
    assert [text.get_text() for text in alone.legends[0].get_texts()] == list(CLASSES)


def test_the_ring_leaves_disc_and_line_to_be_seen_where_centres_meet():
    figure = plots.two_domains([torch.zeros(6, 2)], [0, 1], [False, True], CLASSES, ["a"], centres=2)
    disc, ring = figure.axes[0].collections[-2:]
    assert ring.get_sizes()[0] > disc.get_sizes()[0] and not ring.get_facecolor().any()
    assert figure.axes[0].lines[0].get_zorder() > ring.get_zorder() > disc.get_zorder()


def test_what_does_not_fit_is_told():
    with pytest.raises(InputError, match="6 faces, 2 x 2 centres"):
        plots.two_domains([torch.zeros(6, 2)], [0] * 6, [True] * 6, CLASSES, ["a"], centres=2)


def test_a_line_for_every_class_and_one_for_all():
    figure = plots.class_curves([[0.1, 0.5], [0.2, 0.4]], CLASSES, whole=[0.3, 0.3], ylabel="right")
    lines = {line.get_label(): line.get_ydata().tolist() for line in figure.axes[0].lines}
    assert lines == {"happiness": [0.1, 0.2], "sadness": [0.5, 0.4], "all": [0.3, 0.3]}
    assert "happiness from 0.10 to 0.20" in figure.alt
    assert all(place == round(place) for place in figure.axes[0].get_xticks())        # between two epochs is none
