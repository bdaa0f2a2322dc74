"""Somebody's own picture: rendered scenes, of which we know where every face is."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import fercourse as fc
from fercourse.checkpoint import export
from fercourse.embed import at_most
from fercourse.errors import InputError
from fercourse.evaluate import fit_temperature, seen
from fercourse.photo import EYE_SPAN, EYES_AT, EYES_TO_MOUTH, _cascade, from_photo
from fercourse.synth.population import Population, row_picture
from tests.line import call

cv2 = pytest.importorskip("cv2")
pytest.importorskip("embreex")


@pytest.fixture(scope="module")
def scene():
    """Two people side by side, the larger one tilted by 15 degrees."""
    picture = np.full((300, 600, 3), (150, 170, 160), np.uint8)
    for left, side, person, shot, tilt in ((20, 230, 3, 15, -15), (330, 180, 8, 17, 0)):
        face = Image.fromarray(row_picture(Population(), person, shot, size=side)[2].image)
        picture[30:30 + side, left:left + side] = np.asarray(face.rotate(tilt, fillcolor=(150, 170, 160)))
    return picture


def test_faces_come_upright_and_the_largest_first(scene):
    photo = from_photo(scene, size=48)
    assert photo.images.shape == (2, 3, 48, 48) and photo.images.dtype == torch.uint8
    (left, *_), (other, *_) = photo.boxes
    assert left < 300 < other
    assert photo.tilts[0] == pytest.approx(15, abs=4) and abs(photo.tilts[1]) < 4


def test_aligned_eyes_and_mouth_are_where_the_embedded_faces_have_theirs(scene):
    from fercourse.models.landmarks import find_landmarks
    points = find_landmarks(from_photo(scene, size=64).images).points / 64
    eyes = (points[:, 36] + points[:, 45]) / 2
    assert (eyes - torch.tensor(EYES_AT)).abs().max() < 0.05
    assert (points[:, 36, 1] - points[:, 45, 1]).abs().max() < 0.04


def test_the_template_is_that_of_the_embedded_faces():
    points = fc.load_faces("synthfaces", split="train").landmarks / 64
    eyes, mouth = (points[:, 36] + points[:, 45]) / 2, (points[:, 48] + points[:, 54]) / 2
    torch.testing.assert_close(eyes.median(0).values, torch.tensor(EYES_AT), atol=0.01, rtol=0)
    assert (points[:, 36] - points[:, 45]).norm(dim=1).median().item() == pytest.approx(EYE_SPAN, abs=0.02)
    assert (eyes - mouth).norm(dim=1).median().item() == pytest.approx(EYES_TO_MOUTH, abs=0.02)


@pytest.mark.parametrize(("change", "told"), [
    (lambda rgb: rgb[:, :, 0], r"uint8 \[300, 600\]"), (lambda rgb: rgb / 255, r"float64 \[300, 600, 3\]"),
    (lambda rgb: rgb[:, :, [0, 1, 2, 2]], r"uint8 \[300, 600, 4\]"), (lambda rgb: rgb[:0], r"uint8 \[0, 600, 3\]"),
    (torch.from_numpy, "of type Tensor"), (Image.fromarray, "of type Image")])
def test_another_array_is_refused(scene, change, told):
    with pytest.raises(InputError, match=f"the picture is {told}; expected the path of a file, or a NumPy array"):
        from_photo(change(scene))


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_a_picture_on_its_side_is_turned(scene, quarter):
    photo = from_photo(np.rot90(scene, quarter))
    assert photo.turned == 360 - 90 * quarter and len(photo) == 2
    assert np.array_equal(photo.picture, scene)


@pytest.mark.parametrize("person", [7, 9, 12, 15, 16])
def test_a_face_on_its_head_is_not_taken_for_an_upright_one(person):
    """The cascade finds these faces in a second turn, too."""
    picture = np.full((300, 300, 3), (150, 170, 160), np.uint8)
    side = 180 if person in (9, 12) else 230
    picture[30:30 + side, 30:30 + side] = row_picture(Population(), person, 17, size=side)[2].image
    assert [from_photo(np.rot90(picture, quarter)).turned for quarter in range(4)] == [0, 270, 180, 90]


def test_at_equal_evidence_the_picture_stays_as_it_is(scene, monkeypatch):
    found = np.array([[20.0, 30, 250, 260]])
    monkeypatch.setattr("fercourse.photo._detect", lambda picture: (found, 50.0))
    assert from_photo(scene).turned == 0


def test_a_tilted_head_is_told_to_be_the_reason():
    face = Image.fromarray(row_picture(Population(), 3, 15, size=230)[2].image)
    with pytest.raises(InputError, match=r"no face found .*, in which the head is not tilted$"):
        from_photo(np.asarray(face.rotate(45, expand=True, fillcolor=(150, 170, 160))))


def test_the_cameras_note_on_orientation_is_followed(scene, tmp_path):
    note = Image.Exif()
    note[0x0112] = 6                                            # turn clockwise to see it upright
    Image.fromarray(np.rot90(scene)).save(tmp_path / "a.png", exif=note)
    assert from_photo(tmp_path / "a.png").turned == 0


def test_the_cascade_is_the_one_that_opencv_would_open(scene):
    grey = cv2.cvtColor(scene, cv2.COLOR_RGB2GRAY)
    theirs = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_alt2.xml")
    found = _cascade(cv2).detectMultiScale(grey, 1.1, 2)
    assert len(found) >= 1 and np.array_equal(found, theirs.detectMultiScale(grey, 1.1, 2))


def test_opencv_opens_no_file_itself(scene, monkeypatch):
    """On Windows it cannot where the path has an umlaut."""
    cascade = cv2.CascadeClassifier
    monkeypatch.setattr(cv2, "CascadeClassifier", lambda: cascade())              # takes no path
    assert len(from_photo(scene)) == 2


@pytest.mark.parametrize("shape", [(1, 2000, 3), (2000, 1, 3)])
def test_a_picture_that_is_a_line_has_no_face(shape):
    with pytest.raises(InputError, match=f"no face found in {shape[1]} x {shape[0]} pixels"):
        from_photo(np.zeros(shape, np.uint8))


def test_pictures_without_a_face_or_without_a_picture(tmp_path):
    with pytest.raises(InputError, match="no face found in 200 x 100 pixels"):
        from_photo(np.zeros((100, 200, 3), np.uint8))
    with pytest.raises(InputError, match="there is no such file"):
        from_photo(tmp_path / "none.jpg")
    (tmp_path / "text.jpg").write_text("hello")
    with pytest.raises(InputError, match=r"text.jpg: not an image .*; expected a picture"):
        from_photo(tmp_path / "text.jpg")


# ---------------------------------------------------------------------- fercourse predict

@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return the folder of a short training."""
    out = tmp_path_factory.mktemp("runs") / "run"
    assert call("train", "baseline", "--data", "synthfaces/lab:val", "--score", "synthfaces/lab:val", "--size", "48",
                "--epochs", "1", "--out", out) == 0
    return out


def test_predict_writes_an_annotated_picture(scene, trained, tmp_path, capsys):
    Image.fromarray(np.rot90(scene)).save(tmp_path / "scene.png")
    assert call("predict", trained, tmp_path / "scene.png", "--out", tmp_path / "out.png", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["faces"]) == 2 and told["temperature"] > 0 and told["turned"] == 270
    for face in told["faces"]:
        assert sum(face["probabilities"].values()) == pytest.approx(1, abs=1e-3)
        assert face["probability"] == max(face["probabilities"].values())
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.width > 500


def test_predict_shows_calibrated_odds_where_it_looked_and_the_nearest_faces(scene, trained, tmp_path, monkeypatch,
                                                                             capsys):
    from fercourse import plots
    from fercourse.checkpoint import load_run
    from fercourse.embed import at_most, saliency
    shown, drawn = {}, plots.reading

    def reading(photo, probabilities, classes, maps, alike, **more):
        shown.update(probabilities=torch.tensor(probabilities), maps=maps, alike=alike, **more)
        shown["picture"] = drawn(photo, probabilities, classes, maps, alike, **more)
        return shown["picture"]
    monkeypatch.setattr(plots, "reading", reading)
    Image.fromarray(scene).save(tmp_path / "scene.png")
    assert call("predict", trained, tmp_path / "scene.png", "--out", tmp_path / "out.png", "--json") == 0
    temperature = json.loads(capsys.readouterr().out)["temperature"]
    method, photo = load_run(trained, torch.device("cpu")), from_photo(tmp_path / "scene.png", 48)
    known = at_most(fc.load_faces("synthfaces", "val", domain="lab", size=48), 2000, 0)
    with torch.no_grad():
        logits, features = method.predict(photo.images), method.embed(photo.images)
        likeness = torch.nn.functional.cosine_similarity(features[:, None], method.embed(known.images)[None], dim=2)
    torch.testing.assert_close(shown["probabilities"], (logits / temperature).softmax(1), atol=1e-3, rtol=0)
    torch.testing.assert_close(shown["maps"], saliency(method, photo.images), atol=1e-3, rtol=0)
    rows = likeness.topk(4).indices
    assert torch.equal(shown["alike"], known.images[rows])
    assert shown["words"] == [[known.words("labels")[k] for k in near] for near in rows.tolist()]
    assert shown["title"] == "scene.png: run"                      # not the folders, which may name a person
    axes = [one for part in shown["picture"].subfigs for one in part.axes]
    assert [one.get_title("left") for one in axes[1:5]] == ["the face", "where it looked", "how sure it is",
                                                            "nearest training faces"]
    assert axes[2].images[1].get_interpolation() == "nearest" and axes[4].get_xlabel() == shown["words"][0][0]


def test_predict_tells_what_it_cannot_read_in_one_sentence(trained, tmp_path, capsys):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)).save(tmp_path / "noise.png")
    for name, words in (("noise.png", "no face found in 120 x 90 pixels"), ("none.jpg", "there is no such file")):
        assert call("predict", trained, tmp_path / name) == 2
        [line] = capsys.readouterr().err.strip().splitlines()
        assert line.startswith("fercourse: ") and words in line


def test_a_run_of_two_domains_is_calibrated_as_source_and_sees_the_photograph_as_target(scene, tmp_path, capsys):
    val = fc.load_faces("synthfaces", "val", domain="lab", size=48)
    torch.manual_seed(0)
    method = fc.methods.create("dmsrl", val)
    for name, figures in method.named_buffers():
        if "source_running_mean" in name:
            figures += torch.randn(figures.shape)
    export(method.eval(), tmp_path, {"data": "synthfaces/lab:val (9 faces, 77aa)", "target": "fer2013 (9 faces, 0b1c)"})
    Image.fromarray(scene).save(tmp_path / "scene.png")
    known = at_most(val, 2000, 0)
    with method.seen_as("source"):
        temperature = fit_temperature(seen(method, known)["logits"], known.labels)
    for said in ((), ("--as", "source")):
        assert call("predict", tmp_path, tmp_path / "scene.png", *said, "--json") == 0
        facts = json.loads(capsys.readouterr().out)
        with method.seen_as(said[1] if said else "target"), torch.no_grad():
            expected = method.predict(from_photo(tmp_path / "scene.png", 48).images)
        assert facts["temperature"] == pytest.approx(temperature, abs=1e-3)
        shares = (expected / temperature).softmax(1)
        assert [face["probability"] for face in facts["faces"]] == pytest.approx(shares.amax(1).tolist(), abs=1e-3)


def test_a_run_of_valence_and_arousal_places_every_face(scene, tmp_path, monkeypatch, capsys):
    from fercourse import plots
    drawn = {}
    monkeypatch.setattr(plots, "reading", lambda *given, draw=plots.reading, **more: drawn.setdefault(
        "picture", draw(*given, **more)))
    faces = fc.load_faces("synthfaces", "val", domain="lab", size=48)
    torch.manual_seed(0)
    method = fc.methods.create("baseline", faces, task="valence_arousal").eval()
    export(method, tmp_path, {"data": "synthfaces/lab:val (9 faces, 77aa)"})
    Image.fromarray(scene).save(tmp_path / "scene.png")
    with torch.no_grad():
        expected = method.predict(from_photo(tmp_path / "scene.png", 48).images)
    assert call("predict", tmp_path, tmp_path / "scene.png", "--json", "--out", tmp_path / "out.png") == 0
    found = json.loads(capsys.readouterr().out)["faces"]
    assert [[face["valence"], face["arousal"]] for face in found] == [
        pytest.approx(pair, abs=1e-3) for pair in expected.tolist()]
    assert f"face 1: valence {expected[0, 0]:+.2f}, arousal {expected[0, 1]:+.2f}" in drawn["picture"].alt
    assert call("predict", tmp_path, tmp_path / "scene.png") == 0
    assert f"face 1: valence {expected[0, 0]:+.2f} (-1 unpleasant" in capsys.readouterr().out
