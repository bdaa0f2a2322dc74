"""What a method of one's own may get wrong, and the sentence that each mistake is told in."""

import subprocess
import sys
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import pytest
import torch
from torch import nn

from fercourse import evaluate, fit, methods
from fercourse.checkpoint import load_run
from fercourse.errors import InputError
from fercourse.methods import Hyper, Method, make_optimiser, register
from tests.test_train import QUICK
from tests.toy import CLASSES, toy_faces

FACES = 32
pytestmark = pytest.mark.usefixtures("known")


class Plain(Method):
    """A method that keeps to the contract; tests break one thing of it."""

    wide = len(CLASSES)

    def __init__(self, classes, size, hyper):
        super().__init__(classes, size, hyper)
        self.head = nn.Linear(self.backbone.width, self.wide)

    def forward(self, batch, progress):
        logits = self.head(self.backbone.features(batch.views[0]))
        return {"total": nn.functional.cross_entropy(logits, batch.labels % self.wide)}

    def decide(self, features):
        return self.head(features)


def trained(faces=None, epochs=1, **broken):
    """Train `Plain` with parts of its class replaced, and return it."""
    cls = register("mine")(type("Mine", (Plain,), {"__module__": __name__, **broken}))
    method = cls(CLASSES, 16, Hyper())
    fit(method, toy_faces(FACES, 16) if faces is None else faces, epochs=epochs, **QUICK)
    return method


def made_in_setup(self, faces, target=None):
    Plain.setup(self, faces, target)
    self.bank = nn.Embedding(len(faces), 4)


def short_labels(self, faces, target=None):
    Plain.setup(self, faces, target)
    self.memory["labels"] = self.memory["labels"][:-1]


def twice(self, lr):
    return [make_optimiser(self, lr, self.hyper), torch.optim.SGD(self.head.parameters(), lr)]


def headless(self, lr):
    return [make_optimiser(self.backbone, lr, self.hyper)]


def with_a_list(self, *given):
    Plain.__init__(self, *given)
    self.heads = {"more": [nn.Linear(2, 2)]}


def with_a_bare_tensor(self, *given):
    Plain.__init__(self, *given)
    self.slope = torch.ones(3, requires_grad=True)


def relabelling(change):
    def start_epoch(self, epoch, look):
        self.memory["labels"] = change(self.memory["labels"])
    return start_epoch


def saying(change):
    return lambda self, batch, progress: {"total": change(self.backbone.features(batch.views[0]).mean(), batch)}


def without_labels(self, faces, target=None):
    self.memory = {"doubt": torch.zeros(len(faces))}


@pytest.mark.parametrize("broken, said", [
    (dict(forward=Method.forward), r"mine: Mine has no forward of its own; write forward\(self, batch, progress\)"),
    (dict(views=("weak")), "mine: views is 'weak'; expected a tuple, such as .*, which the comma makes"),
    (dict(needs=("labels")), "mine: needs is 'labels'; expected a tuple"),
    (dict(views=()), "mine: views is empty; expected a preset for each view"),
    (dict(setup=lambda self, faces: None), r"setup cannot be called with faces and target .*expected setup\(self"),
    (dict(finish=lambda self: None), "mine: finish cannot be called with look"),
    (dict(forward=lambda self, batch: {}), "mine: forward cannot be called with batch and progress"),
    (dict(setup=made_in_setup), "mine: setup made bank.weight, .* expected parts made in __init__"),
    (dict(setup=short_labels),
     rf"mine: setup left memory\['labels'\] as torch.int64 \[{FACES - 1}\] for {FACES} faces"),
    (dict(start_epoch=relabelling(lambda labels: labels[:9])),
     r"start_epoch left memory\['labels'\] as torch.int64 \[9\]"),
    (dict(start_epoch=relabelling(torch.Tensor.float)), r"mine: start_epoch left memory\['labels'\] as torch.float32"),
    (dict(start_epoch=relabelling(lambda labels: labels - 1)), "from -1 to 2; expected 0 to 3; a face that is not to"),
    (dict(__init__=with_a_list), "mine: heads is a dict with weights that torch does not see there"),
    (dict(__init__=with_a_bare_tensor), "mine: slope is a Tensor with weights that torch does not see there"),
    (dict(optimisers=lambda self, lr: [make_optimiser(self.parameters(), lr, self.hyper)]),
     "make_optimiser was given a generator; expected a module"),
    (dict(optimisers=lambda self, lr: [make_optimiser(nn.Linear(2, 2).requires_grad_(False), lr, self.hyper)]),
     "make_optimiser was given a Linear in which nothing is trained"),
    (dict(start_epoch=lambda self, epoch, look: {"total": 9}), "mine: start_epoch says 'total', which the log says"),
    (dict(start_epoch=lambda self, epoch, look: {"lr": 9}), "mine: start_epoch says 'lr', which the log says"),
    (dict(needs=("labels")), r"such as \('labels',\), which"),
    (dict(views=(lambda images: images,)), "augmentation a function is unknown; expected one of .*Preset of your own"),
    (dict(forward=saying(lambda mean, batch: mean + batch.extra["age"].sum())),
     "batch.extra has no 'age'; it has nothing"),
    (dict(forward=saying(lambda mean, batch: mean - batch.labels), needs=()), "mine: forward met None .*unless needs"),
    (dict(forward=saying(lambda mean, batch: mean + batch.target.views.mean())),
     "mine: forward met None .*target_views"),
    (dict(forward=saying(lambda mean, batch: mean + batch.views[1].mean())),
     r"where it is batch.views\[1\], views names"),
    (dict(forward=lambda self, batch, progress: self.backbone.features(batch.views)), r"batch.views.flatten\(0, 1\)"),
    (dict(forward=saying(lambda mean, batch: mean / 0)),
     "mine: the loss is not finite at step 1: total; no weight has"),
    (dict(optimisers=lambda self, lr: torch.optim.SGD(self.parameters(), lr)), "mine: optimisers returned one SGD"),
    (dict(optimisers=lambda self, lr: []), "mine: optimisers returned 0 things; expected a list"),
    (dict(optimisers=twice), "mine: a parameter is in two optimisers and would move twice"),
    (dict(optimisers=headless), r"mine: head.weight is in no optimiser .* or requires_grad_\(False\) in __init__"),
    (dict(optimisers=lambda self, lr: [torch.optim.LBFGS(self.parameters())]),
     "mine: step of LBFGS is missing a required argument: 'closure'"),
    (dict(setup=without_labels), r"mine: setup left no memory\['labels'\], .*call super\(\).setup"),
    (dict(forward=lambda self, batch, progress: {"total": torch.zeros(())}), "the loss 'total' depends on no weight"),
    (dict(forward=lambda self, batch, progress: {**Plain.forward(self, batch, progress), "step": torch.zeros(())}),
     "mine: a loss is called 'step', which the log says of every step"),
    (dict(start_epoch=lambda self, epoch, look: 0.5), "start_epoch returned a float; expected a dict"),
    (dict(start_epoch=lambda self, epoch, look: {"who": {1}}), "start_epoch says who with a set"),
    (dict(start_epoch=lambda self, epoch, look: look("features") and {}), "see returned embedding, logits; 'features'"),
    (dict(start_epoch=lambda self, epoch, look: look("logits", of="target")), "no such faces here; expected source"),
])
def test_a_slip_is_told_in_one_sentence_before_or_at_the_first_step(broken, said):
    with pytest.raises(InputError, match=said):
        trained(**broken)


@pytest.mark.parametrize("broken, said", [
    (dict(wide=9), r"mine: decide returned \(32, 9\); expected \(32, 4\), a logit for each class"),
    (dict(decide=lambda self, features: features[:, 0]), r"mine: decide returned \(32,\); expected"),
    (dict(decide=lambda self, features: (self.head(features), 1)), "mine: see returned 'logits' tuple for 32 faces"),
    (dict(decide=lambda self, features: self.head(features)[1:]), r"mine: see returned 'logits' of shape \(31, "),
    (dict(decide=lambda self, features: features[:, :2]), r"tells valence and arousal sets self.regresses = True"),
])
def test_answers_that_cannot_be_scored_are_refused_before_training_and_when_asked(broken, said):
    with pytest.raises(InputError, match=said.replace("32", "2").replace("31", "1")):
        trained(**broken)
    method = type("Mine", (Plain,), {**broken, "name": "mine"})(CLASSES, 16, Hyper())
    with pytest.raises(InputError, match=said):
        evaluate.evaluate(method, toy_faces(FACES, 16))


def test_answers_that_are_no_numbers_are_refused_but_a_class_may_be_ruled_out():
    with pytest.raises(InputError, match="mine: logits is not finite for 32 of 32 faces"):
        evaluate.evaluate(trained(decide=lambda self, features: self.head(features) / 0), toy_faces(FACES, 16))

    def never_the_first(self, features):
        return self.head(features).index_fill(1, torch.tensor([0]), -torch.inf)
    assert evaluate.evaluate(trained(decide=never_the_first), toy_faces(FACES, 16))["recall"]["neutral"] == 0


def with_threshold(self, *given):
    Plain.__init__(self, *given)
    self.register_buffer("threshold", torch.full((4,), torch.inf))


def with_teacher(self, *given):
    Plain.__init__(self, *given)
    self.teacher = nn.Linear(2, 2).requires_grad_(False)


def with_labels_of_its_own(self, faces, target=None):
    self.memory = {"mine": faces.labels.clone()}


def by_its_own_labels(self, batch, progress):
    return Plain.forward(self, replace(batch, labels=self.memory["mine"][batch.index]), progress)


def with_more(self, images):
    return {**Plain.see(self, images), "temperature": torch.ones(()), "maps": [1, 2]}


@dataclass
class Wide(Hyper):
    kinds: ClassVar[tuple] = ("a", "b")
    _: KW_ONLY
    pull: float = 0.5


def with_known_parts_in_a_list(self, *given):
    Plain.__init__(self, *given)
    self.parts = [self.head, nn.Linear(2, 2).requires_grad_(False)]


def test_faces_without_what_a_batch_carries_are_counted():
    faces = toy_faces(FACES, 16)
    unknown, gender = torch.rand(FACES), torch.ones(FACES, dtype=torch.int64)
    unknown[3], gender[:2] = torch.nan, -1
    faces = replace(faces, attributes=faces.attributes | {"tilt": unknown, "gender": gender},
                    names=faces.names | {"gender": ("woman", "man")})
    with pytest.warns(UserWarning, match=f"1 of {FACES} faces have no tilt; forward gets NaN"):
        with pytest.warns(UserWarning, match=f"2 of {FACES} faces have no gender; forward gets -1"):
            trained(faces, needs=("labels", "tilt", "gender"))


@pytest.mark.parametrize("unusual", [
    dict(start_epoch=lambda self, epoch, look: None), dict(__init__=with_threshold), dict(see=with_more),
    dict(__init__=with_known_parts_in_a_list),
    dict(__init__=with_teacher), dict(__init__=with_teacher, optimisers=lambda self, lr: [
        make_optimiser(nn.ModuleList([self.backbone, self.head]), lr, self.hyper)]),
    dict(needs=(), setup=with_labels_of_its_own, forward=by_its_own_labels),
    dict(start_epoch=relabelling(lambda labels: nn.functional.one_hot(labels, len(CLASSES)).float())),
    dict(Hyper=Wide), dict(views=["weak"]), dict(needs={"labels"}),
    dict(optimisers=lambda self, lr: (make_optimiser(part, lr, self.hyper) for part in (self.backbone, self.head))),
])
def test_what_is_unusual_but_right_is_trained(unusual):
    assert 0 <= evaluate.evaluate(trained(**unusual), toy_faces(FACES, 16))["accuracy"] <= 1


def test_what_finish_spoils_is_not_written(tmp_path):
    def spoil_head(self, look):
        self.head.weight.data.fill_(torch.nan)
    cls = register("mine")(type("Mine", (Plain,), {"__module__": __name__, "finish": spoil_head}))
    with pytest.raises(InputError, match=r"the weights head.weight are not finite after finish"):
        fit(cls(CLASSES, 16, Hyper()), toy_faces(FACES, 16), epochs=1, out=tmp_path / "run", **QUICK)
    assert not list((tmp_path / "run").glob("*.safetensors"))


def spoil(self, batch, progress):
    """Return a finite loss, the gradient of which is no number in the last step of an epoch."""
    features = self.backbone.features(batch.views[0])
    losses = Plain.forward(self, batch, progress)
    rise = (features[0] - features[0].detach()).square().sum().sqrt()
    return {"total": losses["total"] + (rise if progress == self.moment else 0 * features.sum())}


@pytest.mark.parametrize("moment, epochs", [(1 / 2, 1), (1 / 4, 2)])
def test_weights_that_are_no_numbers_are_never_saved(tmp_path, moment, epochs):
    cls = register("mine")(type("Mine", (Plain,), {"__module__": __name__, "forward": spoil, "moment": moment}))
    steps = FACES // QUICK["batch_size"]
    with pytest.raises(InputError, match=f"the weights .* are not finite after step {steps}, though the loss was"):
        fit(cls(CLASSES, 16, Hyper()), toy_faces(FACES, 16), epochs=epochs, out=tmp_path / "run", **QUICK)
    assert not list((tmp_path / "run").glob("*.pt")) and not list((tmp_path / "run").glob("*.safetensors"))


def never(self, batch, progress):
    """Return a finite loss, the gradient of which is no number in any step."""
    features = self.backbone.features(batch.views[0])
    rise = (features - features.detach()).square().sum(1).sqrt().mean()
    return {"total": Plain.forward(self, batch, progress)["total"] + rise}


def test_fp16_that_leaves_out_every_step_does_not_end_in_silence(tmp_path):
    cls = register("mine")(type("Mine", (Plain,), {"__module__": __name__, "forward": never}))
    faces = toy_faces(20 * QUICK["batch_size"], 16)
    with pytest.raises(InputError, match="until step 20 more than sixteen steps were left out, because a gradient"):
        fit(cls(CLASSES, 16, Hyper()), faces, epochs=1, out=tmp_path / "run", precision="fp16", **QUICK)
    assert not list((tmp_path / "run").glob("*.pt"))


def test_a_run_whose_code_has_changed_names_what_is_missing(tmp_path):
    cls = register("mine")(type("Mine", (Plain,), {"__module__": __name__}))
    fit(cls(CLASSES, 16, Hyper()), toy_faces(FACES, 16), epochs=1, out=tmp_path / "run", **QUICK)

    def more(self, *given):
        Plain.__init__(self, *given)
        self.further = nn.Linear(2, 2)
    changed = register("mine")(type("Mine", (Plain,), {"__module__": __name__, "__init__": more}))
    with pytest.raises(InputError, match=r"of the method as it is now .*further.weight"):
        load_run(tmp_path / "run")
    with pytest.raises(InputError, match=r"does not fit the method as it is now .*further.weight"):
        fit(changed(CLASSES, 16, Hyper()), toy_faces(FACES, 16), epochs=1, out=tmp_path / "run", resume=True, **QUICK)


@pytest.mark.parametrize("look", ["predict", "embed", "see"])
def test_pictures_from_0_to_1_are_refused_where_they_would_look_black(look):
    with pytest.raises(InputError, match=r"mine: images are torch.float32; expected uint8 from 0 to 255"):
        getattr(trained(), look)(torch.rand(2, 3, 16, 16))


@pytest.mark.parametrize("epochs", [0, "2", 1.5])
def test_epochs_are_a_whole_number(epochs):
    with pytest.raises(InputError, match=f"epochs is {epochs!r}; expected a whole number"):
        trained(epochs=epochs)


def test_one_picture_without_its_batch_is_told_how_to_be_one():
    faces = toy_faces()
    with pytest.raises(InputError, match=r"shape \[3, \d+, \d+\]; expected \[B, 3, H, W\], of one image image\[None\]"):
        methods.create("baseline", faces).predict(faces.images[0])


def test_losses_are_there_without_being_imported_one_by_one():
    told = "import fercourse as fc; print(fc.losses.contrastive.Pairs.__name__, 'margin' in dir(fc.losses))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["Pairs", "True"]
