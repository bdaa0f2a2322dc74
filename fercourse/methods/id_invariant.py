"""Identity-invariant FER: expression and identity disentangled by mutual information (Kim, Kim and Song 2024).

Found: the vocabulary of prompts, the three residual modules and the affect loss, in code of the paper's authors.
Our choice, because the paper's full text was not at hand: everything else, marked DC below.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from ..distributed import gather
from ..losses.concordance import affect_loss
from ..losses.mutual_information import ESTIMATORS
from ..models import attributes as retrieval
from ..models.engines import OFFLINE, text_width
from ..models.residual import Residual
from ..schedule import ramp
from .base import Hyper, TaskMethod, make_optimiser, one_of, register, within


@dataclass
class IdInvariantHyper(Hyper):
    """Hyper-parameters of the identity-invariant method.

    Attributes:
        task: `valence_arousal` or `classes`.
        attributes: which are attached, such as `gender,age,skin_tone`.
        engine: who retrieves them: `offline`, or `model/weights` of open_clip.
        residual: `post`, `prev`, `simple` or `none`, see `models.residual`.
        concordance: weight of the concordance part of the affect loss: 1 as found; 4 stands to the squared error as
            in the baseline, so that the two can be compared (DC).
        agreement: weight of the identity features' agreement with the retrieved attributes (DC).
        information: weight of the mutual information between expression and identity features (DC).
        estimator: `vclub`, `infonce`, `relative` or `adversary`, see `losses.mutual_information`.
        given_label: count only what identity tells beyond the label. Where an attribute predicts the label, taking
            out all that the two share takes out the label, too (DC).
        even: weigh the faces so that each retrieved answer goes with every part of the label alike (DC).
        withhold: chance that a face's text vectors are hidden, so that identity must be read off the face; at
            evaluation they always are (DC).
        critic_rate: learning rate of the critics, in learning rates; critic_steps: steps of theirs for each one of the
            rest (DC).
        ramp_from, ramp_to: progress between which the mutual information gains its weight (DC).
        temperature: divides the cosines of the agreement (DC).
    """

    task: str = "valence_arousal"
    attributes: str = "gender,age,skin_tone"
    engine: str = OFFLINE
    residual: str = "post"
    concordance: float = 4.0
    agreement: float = 0.1
    information: float = 0.05
    estimator: str = "vclub"
    given_label: bool = True
    even: bool = True
    withhold: float = 0.5
    critic_rate: float = 5.0
    critic_steps: int = 1
    ramp_from: float = 0.1
    ramp_to: float = 0.4
    temperature: float = 0.07


@register("id-invariant")
class IdInvariant(TaskMethod):
    """z_e for the expression and z_id for each attribute, told apart by residual modules and a critic."""

    Hyper = IdInvariantHyper

    def __init__(self, classes, size, hyper):
        super().__init__(classes, size, hyper)
        one_of(hyper, estimator=ESTIMATORS)
        within(hyper, concordance=(0, 1e6), agreement=(0, 1e6), information=(0, 1e6), withhold=(0, 1),
               critic_rate=(0, 1e6), critic_steps=(1, 1000), ramp_from=(0, 1), ramp_to=(0, 1),
               temperature=(1e-4, 100))
        self.questions, width = retrieval.chosen(hyper.attributes), self.backbone.width
        self.names, text = tuple(self.questions), text_width(hyper.engine)
        self.residual = Residual(width, text, self.names, hyper.residual)
        self.speak = nn.ModuleDict({name: nn.Linear(width, text) for name in self.names})
        self.head = nn.Linear(width, 2 if self.regresses else len(classes))
        self.critics = nn.ModuleDict({name: self._estimator(len(question.words))
                                      for name, question in self.questions.items()})
        self._rows = {}                                                   # what the critics saw last
        for name, question in self.questions.items():
            self.register_buffer(f"texts_{name}", torch.zeros(len(question.words), text))

    def _estimator(self, words):
        known = SPOTS[0] * SPOTS[1] if self.regresses else len(self.classes)
        return ESTIMATORS[self.hyper.estimator](self.backbone.width, words, known if self.hyper.given_label else 0)

    # ------------------------------------------------------------------ attributes

    def setup(self, faces, target=None):
        """Retrieve the attributes of the training faces, once."""
        super().setup(faces, target)
        retrieved = retrieval.retrieve(faces, self.questions, self.hyper.engine, self.device)
        for name in self.questions:
            self.texts(name).copy_(retrieved.vectors[name])
            self.memory[f"retrieved {name}"] = retrieved.answers(name).to(self.device)
        self.memory["weights"] = self._weights(faces)

    def _weights(self, faces):
        """Return how much each face counts, with mean 1: [N], or [N, 2] for valence and for arousal."""
        if not self.regresses:
            return self._even(faces.labels)
        return torch.stack([self._even(_thirds(axis)) for axis in faces.valence_arousal.unbind(1)], 1)

    def _even(self, part):
        """Return the product over attributes of p(part of the label) p(answer) / p(both), at most 10, [N]."""
        weights, part = torch.ones(len(part)), part.cpu()
        for name in self.names if self.hyper.even else ():
            answer = self.memory[f"retrieved {name}"].cpu()
            both = part * len(self.questions[name].words) + answer
            one, other, together = (column.bincount()[column] / len(part) for column in (part, answer, both))
            weights *= one * other / together
        weights = weights.clamp(max=10)                      # retrieval is wrong too often for more
        return (weights / weights.mean()).to(self.device)

    def texts(self, name):
        """Return the text vectors T_k of an attribute's words, [K, T]."""
        return getattr(self, f"texts_{name}")

    def detach(self, *names: str):
        """Leave attributes out of the residual and of every loss from now on; `attach` takes them back.

        To look at what each one does: neither checkpoints nor saved weights remember it. How much each face counts is
        told in `setup`, by the attributes that are attached then. To train without an attribute, leave it out of
        `attributes`.

        Raises:
            InputError: a name that is none of its attributes.
        """
        gone = retrieval.chosen(names, self.questions)
        self.names = tuple(name for name in self.names if name not in gone)
        self._freeze()

    def attach(self, *names: str):
        """Take attributes that this method was built with into the residual again.

        Raises:
            InputError: a name that is none of its attributes.
        """
        wanted = (*self.names, *retrieval.chosen(names, self.questions))
        self.names = tuple(name for name in self.questions if name in wanted)
        self._freeze()

    def _freeze(self):
        parts = (self.residual.texts, self.residual.identity, self.speak, self.critics)
        for name in self.questions:
            for part in parts:
                if name in part:
                    part[name].requires_grad_(name in self.names)

    def _hints(self, count, answers=None):
        """Return t_k of each face's answer; the mean of the words' vectors stands for one that is withheld (DC)."""
        hints = {}
        for name in self.names:
            hint = self.texts(name).mean(0).expand(count, -1)
            if answers is not None:
                hidden = torch.rand(count, 1, device=hint.device) < self.hyper.withhold
                hint = torch.where(hidden, hint, self.texts(name)[answers[name]])
            hints[name] = hint
        return hints

    # ------------------------------------------------------------------ losses

    def forward(self, batch, progress):
        answers = {name: self.memory[f"retrieved {name}"][batch.index] for name in self.names}
        z = self.backbone.features(batch.views[0])
        expression, identity = self.residual(z, self._hints(len(z), answers))
        parts = self._task(self.decide(expression), batch)
        total = sum(parts.values())
        said = {name: self.said(name, identity[name]) for name in self.names}
        parts["agreement"] = self._sum(F.cross_entropy(said[n] / self.hyper.temperature, answers[n])
                                       for n in self.names)
        asked = answers if ESTIMATORS[self.hyper.estimator].asks_answers else said
        terms = [self._information(expression, asked[name], name, batch) for name in self.names]
        parts["information"], parts["critic"] = (self._sum(t[key] for t in terms) for key in ("bound", "fit"))
        weight = self.hyper.information * ramp(progress, self.hyper.ramp_from, self.hyper.ramp_to)
        total = total + self.hyper.agreement * parts["agreement"] + weight * parts["information"] + parts["critic"]
        return {"total": total, **parts}

    def _sum(self, values):
        """Return the sum over the attributes, 0 where none is attached."""
        return sum(values, torch.zeros((), device=self.device))

    def _task(self, predicted, batch):
        weight = self.memory["weights"][batch.index]
        if not self.regresses:
            losses = F.cross_entropy(predicted.float(), batch.labels, reduction="none")
            return {"classify": (losses * weight).mean()}
        truth = gather(batch.extra["valence_arousal"])
        parts = affect_loss(gather(predicted).to(truth), truth, gather(weight))
        return parts | {"concordance": self.hyper.concordance * parts["concordance"]}

    def said(self, name, identity):
        """Return what an identity feature [B, D] says in words: cos(P z_id, T_k), [B, K] (DC)."""
        texts = F.normalize(self.texts(name), dim=1)
        return F.normalize(self.speak[name](identity).to(texts), dim=1) @ texts.T

    def _information(self, expression, asked, name, batch):
        """Return the estimate between z_e and what z_id says, which presses on z_e alone, and the critic's loss (DC).

        Two features of one network share pose, light and all the rest; only what z_id says in words is identity. An
        adversary is asked for the retrieved answer itself.
        """
        given = self._label(batch) if self.hyper.given_label else None
        self._rows[name] = expression.detach(), asked.detach(), given
        return self.critics[name](expression, asked.detach(), given)

    def _label(self, batch):
        """Return what the label says, as columns: bumps over the plane of valence and arousal, or the classes."""
        if not self.regresses:
            return F.one_hot(batch.labels, len(self.classes)).float()
        return bumps(batch.extra["valence_arousal"])

    # ------------------------------------------------------------------ training

    def optimisers(self, lr):
        """Return one optimiser of everything but the critics, and one of the critics, which learn faster."""
        rest = nn.ModuleList(part for name, part in self.named_children() if name != "critics")
        optimisers = [make_optimiser(rest, lr, self.hyper)]
        if self.questions:
            rate = self.hyper.critic_rate * lr
            self._teacher = torch.optim.Adam(self.critics.parameters(), rate, betas=(0.5, 0.99),
                                             fused=self.device.type == "cuda")
            optimisers.append(self._teacher)
        return optimisers

    def after_step(self):
        """Give the critics their further steps, on the features of this step; every process takes the same ones."""
        for _ in range(self.hyper.critic_steps - 1 if self.names else 0):
            self._sum(self.critics[name](*self._rows[name])["fit"] for name in self.names).backward()
            if self.hyper.clip:
                nn.utils.clip_grad_norm_(self.critics.parameters(), self.hyper.clip)
            self._teacher.step()
            self._teacher.zero_grad()

    # ------------------------------------------------------------------ looking

    def embed(self, images):
        """Return the expression feature z_e, [B, D]; no text is needed."""
        return self.see_features(super().embed(images))[0]

    def embed_maps(self, maps):
        return self.see_features(super().embed_maps(maps))[0]

    def see_features(self, z):
        """Return z_e and the identity features of backbone features, with all text vectors withheld."""
        return self.residual(z, self._hints(len(z)))

    def see(self, images):
        """Return `embedding` (z_e), `logits`, `backbone` (z), and `identity NAME` of each attached attribute."""
        z = super().embed(images)
        expression, identity = self.see_features(z)
        return {"embedding": expression, "logits": self.decide(expression), "backbone": z,
                **{f"identity {name}": feature for name, feature in identity.items()}}


def _thirds(axis):
    """Return which third of valence or of arousal each face is in, int64 [N]."""
    return torch.bucketize(axis.contiguous(), axis.quantile(torch.tensor([1 / 3, 2 / 3], device=axis.device)))


SPOTS = (5, 2)                       # bumps along valence and along arousal


def bumps(affect, width=0.35):
    """Return Gaussian bumps over the valence–arousal plane, [B, 10]: lines through them bend as the plane needs."""
    like = {"dtype": affect.dtype, "device": affect.device}
    grid = torch.cartesian_prod(torch.linspace(-1, 1, SPOTS[0], **like), torch.linspace(-0.5, 0.5, SPOTS[1], **like))
    return (-(affect[:, None] - grid).square().sum(2) / (2 * width**2)).exp()
