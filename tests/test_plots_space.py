"""Pictures of an embedding: every point is drawn where it is, in its group's colour and shape, on one scale."""

import base64
import io
import re

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image

from fercourse import plots
from fercourse.errors import InputError
from fercourse.faces import EMOTIONS
from fercourse.plots import palette
from fercourse.plots.grouping import grouping
from fercourse.plots.space import Frame

from .drawn import drawn_faces


def points(count, seed=0):
    return torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("colour_by", ["labels", "identity", "domain", "gender", "age", "arousal"])
def test_embeddings_coloured_by_any_column(colour_by):
    figure = plots.embedding(points(40), drawn_faces(40), colour_by)
    assert f"coloured by {colour_by}" in figure.alt
    drawn = sum(len(cloud.get_offsets()) for cloud in figure.axes[0].collections)
    assert drawn == 40


@pytest.mark.parametrize("count", [1, 2, 40])
def test_embeddings_of_few_faces_and_missing_classes(count):
    faces = drawn_faces(count)
    for draw in (plots.embedding, plots.embedding_thumbnails):
        figure = draw(torch.zeros(count, 2), faces)
        assert figure.alt and figure._repr_html_()
    assert grouping(faces).words == EMOTIONS[:min(count, 8)]


def test_emotions_keep_colour_and_shape_whatever_is_missing():
    fear = drawn_faces(40).where(labels=("fear", "anger"))
    clouds = plots.embedding(points(len(fear)), fear).axes[0].collections
    wanted = [matplotlib.colors.to_rgb(plots.COLOURS[word]) for word in ("fear", "anger")]
    assert [tuple(cloud.get_facecolor()[0][:3]) for cloud in clouds[:4]] == 2 * wanted       # by turns


def test_other_groups_differ_in_shape_as_well_as_in_colour():
    words = [f"person {n}" for n in range(64)]
    shapes, looks = palette.markers_of(words), list(zip(palette.colours_of(words), palette.markers_of(words)))
    assert len(set(shapes[:8])) == 8 and len(set(looks)) == 64
    assert palette.markers_of(["lab", "fear"]) == ["o", plots.MARKERS["fear"]]


@pytest.mark.parametrize("count, size", [(40, 24), (1200, 14)])
def test_points_of_a_sequence_are_few_and_large_enough_to_tell_their_shape(count, size):
    figure = plots.embedding_sequence([points(count), points(count)], drawn_faces(count))
    one, other = ([cloud.get_offsets() for cloud in axes.collections] for axes in figure.axes[:2])
    assert figure.axes[0].collections[0].get_sizes() == [size]
    assert sum(map(len, one)) == min(count, 500) and all((a == b).all() for a, b in zip(one, other))
    assert ("500 of them drawn" in figure.alt) == (count > 500)


def test_an_alt_text_tells_how_far_groups_keep_together():
    apart = torch.cat([points(20), points(20) + 100])
    mixed, words = torch.cat([points(20), points(20)]), ["a"] * 20 + ["b"] * 20
    told = plots.embedding_sequence([mixed, apart], drawn_faces(40), ["start", "end"], {"kind": words}).alt
    own = re.search(r"\(by chance 49%\): start (\d+)% \(a \d+%, b \d+%\); end 100% \(a 100%, b 100%\)$", told)
    assert 25 < int(own[1]) < 60                        # of twins that lie on each other, each has the other's
    along = plots.embedding(apart, drawn_faces(40), {"place": apart.sum(1)}).alt
    assert along.endswith("Correlation of a point's place with the mean of its 10 nearest: 1.00")
    grey = plots.embedding(apart, drawn_faces(40), {"kind": ["others"] * 20 + ["b"] * 20}).alt
    assert "nearest" not in grey                          # one group is left, and it is all that can be near


def test_unknown_words_are_grey_and_last():
    groups = grouping(drawn_faces(4), ["fear", "unknown", "happiness", "fear"])
    assert groups.words == ("happiness", "fear", "unknown")
    assert groups.counts() == {"happiness": 1, "fear": 2, "unknown": 1}
    assert groups.colours[-1] not in plots.COLOURS.values()


def test_words_or_numbers_may_bring_the_name_of_what_they_are():
    faces, words = drawn_faces(4), ["person 1", "others", "person 0", "unknown"]
    groups = grouping(faces, {"person": words})
    assert groups.name == "person" and groups.words == ("person 0", "person 1", "others", "unknown")
    assert groups.colours[2:] == [palette.UNKNOWN_COLOUR] * 2
    assert plots.embedding(points(4), faces, {"person": words}).axes[0].get_legend().get_title().get_text() == "person"
    along = plots.embedding(points(4), faces, {"brightness": torch.arange(4) / 4})
    assert "coloured by brightness from 0 to 0.75" in along.alt and along.axes[1].get_ylabel() == "brightness"
    with pytest.raises(InputError, match="2 names"):
        grouping(faces, {"a": words, "b": words})
    with pytest.raises(InputError, match="3 words to colour 4 points"):
        grouping(faces, {"person": words[:3]})


def test_a_thumbnail_tells_its_group_by_a_shape_as_well_as_by_its_frame():
    axes = plots.embedding_thumbnails(points(40), drawn_faces(40), most=8).axes[0]
    looks = {(line.get_marker(), line.get_color()) for line in axes.lines}
    assert len(axes.lines) == len(axes.images) and looks <= set(zip(plots.MARKERS.values(), plots.COLOURS.values()))
    by_number = plots.embedding_thumbnails(points(40), drawn_faces(40), "age", most=8).axes[0]
    assert {line.get_marker() for line in by_number.lines} == {"None"}


def test_thumbnails_do_not_overlap():
    axes = plots.embedding_thumbnails(points(300), drawn_faces(300), most=30).axes[0]
    boxes = np.array([image.get_extent() for image in axes.images])
    assert 5 < len(boxes) <= 30
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert a[0] > b[1] or b[0] > a[1] or a[2] > b[3] or b[2] > a[3]


def test_a_sequence_shares_one_scale():
    figure = plots.embedding_sequence([points(40), 3 * points(40, 1)], drawn_faces(40), ["start", "end"])
    first, second = figure.axes[:2]
    assert first.get_xlim() == second.get_xlim() and first.get_ylim() == second.get_ylim()
    assert first.get_aspect() == second.get_aspect() == 1
    assert "side by side, 2 panels: start, end, coloured" in figure.alt


def test_the_animation_has_its_frames_and_moves():
    moving = plots.embedding_animation([points(40), points(40, 1), points(40, 2)], drawn_faces(40), between=4)
    data, kind = moving._encoded()
    gif = Image.open(io.BytesIO(data))
    assert kind == "gif" and gif.n_frames == 9 == len(moving.frames)
    assert (moving.frames[0] != moving.frames[4]).any() and (moving.frames[1] != moving.frames[2]).any()
    assert "<details open>" in moving._repr_html_()                      # what moves can be stopped: WCAG 2.2.2
    assert "image/gif" in moving._repr_html_() and "in motion, 3 moments: " in moving._repr_html_()


def test_an_animation_rests_at_its_end_for_those_who_want_less_motion():
    moving = plots.embedding_animation([points(40), points(40, 1)], drawn_faces(40), between=2)
    shown = moving._repr_html_()
    still = re.search(r'prefers-reduced-motion: reduce\)" srcset="data:image/png;base64,([^"]+)"><img alt', shown)[1]
    last = np.asarray(Image.open(io.BytesIO(base64.b64decode(still))).convert("RGB"), int)
    assert np.abs(last - moving.frames[-1]).mean() < 3


def test_a_star_is_drawn_larger_because_it_fills_less_of_its_square():
    figure = plots.embedding(points(4), drawn_faces(4), {"mood": ["surprise", "fear", "surprise", "anger"]})
    axes = figure.axes[0]
    sizes = {cloud.get_label(): cloud.get_sizes()[0] for cloud in axes.collections}
    assert sizes["surprise"] == palette.area_of("*") * sizes["fear"] > 2 * sizes["fear"]
    assert [handle.get_sizes()[0] for handle in axes.get_legend().legend_handles] == [
        pytest.approx(30 * palette.area_of(sign)) for sign in "*DX"]


def test_bad_points_are_named():
    with pytest.raises(InputError, match=r"points are \[3, 2\], expected \[4, 2\]"):
        plots.embedding(torch.zeros(3, 2), drawn_faces(4))
    with pytest.raises(InputError, match="1 titles for 2 moments"):
        plots.embedding_sequence([points(4), points(4)], drawn_faces(4), ["one"])
    with pytest.raises(InputError, match="no 'mood'"):
        plots.embedding(points(4), drawn_faces(4), "mood")
    with pytest.raises(InputError, match="8 numbers a face"):
        plots.embedding(points(4), drawn_faces(4), "votes")


# ---------------------------------------------------------------------- scores


@pytest.mark.parametrize("stretch, slope", [((1, 1), 1), ((4, 2), 0.5), ((9, 1), 0.4), ((1, 9), 1.3), ((0, 0), 1)])
def test_a_frame_holds_all_points_and_is_no_ribbon(stretch, slope):
    square = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float64) * stretch + 5
    frame = Frame.around([square, square[:2]])
    assert frame.slope == pytest.approx(slope, abs=0.01)
    assert (frame.low < square.min(0)).all() and (frame.high > square.max(0)).all()


def test_a_flat_embedding_is_drawn_flat():
    flat, square = (plots.embedding_sequence([plane], drawn_faces(40)).get_figheight()
                    for plane in (points(40) * torch.tensor([3, 1]), points(40)))
    assert flat < square - 0.5
