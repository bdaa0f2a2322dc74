"""`fercourse data …`: which sets of faces there are, whether they are complete, and packing them."""

import typer

app = typer.Typer(no_args_is_help=True, help="List, check, fetch and pack sets of faces.")
