"""`fercourse course`: for those who teach it, and for a set-up that does not work."""

import json
from pathlib import Path

import typer

from ..errors import InputError

LONGEST = 7 * 24 * 3600                                      # seconds
app = typer.Typer(no_args_is_help=True, help="Student editions, grading, links for a fork, and a look at the set-up.")


@app.command()
def release(
    names: list[str] = typer.Argument(None, metavar="[LESSON]...", help="Such as 01; default: all."),
    check: bool = typer.Option(False, "--check", help="Write nothing; tell what is stale or gives a solution away."),
):
    """Build the student editions, notebooks/student/*.ipynb, from the lessons' sources."""
    from ..course import release as editions
    from ..course.notebooks import sources

    names = names or ()
    if check:
        problems = [problem for source in sources(names) for problem in editions.problems(source)]
        message = "\n".join(problems) or "every student edition is up to date and gives nothing away"
        typer.echo(message, err=bool(problems))
        raise typer.Exit(bool(problems))
    for source in sources(names):
        typer.echo(str(editions.build(source)))
        if line := editions.behind(source):
            typer.echo(line, err=True)


@app.command()
def handout(
    name: str = typer.Argument(metavar="LESSON", help="Such as 03."),
    out: Path = typer.Option(None, help="Where the page goes; default: LESSON-handout.html."),
):
    """Write a lesson's prose and figures, without code and exercises' answers, as one page to show or to print."""
    from ..course.handout import handout as written
    from ..course.notebooks import sources
    from ..course.release import behind

    lessons = sources([name])
    if len(lessons) > 1:
        raise InputError(f"{name!r} names {len(lessons)} lessons; expected one, such as 03")
    typer.echo(str(written(lessons[0], out or Path(f"{lessons[0].stem}-handout.html"))))
    if line := behind(lessons[0]):
        typer.echo(f"the page shows what is no more: {line}", err=True)


@app.command()
def grade(
    submissions: Path = typer.Argument(help="Folder as Moodle or Canvas give it, or with a folder a student; or "
                                                   "a plain table filled in by hand: nothing runs again."),
    out: Path = typer.Option(Path("grades.csv"), help="Where points go; feedback/ and written.html come beside it, "
                                   "for Moodle also feedback.zip."),
    columns: str = typer.Option("plain", help="plain (every exercise), moodle or canvas (for their import)."),
    hidden: Path = typer.Option(None, help="Folder of private tests, GRADE_ID.py each; outside the course's folder."),
    lesson: str = typer.Option(None, help="Such as 01: only what answers it, and what does not tell what it answers."),
    student: list[str] = typer.Option(None, metavar="NAME", help="Grade this student alone, named as in the table; its "
                                      "other rows stay. May be given again."),
    cell_timeout: float = typer.Option(300, min=1, max=LONGEST, help="Seconds a cell may take."),
    timeout: float = typer.Option(1800, min=1, max=LONGEST, help="Seconds a notebook may take."),
    memory: float = typer.Option(6, min=0.5, max=4096, help="GiB of memory a notebook may hold."),
    jobs: int = typer.Option(1, min=1, help="Notebooks at the same time."),
):
    """Run every submission, shut in where the system allows it, and write points, feedback and written answers."""
    from ..course import grade as grading
    from ..course import marks
    from ..course.overview import overview
    from ..course.sandbox import Limits, walled
    from ..course.submissions import ARCHIVES

    if submissions.suffix.lower() in ARCHIVES and submissions.is_file():
        raise InputError(f"{submissions} is an archive; unpack it first, and name the folder it gives")
    if submissions.is_file():
        if student:
            raise InputError("--student grades files again, but a table was given; name the folder of submissions")
        graded = marks.retell(submissions, out, columns=columns, lesson=lesson, told=typer.echo)
        typer.echo("\n".join(filter(None, [overview(graded), str(out)])))
        return
    if not walled():
        typer.echo("this system cannot shut submissions in: they reach the network and your files; "
                   "use a machine or container you can throw away", err=True)
    limits = Limits(cell_timeout, timeout, int(memory * 2**30))
    graded = grading.grade(submissions, out, columns=columns, hidden=hidden, lesson=lesson, limits=limits, jobs=jobs,
                           students=student or (),
                           told=lambda line: typer.echo(line.encode("utf-8", "replace").decode()))    # any encoding
    typer.echo("\n".join(filter(None, ["" if student else overview(graded), str(out)])))


@app.command()
def totals(
    tables: list[Path] = typer.Argument(help="Plain tables of gradings, one or more lessons each."),
    out: Path = typer.Option(Path("totals.csv"), help="Where the sums go: a row a student, a column a lesson."),
):
    """Add up the points of several gradings, student by student."""
    from ..course.totals import total

    rows = total(tables, out, told=typer.echo)
    count, lessons = len(rows) - 1, rows[0][2:-3]
    typer.echo(f"{out}: {count} student{'s' * (count != 1)}, lesson{'s' * (len(lessons) != 1)} {', '.join(lessons)}")


@app.command()
def links(
    repository: str = typer.Option(..., help="Your fork, https://github.com/YOU/NAME."),
    branch: str = typer.Option("main", help="Branch that Colab opens."),
):
    """Point badges and set-up cells of all lessons and student editions, and the docs, at a fork."""
    from ..course.links import relink

    changed = relink(repository, branch)
    typer.echo("\n".join(map(str, changed)) or f"nothing changed: the course already names {repository}, {branch}")


@app.command()
def doctor(as_json: bool = typer.Option(False, "--json", help="Print one JSON document.")):
    """Tell what is wrong with this set-up, and how to put it right; exit 1 if the lessons cannot run."""
    from ..course import doctor as doctors

    findings = doctors.examine()
    typer.echo(json.dumps([one.__dict__ for one in findings], indent=1) if as_json else doctors.report(findings))
    raise typer.Exit(any(one.state == doctors.WRONG for one in findings))
