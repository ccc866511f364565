"""Small volume files of other programs, and what those programs read in them.

Usage: python tools/golden/formats_volumes.py testdata/formats crates/formats/tests/golden/volumes.json

NIfTI is written by nibabel and SimpleITK, NRRD and MetaImage by SimpleITK, TIFF and PNG by
SimpleITK and Pillow. What none of them can write (hexadecimal, text, big endian voxels of
MetaImage) is put together here and must be read by SimpleITK. Expected points are in LPS: nibabel's
affine with its first two axes negated, SimpleITK's TransformIndexToPhysicalPoint.
"""

import gzip
import hashlib
import json
import pathlib
import sys

import nibabel
import numpy as np
import PIL
import SimpleITK as sitk
from PIL import Image

from rules import hash_grid

COLUMNS, ROWS, SLICES = 5, 4, 3
SOURCE = """# Volume files of other programs

Tiny files ({columns} x {rows} x {slices} voxels of a hash, nothing of a person) that
`crates/formats/tests/all/peers.rs` reads. Origin: made by `tools/golden/formats_volumes.py` with
{versions}. License: that of this repository.

| File | Made by | SHA-256 |
| --- | --- | --- |
{rows_of_files}
"""


def rotation():
    """A turn by 20, -35 and 50 degrees about the three axes; rows are the axes of the grid."""
    x, y, z = np.radians([20, -35, 50])
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def voxels(kind, volumes=1):
    """Indexed [volume, slice, row, column]."""
    all_ = np.stack([hash_grid(COLUMNS, ROWS, SLICES + v)[v:] for v in range(volumes)])
    if np.issubdtype(kind, np.floating):
        return (all_ * 2000 - 1000).astype(kind)
    low, high = max(np.iinfo(kind).min, -30000), min(np.iinfo(kind).max, 30000)
    return (low + all_ * (high - low)).astype(kind)


OBLIQUE = np.eye(4)
OBLIQUE[:3, :3] = rotation() @ np.diag([0.7, 1.1, 2.5])
OBLIQUE[:3, 3] = [-31.25, 17.5, 240.125]
FLIPPED = np.array([[-2.0, 0, 0, 90], [0, -3.0, 0, 126], [0, 0, -4.0, 72], [0, 0, 0, 1]])
PERMUTED = np.array([[0, 0, 3.0, -5], [-1.5, 0, 0, 6], [0, 2.0, 0, 7], [0, 0, 0, 1]])


class Files:
    def __init__(self, root):
        self.root, self.cases, self.made = root, [], {}
        root.mkdir(parents=True, exist_ok=True)

    def add(self, name, made_by, size, points, volumes, defects=0):
        self.made[name] = made_by
        case = {"file": name, "made_by": made_by, "size": size, "points": points, "volumes": volumes}
        self.cases.append(case | ({"defects": defects} if defects else {}))

    def nifti(self, name, image, defects=0):
        if name.endswith(".gz"):
            (self.root / name).write_bytes(gzip.compress(image.to_bytes(), 9, mtime=0))
        else:
            image.to_filename(self.root / name)
        read = nibabel.load(self.root / name)
        affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ read.affine
        if read.header.get_xyzt_units()[0] == "micron":
            affine[:3] /= 1000
        points = [[*index, *(affine @ [*index, 1])[:3].tolist()] for index in corners(read.shape[:3])]
        data = np.asarray(read.dataobj, dtype=np.float64).reshape(*read.shape[:3], -1)
        volumes = [data[..., v].ravel(order="F").tolist() for v in range(data.shape[3])]
        self.add(name, "nibabel", list(read.shape[:3]), points, volumes, defects)

    def itk(self, name, made_by="SimpleITK", defects=0):
        image = sitk.ReadImage(str(self.root / name))
        array = sitk.GetArrayFromImage(image).astype(np.float64)
        if image.GetDimension() == 4:
            size = list(image.GetSize()[:3])
            place = lambda index: image.TransformIndexToPhysicalPoint([*index, 0])[:3]
            volumes = [array[v].ravel().tolist() for v in range(array.shape[0])]
        else:
            size = list(image.GetSize())
            place = image.TransformIndexToPhysicalPoint
            channels = image.GetNumberOfComponentsPerPixel()
            array = array.reshape(*array.shape[:3], channels)
            volumes = [array[..., c].ravel().tolist() for c in range(channels)]
        points = [[*index, *place(index)] for index in corners(size)]
        self.add(name, made_by, size, points, volumes, defects)

    def picture(self, name, made_by, array, defects=0):
        rows, columns = array.shape
        self.add(name, made_by, [columns, rows, 1], [], [array.astype(np.float64).ravel().tolist()], defects)


def corners(size):
    first = [[int(bool(k >> a & 1)) * (size[a] - 1) for a in range(3)] for k in range(8)]
    return first + [[1, 2, 1]]


def nibabel_image(kind, affine, volumes=1, image_class=nibabel.Nifti1Image, endian="<"):
    data = voxels(kind, volumes).transpose(3, 2, 1, 0)
    data = data[..., 0] if volumes == 1 else data
    header = image_class.header_class(endianness=endian)
    header.set_data_dtype(np.dtype(kind).newbyteorder(endian))
    image = image_class(data, affine, header)
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    image.header.set_xyzt_units("mm", "sec")
    return image


def sitk_image(kind, affine, volumes=1, vector=False):
    data = voxels(kind, volumes)
    image = sitk.GetImageFromArray(data.transpose(1, 2, 3, 0) if vector else data[0], isVector=vector)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    return image


def by_nibabel(files):
    files.nifti("oblique.nii.gz", nibabel_image(np.int16, OBLIQUE))
    files.nifti("flipped.nii", nibabel_image(np.uint8, FLIPPED))
    files.nifti("permuted.nii", nibabel_image(np.float64, PERMUTED))
    files.nifti("big_endian.nii", nibabel_image(np.int32, OBLIQUE, endian=">"))
    files.nifti("second_version.nii.gz", nibabel_image(np.uint16, OBLIQUE, image_class=nibabel.Nifti2Image))
    big = nibabel_image(np.float32, PERMUTED, image_class=nibabel.Nifti2Image, endian=">")
    files.nifti("second_version_big_endian.nii", big)
    image = nibabel_image(np.int16, OBLIQUE)
    image.set_sform(None, 0)
    files.nifti("q_form_only.nii", image)
    image = nibabel_image(np.int16, FLIPPED @ np.diag([1, 1, -1, 1]))
    image.set_sform(None, 0)
    files.nifti("q_form_mirrored.nii", image)
    image = nibabel_image(np.int16, OBLIQUE)
    image.set_qform(FLIPPED, 1)
    files.nifti("s_form_over_q_form.nii", image)
    image = nibabel_image(np.int16, OBLIQUE @ np.diag([1000.0, 1000, 1000, 1]))
    image.header.set_xyzt_units("micron")
    files.nifti("micrometers.nii", image)
    image = nibabel_image(np.int16, OBLIQUE, volumes=4)
    image.header.set_slope_inter(0.25, -7.5)
    # The stored numbers stay: nibabel would scale them when it writes.
    image = nibabel.Nifti1Image.from_bytes(raw_scaled(image))
    files.nifti("four_dimensions.nii.gz", image)


def raw_scaled(image):
    """The image's bytes with slope and intercept set in the header alone."""
    plain = bytearray(image.to_bytes())
    plain[112:120] = np.array([0.25, -7.5], "<f4").tobytes()
    return bytes(plain)


def by_simpleitk(files):
    def write(name, image, compress=True, defects=0):
        sitk.WriteImage(image, str(files.root / name), useCompression=compress)
        files.itk(name, defects=defects)

    for extension in ["nrrd", "mha"]:
        write(f"oblique.{extension}", sitk_image(np.int16, OBLIQUE))
        write(f"flipped.{extension}", sitk_image(np.float32, FLIPPED), compress=False)
        write(f"permuted.{extension}", sitk_image(np.uint32, PERMUTED))
        write(f"vector.{extension}", sitk_image(np.int16, OBLIQUE, volumes=3, vector=True))
    write("detached.nhdr", sitk_image(np.float64, OBLIQUE))
    write("detached_plain.nhdr", sitk_image(np.uint16, OBLIQUE), compress=False)
    write("detached.mhd", sitk_image(np.int8, OBLIQUE))
    write("detached_plain.mhd", sitk_image(np.uint16, PERMUTED), compress=False)
    sitk.WriteImage(sitk_image(np.int16, OBLIQUE), str(files.root / "simpleitk.nii.gz"))
    files.itk("simpleitk.nii.gz")
    four = sitk.JoinSeries([sitk.GetImageFromArray(v) for v in voxels(np.int16, 3)])
    four.SetSpacing([0.5, 1.5, 2.5, 9.0])
    four.SetOrigin([1.0, -2.0, 3.0, 0.0])
    write("four_dimensions.mha", four)
    # SimpleITK names no space for four dimensions, which is a defect.
    write("four_dimensions.nrrd", four, defects=1)


def by_hand(files):
    """What SimpleITK reads and does not write."""
    data = voxels(np.int16)[0]
    spacing = np.linalg.norm(OBLIQUE[:3, :3], axis=0)
    vectors = " ".join("(" + ",".join(repr(float(v)) for v in OBLIQUE[:3, axis]) + ")" for axis in range(3))
    origin = "(" + ",".join(repr(float(v)) for v in OBLIQUE[:3, 3]) + ")"

    def nrrd(name, space, encoding, endian, content, comment=""):
        header = (
            f"NRRD0004\n{comment}type: int16\ndimension: 3\nspace: {space}\nsizes: {COLUMNS} {ROWS} {SLICES}\n"
            f"space directions: {vectors}\nkinds: domain domain domain\nendian: {endian}\n"
            f"encoding: {encoding}\nspace origin: {origin}\n\n"
        )
        (files.root / name).write_bytes(header.encode() + content)
        files.itk(name, "this script, as SimpleITK reads it")

    text = "\n".join(" ".join(str(v) for v in row) for row in data.reshape(-1, COLUMNS)) + "\n"
    nrrd("text.nrrd", "left-posterior-superior", "ascii", "little", text.encode())
    swapped = data.astype(">i2").tobytes()
    nrrd("hexadecimal.nrrd", "right-anterior-superior", "hex", "big", swapped.hex().encode())
    nrrd("big_endian.nrrd", "left-anterior-superior", "raw", "big", swapped, "# a comment\n")
    packed = gzip.compress(swapped, 9, mtime=0)
    nrrd("gzip_ras.nrrd", "RAS", "gzip", "big", packed)

    def meta(name, fields, content):
        direction = (OBLIQUE[:3, :3] / spacing).T.ravel()
        words = lambda numbers: " ".join(repr(float(v)) for v in numbers)
        header = (
            f"ObjectType = Image\nNDims = 3\n{fields}TransformMatrix = {words(direction)}\n"
            f"Position = {words(OBLIQUE[:3, 3])}\nCenterOfRotation = 1 2 3\nElementSpacing = {words(spacing)}\n"
            f"DimSize = {COLUMNS} {ROWS} {SLICES}\nElementType = MET_SHORT\nElementDataFile = LOCAL\n"
        )
        (files.root / name).write_bytes(header.encode() + content)
        files.itk(name, "this script, as SimpleITK reads it")

    meta("big_endian.mha", "BinaryData = True\nBinaryDataByteOrderMSB = True\n", swapped)
    meta("text.mha", "BinaryData = False\n", text.encode())


def pictures(files):
    flat = voxels(np.uint16)[0][0]
    Image.fromarray(flat).save(files.root / "gray_16.png")
    files.picture("gray_16.png", "Pillow", flat)
    sitk.WriteImage(sitk.GetImageFromArray(flat), str(files.root / "gray_16.tif"))
    files.picture("gray_16.tif", "SimpleITK", flat)
    real = voxels(np.float32)[0][0]
    sitk.WriteImage(sitk.GetImageFromArray(real), str(files.root / "gray_float.tif"))
    files.picture("gray_float.tif", "SimpleITK", real)
    small = voxels(np.uint8)[0]
    pages = [Image.fromarray(page) for page in small]
    pages[0].save(files.root / "pages.tif", save_all=True, append_images=pages[1:], compression="tiff_lzw")
    files.picture("pages.tif", "Pillow", small[0], defects=1)
    pages[0].save(files.root / "deflate.tif", compression="tiff_adobe_deflate")
    files.picture("deflate.tif", "Pillow", small[0])
    bits = Image.fromarray(small[0]).convert("1", dither=Image.Dither.NONE)
    bits.save(files.root / "bits.tif")
    files.picture("bits.tif", "Pillow", np.asarray(bits).astype(np.uint8))


def main():
    root, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    files = Files(root)
    by_nibabel(files)
    by_simpleitk(files)
    by_hand(files)
    pictures(files)
    versions = {
        "nibabel": nibabel.__version__,
        "SimpleITK": sitk.Version_VersionString(),
        "Pillow": PIL.__version__,
        "numpy": np.__version__,
    }
    target.write_text(json.dumps({"versions": versions, "cases": files.cases}, separators=(",", ":")) + "\n")
    digest = lambda path: hashlib.sha256(path.read_bytes()).hexdigest()
    names = sorted(path.name for path in root.iterdir() if path.name != "SOURCE.md")
    of_header = lambda name: files.made.get(name, "SimpleITK, data of the header of the same name")
    table = "\n".join(f"| {name} | {of_header(name)} | `{digest(root / name)}` |" for name in names)
    text = SOURCE.format(
        columns=COLUMNS, rows=ROWS, slices=SLICES, rows_of_files=table,
        versions=", ".join(f"{name} {version}" for name, version in versions.items()),
    )
    (root / "SOURCE.md").write_text(text)
    print(len(files.cases), "files,", target.stat().st_size, "bytes of expected numbers")


main()
