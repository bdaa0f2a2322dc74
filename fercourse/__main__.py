"""`python -m fercourse …` is `fercourse …`."""

from .cli import main

main()
