"""`fercourse …`: one file a group of commands; every heavy import waits until its command runs."""

import sys
import traceback
import warnings
from pathlib import Path

import typer

from ..errors import InputError
from . import bench, course, data, embed, predict, render, study, train

FAULT, STOPPED = 1, 130
PACKAGE = Path(__file__).resolve().parents[1]
_Misused = typer.BadParameter.__base__                  # click's UsageError; newer typers carry a click of their own

app = typer.Typer(
    name="fercourse", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    rich_markup_mode=None,                              # NAME[/DOMAIN] is no markup
    help="A notebook course on representation learning for facial expression recognition.",
)
app.add_typer(course.app, name="course")
app.add_typer(data.app, name="data")
app.command("bench")(bench.bench)
app.command("embed")(embed.embed)
app.command("predict")(predict.predict)
app.command("render")(render.render)
app.command("study")(study.study)
app.command("train")(train.train)
app.command("evaluate")(train.evaluate)


def _show_version(wanted: bool):
    if wanted:
        from .. import __version__
        typer.echo(f"fercourse {__version__}")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    debug: bool = typer.Option(False, "--debug", help="Show the full traceback of an error."),
    use: list[Path] = typer.Option(
        None, help="Python file with a method, a study or a set of faces of your own; may be repeated. It is run."),
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True,
                                 help="Print the version and leave."),
):
    """Options of every command; --debug and --use may stand anywhere."""
    if use:
        from .. import methods, studies
        for file in use:
            methods.use(file, studies.REGISTRY)
        next(p for p in ctx.command.commands["study"].params if p.name == "name").help = study.known()


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; an error ends in one sentence on stderr: status 2 for bad input, 1 for a fault of ours."""
    _print_any_letter()
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments                      # accepted anywhere on the line, as --use is
    files, usual = [], warnings.formatwarning
    warnings.formatwarning = _sentence_of
    try:
        files, rest = _used([a for a in arguments if a != "--debug"])
        line = [word for file in files for word in ("--use", file)] + rest
        ending = "", int(app(line, prog_name="fercourse", standalone_mode=False) or 0)
    except InputError as error:
        if debug:
            raise
        ending = str(error), 2
    except _Misused as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()                                # a group of commands without one: its help
            ending = "", error.exit_code
        else:
            command = error.ctx.command_path if error.ctx else "fercourse"      # unknown where an option lacks a value
            ending = f"{error.format_message().rstrip('.')}; see {command} --help", 2
    except (KeyboardInterrupt, typer.Abort):
        ending = "", STOPPED
    except Exception as error:
        if debug:
            raise
        ending = _sentence(error, files)
    finally:
        warnings.formatwarning = usual
    sys.exit(_say(*ending))                             # the error is forgotten, which closed its progress bars


def _print_any_letter():
    """Let a letter that the output lacks come out as \\u…, where it would stop a grading: a Windows pipe has few."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _sentence_of(warning, category, file, line, text=None):
    """Return what is printed of a warning: one of ours is a sentence, others are told with their place."""
    if PACKAGE in Path(file).resolve().parents:
        return f"fercourse: {warning}\n"
    return f"{file}:{line}: {category.__name__}: {warning}\n"


def _used(arguments):
    """Take every `--use FILE` out of a line; return the files, and the rest."""
    files, rest, words = [], [], iter(arguments)
    for word in words:
        option, equals, file = word.partition("=")
        if option != "--use":
            rest.append(word)
            continue
        files.append(file if equals else next(words, ""))
        if not files[-1]:
            raise InputError("--use names no file; expected --use FILE with a Python file of your own")
    return files, rest


def _sentence(error, files):
    """Return the sentence and the status of an error that nobody foresaw, here or in the files of --use."""
    words = " ".join(str(error).split())                # torch tells some errors in several lines
    what = f"{type(error).__name__}{words and ': '}{words}"
    own = {Path(file).resolve() for file in files}
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename).resolve()
        if file in own:
            return f"{what}; this happened in {frame.filename}, line {frame.lineno}; --debug shows how", 2
        if PACKAGE in file.parents:
            break
    whose = f"{' or '.join(map(str, files))}, or of fercourse" if files else "fercourse"
    return f"{what}; this is a fault of {whose}, --debug shows where", FAULT


def _say(message, status):
    if status == STOPPED:                               # typer turns the keyboard's interrupt into this status
        message = "stopped by the keyboard; what was finished is kept"
    if message:
        print(f"fercourse: {message}", file=sys.stderr)
    return status
