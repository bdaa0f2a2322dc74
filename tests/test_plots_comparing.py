"""Pictures of many methods tell their numbers in the alt text, and join what a test cannot tell apart."""

import numpy as np
import pytest
import torch
from matplotlib.text import Text

from fercourse import plots
from fercourse.plots.comparing import _alike
from fercourse.plots.palette import METHODS, OTHERS
from fercourse.studies.record import seeds_of

from .test_plots import VISION, cielab, linear


def _points(axes):
    return [tuple(np.ravel(line.get_xydata())) for line in axes.lines]


def test_gains_put_a_dot_for_each_seed_and_a_bar_at_the_mean():
    figure = plots.gains({"clean": {"one": [0.01, 0.03], "two": [-0.02]}, "noisy": {"one": [0.0]}})
    first, second = figure.axes
    dots = [line for line in first.lines if line.get_linestyle() == "None"]
    assert [sorted(line.get_xdata()) for line in dots] == [[1, 3], [-2]]
    assert (2.0, -0.3, 2.0, 0.3) in _points(first)
    assert len([line for line in second.lines if line.get_linestyle() == "None"]) == 1     # `two` has no dot there
    assert "clean: one +2.0, two -2.0" in figure.alt


def test_five_circumstances_stand_in_two_rows():
    figure = plots.gains({place: {"one": [0.01]} for place in "abcde"})
    assert [axes.get_title(loc="left") for axes in figure.axes if axes.axison] == list("abcde")
    assert figure.get_figwidth() < 9 and len({round(axes.get_subplotspec().rowspan.start) for axes in figure.axes}) == 2
    assert [axes.xaxis.get_tick_params()["labelbottom"] for axes in figure.axes[:5]] == [False, False, True, True, True]


def test_costs_that_lie_together_are_named_close_to_their_points_and_hide_nothing():
    figure = plots.cost({"one": ((1, 0.1), (2, 0.1)), "one, longer": ((1, None), (2, None)), "two": ((3, 1), (4, 1))})
    axes = figure.axes[0]
    assert [text.xy for text in axes.texts] == [(1, 2), (1, 2), (3, 4)] and axes.get_legend() is None
    figure.pixels()
    boxes = [Text.get_window_extent(text) for text in axes.texts]
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
    assert not any(box.contains(*axes.transData.transform(text.xy)) for box in boxes for text in axes.texts)
    assert all(np.hypot(*text.xyann) < 20 for text in axes.texts)                    # points, on a picture of 540


@pytest.mark.parametrize("vision", VISION)
def test_the_colours_of_methods_stay_apart_for_every_eye(vision):
    colours = [colour for colour, _ in (*METHODS.values(), *OTHERS[:2])]
    assert torch.pdist(torch.tensor(cielab(linear(colours) @ VISION[vision].T))).min() > 20


def test_a_matrix_shows_every_number():
    figure = plots.matrix([[0.5, 0.25], [0.75, 0.5]], ["one", "two"])
    assert {text.get_text() for text in figure.axes[0].texts} == {"50", "25", "75"}
    assert "two: one 75, two 50" in figure.alt                                       # what the cells say
    assert "two: one 0.75, two 0.50" in plots.matrix([[0.5, 0.25], [0.75, 0.5]], ["one", "two"], percent=False).alt
    assert plots.matrix([[0.5]], ["one"], title="Likeness").alt.startswith("Likeness. ")


def test_methods_within_the_critical_difference_are_joined_by_the_widest_bars():
    assert _alike([1.0, 1.5, 2.2, 4.0], 1.0) == [(0, 1), (1, 2)]
    assert _alike([1.0, 3.0, 5.0], 1.0) == []
    assert _alike([1.0, 1.2, 1.4], 1.0) == [(0, 2)]


def test_the_critical_difference_names_all_methods_best_first():
    figure = plots.critical_difference({"b": 2.5, "a": 1.2, "c": 2.3}, 0.5)
    assert figure.alt.startswith("Mean ranks, best first: a 1.2, c 2.3, b 2.5")
    assert len([line for line in figure.axes[0].lines if line.get_linewidth() == 3.5]) == 1


def test_a_method_has_its_colour_and_sign_wherever_it_is_drawn():
    drawn = plots.cost({"mine": ((1, None), (2, None)), "dr-fer": ((2, 0.1), (1, 0.2))}).axes[0]
    gained = plots.gains({"clean": {"dr-fer": [0.1]}}).axes[0]
    marks = [(line.get_color(), line.get_marker()) for axes in (drawn, gained) for line in axes.lines
             if line.get_marker() == "D"]
    assert len(marks) == 2 and len(set(marks)) == 1


def test_a_method_keeps_its_mark_however_it_ranks():
    marks = []
    for ranks in ({"b": 1.0, "a": 2.0}, {"b": 2.0, "a": 1.0}):
        lines = plots.critical_difference(ranks, 0.5).axes[0].lines
        marks.append({line.get_xdata()[0]: line.get_marker() for line in lines if len(line.get_xdata()) == 1})
    assert marks[0][1.0] == marks[1][2.0] != marks[0][2.0] == marks[1][1.0]


def test_seeds_of_arms_stand_beside_the_arm_they_are_compared_with():
    results = {"runs": [{"arm": arm, "seed": seed, "metrics": {"accuracy": value}} for arm, seed, value in
                        (("a, CE", 0, 0.5), ("a, CE", 1, 0.7), ("a, ours", 0, 0.8), ("b", 0, 0.1))]
               + [{"arm": "a, ours", "seed": 1, "metrics": {"accuracy": None}}]}
    found = seeds_of(results, {"a, CE": "CE", "a, ours": "ours", "a, never run": "never"})
    assert found == {"CE": [0.5, 0.7], "ours": [0.8]} and seeds_of(results, ["b"]) == {"b": [0.1]}
    axes, = plots.seeds({"accuracy": found}, against="CE").axes
    assert np.allclose(np.concatenate(_points(axes)[:4]), [50, 0, 70, 0, 60, 0, 80, 1, 80, 1])
    assert axes.lines[-1].get_linestyle() == "--" and axes.lines[-1].get_xdata()[0] == 60
    assert plots.seeds({"accuracy": found}).alt.endswith("accuracy: CE 60.0, ours 80.0.")
    left, right = plots.seeds({"accuracy": found, "knn": {"ours": [0.5]}}).axes
    assert len(right.lines[0].get_xdata()) == 0 and left.get_xlim() == right.get_xlim()
    assert [text.get_text() for text in right.texts] == ["not measured"] and not left.texts
    left, right = plots.seeds({"accuracy": found, "repeated": {"CE": [0.02, 0.04]}}, alike=False).axes
    assert left.get_xlim()[0] > right.get_xlim()[1]
