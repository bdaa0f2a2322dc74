"""What a command says on the way, beside the answer that it prints."""

import typer


def say(sentence: str):
    """Tell people a sentence, once for all processes."""
    from ..distributed import rank
    if rank() == 0:
        typer.echo(sentence, err=True)
