"""What a class found easy and what hard: for the hour after the grading."""

from statistics import median

from .grades import Grade, number

HEADS = ("all", "some", "none", "waits")


def overview(grades: list[Grade]) -> str:
    """Return, lesson by lesson and exercise by exercise, how many earned all points, some, none, or wait for a person.

    Who handed in nothing that could be read is left out, and counted. Empty where fewer than two are left.
    """
    parts = [_of_lesson(lesson, [one for one in grades if one.lesson == lesson])
             for lesson in sorted({one.lesson for one in grades})]
    return "\n\n".join(filter(None, parts))


def _of_lesson(lesson, grades):
    read = [one for one in grades if one.book is not None or _was_read(one)]
    if len(read) < 2:
        return ""
    left_out = f", {len(grades) - len(read)} more left out: nothing to read" if len(read) < len(grades) else ""
    exercises = list(dict.fromkeys(name for one in read for name in one.of))
    width = max(map(len, exercises))
    lines = [f"lesson {lesson}: {len(read)} notebooks{left_out}; median {number(median(one.total for one in read))} of "
             f"{number(sum(read[0].of.values()))} points",
             f"  {'':{width}}" + "".join(f"{head:>7}" for head in HEADS)]
    for name in exercises:
        states = [_state(one.points[name], one.of[name]) for one in read if name in one.of]
        lines.append(f"  {name:{width}}" + "".join(f"{states.count(head):>7}" for head in HEADS))
    return "\n".join(lines)


def _was_read(one):
    """Return whether a row of a table is of somebody whose notebook could be read."""
    return any(one.points.values()) or None in one.points.values() or bool(
        one.submission.path and not one.problem.startswith(("handed in ", "not a ", "no notebook", "larger than")))


def _state(points, most):
    return "waits" if points is None else "all" if points >= most else "some" if points > 0 else "none"
