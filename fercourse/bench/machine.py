"""Was the machine at rest? A benchmark beside other work tells little."""

import os

REST = 0.25                       # share of the cores that others may use without spoiling a measurement


def processor_load() -> float | None:
    """Return the mean number of running processes over the last minute; None where the system does not say."""
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):
        return None


def busy(load: float | None) -> bool | None:
    """Return whether that load is more than a quarter of the cores; None where it is unknown."""
    return None if load is None else load > REST * (os.cpu_count() or 1)
