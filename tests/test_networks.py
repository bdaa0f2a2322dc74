"""The networks that come with the course are what their manifests say, and ready to use."""

import pytest
import torch

import fercourse as fc
from fercourse import networks
from fercourse.errors import InputError
from fercourse.evaluate import accuracy, seen


def test_there_is_one_for_every_method_of_the_course():
    assert {"baseline", "wscfer", "dr-fer", "hncl", "dmsrl", "id-invariant"} <= set(networks.names())


@pytest.mark.parametrize("name", networks.names())
def test_a_network_reads_strangers_as_well_as_its_manifest_says(name):
    method = fc.trained(name)
    test = fc.load_faces("synthfaces", split="test", domain="lab").resize(method.size)
    with networks.taken_from("lab", method):
        found = accuracy(seen(method, test)["logits"].argmax(1).cpu(), test.truth)
    assert method.name == name and not method.training
    assert found == pytest.approx(method.about["accuracy"]["lab"], abs=0.012)            # shipped in half precision
    assert found > 0.3                                                                     # one class in seven is 0.14


def test_a_network_embeds_images_of_its_size():
    method = fc.trained("wscfer")
    assert method.embed(torch.zeros(2, 3, method.size, method.size, dtype=torch.uint8)).isfinite().all()


def test_a_method_of_two_domains_reads_the_lab_better_when_told_so():
    method = fc.trained("dmsrl")
    test = fc.load_faces("synthfaces", split="test", domain="lab").resize(method.size)
    right = {}
    for domain in ("lab", "wild"):
        with networks.taken_from(domain, method):
            right[domain] = accuracy(seen(method, test)["logits"].argmax(1).cpu(), test.truth)
    assert right["lab"] > right["wild"] + 0.03


def test_an_unknown_network_is_refused_with_the_names_there_are():
    with pytest.raises(InputError, match=r"no trained network 'sixth'.*baseline, dmsrl"):
        fc.trained("sixth")


def test_a_method_of_one_domain_reads_both_alike():
    method, faces = fc.trained("wscfer"), fc.load_faces("synthfaces", split="test", domain="lab").subset(slice(8))
    faces = faces.resize(method.size)
    with method.seen_as("source"):
        told = seen(method, faces)["logits"]
    assert torch.equal(told, seen(method, faces)["logits"])
