"""What is no checkpoint, or not any more, is refused in a sentence, and nothing in it is run."""

import pickle
import zipfile

import pytest
import torch

from fercourse.checkpoint import read_checkpoint
from fercourse.errors import InputError


class Bomb:
    def __reduce__(self):
        return (print, ("boom",))


def test_what_is_no_checkpoint_is_refused(tmp_path, capsys):
    bad = tmp_path / "checkpoint.pt"
    torch.save({"format": 1, "step": 3, "config": {}, "memory": {"rows": torch.zeros(1000)}}, bad)
    assert read_checkpoint(bad)["step"] == 3
    good = bad.read_bytes()
    cases = {"damaged or no checkpoint": b"nonsense", r"damaged or no checkpoint \(": good[:len(good) // 2]}
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    cases["fails its checksum"] = bytes(flipped)
    for message, content in cases.items():
        bad.write_bytes(content)
        with pytest.raises(InputError, match=message):
            read_checkpoint(bad)
    torch.save({"format": 1, "step": Bomb()}, bad)
    with pytest.raises(InputError, match="refused because reading it could run code"):
        read_checkpoint(bad)
    bad.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(InputError, match="damaged or no checkpoint"):
        read_checkpoint(bad)
    torch.save({"step": 3}, bad)
    with pytest.raises(InputError, match="no checkpoint; expected one by fercourse train"):
        read_checkpoint(bad)
    torch.save({"format": 2, "versions": {"fercourse": "9.1"}}, bad)
    with pytest.raises(InputError, match=r"made by fercourse 9.1 in format 2, but .* reads up to 1; update"):
        read_checkpoint(bad)
    with pytest.raises(InputError, match="no such checkpoint"):
        read_checkpoint(tmp_path / "nothing.pt")
    assert "boom" not in capsys.readouterr().out


def test_damage_anywhere_is_told(tmp_path):
    path, previous = tmp_path / "checkpoint.pt", tmp_path / "checkpoint.previous.pt"
    torch.save({"format": 1, "step": 3, "config": {}, "memory": {}}, previous)
    whole = previous.read_bytes()
    said = 0
    for at in range(whole.index(b"PK\x01\x02"), len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 128]) + whole[at + 1:])
        try:
            read_checkpoint(path)
        except InputError as error:
            said += "checkpoint.previous.pt beside it" in str(error)
    assert said > 50
    with zipfile.ZipFile(previous) as good, zipfile.ZipFile(path, "w") as bad:
        for name in good.namelist():
            bad.writestr(name, b"\x80\x02." if name.endswith("data.pkl") else good.read(name))
    with pytest.raises(InputError, match=r"damaged or no checkpoint .*checkpoint\.previous\.pt beside it"):
        read_checkpoint(path)


@pytest.mark.parametrize("change, message", [
    ({"config": []}, "lacks its config"), ({"memory": 0}, "lacks its memory"), ({"step": "3"}, "lacks its step"),
    ({"config": {"seed": torch.zeros(2)}}, "its config holds more than numbers and texts"),
    ({"format": 2, "versions": {"torch": "2"}}, "made by another fercourse in format 2"),
])
def test_a_checkpoint_of_other_types_is_refused(tmp_path, change, message):
    torch.save({"format": 1, "step": 3, "config": {}, "memory": {}, **change}, tmp_path / "checkpoint.pt")
    with pytest.raises(InputError, match=message):
        read_checkpoint(tmp_path / "checkpoint.pt")
