"""Pictures: made for every shape of data, described, told apart without full colour vision."""

import io
from dataclasses import replace

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.text import Text
from PIL import Image

from fercourse import plots
from fercourse.errors import InputError
from fercourse.faces import EMOTIONS
from fercourse.plots import palette

from .drawn import drawn_faces

# What the eye keeps of linear RGB, severity 1.0: Machado, Oliveira & Fernandes 2009, table 1.
VISION = {
    "full": np.eye(3),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                            [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                              [-0.011820, 0.042940, 0.968881]]),
}


def linear(colours):
    rgb = np.array([matplotlib.colors.to_rgb(colour) for colour in colours])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def cielab(rgb):
    to_xyz = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                       [0.0193339, 0.1191920, 0.9503041]])
    x, y, z = (rgb.clip(0, 1) @ to_xyz.T / [0.95047, 1, 1.08883]).T
    f = [np.where(v > 216 / 24389, np.cbrt(v), (24389 / 27 * v + 16) / 116) for v in (x, y, z)]
    return np.stack([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])], 1)


@pytest.mark.parametrize("vision", VISION)
def test_colours_stay_apart_for_every_eye(vision):
    lab = cielab(linear(plots.COLOURS.values()) @ VISION[vision].T)
    assert torch.pdist(torch.tensor(lab)).min() > 25


def test_colours_are_readable_on_white_and_complete():
    luminance = linear(plots.COLOURS.values()) @ [0.2126, 0.7152, 0.0722]
    assert (1.05 / (luminance + 0.05)).min() > 1.8
    assert tuple(plots.COLOURS) == tuple(plots.MARKERS) == EMOTIONS
    assert len(set(plots.MARKERS.values())) == len(EMOTIONS)


# ---------------------------------------------------------------------- the figure


def test_a_figure_shows_once_with_its_alt_text_and_no_size_text():
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output
    shell = InteractiveShell.instance()
    shell.user_ns["figure"] = plots.face_grid(drawn_faces(3), alt='three "discs" <b>', caption="Look at the grey.")
    import matplotlib.pyplot  # noqa: F401  (as a lesson may)
    with capture_output() as said:
        shell.run_cell("figure")
    (shown,) = said.outputs
    assert set(shown.data) == {"text/html", "text/plain"}
    assert 'alt="three &quot;discs&quot; &lt;b&gt;"' in shown.data["text/html"]
    assert "<figcaption>Look at the grey.</figcaption>" in shown.data["text/html"]
    assert shown.data["text/plain"] == 'three "discs" <b>'


def test_saved_files_carry_the_alt_text_and_are_whole(tmp_path):
    figure = plots.face_grid(drawn_faces(3))
    figure.savefig(tmp_path / "a.png")
    figure.savefig(tmp_path / "a.svg")
    assert Image.open(tmp_path / "a.png").text["Description"] == figure.alt
    assert figure.alt in (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.png", "a.svg"]


def test_heavy_pictures_are_shown_as_webp():
    noise = torch.randint(0, 256, (40, 3, 64, 64), generator=torch.Generator().manual_seed(0)).byte()
    assert "data:image/webp" in plots.face_grid(replace(drawn_faces(40, 64), images=noise))._repr_html_()
    assert "data:image/png" in plots.face_grid(drawn_faces(2))._repr_html_()


def test_drawing_leaves_matplotlib_as_it_was():
    before = dict(matplotlib.rcParams)
    plots.face_grid(drawn_faces(2)).savefig(io.BytesIO(), format="png")
    assert dict(matplotlib.rcParams) == before
    from matplotlib import pyplot
    assert not pyplot.get_fignums()                   # nobody else shows or keeps our figures


def test_a_name_with_dollars_is_no_formula():
    """As one, this could not be drawn."""
    words, points = ("$_$", "fear"), torch.eye(4, 2)
    faces = drawn_faces(4, classes=words)
    for figure in (plots.face_grid(faces, title="$_$.jpg"), plots.embedding(points, faces),
                   plots.confusion(faces.labels, faces.labels, words), plots.embedding_animation([points], faces)):
        figure.savefig(io.BytesIO())


def test_a_logarithmic_axis_of_ones_own_has_powers():
    with plots.style():
        figure, (axes,) = plots.figure.new_figure(3, 3)
        axes.set(yscale="log", ylim=(1, 1000))
    figure.savefig(io.BytesIO(), format="png")
    assert all(tick.get_parse_math() for tick in axes.get_yticklabels())


# ---------------------------------------------------------------------- faces


@pytest.mark.parametrize("count, columns, size", [(1, 8, 8), (3, 8, 48), (9, 4, 112), (100, 12, 16)])
def test_grids_of_any_size(count, columns, size):
    figure = plots.face_grid(drawn_faces(count, size), columns, title="Faces")
    assert len(figure.axes[0].images) == count
    assert figure.alt.startswith(f"Grid of {count} faces, {min(count, columns)} in a row: ")


def test_a_grid_shows_the_face_in_its_cell():
    figure = plots.face_grid(drawn_faces(30, 16), columns=10)
    pixels, (left, right) = figure.pixels(), figure.axes[0].get_xlim()
    x, y = figure.axes[0].transData.transform((4.5, figure.axes[0].images[14].get_extent()[2] - 0.47)).astype(int)
    assert right - left == 10
    assert pixels[pixels.shape[0] - y, x].tolist() == pytest.approx([70, 70, 70], abs=2)        # face 14: 5 x 14


def test_wrong_labels_are_marked():
    faces = drawn_faces(8)
    figure = plots.face_grid(faces.relabel((faces.labels + (torch.arange(8) == 2)) % 8))
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts.count("surprise") == 2 and "truly sadness" in texts
    assert sum(text.startswith("truly") for text in texts) == 1
    assert figure.alt.endswith("; 1 labelled otherwise than the truth")


def test_unknown_labels_and_captions_are_drawn():
    faces = replace(drawn_faces(3, true_labels=None), labels=torch.tensor([-1, 0, 1]))
    assert "unknown" in [text.get_text() for text in plots.face_grid(faces).axes[0].texts]
    captioned = plots.face_grid(faces, captions=["a\nb", "c", "d"])
    assert [text.get_text() for text in captioned.axes[0].texts] == ["a", "b", "c", "d"]
    with pytest.raises(InputError, match="2 captions for 3 faces"):
        plots.face_grid(faces, captions=["a", "b"])
    assert faces.show().alt.startswith("Grid of 3 faces")


def test_rows_of_images_and_maps_over_faces():
    images = drawn_faces(4).images
    rows = plots.image_rows({"face": images, "rebuilt": images[:2].float() / 255}, {"rebuilt": ["a", "b"]})
    assert rows.alt == "2 rows of up to 4 images: face, rebuilt. Row rebuilt: a, b" and len(rows.axes[0].images) == 6
    with pytest.raises(InputError, match="1 rows without an image; expected at least one"):
        plots.image_rows({"face": images[:0]})
    maps = torch.zeros(4, 2, 2)
    maps[1, 0, 0] = 5
    laid = plots.overlay(images, maps, titles=list("abcd")).axes[0].images
    assert laid[1].get_alpha().max() == 0                       # a map of zeros covers nothing
    assert laid[3].get_alpha().max() == pytest.approx(0.8)
    assert laid[3].get_interpolation() == "nearest"             # a few cells are shown as the few cells they are
    assert plots.overlay(images, torch.rand(4, 16, 16)).axes[0].images[1].get_interpolation() == "bicubic"


def test_words_in_a_picture_are_told_to_those_who_do_not_see_it_but_once():
    faces = drawn_faces(2)
    rows = {"a face": faces.images, "tone 1\nvalence +0.5": faces.images}
    assert plots.image_rows(rows, {"a face": ["fear", "anger"]}, alt="Pairs.").alt == "Pairs. Row a face: fear, anger"
    assert plots.image_rows(rows, alt="Two rows").alt == "Two rows. Rows: a face; tone 1, valence +0.5"
    assert plots.image_rows({"": faces.images}, {"": ["a, b", "c\nd"]}, alt="Two").alt == "Two. a, b; c, d"
    told = "Two faces: fear, truly anger; joy"
    assert plots.face_grid(faces, captions=["fear\ntruly anger", "joy"], alt=told).alt == told
    assert plots.face_grid(faces, captions=["fear:\nby 3", "joy"], alt="Joyful").alt == "Joyful. fear: by 3, joy"
    assert plots.face_grid(faces, captions=["x", "y"]).alt.endswith("with a caption under each. x, y")


def test_maps_say_what_their_colours_are_and_where_each_is_brightest():
    maps = torch.zeros(3, 3, 3)
    maps[0, 2, 1], maps[1, 0, 2] = 1, 5
    figure = plots.overlay(drawn_faces(3).images, maps, ["fear\nCE", "joy", "anger"], caption="Do they differ?")
    assert figure.alt.endswith(". Brightest cell: fear, CE: bottom centre; joy: top right; anger: none")
    assert figure.caption.endswith("Each map is scaled to its own peak. Do they differ?")
    assert "Brightest" not in plots.overlay(drawn_faces(1).images, torch.rand(1, 16, 16)).alt


def test_confusion_counts_by_hand():
    figure = plots.confusion(torch.tensor([0, 0, 0, 0, 1, -1]), torch.tensor([0, 0, 0, 2, 1, 1]), EMOTIONS[:3])
    assert {text.get_text() for text in figure.axes[0].texts} == {"75%\n3", "25%\n1", "100%\n1"}
    assert figure.alt == ("Confusion matrix of 5 faces in 3 classes: 80% right; the largest confusion is "
                          "neutral taken for sadness (25%)")


def test_a_confusion_of_no_class_is_refused():
    with pytest.raises(InputError, match="have a prediction such as 3; expected 0 to 2"):
        plots.confusion([0, 1], [0, 3], EMOTIONS[:3])


def test_a_reliability_diagram_tells_the_error_and_its_side():
    sure = torch.tensor([0.57, 0.57, 0.95, 0.95, 0.9])
    probabilities, truth = torch.stack([sure, 1 - sure], 1), torch.tensor([0, 1, 0, 0, -1])
    assert plots.reliability(probabilities, truth, 10).alt == (
        "Reliability diagram of 4 faces: expected calibration error 6.0%, too sure overall")


def test_a_few_steps_at_an_epochs_end_make_no_leap():
    records = [{"step": 20, "of": 20, "total": 1.0}, {"step": 22, "of": 2, "total": 12.0},
               {"step": 42, "of": 20, "total": 1.0}, {"step": 44, "of": 2, "total": 1.0}]
    [line] = plots.curves(records).axes[0].lines
    assert line.get_xdata().tolist() == [22, 44] and line.get_ydata().tolist() == pytest.approx([2, 1])
    [line] = plots.curves([{"step": 15, "of": 15, "total": 2.0}, {"step": 30, "of": 15, "total": 1.0}]).axes[0].lines
    assert line.get_xdata().tolist() == [15, 30]


def test_curves_from_records_history_and_file(tmp_path):
    records = [{"step": 20, "epoch": 0, "start": {"easy": 0.5}},
               {"step": 20, "epoch": 0, "of": 20, "lr": 0.1, "total": 2.0, "classify": 1.5, "images_per_s": 9},
               {"step": 40, "epoch": 1, "of": 20, "lr": 0.1, "total": 1.0, "classify": 0.5, "images_per_s": 9}]
    import json
    file = tmp_path / "log.jsonl"
    file.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    wanted = "Training curves over 2 records: total from 2 to 1; classify from 1.5 to 0.5"
    history = type("History", (), {"steps": records[1:]})()
    assert plots.curves(records).alt == plots.curves(file).alt == plots.curves(history).alt == wanted
    told = plots.curves(records, {"total": "all of it", "classify": "of classes"})
    assert told.axes[0].get_legend_handles_labels()[1] == ["all of it", "of classes"] and "of classes from" in told.alt
    one = plots.curves(records, ["classify"]).axes[0]
    assert one.get_legend() is None and one.get_ylabel() == "classify"                # which says what a legend would
    two = plots.curves({"one": records, "other": records[:2]})
    assert [axes.get_title(loc="left") for axes in two.axes] == ["one", "other"]
    assert two.alt == ("Training curves over one, 2 records: total from 2 to 1; classify from 1.5 to 0.5; "
                       "other, 1 records: total from 2 to 2; classify from 1.5 to 1.5")
    with pytest.raises(InputError, match="no losses"):
        plots.curves({"one": records, "other": []})
    with pytest.raises(InputError, match="no losses"):
        plots.curves([])
    with pytest.raises(InputError, match="is no file"):
        plots.curves(tmp_path / "other.jsonl")


def test_a_method_s_curve_has_the_colour_that_it_has_in_comparisons():
    records = [{"step": step, "HNCL": 1.0, "MoCo": 2.0} for step in (1, 2)]
    colours = {line.get_label(): line.get_color() for line in plots.curves(records).axes[0].lines}
    assert colours == {"HNCL": palette.METHODS["hncl"][0], "MoCo": palette.OTHERS[0][0]}


def test_group_bars_from_a_dictionary_and_a_table():
    import pandas as pd
    rows = {"light": (0.7, 0.6, 0.8, 30), "dark": (0.5, 0.4, 0.65, 20)}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high", "faces"])
    alt = ("accuracy of each group with its confidence interval: light 0.700 (0.600 to 0.800); "
           "dark 0.500 (0.400 to 0.650)")
    assert plots.group_bars(rows).alt == plots.group_bars(table, whole=0.6).alt == alt
    assert plots.group_bars(rows, limits=(0.2, 0.9)).axes[0].get_xlim() == (0.2, 0.9)
    assert plots.group_bars(rows, whole=0.6, caption="Who?").caption == (
        "Bars: 95 % intervals. In brackets: faces. Dashed: everybody. Who?")
    assert plots.group_bars(table.assign(people=[3, 2])).caption == (
        "Bars: 95 % intervals over people. In brackets: faces.")
    assert plots.group_bars({"light": (0.7, 0.6, 0.8)}).caption == "Bars: 95 % intervals."
    assert "light 12.5 (12 to 13)" in plots.group_bars({"light": (12.5, 12, 13)}, "degrees").alt
    with pytest.raises(InputError, match="low and high"):
        plots.group_bars({})


def test_the_valence_arousal_plane():
    faces = drawn_faces(40)
    truth = faces.valence_arousal.clone()
    truth[3] = torch.nan
    figure = plots.valence_arousal(truth, faces, truth + torch.tensor([0.3, 0.4]), most=10)
    assert figure.alt.startswith("39 faces on the valence–arousal plane; mean valence and arousal: neutral ")
    assert figure.alt.endswith(", 10 arrows from truth to prediction, 0.50 long on average")
    assert plots.valence_arousal(truth).alt == "39 faces on the valence–arousal plane"
    two = plots.valence_arousal(torch.tensor([[0.5, 0.25], [-0.5, 0.0]]), drawn_faces(2))
    assert two.alt.endswith("; mean valence and arousal: neutral +0.50 and +0.25, happiness -0.50 and +0.00")
    assert plots.valence_arousal(truth, faces, colour_by="age")._repr_html_()
    with pytest.raises(InputError, match="3 predictions for 40"):
        plots.valence_arousal(truth, faces, truth[:3])


def test_affect_bias_tells_each_group_s_error():
    faces = drawn_faces(8, valence_arousal=torch.zeros(8, 2), attributes={"gender": torch.arange(8) % 2},
                        names={"gender": ("woman", "man")})
    guess = torch.where(faces.column("gender")[:, None] == 1, torch.tensor([0.5, 0.0]), torch.tensor([-0.25, 0.25]))
    figure = plots.affect_bias(faces.valence_arousal, {"before": guess, "after": 0 * guess}, faces, "gender")
    assert "before: woman off by -0.25 valence and +0.25 arousal, man off by +0.50 valence" in figure.alt
    assert "after: woman off by +0.00 valence" in figure.alt and len(figure.axes) == 2
    first, second = (axes.get_xlim() + axes.get_ylim() for axes in figure.axes)
    assert first == second and first[0] < -0.25 and first[1] > 0.5 and first[1] - first[0] < 1.7   # where arrows are


def test_affect_bias_names_every_arrow_at_its_head_and_tells_tails_apart_by_shape():
    faces = drawn_faces(16, valence_arousal=torch.zeros(16, 2), attributes={"tone": torch.arange(16) % 4},
                        names={"tone": ("light", "olive", "brown", "dark")})
    guess = torch.tensor([[-0.4, 0.1], [-0.39, 0.1], [0.3, 0.0], [0.5, 0.2]])[faces.column("tone")]
    axes, = plots.affect_bias(faces.valence_arousal, guess, faces, "tone").axes
    names = {text.get_text(): text for text in axes.texts if hasattr(text, "xy") and text.get_text()}
    assert {word: pytest.approx(text.xy) for word, text in names.items()} == {
        "light": (-0.4, 0.1), "olive": (-0.39, 0.1), "brown": (0.3, 0.0), "dark": (0.5, 0.2)}
    axes.figure.pixels()
    boxes = [Text.get_window_extent(text) for text in names.values()]         # of the words, without their lines
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])     # whatever the scale
    assert all(names[word].xyann[0] < -0.4 for word in ("light", "olive"))           # beside the arrows, not on them
    assert all(names[word].xyann[0] > 0.5 for word in ("brown", "dark"))
    assert len({line.get_marker() for line in axes.lines if line.get_label() in names}) == 4
    leaders = [text.arrow_patch.get_edgecolor() for text in names.values()]
    assert all(red == green == blue for red, green, blue, _ in leaders)              # or they would lengthen the arrows
    unknown = guess.masked_fill(faces.column("tone")[:, None] == 3, torch.nan)
    assert plots.affect_bias(faces.valence_arousal, unknown, faces, "tone").axes[0].texts


def test_skin_tones_are_drawn_from_light_to_dark():
    luminance = linear(palette.colours_of(["light", "olive", "brown", "dark"])) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) < -0.02).all()
    assert not set(palette.colours_of(palette.TONES)) & set(plots.COLOURS.values())   # no tone looks like an emotion
    assert palette.markers_of(palette.TONES) == ["o", "s", "D", "P"]
