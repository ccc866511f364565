use super::{Compression, VolumeContent, Written, words};
use crate::nrrd::encoded_segments;

/// The bytes of an NRRD file, header and voxels in one.
///
/// Values are 32-bit floats, labels and masks 8 or 16 bits, little endian. A label map carries the
/// keys of a 3D Slicer segmentation (names, label values, terminology), so that the file is a
/// `.seg.nrrd` where it is so named.
///
/// # Units
/// mm, in left-posterior-superior.
pub fn encode_nrrd<'a>(content: impl Into<VolumeContent<'a>>, compression: Compression) -> Vec<u8> {
    let content = content.into();
    let geometry = content.geometry;
    let element = match content.written() {
        Written::U8 => "unsigned char",
        Written::U16 => "unsigned short",
        Written::F32 => "float",
    };
    let vector = |[x, y, z]: [f64; 3]| format!("({x},{y},{z})");
    let bytes = format!(
        "NRRD0004\n# Complete NRRD file format specification at:\n\
         # http://teem.sourceforge.net/nrrd/format.html\n\
         type: {element}\ndimension: 3\nspace: left-posterior-superior\nsizes: {size}\n\
         space directions: {directions}\nkinds: domain domain domain\nendian: little\n\
         encoding: {encoding}\nspace origin: {origin}\nspace units: \"mm\" \"mm\" \"mm\"\n{segments}\n",
        size = words(geometry.size()),
        directions = words(content.steps().map(vector)),
        encoding = if compression == Compression::Gzip { "gzip" } else { "raw" },
        origin = vector(geometry.origin().components()),
        segments = content
            .segments()
            .map(|segments| encoded_segments(segments, geometry.size()))
            .unwrap_or_default(),
    );
    let mut bytes = bytes.into_bytes();
    match compression {
        Compression::None => content.write_voxels(&mut bytes),
        Compression::Gzip => bytes = content.gzip(bytes, &[]),
    }
    bytes
}
