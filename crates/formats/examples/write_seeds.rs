//! Writes small synthetic files for the fuzz targets to begin with: `write_seeds FOLDER`, which
//! `fuzz/seeds.sh` calls. Each target has a folder; nothing in them is of a person.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags;
use wilhelm_formats::dicom::objects::{
    self, CaptureColor, Imprint, LabelCoding, MapQuantity, Placement, Reference, Stamp,
};
use wilhelm_formats::phantom::{CtPhantom, part_10};
use wilhelm_formats::{
    Compression, Limits, encode_mha, encode_nifti, encode_nrrd, encode_png_gray, encode_png_rgb,
    write_atomically,
};
use wilhelm_study::{Arbitrary, CodedConcept, Geometry, LabelMap, Mask, Segment, Volume};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: write_seeds FOLDER")?);
    let phantom = CtPhantom { columns: 12, rows: 10, slices: 4, slice_step_mm: 2.5, ..CtPhantom::default() };
    let tilted = CtPhantom { tilt_degrees: 12.0, seed: 2, ..phantom.clone() };
    for (name, phantom) in [("straight", &phantom), ("tilted", &tilted)] {
        let slices: Result<Vec<Vec<u8>>, _> =
            (0..phantom.slices).map(|slice| part_10(phantom.slice_object(slice))).collect();
        let slices = slices?;
        write(&folder, "dicom_series", &format!("{name}.dcm"), &slices.concat())?;
        write(
            &folder,
            "dicom_series",
            &format!("{name}_gap.dcm"),
            &[&slices[0][..], &slices[2], &slices[3]].concat(),
        )?;
    }
    let files: Outcome<Vec<Vec<u8>>> =
        (0..phantom.slices).map(|slice| Ok(part_10(phantom.slice_object(slice))?)).collect();
    let files = files?;
    write(&folder, "dicom_decode", "ct.dcm", &files[0])?;
    overlay(&folder, &phantom)?;
    let borrowed: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    let reference = objects::references_of_bytes(&borrowed, &Limits::default())?;
    objects_of(&folder, &reference)?;
    volumes(&folder, *reference.geometry().ok_or("the phantom is a volume")?)
}

fn write(folder: &Path, target: &str, name: &str, bytes: &[u8]) -> Outcome<()> {
    let folder = folder.join(target);
    std::fs::create_dir_all(&folder)?;
    Ok(write_atomically(&folder.join(name), true, bytes)?)
}

/// A slice with a frame drawn over it.
fn overlay(folder: &Path, phantom: &CtPhantom) -> Outcome<()> {
    let mut object = phantom.slice_object(1);
    let mut put = |element, vr, value: PrimitiveValue| {
        object.put(DataElement::new(Tag(0x6000, element), vr, value));
    };
    put(0x0010, VR::US, phantom.rows.into());
    put(0x0011, VR::US, phantom.columns.into());
    put(0x0040, VR::CS, "G".into());
    put(0x0050, VR::SS, PrimitiveValue::I16(vec![1, 1].into()));
    put(0x0100, VR::US, 1_u16.into());
    put(0x0102, VR::US, 0_u16.into());
    put(0x3000, VR::OW, PrimitiveValue::U16(vec![0xA5C3; 8].into()));
    object.put(DataElement::new(tags::WINDOW_CENTER, VR::DS, "40"));
    object.put(DataElement::new(tags::WINDOW_WIDTH, VR::DS, "400"));
    write(folder, "dicom_decode", "overlay.dcm", &part_10(object)?)
}

fn organ(name: &str) -> Segment {
    Segment::anatomy(name, CodedConcept::new("SCT", "39607008", "Lung"), "seed")
}

fn label_map(geometry: Geometry) -> Outcome<LabelMap> {
    let labels = (0..geometry.voxels()).map(|i| [0, 0, 1, 3, 0][i % 7 % 5]).collect();
    Ok(LabelMap::new(geometry, labels, BTreeMap::from([(1, organ("left")), (3, organ("right"))]))?)
}

fn objects_of(folder: &Path, reference: &Reference) -> Outcome<()> {
    let geometry = *reference.geometry().ok_or("the phantom is a volume")?;
    let imprint = |number: u32| -> Outcome<Imprint> {
        Ok(Imprint::new("seed", Stamp::new(u128::from(number), "20260102", "030405")?))
    };
    let map = label_map(geometry)?;
    let on = Placement::OnSource;
    let seed = |name: &str, bytes: &[u8]| write(folder, "segmentation", name, bytes);
    for (name, coding, placement, number) in [
        ("binary.dcm", LabelCoding::Binary, on, 1),
        ("label_map.dcm", LabelCoding::LabelMap, on, 2),
        ("own_grid.dcm", LabelCoding::Binary, Placement::OwnGrid, 3),
    ] {
        let written = objects::label_segmentation(&map, coding, placement, reference, &imprint(number)?)?;
        seed(name, &written.bytes)?;
    }
    let all = map.mask(1).union(&map.mask(3))?;
    let overlapping: [(Mask, Segment); 2] = [(map.mask(1), organ("inner")), (all, organ("outer"))];
    seed("overlap.dcm", &objects::segmentation(&overlapping, on, reference, &imprint(4)?)?.bytes)?;
    let values = (0..geometry.voxels()).map(|i| (i * 37 % 101) as f32 / 100.0).collect();
    let probability = Volume::<Arbitrary>::new(geometry, values)?;
    let fractions = [(probability.clone(), organ("probability"))];
    let fractional = objects::fractional_segmentation(&fractions, on, reference, &imprint(5)?)?;
    seed("fractional.dcm", &fractional.bytes)?;
    let quantity = MapQuantity {
        quantity: CodedConcept::new("DCM", "122157", "Probability"),
        unit: CodedConcept::new("UCUM", "1", "no units"),
        label: "probability".to_owned(),
        derivation: CodedConcept::new("DCM", "129104", "Perfusion image analysis"),
    };
    let parametric = objects::parametric_map(&probability, &quantity, on, reference, &imprint(6)?)?.bytes;
    write(folder, "dicom_decode", "parametric_map.dcm", &parametric)?;
    write(folder, "dicom_series", "parametric_map.dcm", &parametric)?;
    let picture: Vec<u8> = (0..9 * 7 * 3).map(|i| (i % 251) as u8).collect();
    for (name, color, pixels, number) in [
        ("capture_rgb.dcm", CaptureColor::Rgb, &picture[..], 7),
        ("capture_gray.dcm", CaptureColor::Gray, &picture[..63], 8),
    ] {
        let written = objects::secondary_capture([9, 7], color, pixels, &[1], reference, &imprint(number)?)?;
        write(folder, "dicom_decode", name, &written.bytes)?;
        write(folder, "dicom_series", name, &written.bytes)?;
    }
    Ok(())
}

fn volumes(folder: &Path, geometry: Geometry) -> Outcome<()> {
    let values = (0..geometry.voxels()).map(|i| (i * i % 977) as f32 * 0.75 - 300.0).collect();
    let volume = Volume::<Arbitrary>::new(geometry, values)?;
    let map = label_map(geometry.flipped(0).permuted([1, 0, 2]))?;
    for (name, compression) in [("plain", Compression::None), ("packed", Compression::Gzip)] {
        for (target, what, bytes) in [
            ("nifti", "values", encode_nifti(&volume, compression)),
            ("nrrd", "values", encode_nrrd(&volume, compression)),
            ("metaimage", "values", encode_mha(&volume, compression)),
            ("label_map", "nifti", encode_nifti(&map, compression)),
            ("label_map", "nrrd", encode_nrrd(&map, compression)),
            ("label_map", "metaimage", encode_mha(&map, compression)),
        ] {
            write(folder, target, &format!("{what}_{name}"), &bytes)?;
        }
    }
    let picture: Vec<u8> = (0..9 * 7 * 3).map(|i| (i * 5 % 251) as u8).collect();
    write(folder, "picture", "gray.png", &encode_png_gray(9, 7, &picture[..63])?)?;
    write(folder, "picture", "rgb.png", &encode_png_rgb(9, 7, &picture)?)
}
