"""Published weights come from a hub on the network; where there is none, its client would try for minutes."""

import socket
from contextlib import contextmanager
from urllib.parse import urlsplit
from urllib.request import getproxies


@contextmanager
def patient_only_with_a_network():
    """Within, weights of the Hugging Face hub are looked for in its cache alone where its name cannot be resolved."""
    from huggingface_hub import constants
    wanted = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = wanted or not _within_reach(constants.ENDPOINT)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = wanted


def _within_reach(address):
    """Return whether the host of a URL has an address; a proxy, where one is set, would know better than we do."""
    if getproxies():
        return True
    try:
        socket.getaddrinfo(urlsplit(address).hostname, 443)
        return True
    except OSError:
        return False
