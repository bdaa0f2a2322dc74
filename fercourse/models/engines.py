"""Engines of retrieval: image-text models behind the same two calls, `images` and `texts`.

The course's own is small and offline, and knows rendered faces only; open_clip's know photographs.
"""

import hashlib
import logging
import re
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import augment
from ..device import layout
from ..errors import InputError, brief, with_extra
from ..files import sha256
from .backbone import backbone
from .hub import patient_only_with_a_network
from .shipped import shipped

OFFLINE, SCALE = "offline", 100.0        # CLIP's own scale of cosines


# ---------------------------------------------------------------------- the course's own engine


class ImageText(nn.Module):
    """A small image-text model: a face network and a reader of short captions meet in one space.

    The reader takes the mean of its words' vectors, so it knows no grammar, and no word that it has not read.

    Attributes:
        vocabulary: the words it knows; key: tells these weights from others; scale: of its cosines.
    """

    def __init__(self, vocabulary, size: int = 48, width: int = 64):
        super().__init__()
        self.vocabulary, self.size, self.width = tuple(vocabulary), size, width
        self.place = {word: i + 1 for i, word in enumerate(self.vocabulary)}         # 0: no word
        self.network = backbone("lesson")
        self.image_head = nn.Linear(self.network.width, width)
        self.word = nn.Embedding(len(self.vocabulary) + 1, 64, padding_idx=0)
        self.text_head = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, width))
        self.log_scale, self.bias = nn.Parameter(torch.tensor(10.0).log()), nn.Parameter(torch.tensor(-1.0))
        self.key = "untrained"

    @property
    def scale(self) -> float:
        """Return what cosines are multiplied with before softmax, as learnt."""
        return self.log_scale.exp().item()

    def see(self, pixels: Tensor) -> Tensor:
        """Return unit vectors [B, D] of normalised images."""
        return F.normalize(self.image_head(self.network.features(pixels)), dim=1)

    def images(self, images: Tensor) -> Tensor:
        """Return unit vectors [B, D] of uint8 images [B, 3, H, W] of any size."""
        pixels = augment.resized(images.to(self.word.weight.device), self.size)
        return self.see(augment.normalise(pixels).contiguous(memory_format=layout(pixels.device)))

    def texts(self, sentences: list[str]) -> Tensor:
        """Return unit vectors [M, D] of sentences; words it has never read are passed over.

        Raises:
            InputError: a sentence without any word it knows.
        """
        rows = [self._tokens(one) for one in sentences]
        if silent := [one for one, row in zip(sentences, rows) if not row]:
            raise InputError(f"the offline engine knows no word of {silent[0]!r}; it has read "
                             f"{', '.join(self.vocabulary[:40])}, …")
        most = max(map(len, rows))
        tokens = torch.tensor([row + [0] * (most - len(row)) for row in rows], device=self.word.weight.device)
        count = (tokens > 0).sum(1, keepdim=True)
        return F.normalize(self.text_head(self.word(tokens).sum(1) / count), dim=1)

    def _tokens(self, sentence):
        return [self.place[word] for word in words_of(sentence) if word in self.place]

    def check_prompts(self, sentences: list[str]):
        """Raise InputError for two sentences of the very same known words: each face would get one answer."""
        read = {}
        for one in sentences:
            other = read.setdefault(tuple(sorted(self._tokens(one))), one)
            if other is not one:
                strange = dict.fromkeys(w for w in words_of(f"{other} {one}") if w not in self.place)
                why = f"it has never read {', '.join(strange)}" if strange else "it takes no notice of order"
                raise InputError(f"to the offline engine {other!r} and {one!r} are the same, for {why}; choose words "
                                 f"among {', '.join(self.vocabulary[:40])}, …, or an engine of open_clip")


def words_of(sentence: str) -> list[str]:
    """Return the words of a sentence, in lower case; a hyphen parts two words."""
    return re.findall(r"[a-z]+", sentence.lower())


@lru_cache(maxsize=1)
def offline_engine() -> ImageText:
    """Return the image-text model whose weights come with the course, in evaluation mode.

    Raises:
        InputError: the weights are missing, or not the file that their manifest describes.
    """
    facts, tensors = shipped("attributes")
    model = ImageText(facts["vocabulary"], facts["size"], facts["width"])
    model.load_state_dict(tensors)
    model.key = facts["sha256"][:16]
    return model.requires_grad_(False).eval()


# ---------------------------------------------------------------------- open_clip


class OpenClip(nn.Module):
    """Any model of open_clip behind the same two calls: `images` and `texts`.

    Args:
        model, tokenizer: as open_clip makes them; key: tells these weights from others.
    """

    scale = SCALE

    def __init__(self, model, tokenizer, key: str):
        super().__init__()
        self.model, self.tokenizer, self.key = model.requires_grad_(False).eval(), tokenizer, key
        tower = model.visual
        self.size = tower.image_size[0] if isinstance(tower.image_size, (tuple, list)) else tower.image_size
        self.mean, self.std = (torch.tensor(v)[:, None, None] for v in (tower.image_mean, tower.image_std))

    def images(self, images: Tensor) -> Tensor:
        """Return unit vectors [B, D] of uint8 images [B, 3, H, W], resized as CLIP wants them."""
        pixels = augment.resized(images.to(next(self.model.parameters()).device), self.size, "bicubic")
        pixels = (pixels / 255 - self.mean.to(pixels)) / self.std.to(pixels)
        return F.normalize(self.model.encode_image(pixels), dim=1)

    def texts(self, sentences: list[str]) -> Tensor:
        """Return unit vectors [M, D] of sentences."""
        device = next(self.model.parameters()).device
        return F.normalize(self.model.encode_text(self.tokenizer(list(sentences)).to(device)), dim=1)


def open_clip_engine(name: str) -> OpenClip:
    """Return a model of open_clip by `model/weights`; weights are a name of its list, or a file.

    Raises:
        InputError: open_clip is not installed, does not know the model, or cannot fetch the weights.
    """
    try:
        import open_clip
    except ImportError as error:
        raise InputError(f"the engine {name!r} needs open_clip; {with_extra('clip')}, or use the engine {OFFLINE!r}"
                         ) from error
    model_name, _, weights = name.partition("/")
    if model_name not in open_clip.list_models() or not weights:
        raise InputError(f"engine {name!r} is unknown; expected {OFFLINE!r} or model/weights of open_clip, such as "
                         "ViT-B-32/laion2b_s34b_b79k")
    try:
        with patient_only_with_a_network(), _unlogged():
            model = open_clip.create_model(model_name, pretrained=weights)
    except Exception as error:                                      # every client library has its own kind
        raise InputError(f"the weights of {name!r} cannot be loaded ({brief(error)}); connect to a network, give a "
                         f"file as {model_name}/FILE, or use the engine {OFFLINE!r}") from error
    return OpenClip(model, open_clip.get_tokenizer(model_name), _clip_key(name, weights))


@contextmanager
def _unlogged():
    """Keep open_clip from logging what the error that it raises says as well."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)


def _clip_key(name, weights):
    """Return what tells these weights from others: the file's content, or the published name."""
    content = sha256(weights) if Path(weights).is_file() else weights
    return hashlib.sha256(f"{name} {content}".encode()).hexdigest()[:16]


def engine_named(name: str):
    """Return an engine by name: see `retrieve`."""
    return offline_engine() if name == OFFLINE else open_clip_engine(name)


def text_width(name: str) -> int:
    """Return the length of an engine's vectors without loading its weights."""
    if name == OFFLINE:
        return 64
    try:
        import open_clip
        return open_clip.get_model_config(name.partition("/")[0])["embed_dim"]
    except (ImportError, TypeError) as error:
        raise InputError(f"the length of the vectors of {name!r} is not known; {with_extra('clip')} and give "
                         "model/weights of open_clip") from error
