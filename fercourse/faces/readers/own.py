"""Somebody's own set: the classes it has, and what its words mean among them."""

from ...errors import InputError
from ..emotions import EMOTIONS, emotion, folded
from .common import BadRow, word


def labelling(classes=None, words=None):
    """Return the classes of somebody's own set, and a function that gives a label's class or raises BadRow.

    Args:
        classes: words of one's own, or as text `closed,open`; default: the eight emotions in all their spellings.
        words: labels that are spelt otherwise, see `pairs`.

    Raises:
        InputError: fewer than two classes, or `words` that name none of them.
    """
    if classes is None:
        known = spellings(words)
        return EMOTIONS, lambda label: own_word(label, known)
    own = classes.split(",") if isinstance(classes, str) else classes
    own = tuple(str(one).strip() for one in own) if isinstance(own, (list, tuple)) else ()
    if len(own) < 2 or not all(own) or len(set(map(folded, own))) < len(own):
        raise InputError(f"classes is {classes!r}; expected at least two different words, such as closed,open")
    known, meant = {folded(one): one for one in own}, _in_any_spelling(pairs(words))
    if strange := [one for one in meant.values() if folded(one) not in known]:
        raise InputError(f"words names {strange[0]!r}; expected one of the classes {', '.join(own)}")

    def find(label):
        word = folded(_meaning(label, meant))
        if word not in known:
            raise BadRow(f"unknown label: {label!r}, expected one of {', '.join(own)}; or say which it is with words")
        return known[word]
    return own, find


def _meaning(label, words):
    """Return what `words` says of a label as it is spelt, else of one spelt nearly so, else the label."""
    return words.get(label, words.get(folded(label), label))


def _in_any_spelling(words):
    return {folded(own): meant for own, meant in words.items()} | words


def pairs(words, what="words", such="smile:happiness,3:anger") -> dict:
    """Return {text: text} of a dictionary, or of a text such as `smile:happiness,3:anger`.

    Raises:
        InputError: neither of the two.
    """
    meanings = {} if words is None else words
    if isinstance(words, str) and all(":" in part for part in words.split(",")):
        meanings = dict(part.rsplit(":", 1) for part in words.split(","))
    if not isinstance(meanings, dict):
        one, other = such.split(",")[0].split(":")
        raise InputError(f"{what} is {words!r}; expected a dictionary, such as {{{one!r}: {other!r}}}, on the command "
                         f"line {such}")
    return {str(own).strip(): meant for own, meant in meanings.items()}


def spellings(words) -> dict:
    """Return {label as text: standard word} of what `pairs` takes; each label also as `folded` has it.

    Raises:
        InputError: neither a dictionary nor such a text, or a word that is no emotion.
    """
    meanings = pairs(words)
    for own, meant in meanings.items():
        try:
            emotion(meant)
        except InputError as error:
            raise InputError(f"words says {meant!r} of {own!r}; {error}. For classes of your own say which they are: "
                             "classes=closed,open") from None
    return _in_any_spelling(meanings)


def own_word(spelling: str, words: dict) -> str:
    """Return the standard word for a label of somebody's own set; where there is none, say how to tell it."""
    try:
        return word(_meaning(spelling, words))
    except BadRow as error:
        raise BadRow(f"{error}; write the emotion, or say which it is with words: words={{{spelling!r}: 'neutral'}}, "
                     f"in data pack --option words={spelling}:neutral; classes of your own are classes=closed,open"
                     ) from None
