"""Random numbers that are a pure function of what they are for, so that a run can stop and go on anywhere."""

import hashlib

import torch


def derive(*purpose) -> int:
    """Return a 63-bit seed for a purpose, such as `derive("order", seed, epoch)`."""
    digest = hashlib.blake2b(repr(purpose).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(*purpose) -> torch.Generator:
    """Return a generator on the CPU that is seeded by its purpose."""
    return torch.Generator().manual_seed(derive(*purpose))
