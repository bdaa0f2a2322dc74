"""What is told of the errors of others."""

from fercourse.errors import brief


def test_an_error_is_told_by_its_first_two_lines_or_by_its_kind():
    assert brief(RuntimeError("\nsizes differ:\n\thead.bias\nand more")) == "sizes differ: head.bias"
    assert brief(KeyError()) == "KeyError"
    assert len(brief(ValueError("word " * 100))) <= 240
