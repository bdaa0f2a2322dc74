"""Without a network, published weights are asked of the cache alone; with one, or behind a proxy, of the hub."""

import pytest
from huggingface_hub import constants

from fercourse.models import hub


def resolve(found):
    def ask(*_):
        if not found:
            raise OSError("name or service not known")
    return ask


@pytest.mark.parametrize("found, proxies, offline", [(False, {}, True), (True, {}, False),
                                                     (False, {"https": "http://proxy:3128"}, False)])
def test_the_cache_alone_where_the_hub_has_no_address(monkeypatch, found, proxies, offline):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr("socket.getaddrinfo", resolve(found))
    monkeypatch.setattr(hub, "getproxies", lambda: proxies)
    with hub.patient_only_with_a_network():
        assert constants.HF_HUB_OFFLINE is offline
    assert constants.HF_HUB_OFFLINE is False


def test_who_wants_to_be_offline_stays_so(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("socket.getaddrinfo", resolve(True))
    with hub.patient_only_with_a_network():
        assert constants.HF_HUB_OFFLINE is True
