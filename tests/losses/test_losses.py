"""What stands in the folder of losses is a loss, and needs no list beside it."""

from pathlib import Path

from fercourse import losses


def test_every_file_is_a_loss():
    assert dir(losses) == sorted(path.stem for path in Path(losses.__file__).parent.glob("[a-z]*.py"))
