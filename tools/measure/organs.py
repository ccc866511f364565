"""How well `segment lungs` and `segment bones` agree with TotalSegmentator's masks of the same CT.

Usage: python tools/measure/organs.py WILHELM ../shared/data/volumes/totalsegmentator

The masks are that network's output, a peer and no hand-drawn truth; one CT of the lower chest and abdomen, 3 mm. Needs
numpy and nibabel (`PYTHONPATH=$(tools/setup.sh interop)`).
"""

import pathlib
import subprocess
import sys
import tempfile

import nibabel
import numpy as np

# TotalSegmentator 2, task "total": lobes; sacrum to cervical vertebrae, limbs and girdles, skull, ribs, sternum.
LEFT, RIGHT = range(10, 12), range(12, 15)
BONES = [*range(25, 51), *range(69, 79), *range(91, 117)]


def voxels(path):
    image = nibabel.load(path)
    return np.asarray(image.dataobj).astype(int), image.affine


def main(program, root):
    root = pathlib.Path(root)
    truth, affine = voxels(root / "example_seg.nii.gz")
    print("| structure | voxels here | voxels there | Dice | precision | recall |\n|---|---:|---:|---:|---:|---:|")
    for structure, parts in [("lungs", {1: ("left lung", LEFT), 2: ("right lung", RIGHT)}), ("bones", {1: ("bones", BONES)})]:
        with tempfile.TemporaryDirectory() as folder:
            command = [program, "segment", structure, root / "example_ct_sm.nii.gz", "--units", "hu", "--out", f"{folder}/out"]
            subprocess.run(command, capture_output=True, check=False)
            labels, found = voxels(f"{folder}/out/labels.nii.gz")
        assert np.allclose(found, affine, atol=1e-3), "the labels lie on another grid"
        for label, (name, numbers) in parts.items():
            ours, theirs = labels == label, np.isin(truth, list(numbers))
            both = (ours & theirs).sum()
            print(f"| {name} | {ours.sum()} | {theirs.sum()} | {2 * both / (ours.sum() + theirs.sum()):.3f} "
                  f"| {both / ours.sum():.3f} | {both / theirs.sum():.3f} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
