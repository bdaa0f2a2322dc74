"""Train the offline image-text model: `python -m fercourse.studies.attributes_train`, in pieces if you like.

It renders people of its own (another seed than the embedded set's, so that everybody there is a stranger to it),
writes captions of varied wording that tell some of what is true of each face, and learns which caption goes with
which face. `--minutes` stops early; the same call goes on where it stopped.
"""

import json
from functools import cache
from pathlib import Path
from random import Random
from typing import Annotated

import torch
import torch.nn.functional as F
import typer

from .. import augment, evaluate
from ..faces import load_faces
from ..models import attributes as at
from ..models.engines import ImageText, words_of
from ..seeds import derive
from .publish import publish
from .small_fit import fit_in_pieces

# How people put it; the first of each list are the words that `ATTRIBUTES` asks with.
WAYS = {
    "gender": (("woman", "lady", "female", "feminine face", "she"),
               ("man", "gentleman", "male", "masculine face", "he")),
    "age": (("child", "kid", "little one", "small child", "boy or girl"),
            ("young adult", "young", "youthful", "in the twenties", "young grown-up"),
            ("middle-aged adult", "middle-aged", "in the forties", "mid-life", "middle age"),
            ("old person", "elderly", "aged, with wrinkles", "senior", "in the seventies")),
    "skin_tone": (("light skin", "fair skin", "pale skin", "light-skinned", "light complexion"),
                  ("olive skin", "tan skin", "medium skin", "olive-skinned", "olive complexion"),
                  ("brown skin", "deep brown skin", "bronze skin", "brown-skinned", "brown complexion"),
                  ("dark skin", "very dark skin", "ebony skin", "dark-skinned", "dark complexion")),
}
STARTS = ("a photo of a", "a picture of a", "a portrait:", "the face of a", "here is a", "a photo of a person,", "")
LINKS = (" with ", ", ", " and ", ", ")
# Colour and light decide what a tone looks like, so they change less than usual.
VIEW = augment.Preset(flip=.5, rotation=10, scale=(.9, 1.2), shift=.06, brightness=.12, contrast=.12, saturation=.08,
                      blur=.2, blur_width=(.005, .015), erase=.2, erase_area=(.02, .1))


def caption(truth: dict[str, int], draw: Random) -> tuple[str, dict[str, int]]:
    """Return a sentence about a face and what it claims: some of the answers, in some order, in some words.

    Args:
        truth: question -> the true answer; -1 is not known and never told.
    """
    known = [name for name, answer in truth.items() if answer >= 0]
    claimed = draw.sample(known, draw.randint(1, len(known)))
    parts = [draw.choice(WAYS[name][truth[name]]) for name in claimed]
    sentence = draw.choice(STARTS) + " " + parts[0]
    for part in parts[1:]:
        sentence += draw.choice(LINKS) + part
    return sentence.strip(), {name: truth[name] for name in claimed}


def vocabulary() -> list[str]:
    """Return every word that captions use, sorted."""
    said = [*STARTS, *LINKS, *(way for ways in WAYS.values() for answer in ways for way in answer)]
    said += [prompt for one in at.ATTRIBUTES.values() for prompt in one.prompts]
    return sorted({word for text in said for word in words_of(text)})


def caption_loss(images, texts, fits, scale, bias):
    """Return the mean loss of telling, for every image and every caption, whether the caption is true of it.

    The sigmoid in place of a softmax lets several captions be true of a face, as several are here.

    Args:
        images, texts: unit vectors [B, D].
        fits: bool [B, B]: what caption j claims is true of image i.
        scale, bias: of the cosines.

    Source: Zhai et al., Sigmoid loss for language image pre-training, ICCV 2023.
    """
    return F.binary_cross_entropy_with_logits(scale * images @ texts.T + bias, fits.float())


def fitting(truth, claims):
    """Return bool [B, B] of which captions j (columns) are true of which images i (rows).

    Args:
        truth: question -> int64 [B]; claims: question -> int64 [B], -1 where the caption says nothing.
    """
    pairs = [(claims[name][None] == truth[name][:, None]) | (claims[name][None] < 0) for name in truth]
    return torch.stack(pairs).all(0)


def written(truth, rows, draw):
    """Return captions of some faces, and what they claim: question -> int64 [B], -1 for nothing."""
    captions = [caption({name: int(answers[row]) for name, answers in truth.items()}, draw) for row in rows.tolist()]
    claims = {name: torch.tensor([claim.get(name, -1) for _, claim in captions]) for name in truth}
    return [sentence for sentence, _ in captions], claims


def rendered(out: Path, people: int, per_person: int):
    """Return faces of people who are in no other set, rendered at the first call, resumable."""
    from ..synth.population import Population
    from ..synth.population_file import write_population
    path = out / "faces.parquet"
    if not path.is_file():
        write_population(Population(people, per_person, ImageText(()).size, seed=derive("attributes") % 2**31), path,
                         workers=1)
    return load_faces("synthfaces", split=None, root=path)


def train(faces, out: Path, epochs: int, batch_size: int, lr: float, minutes: float, seed: int = 0):
    """Train to the end, or until the minutes are over; returns the model and whether it is finished."""
    truth = {name: one.truth(faces) for name, one in at.ATTRIBUTES.items()}
    torch.manual_seed(derive("attributes", seed))
    model = ImageText(vocabulary()).to(memory_format=torch.channels_last)

    @cache
    def draw(epoch):
        return Random(derive("caption", seed, epoch))

    def loss(epoch, rows, parameters):
        sentences, claims = written(truth, rows, draw(epoch))
        fits = fitting({name: answers[rows] for name, answers in truth.items()}, claims)
        pixels = augment.apply(faces.images[rows], parameters).contiguous(memory_format=torch.channels_last)
        return caption_loss(model.see(pixels), model.texts(sentences), fits, model.log_scale.exp(), model.bias)
    done = fit_in_pieces(model, loss, len(faces), VIEW, out / "attributes.pt", name="attributes", epochs=epochs,
                         batch_size=batch_size, lr=lr, weight_decay=0.05, minutes=minutes, seed=seed)
    return model, done


def measure(model, faces) -> dict:
    """Return for each question zero-shot accuracy, mean recall over the words, and the accuracy of one answer."""
    retrieved = at.retrieve(faces, engine=model, cache=False)
    report = {"faces": len(faces), "people": len(faces.people)}
    for name, scores in retrieved.accuracy(faces).items():
        recalls = evaluate.recalls(evaluate.confusion(retrieved.answers(name), at.ATTRIBUTES[name].truth(faces),
                                                      len(at.ATTRIBUTES[name].words)))
        report[name] = {"accuracy": round(scores["accuracy"], 4), "chance": round(scores["chance"], 4),
                        "mean_recall": round(recalls.nanmean().item(), 4)}
    return report


def publish_model(model, facts: dict):
    """Write weights and manifest into the package."""
    publish("attributes", model.state_dict(), {
        "what": "image-text model for attributes of rendered faces",
        "licence": "Apache-2.0, trained on synthetic faces and captions alone",
        "size": model.size, "width": model.width, "vocabulary": list(model.vocabulary), **facts})


def main(
    out: Annotated[Path, typer.Option(help="Folder of the rendered faces and checkpoint.")] = Path("runs/attributes"),
    people: Annotated[int, typer.Option(help="Rendered people.")] = 500,
    per_person: Annotated[int, typer.Option(help="Pictures of each.")] = 6,
    epochs: Annotated[int, typer.Option(help="Walks through the faces.")] = 30,
    batch_size: int = 128,
    lr: float = 2e-3,
    minutes: Annotated[float, typer.Option(help="Stop after so many; call again to go on.")] = 1e9,
):
    """Render, train, measure on the people of the embedded set, and put weights and manifest into the package."""
    model, finished = train(rendered(out, people, per_person), out, epochs, batch_size, lr, minutes)
    if not finished:
        typer.echo("not finished; call again to go on")
        raise typer.Exit(0)
    facts = {domain: measure(model, load_faces("synthfaces", split="test", domain=domain))
             for domain in ("wild", "lab")}
    made = {"people": people, "faces": people * per_person, "epochs": epochs, "scored_on": "test"}
    publish_model(model, made | facts)
    typer.echo(json.dumps(facts, indent=1))


if __name__ == "__main__":
    typer.run(main)
