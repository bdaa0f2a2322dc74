"""Attributes by retrieval: which of several descriptions fits a face best, asked of an image-text model.

`retrieve(faces)` compares each face with prompts such as "a photo of a young person" and keeps every score. Two
engines answer: the course's own small model, which is offline and knows rendered faces only, and any model of
open_clip, such as OpenAI's CLIP. The answers are guesses about how a picture looks, and never facts about a person.
"""

import hashlib
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..errors import InputError
from ..faces.cache import cached_array
from ..faces.shapes import renumbered, unknown
from .engines import OFFLINE, ImageText, engine_named


@dataclass(frozen=True)
class Attribute:
    """One question about a face.

    Attributes:
        name: what is asked, such as `"age"`; words: the answers to choose from.
        prompt: the sentence each word is put into.
        column: the FaceSet's column with the truth, where there is one; edges: of a column of numbers, the lowest
            value of every word but the first.
    """

    name: str
    words: tuple[str, ...]
    prompt: str
    column: str = ""
    edges: tuple[float, ...] = ()

    @property
    def prompts(self) -> list[str]:
        """Return one sentence a word."""
        return [self.prompt.format(word) for word in self.words]

    def truth(self, faces) -> Tensor:
        """Return what the column says, int64 [N] into `words`; -1 where it is not known, or is none of them.

        For rendered faces this is what the renderer drew.

        Raises:
            InputError: the faces do not have the column.
        """
        values = faces.column(self.column).cpu()
        if not self.edges:
            words = faces.names.get(self.column, self.words)
            return renumbered(values, words, self.words)
        answers = torch.bucketize(values.double(), torch.tensor(self.edges, dtype=torch.float64), right=True)
        return answers.masked_fill(unknown(values), -1)


def in_groups(faces, name: str):
    """Return the faces with one more column, `NAME group`: the truth in the words of `ATTRIBUTES[NAME]`."""
    one, column = ATTRIBUTES[name], f"{name.replace('_', ' ')} group"
    return replace(faces, attributes={**faces.attributes, column: one.truth(faces)},
                   names={**faces.names, column: one.words})


# Our words for rendered faces. Tones are positions 1 to 10 on the Monk scale, ages are years.
ATTRIBUTES = {one.name: one for one in (
    Attribute("gender", ("woman", "man"), "a photo of a {}", "gender"),
    Attribute("age", ("child", "young adult", "middle-aged adult", "old person"), "a photo of a {}", "age",
              (13, 32, 55)),
    Attribute("skin_tone", ("light", "olive", "brown", "dark"), "a photo of a person with {} skin", "skin_tone",
              (4, 6, 9)),
)}
# The vocabulary found in a toolbox of the paper's authors. Its words for skin are theirs: they sort people into
# crude bins that name neither a colour nor a person, which is why the course does not use them by default.
FOUND = {one.name: one for one in (
    Attribute("gender", ("women", "men"), "a photo of {}"),
    Attribute("age", ("young", "middle-age", "old"), "a photo of {} people"),
    Attribute("skin_tone", ("white", "yellow", "black"), "a photo of people with {} skin"),
)}


@dataclass(frozen=True)
class Retrieved:
    """What an engine says about N faces.

    Attributes:
        attributes: the questions, by name.
        scores: shares float32 [N, K] of each question's words, rows with the sum 1.
        vectors: unit text vectors float32 [K, D] of each question's prompts.
    """

    attributes: dict[str, Attribute]
    scores: dict[str, Tensor]
    vectors: dict[str, Tensor]

    def answers(self, name: str) -> Tensor:
        """Return the best word of each face, int64 [N]."""
        return self.scores[name].argmax(1)

    def accuracy(self, faces) -> dict[str, dict]:
        """Return for each question the share of right answers, and that of always naming the commonest word."""
        scores = {}
        for name, attribute in self.attributes.items():
            truth = attribute.truth(faces)
            known = truth >= 0
            right = (self.answers(name).cpu() == truth)[known].float().mean().item()
            scores[name] = {"accuracy": right, "chance": (truth[known].bincount().max() / known.sum()).item()}
        return scores


def chosen(names, among=None) -> dict[str, Attribute]:
    """Return the questions of that names, given as a text with commas or as several words.

    Raises:
        InputError: a name that is not among them.
    """
    among = ATTRIBUTES if among is None else among
    words = names.split(",") if isinstance(names, str) else list(names)
    words = [word.strip().replace("-", "_") for word in words if word.strip()]
    if strange := [word for word in words if word not in among]:
        raise InputError(f"attribute {strange[0]!r} is unknown; expected some of {', '.join(among)}")
    return {word: among[word] for word in dict.fromkeys(words)}


@torch.no_grad()
def retrieve(faces, attributes=None, engine=OFFLINE, device="cpu", cache: bool = True) -> Retrieved:
    """Ask an engine about faces; what it sees in their pictures is kept in the cache.

    Args:
        attributes: name -> `Attribute` (default: `ATTRIBUTES`).
        engine: `offline`, a name such as `ViT-B-32/laion2b_s34b_b79k` (model/weights of open_clip), or an engine.
        cache: keep what it sees, and use what is kept.

    Raises:
        InputError: another engine, one that is not installed, weights that cannot be fetched, or prompts that the
            offline engine cannot tell apart.
    """
    attributes = ATTRIBUTES if attributes is None else attributes
    engine = engine_named(engine) if isinstance(engine, str) else engine
    for attribute in attributes.values() if isinstance(engine, ImageText) else ():
        engine.check_prompts(attribute.prompts)
    seen = image_vectors(faces, engine, device, cache)
    scores, vectors = {}, {}
    for name, attribute in attributes.items():
        vectors[name] = engine.texts(attribute.prompts).float().cpu()
        scores[name] = (engine.scale * seen @ vectors[name].T).softmax(1)
    return Retrieved(dict(attributes), scores, vectors)


def image_vectors(faces, engine, device="cpu", cache: bool = True, batch_size: int = 256) -> Tensor:
    """Return unit image vectors float32 [N, D] of an engine; made once for the same pixels and the same weights."""
    def make():
        engine.to(device)
        parts = [engine.images(part.to(device)).float().cpu()
                 for part in tqdm(faces.images.split(batch_size), "retrieving", unit="batch", leave=False, delay=2)]
        return torch.cat(parts).numpy()
    if not cache:
        return torch.from_numpy(make())
    return torch.from_numpy(cached_array(f"attributes-{pixels_key(faces)}-{engine.key}", make))


def pixels_key(faces) -> str:
    """Return a short text that changes with any pixel of any face, or their order."""
    digest = hashlib.sha256(repr(tuple(faces.images.shape)).encode())
    for part in faces.images.split(1024):
        digest.update(part.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:24]
