"""`fercourse …`: one file a group of commands; every heavy import waits until its command runs."""

import sys
from pathlib import Path

import typer

from ..errors import InputError
from . import bench, course, data, embed, pack, predict, render, study, train  # noqa: F401  (pack adds to data)

FAULT, STOPPED = 1, 130
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
    debug: bool = typer.Option(False, "--debug", help="Show the full traceback of an error."),
    use: list[Path] = typer.Option(None, help="Python file with a method of your own; may be repeated. It is run."),
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True,
                                 help="Print the version and leave."),
):
    """Options that come before the command."""
    if use:
        from .. import methods
        for file in use:
            methods.use(file)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; an error ends in one sentence on stderr: status 2 for bad input, 1 for a fault of ours."""
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments                      # accepted anywhere on the line
    rest = [a for a in arguments if a != "--debug"]
    try:
        ending = "", int(app(rest, prog_name="fercourse", standalone_mode=False) or 0)
    except InputError as error:
        if debug:
            raise
        ending = str(error), 2
    except _Misused as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()                                # a group of commands without one: its help
            ending = "", error.exit_code
        else:
            ending = f"{error.format_message().rstrip('.')}; see {error.ctx.command_path} --help", 2
    except (KeyboardInterrupt, typer.Abort):
        ending = "", STOPPED
    except Exception as error:
        if debug:
            raise
        words = " ".join(str(error).split())            # torch tells some errors in several lines
        ending = f"{type(error).__name__}: {words}; this is a fault of fercourse, --debug shows where", FAULT
    sys.exit(_say(*ending))                             # the error is forgotten, which closed its progress bars


def _say(message, status):
    if status == STOPPED:                               # typer turns the keyboard's interrupt into this status
        message = "stopped by the keyboard; what was finished is kept"
    if message:
        print(f"fercourse: {message}", file=sys.stderr)
    return status
