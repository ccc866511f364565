"""Images made by rule, the same here and in `crates/filters/tests/all/shared.rs`."""

import numpy as np


def hash_grid(columns, rows, slices=1):
    """Numbers from 0 to below 1 as an array of slices, rows, columns; float32."""
    slice_, row, column = np.meshgrid(
        np.arange(slices, dtype=np.uint32), np.arange(rows, dtype=np.uint32), np.arange(columns, dtype=np.uint32),
        indexing="ij",
    )
    return hashed(column, row, slice_)


def hashed(column, row, slice_):
    with np.errstate(over="ignore"):
        state = (
            np.uint32(73856093) * np.uint32(column)
            + np.uint32(19349663) * np.uint32(row)
            + np.uint32(83492791) * np.uint32(slice_)
            + np.uint32(0x9E3779B9)
        ).astype(np.uint32)
        state ^= state >> np.uint32(16)
        state = (state * np.uint32(0x7FEB352D)).astype(np.uint32)
        state ^= state >> np.uint32(15)
        state = (state * np.uint32(0x846CA68B)).astype(np.uint32)
        state ^= state >> np.uint32(16)
    return ((state >> np.uint32(8)).astype(np.float32) / np.float32(1 << 24)).astype(np.float32)


if __name__ == "__main__":
    for place in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (511, 300, 7)]:
        print(place, float(hashed(*[np.array(v, np.uint32) for v in place])))
