"""Numbers of the real sets that the miniatures hold too few of to tell an order by."""

from fercourse.faces.catalogue import read

from . import miniatures
from .miniatures import put, write


def test_every_number_of_ckplus_is_its_word(tmp_path):
    told = {1: "anger", 2: "contempt", 3: "disgust", 4: "fear", 5: "happiness", 6: "sadness", 7: "surprise"}
    for number in told:
        stem = f"S001/{number:03d}/S001_{number:03d}_"
        put(tmp_path, f"cohn-kanade-images/{stem}00000001.png")
        write(tmp_path, f"Emotion/{stem}00000001_emotion.txt", [f"   {number}.0000000e+00"])
    listing = read("ckplus", tmp_path)
    assert {int(file.split("/")[2]): listing.classes[label]
            for file, label in zip(listing.files, listing.labels)} == told


def test_valence_comes_before_arousal_in_affectnets_cropped_release(tmp_path):
    miniatures.affectnet_npy(tmp_path)
    assert read("affectnet", tmp_path).valence_arousal[0].tolist() == [0.5, -0.25]


def test_affectnets_landmarks_are_pairs_of_x_and_y(tmp_path):
    miniatures.affectnet(tmp_path)
    path = tmp_path / "training.csv"
    path.write_text(path.read_text().replace(";".join(["1.5"] * 136), ";".join(map(str, range(136)))))
    assert read("affectnet", tmp_path, landmarks=True).landmarks[0, :2].tolist() == [[0, 1], [2, 3]]


def test_every_fifth_frame_of_affwild2(tmp_path):
    miniatures.affwild2(tmp_path)
    assert {file[-9:-4] for file in read("affwild2", tmp_path, every=5).files} == {"00001", "00006"}


def test_a_fifth_of_kdefs_people_are_for_testing(tmp_path):
    miniatures.kdef(tmp_path)
    listing = read("kdef", tmp_path)
    people = {part: len(set(listing.identity[listing.split == part])) for part in ("train", "val", "test")}
    assert people == {"train": 7, "val": 1, "test": 2}
