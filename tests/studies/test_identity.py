"""The identity study: its arms can be built, and what it measures is what it says."""

from dataclasses import fields

import pytest
import torch

from fercourse import studies
from fercourse.faces import load_faces
from fercourse.losses.concordance import affect_loss, concordance_loss
from fercourse.methods import create, method_class
from fercourse.methods.id_invariant import IdInvariantHyper
from fercourse.models.attributes import ATTRIBUTES
from fercourse.studies import identity


@pytest.fixture(scope="module")
def faces():
    load = lambda split: load_faces("synthfaces", split=split, domain="wild", size=32)      # noqa: E731
    return load("train").sample(160, 0), load("test").sample(120, 0)


def test_every_arm_can_be_built():
    arms = studies.get("identity").arms(studies.get("identity").scale("smoke"), "synthfaces/wild", None)
    assert {"baseline", "+ vCLUB beyond the label", "baseline, unseen tones", "whole, skin tone alone"} <= set(arms)
    for options in identity.ARMS.values():
        hyper = {name: value for name, value in options.items() if name != "method"}
        known = {field.name for field in fields(method_class(options["method"]).Hyper)}
        assert set(hyper) <= known
    real = studies.get("identity").arms(studies.get("identity").scale("smoke"), "fer2013", None)
    assert set(real) == set(identity.ENDS)


def test_weighing_has_a_peer_that_differs_in_the_weights_alone():
    assert identity.ARMS["baseline, the method's loss"] == identity.ARMS["baseline, weighed"] | {"even": False}
    guess, truth = torch.randn(2, 8, 2, generator=torch.Generator().manual_seed(0))
    parts = affect_loss(guess, truth)
    ours = parts["squared"] + IdInvariantHyper.concordance * parts["concordance"]
    torch.testing.assert_close(ours, 2 * (torch.nn.functional.mse_loss(guess, truth) + concordance_loss(guess, truth)))


def test_what_is_measured(faces, monkeypatch):
    monkeypatch.setattr(identity, "ATTRIBUTES", {"skin_tone": ATTRIBUTES["skin_tone"]})
    taught, test = faces
    torch.manual_seed(0)
    method = create("id-invariant", taught, attributes="skin_tone").eval()
    found = identity.measured(method, taught, test)
    assert {"ccc_valence", "rmse_arousal", "tone_gap", "skin_tone_linear", "skin_tone_mlp", "person_linear",
            "identity_feature_skin_tone_linear", "leace_ccc", "leace_skin_tone_mlp"} <= set(found)
    assert all(isinstance(value, float) for value in found.values())
    assert found["leace_skin_tone_linear"] <= found["skin_tone_linear"] + 0.1


def test_an_error_that_follows_the_tone_is_told(faces):
    _, test = faces
    tone = test.column("skin_tone").float()
    scores = identity._affect(test.valence_arousal + torch.stack([0.1 * (tone - 5), 0 * tone], 1), test)
    assert scores["error_follows_tone"] == pytest.approx(1, abs=1e-3)
    assert identity._affect(test.valence_arousal, test)["tone_gap"] == pytest.approx(0, abs=1e-6)


def test_one_group_alone_has_no_gap(faces):
    test = faces[1]
    darkest = test[test.column("skin_tone") >= identity.DARK]
    assert identity._affect(darkest.valence_arousal, darkest)["tone_gap"] is None
