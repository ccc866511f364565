"""Small synthetic streams of the codecs, written by other programs, for the fuzz targets to begin with.

`seeds.py FOLDER`, which `fuzz/seeds.sh` calls. Needs numpy, imagecodecs, tifffile and pydicom.
"""

import io
import pathlib
import struct
import sys
import zipfile

import imagecodecs
import numpy as np
import pydicom
import tifffile
from pydicom.encaps import encapsulate
from pydicom.uid import UID

FOLDER = pathlib.Path(sys.argv[1])
# As TRANSFER_SYNTAXES in src/targets.rs.
SYNTAXES = [
    "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.8.1",
    "1.2.840.10008.1.2.4.110",
]


def write(target, name, content):
    folder = FOLDER / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def picture(top, samples=1, rows=13, columns=19):
    """A ramp with a bright block, flat regions and some noise."""
    y, x = np.mgrid[:rows, :columns]
    gray = (x * 5 + y * 11) % 97 / 97
    gray[3:7, 4:12] = 1
    gray[8:, :6] = 0
    gray[9:, 10:] = np.random.default_rng(1).random((rows - 9, columns - 10))
    stack = np.stack([np.roll(gray, i * 3, axis=1) for i in range(samples)], axis=-1)
    values = (stack * top).astype(np.uint8 if top < 256 else np.uint16)
    return values[..., 0] if samples == 1 else values


def rle(pixels):
    planes = []
    stack = pixels.reshape(*pixels.shape[:2], -1)
    for sample in range(stack.shape[2]):
        raw = stack[..., sample].astype(">u2" if stack.dtype.itemsize == 2 else "u1")
        raw = raw.view(np.uint8).reshape(*raw.shape, -1)
        for byte in range(raw.shape[2]):
            packed = imagecodecs.packbits_encode(raw[..., byte].tobytes())
            planes.append(packed + b"\0" * (len(packed) % 2))
    offsets, at = [], 64
    for plane in planes:
        offsets.append(at)
        at += len(plane)
    return struct.pack("<16I", len(planes), *offsets, *[0] * (15 - len(planes))) + b"".join(planes)


def deflate(pixels):
    return imagecodecs.deflate_encode(pixels.tobytes(), raw=True)


def frames():
    """Name, index of the transfer syntax, pixels, stream."""
    gray, color = picture(255), picture(255, 3)
    twelve, sixteen = picture(4095), picture(65535)
    color16 = picture(65535, 3)
    yield "rle_gray", 0, gray, rle(gray)
    yield "rle_rgb", 0, color, rle(color)
    yield "rle_16", 0, sixteen, rle(sixteen)
    yield "jpeg_gray", 1, gray, imagecodecs.jpeg8_encode(gray, level=90)
    yield "jpeg_rgb", 1, color, imagecodecs.jpeg8_encode(color, level=90)
    yield "jpeg_420", 1, color, imagecodecs.jpeg8_encode(color, level=60, subsampling="420")
    yield "jpeg_12", 2, twelve, imagecodecs.jpeg8_encode(twelve, level=90, bitspersample=12)
    yield "lossless_14", 3, sixteen, imagecodecs.ljpeg_encode(sixteen, bitspersample=16)
    yield "lossless_sv1", 4, gray, imagecodecs.jpeg8_encode(gray, lossless=True, predictor=1)
    yield "lossless_12", 4, twelve, imagecodecs.ljpeg_encode(twelve, bitspersample=12)
    yield "jpeg_ls_8", 5, gray, imagecodecs.jpegls_encode(gray)
    yield "jpeg_ls_16", 5, sixteen, imagecodecs.jpegls_encode(sixteen)
    yield "jpeg_ls_12", 5, twelve, imagecodecs.jpegls_encode(twelve)
    yield "jpeg_ls_rgb", 5, color, imagecodecs.jpegls_encode(color)
    yield "jpeg_ls_near", 5, gray, imagecodecs.jpegls_encode(gray, level=3)
    yield "jpeg_ls_rgb_near", 5, color, imagecodecs.jpegls_encode(color, level=2)
    for name, pixels in [("gray", gray), ("rgb", color), ("16", sixteen), ("rgb_16", color16)]:
        j2k = imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", level=0, reversible=True)
        yield f"j2k_{name}", 6, pixels, j2k
    yield "j2k_lossy", 7, gray, imagecodecs.jpeg2k_encode(gray, codecformat="j2k", level=35)
    yield "j2k_lossy_rgb", 7, color, imagecodecs.jpeg2k_encode(color, codecformat="j2k", level=35)
    for name, pixels in [("gray", gray), ("rgb", color), ("16", sixteen)]:
        yield f"htj2k_{name}", 8, pixels, imagecodecs.htj2k_encode(pixels)
    yield "deflated", 9, gray, deflate(gray)
    yield "deflated_16", 9, sixteen, deflate(sixteen)
    for name, pixels in [("gray", gray), ("rgb", color), ("16", sixteen)]:
        yield f"jpeg_xl_{name}", 10, pixels, imagecodecs.jpegxl_encode(pixels, lossless=True)
    yield "jpeg_xl_lossy", 10, color, imagecodecs.jpegxl_encode(color, distance=2.0, lossless=False)


def kind(pixels):
    return (1 if pixels.ndim == 3 else 0) | (2 if pixels.dtype.itemsize == 2 else 0)


def bare(syntax, pixels):
    """A data set without its pixels."""
    data_set = pydicom.Dataset()
    data_set.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    data_set.SOPInstanceUID = "2.25.1"
    data_set.StudyInstanceUID, data_set.SeriesInstanceUID = "2.25.2", "2.25.3"
    data_set.Modality = "OT"
    data_set.Rows, data_set.Columns = pixels.shape[:2]
    data_set.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    data_set.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if pixels.ndim == 3:
        data_set.PlanarConfiguration = 0
    data_set.BitsAllocated = data_set.BitsStored = 8 * pixels.dtype.itemsize
    data_set.HighBit = data_set.BitsStored - 1
    data_set.PixelRepresentation = 0
    data_set.file_meta = pydicom.dataset.FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = UID(syntax)
    return data_set


def encapsulated(syntax, pixels, streams):
    """A Part 10 file around the streams of one frame each."""
    data_set = bare(syntax, pixels)
    if len(streams) > 1:
        data_set.NumberOfFrames = len(streams)
    data_set.PixelData = encapsulate(streams)
    data_set["PixelData"].is_undefined_length = True
    stream = io.BytesIO()
    data_set.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def native(name, syntax, little=True, implicit=False, **changes):
    """A file whose pixels are not compressed."""
    pixels = picture(255)
    data_set = bare(syntax, pixels)
    data_set.PixelData = pixels.tobytes() + b"\0"
    for keyword, value in changes.items():
        setattr(data_set, keyword, value)
    stream = io.BytesIO()
    data_set.save_as(stream, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    write("dicom_decode", name, stream.getvalue())
    write("dicom_series", name, stream.getvalue())


def pictures():
    gray, color, sixteen = picture(255), picture(255, 3), picture(65535)
    real = (sixteen / 7 - 900).astype(np.float32)
    alpha = np.dstack([color, gray])
    for name, pixels in [("gray_16", sixteen), ("rgb_16", picture(65535, 3)), ("rgba", alpha)]:
        write("picture", f"{name}.png", imagecodecs.png_encode(pixels))
    for name, pixels, options in [("gray", gray, {}), ("rgb", color, {}), ("420", color, {"subsampling": "420"})]:
        write("picture", f"{name}.jpg", imagecodecs.jpeg8_encode(pixels, level=80, **options))
    for name, pixels, options in [
        ("gray", gray, {}),
        ("big_endian", sixteen, {"byteorder": ">"}),
        ("float", real, {"compression": "zlib", "predictor": 3}),
        ("deflate", sixteen, {"compression": "zlib", "predictor": 2}),
        ("lzw", gray, {"compression": "lzw"}),
        ("packbits", gray, {"compression": "packbits"}),
        ("jpeg", color, {"compression": "jpeg"}),
        ("rgb_planar", np.moveaxis(color, 2, 0), {"photometric": "rgb", "planarconfig": "separate"}),
        ("tiles", np.tile(gray, (3, 2)), {"tile": (16, 16)}),
        ("bits", (gray > 90), {}),
        ("pages", np.stack([gray, gray[::-1]]), {"photometric": "minisblack"}),
        ("bigtiff", gray, {"bigtiff": True}),
    ]:
        stream = io.BytesIO()
        tifffile.imwrite(stream, pixels, software=None, metadata=None, **options)
        write("picture", f"{name}.tif", stream.getvalue())


def archives(folder):
    """Zip archives of the other seeds, and NPZ files."""
    def packed(entries, method):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            for name, content in entries:
                archive.writestr(zipfile.ZipInfo(name, (2026, 1, 2, 3, 4, 6)), content, method)
        return stream.getvalue()

    def npy(array):
        stream = io.BytesIO()
        np.save(stream, array)
        return stream.getvalue()

    seed = lambda name: (folder / name).read_bytes()
    entries = [
        ("a/ct.dcm", seed("dicom_decode/ct.dcm")),
        ("a/gray.png", seed("picture/gray.png")),
        ("volume.nii.gz", seed("nifti/values_packed")),
        ("notes.txt", b"no image\n"),
    ]
    mhd = (b"ObjectType = Image\nNDims = 3\nDimSize = 4 4 2\nElementType = MET_UCHAR\n"
           b"ElementSpacing = 1 1 2\nElementDataFile = v.raw\n")
    pair = [("v.mhd", mhd), ("v.raw", bytes(range(32)))]
    write("archive", "mixed.zip", packed(entries, zipfile.ZIP_DEFLATED))
    write("archive", "stored.zip", packed(entries[1:], zipfile.ZIP_STORED))
    write("archive", "pair.zip", packed(pair, zipfile.ZIP_DEFLATED))
    write("archive", "without_files.zip", packed([], zipfile.ZIP_STORED))
    write("archive", "nested.zip", packed([("in.zip", packed(pair, zipfile.ZIP_STORED))], zipfile.ZIP_STORED))
    count = np.arange
    for name, arrays in {
        "gray": {"train_images": count(32, dtype="u1").reshape(2, 4, 4), "train_labels": count(2).reshape(2, 1)},
        "color": {"images": count(96, dtype="u1").reshape(2, 4, 4, 3), "labels": count(2, dtype="u1")},
        "volumes": {"arr_0": count(54, dtype=">u2").reshape(2, 3, 3, 3)},
    }.items():
        entries = [(f"{key}.npy", npy(array)) for key, array in arrays.items()]
        write("npz", f"{name}.npz", packed(entries, zipfile.ZIP_DEFLATED))
        write("npz", f"{name}_stored.npz", packed(entries, zipfile.ZIP_STORED))


def nifti_2():
    """A NIfTI-2 header of 4 x 3 x 2 voxels with a second volume."""
    header = bytearray(540)
    struct.pack_into("<i8shh8q", header, 0, 540, b"n+2\0\r\n\x1a\n", 4, 16, 4, 4, 3, 2, 2, 1, 1, 1)
    struct.pack_into("<8d", header, 104, 1, 1.5, 1.5, 3, 1, 0, 0, 0)
    struct.pack_into("<qdd", header, 168, 544, 2.0, -10.0)
    struct.pack_into("<ii", header, 344, 1, 1)
    struct.pack_into("<6d", header, 352, 0, 0, 0, -3, -2, 5)
    struct.pack_into("<12d", header, 400, 1.5, 0, 0, -3, 0, 1.5, 0, -2, 0, 0, 3, 5)
    return bytes(header) + bytes(4) + np.arange(48, dtype="<i2").tobytes()


def headers():
    text = b"".join(b"%d " % i for i in range(24))
    nrrd = b"NRRD0005\ntype: %s\ndimension: 3\nsizes: 4 3 2\nencoding: %s\n%s\n"
    write("nrrd", "text", nrrd % (b"short", b"ascii", b"spacings: 1 1 2.5\n") + text)
    write("nrrd", "hex", nrrd % (b"uchar", b"hex", b"") + bytes(range(24)).hex().encode())
    detached = b"space: left-posterior-superior\nspace directions: (1,0,0) (0,1,0) (0,0,2)\n" \
        b"space origin: (0,0,0)\nendian: big\nbyte skip: 8\ndata file: data\n"
    write("nrrd", "detached", nrrd % (b"int16", b"raw", detached))
    write("nrrd", "vectors", b"NRRD0004\ntype: uchar\ndimension: 4\nsizes: 3 4 3 2\nkinds: RGB-color space space "
          b"space\nspace: RAS\nspace directions: none (1,0,0) (0,1,0) (0,0,2)\nencoding: raw\n\n" + bytes(72))
    meta = b"ObjectType = Image\nNDims = 3\nBinaryData = %s\nDimSize = 4 3 2\nElementSpacing = 1 1.5 2\n" \
        b"TransformMatrix = 1 0 0 0 0 1 0 -1 0\nOffset = 1 2 3\nElementType = %s\n%sElementDataFile = %s\n"
    write("metaimage", "text", meta % (b"False", b"MET_SHORT", b"", b"LOCAL") + text)
    write("metaimage", "detached", meta % (b"True", b"MET_USHORT", b"HeaderSize = -1\n", b"data"))
    write("metaimage", "color", meta % (b"True", b"MET_UCHAR", b"ElementNumberOfChannels = 3\n", b"LOCAL") + bytes(72))
    write("nifti", "nifti_2", nifti_2())
    write("label_map", "nifti_2", nifti_2().replace(struct.pack("<dd", 2.0, -10.0), struct.pack("<dd", 0, 0)))


def changed(path, **changes):
    """One of our own files with other values, which a strict writer would refuse."""
    data_set = pydicom.dcmread(FOLDER / path)
    for keyword, value in changes.items():
        if value is None:
            delattr(data_set, keyword)
        else:
            setattr(data_set, keyword, value)
    stream = io.BytesIO()
    data_set.save_as(stream)
    return stream.getvalue()


def once_failed():
    """What a reader once fell over, found by reading the code or by the fuzzer, made anew."""
    pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    ct = "dicom_decode/ct.dcm"
    write("segmentation", "label_map_declares_endless_frames.dcm",
          changed("segmentation/label_map.dcm", NumberOfFrames="4000000000000000000"))
    write("segmentation", "binary_declares_endless_frames.dcm",
          changed("segmentation/binary.dcm", NumberOfFrames="4000000000000000000"))
    for name, changes in {
        "rescale_beyond_floats": {"RescaleSlope": "1e300", "RescaleIntercept": "-1e300"},
        "window_beyond_floats": {"WindowCenter": "1e300", "WindowWidth": "1e300"},
        "spacing_beyond_doubles": {"PixelSpacing": ["1e308", "1e308"]},
        "position_beyond_doubles": {"ImagePositionPatient": ["1e308", "1.7e308", "-1.7e308"]},
        "instance_number_at_the_limit": {"InstanceNumber": "9223372036854775807"},
    }.items():
        write("dicom_series", f"{name}.dcm", changed(ct, **changes))
    write("dicom_series", "frame_number_behind_the_limit.dcm",
          changed("dicom_series/parametric_map.dcm", InstanceNumber="9223372036854775807"))
    floats = {"PixelData": None, "FloatPixelData": bytes(480), "BitsAllocated": 32, "BitsStored": 33, "HighBit": 0}
    data_set = pydicom.dcmread(io.BytesIO(changed(ct, **floats)))
    for element, vr, value in [(0x10, "US", 10), (0x11, "US", 12), (0x40, "CS", "G"), (0x100, "US", 32), (0x102, "US", 3)]:
        data_set.add_new((0x6000, element), vr, value)
    stream = io.BytesIO()
    data_set.save_as(stream)
    write("dicom_decode", "overlay_in_floating_point_pixels.dcm", stream.getvalue())
    native("ybr_422_odd_columns.dcm", "1.2.840.10008.1.2.1", SamplesPerPixel=3, PhotometricInterpretation="YBR_FULL_422",
           PlanarConfiguration=0, Rows=9, Columns=13)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for key, shape in [("images", "(1, 1, 1)"), ("labels", "(9000000000000000000, 0)")]:
            header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
            content = b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() + b"\7" * (key == "images")
            archive.writestr(zipfile.ZipInfo(f"{key}.npy", (2026, 1, 2, 3, 4, 6)), content)
    write("npz", "rows_of_labels_without_columns.npz", stream.getvalue())
    second = bytearray(nifti_2())
    struct.pack_into("<dd", second, 176, 1e300, 0)
    struct.pack_into("<dd", second, 192, 1.7e308, -1.7e308)
    write("nifti", "scale_and_window_beyond_floats", bytes(second))


def main():
    for name, syntax, pixels, stream in frames():
        rows, columns = pixels.shape[:2]
        head = struct.pack("<BBHH", syntax, kind(pixels), columns, rows)
        write("dicom_frame", name, head + stream)
        if syntax == 5:
            write("jpeg_ls", name, stream)
        if syntax == 2:
            write("jpeg_extended", name, stream)
        if name in {"rle_16", "jpeg_rgb", "jpeg_12", "lossless_12", "jpeg_ls_16", "j2k_gray", "htj2k_16"}:
            write("dicom_decode", name, encapsulated(SYNTAXES[syntax], pixels, [stream, stream]))
    for rows, columns in [(8, 8), (17, 23)]:
        twelve = picture(4095, 1, max(rows, 12), max(columns, 12))[:rows, :columns].copy()
        for level in [50, 100]:
            stream = imagecodecs.jpeg8_encode(twelve, level=level, bitspersample=12)
            write("jpeg_extended", f"{columns}x{rows}_{level}", stream)
    native("implicit.dcm", "1.2.840.10008.1.2", implicit=True)
    native("big_endian.dcm", "1.2.840.10008.1.2.2", little=False)
    native("deflated.dcm", "1.2.840.10008.1.2.1.99")
    native("signed.dcm", "1.2.840.10008.1.2.1", PixelRepresentation=1, RescaleSlope="2", RescaleIntercept="-1024")
    native("cine.dcm", "1.2.840.10008.1.2.1", Rows=6, NumberOfFrames=2, FrameTime="40", Modality="US")
    native("palette.dcm", "1.2.840.10008.1.2.1", PhotometricInterpretation="PALETTE COLOR",
           RedPaletteColorLookupTableDescriptor=[4, 0, 16], RedPaletteColorLookupTableData=b"\0\0\1\1\2\2\3\3",
           GreenPaletteColorLookupTableDescriptor=[4, 0, 16], GreenPaletteColorLookupTableData=b"\0\0\4\1\2\6\3\3",
           BluePaletteColorLookupTableDescriptor=[4, 0, 16], BluePaletteColorLookupTableData=b"\0\0\1\1\7\2\3\7")
    pictures()
    headers()
    archives(FOLDER)
    once_failed()


main()
