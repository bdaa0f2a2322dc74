"""Retrieval: the same calls for a tiny random open_clip model and the course's own; caches that know what changed."""

import json
from dataclasses import replace
from random import Random

import pytest
import torch

from fercourse.errors import InputError
from fercourse.faces import load_faces
from fercourse.models import attributes as at
from fercourse.models import engines, shipped
from fercourse.studies import attributes_train as training
from tests.toy import toy_faces

TINY = {"embed_dim": 16, "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}}


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("FERCOURSE_CACHE", str(tmp_path / "cache"))


class Counting(engines.ImageText):
    """An engine that counts how often it looks."""

    def __init__(self, key="one"):
        super().__init__(training.vocabulary())
        self.key, self.looks = key, 0
        self.eval()

    def images(self, images):
        self.looks += 1
        return super().images(images)


# ---------------------------------------------------------------------- questions and answers

def test_truth_falls_into_words():
    faces = toy_faces(5, attributes={"age": torch.tensor([3.0, 13.0, 31.9, 55.0, float("nan")]),
                                     "skin_tone": torch.tensor([1, 5, 6, 10, -1])})
    assert at.ATTRIBUTES["age"].truth(faces).tolist() == [0, 1, 1, 3, -1]
    assert at.ATTRIBUTES["skin_tone"].truth(faces).tolist() == [0, 1, 2, 3, -1]


def test_faces_in_groups():
    faces = at.in_groups(toy_faces(3, attributes={"age": torch.tensor([3.0, 40.0, 80.0])}), "age")
    assert faces.words("age group") == ["child", "middle-aged adult", "old person"]


def test_questions_by_name():
    assert list(at.chosen("age, skin-tone,age")) == ["age", "skin_tone"] and at.chosen("") == {}
    assert at.FOUND["gender"].prompts == ["a photo of women", "a photo of men"]
    with pytest.raises(InputError, match="'mood' is unknown; expected some of gender, age, skin_tone"):
        at.chosen("mood")


def test_scores_are_softmax_of_scaled_cosines():
    engine, faces = Counting(), toy_faces(6)
    found = at.retrieve(faces, at.chosen("gender"), engine)
    vectors = engine.texts(["a photo of a woman", "a photo of a man"])
    wanted = (engine.scale * engine.images(faces.images) @ vectors.T).softmax(1)
    torch.testing.assert_close(found.scores["gender"], wanted, rtol=1e-4, atol=1e-6)
    assert found.vectors["gender"].norm(dim=1).tolist() == pytest.approx([1, 1])
    assert found.answers("gender").tolist() == wanted.argmax(1).tolist()


def test_accuracy_leaves_the_unknown_out():
    questions = at.chosen("gender")
    faces = toy_faces(4, attributes={"gender": torch.tensor([0, 0, 1, -1])}, names={"gender": ("woman", "man")})
    scores = {"gender": torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [1.0, 0.0]])}
    found = at.Retrieved(questions, scores, {}).accuracy(faces)["gender"]
    assert found == {"accuracy": pytest.approx(2 / 3), "chance": pytest.approx(2 / 3)}


def test_a_set_may_number_its_words_in_another_order_and_have_others():
    faces = toy_faces(4, attributes={"gender": torch.tensor([0, 1, 2, -1])}, names={"gender": ("man", "woman", "none")})
    assert at.ATTRIBUTES["gender"].truth(faces).tolist() == [1, 0, -1, -1]


# ---------------------------------------------------------------------- cache

def test_a_second_question_looks_at_no_face():
    engine, faces = Counting(), toy_faces(6)
    first = at.retrieve(faces, at.chosen("gender"), engine).scores["gender"]
    again = at.retrieve(faces, at.chosen("gender,age"), engine).scores
    assert engine.looks == 1 and torch.equal(again["gender"], first)


def test_other_prompts_give_other_answers_at_once():
    engine, faces = Counting(), toy_faces(6)
    one = at.chosen("gender")
    other = {"gender": replace(one["gender"], prompt="the face of a {} with dark skin")}
    scores = [at.retrieve(faces, asked, engine).scores["gender"] for asked in (one, other)]
    assert not torch.allclose(*scores) and engine.looks == 1


def test_other_pixels_or_other_weights_are_looked_at_again():
    engine, faces = Counting(), toy_faces(6)
    at.retrieve(faces, engine=engine)
    images = faces.images.clone()
    images[5, 2, 31, 31] ^= 1                                            # one bit of one pixel
    at.retrieve(replace(faces, images=images), engine=engine)
    at.retrieve(faces[torch.tensor([1, 0, 2, 3, 4, 5])], engine=engine)
    assert engine.looks == 3
    other = Counting("two")
    at.retrieve(faces, engine=other)
    assert other.looks == 1
    at.retrieve(faces, engine=engine, cache=False)
    assert engine.looks == 4


# ---------------------------------------------------------------------- the offline engine

def test_words_it_never_read_are_passed_over():
    engine = Counting()
    known, mixed = engine.texts(["a man"]), engine.texts(["a quixotic man"])
    torch.testing.assert_close(known, mixed)
    with pytest.raises(InputError, match="knows no word of 'quixotic'"):
        engine.texts(["a man", "quixotic"])


def test_prompts_that_it_reads_alike_are_refused():
    engine = engines.offline_engine()
    for question in at.ATTRIBUTES.values():
        engine.check_prompts(question.prompts)
    with pytest.raises(InputError, match="'a photo of women' and 'a photo of men' are the same, for it has never read "
                                         "women, men; choose words among"):
        at.retrieve(toy_faces(4), at.FOUND, cache=False)
    turned = {"order": at.Attribute("order", ("man young", "young man"), "a {}")}
    with pytest.raises(InputError, match="takes no notice of order"):
        at.retrieve(toy_faces(4), turned, cache=False)


def test_captions_tell_only_what_is_true():
    draw, truth = Random(0), {"gender": 0, "age": 3, "skin_tone": -1}
    for _ in range(50):
        sentence, claims = training.caption(truth, draw)
        assert claims and set(claims) <= {"gender", "age"} and "skin" not in sentence
        assert all(claims[name] == truth[name] for name in claims)
        assert set(engines.words_of(sentence)) <= set(training.vocabulary())
    assert len({training.caption(truth, draw)[0] for _ in range(200)}) > 60


def test_a_caption_fits_all_faces_it_is_true_of():
    truth = {"gender": torch.tensor([0, 0, 1]), "age": torch.tensor([1, 2, 2])}
    claims = {"gender": torch.tensor([0, -1, 1]), "age": torch.tensor([-1, 2, 2])}
    assert training.fitting(truth, claims).tolist() == [[True, False, False], [True, True, False], [False, True, True]]


def test_caption_loss_by_hand():
    images, texts = torch.eye(2), torch.eye(2)
    loss = training.caption_loss(images, texts, torch.eye(2).bool(), torch.tensor(2.0), torch.tensor(-1.0))
    right, wrong = torch.tensor(1.0).sigmoid(), 1 - torch.tensor(-1.0).sigmoid()
    torch.testing.assert_close(loss, -(right.log() + wrong.log()) / 2)


def test_the_shipped_model_is_small_and_says_how_good_it_is():
    engine = engines.offline_engine()
    manifest = json.loads((shipped.FOLDER / "attributes.json").read_text())
    assert manifest["bytes"] == (shipped.FOLDER / "attributes.safetensors").stat().st_size <= 6e6
    assert set(manifest["vocabulary"]) == set(training.vocabulary()) and not engine.training
    faces = load_faces("synthfaces", split="test", domain="wild").sample(300)
    found = at.retrieve(faces, cache=False).accuracy(faces)
    for name, scores in found.items():
        assert scores["accuracy"] == pytest.approx(manifest["wild"][name]["accuracy"], abs=0.08), name
    assert found["skin_tone"]["accuracy"] > found["skin_tone"]["chance"] + 0.3


def test_damaged_weights_are_refused(monkeypatch, tmp_path):
    engines.offline_engine.cache_clear()
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    with pytest.raises(InputError, match="missing; install fercourse again"):
        engines.offline_engine()
    (tmp_path / "attributes.safetensors").write_bytes(b"?")
    (tmp_path / "attributes.json").write_text('{"sha256": "0"}')
    with pytest.raises(InputError, match="SHA-256 differs"):
        engines.offline_engine()
    engines.offline_engine.cache_clear()


def test_weights_are_published_with_a_manifest(monkeypatch, tmp_path):
    model = Counting()
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    training.publish_model(model, {"note": "toy"})
    engines.offline_engine.cache_clear()
    again = engines.offline_engine()
    torch.testing.assert_close(again.texts(["a man"]), model.texts(["a man"]), rtol=0, atol=2e-3)
    engines.offline_engine.cache_clear()


# ---------------------------------------------------------------------- open_clip

@pytest.fixture
def tiny(tmp_path):
    """Return the engine name of a tiny random open_clip model, whose weights lie in a file."""
    open_clip = pytest.importorskip("open_clip")
    (tmp_path / "fercourse-tiny.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(tmp_path / "fercourse-tiny.json")
    torch.manual_seed(0)
    torch.save(open_clip.create_model("fercourse-tiny").state_dict(), tmp_path / "tiny.pt")
    return f"fercourse-tiny/{tmp_path / 'tiny.pt'}"


def test_open_clip_answers_the_same_calls(tiny):
    faces, asked = toy_faces(5), at.chosen("gender,age", at.FOUND)
    found = at.retrieve(faces, asked, tiny)
    assert found.scores["age"].shape == (5, 3) and found.vectors["gender"].shape == (2, engines.text_width(tiny))
    torch.testing.assert_close(found.scores["gender"].sum(1), torch.ones(5))
    engine = engines.open_clip_engine(tiny)
    with torch.no_grad():
        images = engine.images(faces.images)
    cosines = 100 * images @ found.vectors["gender"].T
    torch.testing.assert_close(found.scores["gender"], cosines.softmax(1), rtol=1e-3, atol=1e-5)


def test_open_clip_sees_what_its_own_preprocessing_would_show(tiny):
    open_clip = pytest.importorskip("open_clip")
    from PIL import Image
    faces, engine = toy_faces(2, size=64), engines.open_clip_engine(tiny)
    prepare = open_clip.image_transform(32, is_train=False, mean=engine.model.visual.image_mean,
                                        std=engine.model.visual.image_std)
    theirs = torch.stack([prepare(Image.fromarray(image.permute(1, 2, 0).numpy())) for image in faces.images])
    with torch.no_grad():
        wanted = torch.nn.functional.normalize(engine.model.encode_image(theirs), dim=1)
        assert (wanted * engine.images(faces.images)).sum(1).min() > 0.999


def test_open_clip_that_cannot_be_had(monkeypatch, tmp_path, caplog):
    pytest.importorskip("open_clip")
    for name in ("ViT-B-32", "no-such-model/openai"):
        with pytest.raises(InputError, match="is unknown; expected 'offline' or model/weights"):
            engines.open_clip_engine(name)
    with pytest.raises(InputError, match="cannot be loaded"):
        engines.open_clip_engine(f"ViT-B-32/{tmp_path / 'missing.pt'}")
    assert not caplog.records
