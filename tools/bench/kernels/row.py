"""One row of the table of `tools/bench/kernels.py`."""

import dataclasses
from typing import Any, Callable

import numpy as np


def largest(ours, theirs, border=8):
    """Largest absolute difference, away from the border, where implementations differ by choice."""
    inner = tuple(slice(border, -border) if n > 3 * border else slice(None) for n in theirs.shape)
    return f"{float(np.max(np.abs(ours[inner].astype(np.float64) - theirs[inner]))):.3g}"


@dataclasses.dataclass
class Row:
    # The operation as `examples/kernels` knows it.
    name: str
    # Makes the input: an array of slices, rows, columns; `None` where its data are not there.
    input: Callable[[], Any]
    # Name of a peer to (prepare, run): `prepare(array, image)` is not timed, `run(prepared)` is.
    peers: dict
    spacing: tuple = (1.0, 1.0, 1.0)
    # Peers whose result is the same computation, to be compared.
    compare: tuple = ()
    difference: Callable = largest
    note: str = ""
