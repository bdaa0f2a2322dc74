"""Attributes by retrieval: which of several descriptions fits a face best, asked of an image-text model.

`retrieve(faces)` compares each face with prompts such as "a photo of a young person" and keeps every score. Two
engines answer: the course's own small model, which is offline and knows rendered faces only, and any model of
open_clip, such as OpenAI's CLIP. The answers are guesses about how a picture looks, and never facts about a person.
"""

import hashlib
import json
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from .. import augment
from ..errors import InputError
from ..faces.cache import cached_array
from ..files import sha256
from .backbone import backbone

FOLDER = Path(__file__).resolve().parents[1] / "weights"
OFFLINE, SCALE = "offline", 100.0        # CLIP's own scale of cosines


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
        """Return what the renderer drew, int64 [N] into `words`; -1 where it is not known.

        Raises:
            InputError: the faces do not have the column.
        """
        values = faces.column(self.column).cpu()
        if not self.edges:
            return values.long()
        found = torch.bucketize(values.double(), torch.tensor(self.edges, dtype=torch.float64), right=True)
        unknown = values.isnan() if values.is_floating_point() else values < 0
        return found.masked_fill(unknown, -1)


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

    def text(self, name: str) -> Tensor:
        """Return the text vector of each face's best word, [N, D]: t in the paper."""
        return self.vectors[name][self.answers(name)]

    def told(self, row: int) -> str:
        """Return one face's scores in lines, such as `age: old person 71 %, middle-aged adult 22 %, …`."""
        lines = []
        for name, attribute in self.attributes.items():
            ranked = sorted(zip(self.scores[name][row].tolist(), attribute.words), reverse=True)
            lines.append(f"{name.replace('_', ' ')}: " + ", ".join(f"{word} {share:.0%}" for share, word in ranked))
        return "\n".join(lines)

    def accuracy(self, faces) -> dict[str, dict]:
        """Return for each question the share of right answers, and that of always naming the commonest word."""
        found = {}
        for name, attribute in self.attributes.items():
            truth = attribute.truth(faces)
            known = truth >= 0
            right = (self.answers(name).cpu() == truth)[known].float().mean().item()
            found[name] = {"accuracy": right, "chance": (truth[known].bincount().max() / known.sum()).item()}
        return found


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
        InputError: another engine, one that is not installed, or weights that cannot be fetched.
    """
    attributes = ATTRIBUTES if attributes is None else attributes
    engine = engine_named(engine) if isinstance(engine, str) else engine
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
        pixels = images.float()
        if pixels.shape[-1] != self.size:
            pixels = F.interpolate(pixels, (self.size, self.size), mode="bilinear", antialias=True).clamp(0, 255)
        return self.see(augment.normalise(pixels).contiguous(memory_format=torch.channels_last))

    def texts(self, sentences: list[str]) -> Tensor:
        """Return unit vectors [M, D] of sentences; words it has never read are passed over.

        Raises:
            InputError: a sentence without any word it knows.
        """
        rows = [[self.place[word] for word in words_of(one) if word in self.place] for one in sentences]
        if silent := [one for one, row in zip(sentences, rows) if not row]:
            raise InputError(f"the offline engine knows no word of {silent[0]!r}; it has read "
                             f"{', '.join(self.vocabulary[:40])}, …")
        most = max(map(len, rows))
        tokens = torch.tensor([row + [0] * (most - len(row)) for row in rows], device=self.word.weight.device)
        count = (tokens > 0).sum(1, keepdim=True)
        return F.normalize(self.text_head(self.word(tokens).sum(1) / count), dim=1)


def words_of(sentence: str) -> list[str]:
    """Return the words of a sentence, in lower case; a hyphen parts two words."""
    return re.findall(r"[a-z]+", sentence.lower())


@lru_cache(maxsize=1)
def offline_engine() -> ImageText:
    """Return the image-text model whose weights come with the course, in evaluation mode.

    Raises:
        InputError: the weights are missing, or not the file that their manifest describes.
    """
    from safetensors.torch import load_file
    path, manifest = FOLDER / "attributes.safetensors", FOLDER / "attributes.json"
    if not (path.is_file() and manifest.is_file()):
        raise InputError(f"{path} or its manifest is missing; install fercourse again, or train the model with: "
                         "python -m fercourse.models.attributes_train")
    facts = json.loads(manifest.read_text(encoding="utf-8"))
    if sha256(path) != facts["sha256"]:
        raise InputError(f"{path} is not the file of its manifest (SHA-256 differs); install fercourse again")
    model = ImageText(facts["vocabulary"], facts["size"], facts["width"])
    model.load_state_dict({name: value.float() if value.is_floating_point() else value
                           for name, value in load_file(path).items()})
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
        pixels = F.interpolate(images.float(), (self.size, self.size), mode="bicubic", antialias=True).clamp(0, 255)
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
        raise InputError(f"the engine {name!r} needs open_clip; pip install 'fercourse[clip]', or use the engine "
                         f"{OFFLINE!r}") from error
    model_name, _, weights = name.partition("/")
    if model_name not in open_clip.list_models() or not weights:
        raise InputError(f"engine {name!r} is unknown; expected {OFFLINE!r} or model/weights of open_clip, such as "
                         "ViT-B-32/laion2b_s34b_b79k")
    try:
        model = open_clip.create_model(model_name, pretrained=weights)
    except Exception as error:                                      # every client library has its own kind
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
        raise InputError(f"the weights of {name!r} cannot be loaded ({first}); connect to a network, give a file "
                         f"as {model_name}/FILE, or use the engine {OFFLINE!r}") from error
    return OpenClip(model, open_clip.get_tokenizer(model_name), _clip_key(name, weights))


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
        raise InputError(f"the length of the vectors of {name!r} is not known; pip install 'fercourse[clip]' and "
                         "give model/weights of open_clip") from error
