//! Writes small volumes, label maps and masks in every format, with where each voxel lies, so that
//! other programs can be asked: `write_volumes FOLDER`, then `tools/interop/volumes.py FOLDER`.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;

use serde_json::{Value, json};
use wilhelm_formats::{Compression, encode_mha, encode_nifti, encode_nrrd, write_atomically};
use wilhelm_study::{
    Arbitrary, CodedConcept, Direction, Geometry, Index, LabelMap, Mask, Mm, PointLps, Segment, Spacing,
    Volume,
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: write_volumes FOLDER")?);
    std::fs::create_dir_all(&folder)?;
    let mut cases = Vec::new();
    for (name, geometry) in grids()? {
        let count = geometry.voxels();
        let values: Vec<f32> = (0..count).map(|i| (i * i % 977) as f32 * 0.75 - 300.0).collect();
        let labels: Vec<u16> =
            (0..count).map(|i| if i % 5 == 3 || i == 0 { i as u16 % 2 * 299 + 1 } else { 0 }).collect();
        let map = LabelMap::new(geometry, labels, segments())?;
        let mask = map.mask(1);
        let volume = Volume::<Arbitrary>::new(geometry, values)?;
        for (packing, compression) in [("plain", Compression::None), ("packed", Compression::Gzip)] {
            let nifti = if compression == Compression::Gzip { "nii.gz" } else { "nii" };
            for (what, values, encoded) in [
                ("values", volume.voxels().to_vec(), encoded(&volume, compression)),
                (
                    "labels",
                    map.labels().iter().map(|label| f32::from(*label)).collect(),
                    encoded(&map, compression),
                ),
                ("mask", of_mask(&mask), encoded(&mask, compression)),
            ] {
                for (extension, bytes) in [nifti, "nrrd", "mha"].into_iter().zip(encoded) {
                    let file = format!("{name}_{what}_{packing}.{extension}");
                    write_atomically(&folder.join(&file), true, &bytes)?;
                    cases.push(case(&file, &geometry, &values));
                }
            }
        }
    }
    write_atomically(&folder.join("expected.json"), true, &serde_json::to_vec(&Value::Array(cases))?)?;
    Ok(())
}

fn encoded<'a, T>(content: &'a T, compression: Compression) -> [Vec<u8>; 3]
where
    wilhelm_formats::VolumeContent<'a>: From<&'a T>,
{
    [encode_nifti(content, compression), encode_nrrd(content, compression), encode_mha(content, compression)]
}

fn of_mask(mask: &Mask) -> Vec<f32> {
    mask.voxels().iter().map(|inside| f32::from(u8::from(*inside))).collect()
}

fn segments() -> BTreeMap<u16, Segment> {
    let lung = |name: &str| Segment::anatomy(name, CodedConcept::new("SCT", "39607008", "Lung"), "example");
    BTreeMap::from([(1, lung("left lung")), (300, lung("right lung"))])
}

/// Axial, every axis reversed, axes in another order, and an oblique one with a mirror.
fn grids() -> Result<Vec<(&'static str, Geometry)>, Box<dyn Error>> {
    let spacing = Spacing::new(Mm(0.7), Mm(1.3), Mm(3.1))?;
    let origin = PointLps::from_components([-123.25, 61.5, -410.125]);
    let axial = Geometry::new([5, 4, 3], spacing, origin, Direction::AXIAL)?;
    let (sin, cos) = 0.4_f64.sin_cos();
    let (lean, up) = 1.1_f64.sin_cos();
    let oblique =
        Direction::new([cos, sin * up, sin * lean], [-sin, cos * up, cos * lean], [0.0, -lean, up])?;
    let oblique = Geometry::new([5, 4, 3], spacing, origin, oblique)?;
    Ok(vec![
        ("axial", axial),
        ("reversed", axial.flipped(0).flipped(1).flipped(2)),
        ("mirrored", axial.flipped(2)),
        ("sagittal", axial.permuted([1, 2, 0]).flipped(1)),
        ("coronal", axial.permuted([0, 2, 1])),
        ("oblique", oblique),
        ("oblique_mirrored", oblique.permuted([2, 0, 1]).flipped(0)),
        ("one_slice", Geometry::new([5, 4, 1], spacing, origin, oblique.direction())?),
    ])
}

fn case(file: &str, geometry: &Geometry, values: &[f32]) -> Value {
    let [columns, rows, slices] = geometry.size();
    let mut points = Vec::with_capacity(values.len());
    for slice in 0..slices {
        for row in 0..rows {
            for column in 0..columns {
                points.push(geometry.point(Index { column, row, slice }).components());
            }
        }
    }
    json!({ "file": file, "size": geometry.size(), "points": points, "values": values })
}
