use std::path::Path;

use serde_json::json;
use wilhelm_filters::montage::montage;
use wilhelm_formats::{
    Compression, VolumeContent, encode_mha, encode_nifti, encode_nrrd, encode_png_gray, write_atomically,
};
use wilhelm_study::{Image, LabelMap, Series};

use super::segment::window;
use crate::args::{self, Pick};
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};
use crate::{labels, pick};

/// What the output's ending asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Nifti(Compression),
    Nrrd,
    Mha,
    Dicom,
    Png,
}

/// `wilhelm convert`
pub fn run(verb: &args::Convert, config: &Config) -> anyhow::Result<Exit> {
    let format = format(&verb.output)?;
    if !verb.force && verb.output.exists() {
        return Err(Stop::usage(format!(
            "{} is already there: add --force to replace it",
            verb.output.display()
        )));
    }
    let (bytes, told, defects) = if verb.labels {
        let map = labels::read_alone(&verb.input, config)?;
        let bytes = label_bytes(&map, format, verb, config)?;
        let told = json!({ "size": map.geometry().size(), "labels": map.segments() });
        (bytes, told, false)
    } else {
        let number = verb.series;
        let series = if format == Format::Png {
            any(verb, number, config)?
        } else {
            pick::volume(std::slice::from_ref(&verb.input), Pick { series: number, units: None }, config)?
        };
        for defect in &series.defects {
            eprintln!("wilhelm: {defect}");
        }
        let told = json!({
            "size": series.image.size(),
            "quantity": series.image.quantity(),
            "series": series.title,
            "defects": series.defects,
        });
        (image_bytes(&series, format)?, told, !series.defects.is_empty())
    };
    write_atomically(&verb.output, verb.force, &bytes)?;
    if verb.json {
        print_json(&json!({ "output": verb.output, "bytes": bytes.len(), "content": told }))?;
    } else {
        print(&format!("{}: {} bytes\n", verb.output.display(), bytes.len()))?;
    }
    Ok(if defects { Exit::Defects } else { Exit::Done })
}

fn format(output: &Path) -> anyhow::Result<Format> {
    let name = output.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    Ok(match &name {
        name if name.ends_with(".nii.gz") => Format::Nifti(Compression::Gzip),
        name if name.ends_with(".nii") => Format::Nifti(Compression::None),
        name if name.ends_with(".nrrd") => Format::Nrrd,
        name if name.ends_with(".mha") => Format::Mha,
        name if name.ends_with(".dcm") => Format::Dicom,
        name if name.ends_with(".png") => Format::Png,
        _ => {
            return Err(Stop::usage(format!(
                "{} has no ending that tells its format: expected .nii, .nii.gz, .nrrd, .seg.nrrd, .mha, .dcm or .png",
                output.display()
            )));
        }
    })
}

fn any(verb: &args::Convert, number: Option<usize>, config: &Config) -> anyhow::Result<Series> {
    let mut all = pick::series(std::slice::from_ref(&verb.input), config)?;
    let place = match number {
        Some(number) => number.checked_sub(1).filter(|place| *place < all.len()),
        None => (all.len() == 1).then_some(0),
    };
    let count = all.len();
    let place = place
        .ok_or_else(|| Stop::usage(format!("the input has {count} series: choose one with --series")))?;
    Ok(all.swap_remove(place))
}

fn image_bytes(series: &Series, format: Format) -> anyhow::Result<Vec<u8>> {
    Ok(match format {
        Format::Nifti(compression) => encode_nifti(VolumeContent::try_from(&series.image)?, compression),
        Format::Nrrd => encode_nrrd(VolumeContent::try_from(&series.image)?, Compression::Gzip),
        Format::Mha => encode_mha(VolumeContent::try_from(&series.image)?, Compression::Gzip),
        Format::Png => picture(series)?,
        Format::Dicom => {
            return Err(Stop::usage(
                "an image is not written as DICOM: only label maps are, with --labels and --source",
            ));
        }
    })
}

/// A flat image in its window, or all slices of a volume side by side.
fn picture(series: &Series) -> anyhow::Result<Vec<u8>> {
    let settings = window(series);
    if let Image::Flat(image) = &series.image {
        let pixels: Vec<u8> = image
            .pixels()
            .iter()
            .map(|value| {
                let share = (value - settings.black) / (settings.white - settings.black);
                (share * 255.0).clamp(0.0, 255.0).round() as u8
            })
            .collect();
        let (columns, rows) = (u32::try_from(image.columns())?, u32::try_from(image.rows())?);
        return Ok(encode_png_gray(columns, rows, &pixels)?);
    }
    let direction = series.image.geometry().map(|geometry| geometry.direction());
    let picture = match &series.image {
        Image::Hounsfield(volume) => montage(volume, direction, None, &settings)?,
        Image::Uptake(volume) => montage(volume, direction, None, &settings)?,
        Image::Arbitrary(volume) => montage(volume, direction, None, &settings)?,
        Image::Stored(volume) => montage(volume, direction, None, &settings)?,
        _ => return Err(Stop::input("this kind of image has no picture yet")),
    };
    let (columns, rows) = (u32::try_from(picture.columns)?, u32::try_from(picture.rows)?);
    Ok(wilhelm_formats::encode_png_rgb(columns, rows, &picture.pixels)?)
}

fn label_bytes(
    map: &LabelMap,
    format: Format,
    verb: &args::Convert,
    config: &Config,
) -> anyhow::Result<Vec<u8>> {
    Ok(match format {
        Format::Nifti(compression) => encode_nifti(map, compression),
        Format::Nrrd => encode_nrrd(map, Compression::Gzip),
        Format::Mha => encode_mha(map, Compression::Gzip),
        Format::Dicom => {
            let source = verb.source.as_ref().ok_or_else(|| {
                Stop::usage("a segmentation lies in the study of its images: name them with --source")
            })?;
            let series = pick::volume(
                std::slice::from_ref(source),
                Pick { series: verb.series, units: None },
                config,
            )?;
            let wanted: Vec<_> =
                series.sources.iter().filter_map(|source| source.sop_instance_uid.clone()).collect();
            labels::segmentation(map, std::slice::from_ref(source), &wanted, config)?
        }
        Format::Png => {
            return Err(Stop::usage("a label map is not written as PNG: 'wilhelm segment' draws one"));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_tells_the_format() {
        for (name, expected) in [
            ("a.nii", Format::Nifti(Compression::None)),
            ("a.NII.GZ", Format::Nifti(Compression::Gzip)),
            ("b/a.seg.nrrd", Format::Nrrd),
            ("a.mha", Format::Mha),
            ("a.dcm", Format::Dicom),
        ] {
            assert_eq!(format(Path::new(name)).expect("known"), expected, "{name}");
        }
        assert!(format(Path::new("a.gz")).is_err() && format(Path::new("")).is_err());
    }
}
