"""The one exception that speaks to people."""


class InputError(Exception):
    """Bad input, told in one sentence: what is wrong, where, what was expected, what to do.

    The command line prints the sentence and leaves with status 2; notebooks show it as it is.
    """
