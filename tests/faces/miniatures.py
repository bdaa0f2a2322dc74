"""Miniatures of the real layouts, a few faces a class, and what is in them, written down independently of readers."""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

SEVEN = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger")
FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".tiff": "TIFF"}


@dataclass(frozen=True)
class Miniature:
    """One set in small.

    `counts` are the faces of each class in all splits; `people` those whose faces must stay together.
    `annotation` is the file whose line `line` the tests replace by the rows in `bad` (kind of damage -> row);
    `names` are files that, put there, must be rejected (kind -> path). `needs` are paths without which
    nothing can be read. `image` is one annotated image. `lost` is how many faces one bad row costs.
    """

    name: str
    make: Callable[[Path], None]
    counts: dict[str, int]
    image: str | None = None
    people: int = 0
    splits: tuple[str, ...] = ("train", "val", "test")
    annotation: str | None = None
    line: int = 2
    bad: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    options: dict = field(default_factory=dict)
    lost: int = 1


@cache
def encoded(ending: str, seed: int) -> bytes:
    """Return a small smooth picture as the bytes of an image file."""
    buffer = io.BytesIO()
    Image.fromarray(smooth(seed, 24)).save(buffer, FORMATS[ending.lower()])
    return buffer.getvalue()


def smooth(seed: int, side=48) -> np.ndarray:
    """Return uint8 [side, side], different enough for every seed never to be taken for a near-duplicate."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))


def put(root: Path, file: str, seed: int = 0) -> None:
    """Write a picture to root/file."""
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(path.suffix, seed % 8))


def write(root: Path, file: str, lines) -> None:
    """Write lines of text to root/file."""
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", "utf-8")


def each(words, count):
    """Return counts of `count` for each word."""
    return dict.fromkeys(words, count)


# ---------------------------------------------------------------------- sets with a list of labels

RAF = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")       # numbers 1 to 7


def rafdb(root):
    """Ten training faces and two test faces of every class."""
    lines = [f"{part}_{number:05d}.jpg {1 + number % 7}" for part, count in (("train", 70), ("test", 14))
             for number in range(count)]
    for line in lines:
        put(root, "Image/aligned/" + line.split()[0].replace(".jpg", "_aligned.jpg"))
    write(root, "EmoLabel/list_patition_label.txt", lines)


FER = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")       # numbers 0 to 6
USAGES = ["Training"] * 70 + ["PublicTest"] * 14 + ["PrivateTest"] * 7


@cache
def pixels(seed: int) -> str:
    """Return a face as FER2013 writes it."""
    return " ".join(map(str, smooth(seed).ravel().tolist()))


@cache
def fer_lines(usages=None):
    """Return fer2013.csv: row i has label i modulo 7."""
    return ["emotion,pixels,Usage",
            *(f"{row % 7},{pixels(row)},{usage}" for row, usage in enumerate(usages or USAGES))]


def fer2013(root):
    write(root, "fer2013/fer2013.csv", fer_lines())


def fer2013_icml(root):
    """The icml file: other column order, names that begin with a space."""
    rows = (line.split(",") for line in fer_lines()[1:])
    write(root, "icml_face_data.csv", ["emotion, Usage, pixels", *(f"{e},{u},{p}" for e, p, u in rows)])


def fer2013_halves(root):
    """train.csv with labels and test.csv without."""
    rows = [line.split(",") for line in fer_lines()[1:]]
    write(root, "train.csv", ["emotion,pixels", *(f'{e},"{p}"' for e, p, _ in rows[:70])])
    write(root, "test.csv", ["pixels", *(f'"{p}"' for _, p, _ in rows[70:])])


def fer2013_tar(root):
    data = ("\n".join(fer_lines()) + "\n").encode()
    root.mkdir(parents=True, exist_ok=True)
    with tarfile.open(root / "fer2013.tar.gz", "w:gz") as pack:
        for name, content in (("fer2013/README", b"x"), ("fer2013/fer2013.csv", data)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            pack.addfile(member, io.BytesIO(content))


def fer2013_zip(root):
    root.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(root / "fer2013.zip", "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("fer2013/fer2013.csv", "\n".join(fer_lines()) + "\n")


VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")


def votes(word: str, count=8) -> str:
    """Return a row of ten votes, `count` of them for a word, two single ones for others."""
    counts = {**dict.fromkeys(VOTES, 0), word: count}
    for other in [w for w in VOTES[:3] if w != word][:2]:
        counts[other] += 1
    return ",".join(str(counts[w]) for w in VOTES)


def ferplus(root):
    """Row i votes for word i modulo 8; row 8 says unknown, row 9 nothing clear, row 10 has no name."""
    fer2013(root)
    rows = [f"{usage},fer{i:07d}.png,{votes(VOTES[i % 8])}" for i, usage in enumerate(USAGES)]
    rows[8] = f"Training,fer0000008.png,{votes('unknown')}"
    rows[9] = "Training,fer0000009.png,4,4,0,0,2,0,0,0,0,0"
    rows[10] = "Training,,0,0,0,0,0,0,0,0,0,0"
    write(root, "fer2013/fer2013new.csv", ["Usage,Image name," + ",".join(VOTES), *rows])


AFFECTNET = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")
AFFECTNET_HEADER = ("subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,"
                    "expression,valence,arousal")


def affectnet_row(name, expression, valence=0.5, arousal=-0.25):
    """Return a row of the older csv; every face has the box 3, 4, 10 wide, 12 high."""
    return f"{name},3,4,10,12,{';'.join(['1.5'] * 136)},{expression},{valence},{arousal}"


def affectnet(root):
    """Four training and two validation faces a class; one more of each label 8 to 10; one without valence."""
    numbers = [*(i % 8 for i in range(32)), 8, 9, 10]
    train = [affectnet_row(f"{1 + i % 3}/{i}.jpg", number) for i, number in enumerate(numbers)]
    train[1] = affectnet_row("2/1.jpg", 1, -2, -2)
    val = [affectnet_row(f"9/{i}.jpg", i % 8) for i in range(16)]
    for row in (*train, *val):
        put(root, "Manually_Annotated_Images/" + row.split(",")[0])
    write(root, "training.csv", [AFFECTNET_HEADER, *train])
    write(root, "validation.csv", [AFFECTNET_HEADER, *val])


def affectnet_npy(root):
    for part, count in (("train_set", 32), ("val_set", 16)):
        (root / part / "annotations").mkdir(parents=True)
        for i in range(count):
            put(root, f"{part}/images/{i}.jpg")
            values = {"exp": str(i % 8), "val": "-2" if i == 1 else "0.5", "aro": "-0.25"}
            for name, value in values.items():
                np.save(root / part / "annotations" / f"{i}_{name}.npy", np.array(value))


def expw(root):
    """Two faces in each photograph."""
    lines = [f"photo_{i // 2}.jpg {i % 2} {5 + i % 2} {7 + i % 2} 17 25 30.5 {i % 7}" for i in range(70)]
    for line in lines:
        put(root, "image/origin/" + line.split()[0])
    write(root, "label/label.lst", lines)


def muxspace(root):
    """Six named people with five pictures each, five nobody knows; two spellings of case."""
    words = ("anger", "NEUTRAL", "happiness", "Happiness", "surprise")
    rows = [f"302,{'Ann_Bo' + 'x' * (i // 5)}_{i % 5:04d}.jpg,{words[i % 5]}" for i in range(30)]
    rows += [f"628,facial-expressions_{i}k.jpg,{words[i]}" for i in range(5)]
    for row in rows:
        put(root, "images/" + row.split(",")[1])
    write(root, "data/legend.csv", ["user.id,image,emotion", *rows])


def csv(root):
    rows = [f"faces/{i}.png,{SEVEN[i % 7]},p{i % 10},0.5,-0.5" for i in range(70)]
    for row in rows:
        put(root, row.split(",")[0])
    write(root, "faces.csv", ["path,label,person,valence,arousal", *rows])


AFFWILD = ("neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise")


def affwild2(root, task="EXPR_Set", parts=("Training_Set", "Validation_Set")):
    """Frame 3 has no face; frame 4 is unlabelled; frame 5 is `other`."""
    for part, videos in zip(parts, (("1-30", "1-30_left"), ("video7",))):
        for video in videos:
            labels = ["0", "1", "2", "-1", "7", "3", "4", "5", "6", "0"]
            write(root, f"annotations/{task}/{part}/{video}.txt", ["Neutral,Anger,…", *labels])
            for frame in (1, 2, 4, 5, 6, 7, 8, 9, 10):
                put(root, f"cropped_aligned/{video}/{frame:05d}.jpg")


# ---------------------------------------------------------------------- sets whose labels are names

def ckplus(root):
    """Ten people, each with anger (1), surprise (7) and an unlabelled sequence, of six frames each."""
    for person in range(10):
        for sequence, label in (("001", 1), ("002", 7), ("003", None)):
            stem = f"S{person:03d}/{sequence}/S{person:03d}_{sequence}_"
            for frame in range(1, 7):
                put(root, f"cohn-kanade-images/{stem}{frame:08d}.png")
            if label:
                write(root, f"Emotion/{stem}00000006_emotion.txt", [f"   {label}.0000000e+00"])


def ck48(root):
    for i, word in enumerate(("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")):
        for person in range(10):
            for frame in range(3):
                put(root, f"CK+48/{word}/S{person:03d}_{i:03d}_{frame:08d}.png")


def jaffe(root):
    people = ("KA", "KL", "KM", "KR", "MK", "NA", "NM", "TM", "UY", "YM")
    for p, person in enumerate(people):
        for w, word in enumerate(("AN", "DI", "FE", "HA", "NE", "SA", "SU")):
            put(root, f"{person}.{word}1.{7 * p + w}.tiff")
    put(root, "KL.FE1.200.tiff")                  # the same person, class and number under another serial


def sfew(root):
    for part, count in (("Train", 3), ("Val", 2)):
        for word in ("Angry", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise"):
            for i in range(count):
                put(root, f"{part}/{word}/Film_{i}.png")


def oulucasia(root):
    for person in range(1, 11):
        for word in ("Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise"):
            for frame in range(5):
                put(root, f"VL/Strong/P{person:03d}/{word}/{frame:03d}.jpeg")


def kdef(root):
    for person in [f"{sex}{n:02d}" for sex in "FM" for n in range(1, 6)]:
        for session in "AB":
            for word in ("AF", "AN", "DI", "HA", "NE", "SA", "SU"):
                for angle in ("S", "HL"):
                    put(root, f"KDEF/{session}{person}/{session}{person}{word}{angle}.JPG")


def folder(root):
    for part in ("train", "test"):
        for word in ("Happy", "sadness"):
            for i in range(10):
                put(root, f"{part}/{word}/{i}.jpg")


def afewva(root):
    for clip in range(1, 11):
        frames = {}
        for frame in range(3):
            put(root, f"01/{clip:03d}/{frame:05d}.png")
            frames[f"{frame:05d}"] = {"landmarks": [[1.0, 2.0]] * 68, "valence": -5.0, "arousal": 10.0}
        content = json.dumps({"video_id": str(clip), "frames": frames})
        write(root, f"01/{clip:03d}/{clip:03d}.json", [content])


LIST = "EmoLabel/list_patition_label.txt"
FER_SPLITS = ("train", "val", "PublicTest", "PrivateTest")
FER_BAD = {
    "truncated row": f"1,{pixels(500)}", "truncated pixels": f"1,{pixels(500)[:4000]},Training",
    "label out of range": f"7,{pixels(500)},Training", "not a number": f"happy,{pixels(500)},Training",
    "pixel out of range": f"1,{pixels(500)[:-3].rstrip()} 999,Training",
    "unknown usage": f"1,{pixels(500)},Holdout",
}
_PEAKS = ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")

MINIATURES = (
    Miniature("rafdb", rafdb, each(RAF, 12), "Image/aligned/train_00001_aligned.jpg", annotation=LIST,
              needs=(LIST, "Image/aligned"),
              bad={"truncated row": "train_00001.jpg", "overlong row": "train_00001.jpg 1 1",
                   "label out of range": "train_00001.jpg 8", "not a number": "train_00001.jpg happy",
                   "unknown part": "valid_00001.jpg 1", "missing image": "train_99999.jpg 1"}),
    Miniature("fer2013", fer2013, each(FER, 13), splits=FER_SPLITS, annotation="fer2013/fer2013.csv",
              needs=("fer2013/fer2013.csv",), bad=FER_BAD),
    Miniature("ferplus", ferplus, {**each(VOTES[:8], 11), "happiness": 11, "neutral": 11, "surprise": 11},
              splits=FER_SPLITS, annotation="fer2013/fer2013new.csv",
              needs=("fer2013/fer2013.csv", "fer2013/fer2013new.csv"),
              bad={"truncated row": "Training,fer0000000.png,8,1",
                   "vote out of range": "Training,fer0000000.png,99,0,0,0,0,0,0,0,0,0"}),
    Miniature("affectnet", affectnet, each(AFFECTNET, 6), "Manually_Annotated_Images/1/0.jpg",
              splits=("train", "val"), annotation="training.csv", needs=("Manually_Annotated_Images",),
              bad={"truncated row": "1/0.jpg,3,4,10,12", "label out of range": affectnet_row("1/0.jpg", 11),
                   "valence out of range": affectnet_row("1/0.jpg", 1, 3),
                   "empty face box": affectnet_row("1/0.jpg", 1).replace(",10,12,", ",0,12,"),
                   "not a number": affectnet_row("1/0.jpg", 1, "high"),
                   "missing image": affectnet_row("1/none.jpg", 1)}),
    Miniature("affectnet", affectnet_npy, each(AFFECTNET, 6), "train_set/images/3.jpg", splits=("train", "val"),
              needs=("train_set/annotations", "train_set/images")),
    Miniature("ckplus", ckplus, {"neutral": 20, "anger": 30, "surprise": 30}, people=10,
              image="cohn-kanade-images/S000/001/S000_001_00000006.png",
              annotation="Emotion/S000/001/S000_001_00000006_emotion.txt", line=1,
              needs=("cohn-kanade-images", "Emotion"),
              lost=4, bad={"truncated label file": "", "label out of range": "9", "not a number": "happy"}),
    Miniature("ck48", ck48, each(_PEAKS, 30), "CK+48/happy/S000_004_00000000.png", people=10,
              names={"unknown label": "CK+48/bored/S000_004_00000000.png",
                     "unknown file name": "CK+48/happy/first.png"}),
    Miniature("jaffe", jaffe, {**each(SEVEN, 10), "fear": 11}, "KA.AN1.0.tiff", people=10,
              names={"unknown label": "KA.XX1.3.tiff"}),
    Miniature("sfew", sfew, each(SEVEN, 5), "Train/Angry/Film_0.png", splits=("train", "val"),
              needs=("Train/Angry",), names={"unknown label": "Train/Bored/Film_0.png"}),
    Miniature("expw", expw, each(FER, 10), "image/origin/photo_0.jpg", annotation="label/label.lst",
              needs=("label/label.lst", "image/origin"),
              bad={"truncated row": "photo_0.jpg 0 5 7 17", "label out of range": "photo_0.jpg 0 5 7 17 25 30 7",
                   "empty face box": "photo_0.jpg 0 5 7 3 25 30 1", "missing image": "none.jpg 0 5 7 17 25 30 1",
                   "not a number": "photo_0.jpg 0 top 7 17 25 30 1"}),
    Miniature("oulucasia", oulucasia, {**each(SEVEN[1:], 30), "neutral": 60}, people=10,
              image="VL/Strong/P001/Anger/004.jpeg", needs=("VL/Strong",),
              names={"unknown label": "VL/Strong/P001/Bored/000.jpeg",
                     "unknown person": "VL/Strong/extra/Anger/000.jpeg"}),
    Miniature("kdef", kdef, each(SEVEN, 40), "KDEF/AF01/AF01AFS.JPG", people=10, needs=("KDEF",),
              names={"unknown label": "KDEF/AF01/AF01S.JPG"}),
    Miniature("afewva", afewva, {}, "01/001/00000.png", needs=("01",)),
    Miniature("affwild2", affwild2, {**each(AFFWILD, 3), "disgust": 0, "neutral": 6},
              "cropped_aligned/1-30/00001.jpg", splits=("train", "val"),
              annotation="annotations/EXPR_Set/Training_Set/1-30.txt", needs=("annotations", "cropped_aligned"),
              bad={"truncated row": "", "label out of range": "8", "not a number": "happy"}),
    Miniature("muxspace", muxspace, {"anger": 7, "neutral": 7, "happiness": 14, "surprise": 7},
              "images/Ann_Bo_0000.jpg", annotation="data/legend.csv", people=6,
              needs=("data/legend.csv", "images"),
              bad={"truncated row": "302,Ann_Bo_0000.jpg", "unknown label": "302,Ann_Bo_0000.jpg,bored",
                   "missing image": "302,Nobody_0001.jpg,anger"}),
    Miniature("folder", folder, {"happiness": 20, "sadness": 20}, "train/Happy/0.jpg",
              names={"unknown label": "train/Bored/0.jpg"}),
    Miniature("csv", csv, each(SEVEN, 10), "faces/0.png", people=10, annotation="faces.csv", needs=("faces.csv",),
              bad={"truncated row": "faces/0.png", "unknown label": "faces/0.png,bored,p0,0,0",
                   "arousal out of range": "faces/0.png,anger,p0,0,5", "missing image": "no.png,anger,p0,0,0",
                   "not a number": "faces/0.png,anger,p0,x,0"}),
)
