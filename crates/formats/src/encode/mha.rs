use super::{Compression, VolumeContent, Written, words};
use crate::metaimage;

/// The bytes of a MetaImage file (`.mha`), header and voxels in one.
///
/// Values are 32-bit floats, labels and masks 8 or 16 bits, little endian. The names of segments
/// stand among the fields (`Segment0_LabelValue`, `Segment0_Name`), which other readers pass over.
///
/// # Units
/// mm, in LPS+.
pub fn encode_mha<'a>(content: impl Into<VolumeContent<'a>>, compression: Compression) -> Vec<u8> {
    let content = content.into();
    let geometry = content.geometry;
    let packed = (compression == Compression::Gzip).then(|| content.zlib());
    let compressed = match &packed {
        Some(bytes) => format!("CompressedData = True\nCompressedDataSize = {}\n", bytes.len()),
        None => "CompressedData = False\n".to_owned(),
    };
    let element = match content.written() {
        Written::U8 => "MET_UCHAR",
        Written::U16 => "MET_USHORT",
        Written::F32 => "MET_FLOAT",
    };
    // MetaIO names the sides that the axes come from.
    let from: String = geometry.direction().letters().chars().map(metaimage::opposite).collect();
    let mut bytes = format!(
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n\
         {compressed}TransformMatrix = {matrix}\nOffset = {offset}\nCenterOfRotation = 0 0 0\n\
         AnatomicalOrientation = {from}\nElementSpacing = {spacing}\nDimSize = {size}\n\
         ElementType = {element}\n{segments}ElementDataFile = LOCAL\n",
        matrix = words(geometry.direction().axes().as_flattened()),
        offset = words(geometry.origin().components()),
        spacing = words(geometry.spacing().millimeters()),
        size = words(geometry.size()),
        segments = content.segments().map(metaimage::encoded_segments).unwrap_or_default(),
    )
    .into_bytes();
    match packed {
        Some(packed) => bytes.extend(packed),
        None => content.write_voxels(&mut bytes),
    }
    bytes
}
