//! Flat pictures and cines: frames as luminance, black low.

use rayon::prelude::*;
use wilhelm_study::{Cine, Defect, DefectKind, Image, Mm, PixelSpacing, Projection, Series};

use super::calibrate::{self, Mapping};
use super::header::Rescale;
use super::instance::Instance;
use super::pixels::{Photometric, SampleKind};
use super::series::{source, truncation};
use crate::source::sha256;
use crate::{FormatError, Limits, finite};

/// What reading one frame found beside its pixels.
struct FrameRead {
    color: bool,
    truncated: Option<(u64, u64)>,
}

/// A flat image, or a cine where the file holds more than one frame.
pub(super) fn picture(instance: &Instance, title: String, limits: &Limits) -> Result<Series, FormatError> {
    let store = &instance.store;
    let format = &store.format;
    let facts = &instance.frames[0];
    let mut defects = instance.header.defects.clone();
    let (mut pixels, reads, digest) = instance.bytes.with_all(limits, |bytes| {
        let frames = store.frames_held(bytes, limits)?;
        let mut pixels = vec![0.0; format.plane() * frames];
        let reads: Vec<FrameRead> = pixels
            .par_chunks_mut(format.plane())
            .enumerate()
            .map(|(number, out)| read_frame(instance, bytes, number, out))
            .collect::<Result<_, _>>()?;
        let digest = instance.sha256.clone().unwrap_or_else(|| sha256(bytes, limits));
        Ok((pixels, reads, digest))
    })?;
    let frames = reads.len();
    if frames < format.frames {
        let message = format!("{frames} of {} frames are there", format.frames);
        defects.push(Defect::new(DefectKind::Truncated, &instance.label, message));
    }
    if let Some((found, expected)) = reads.iter().find_map(|read| read.truncated) {
        defects.push(truncation(&instance.label, found, expected));
    }
    if instance.header.image_type.iter().any(|value| value == "MOSAIC") {
        let message = "a mosaic of slices: it is read as one flat picture";
        defects.push(Defect::new(DefectKind::Unsupported, &instance.label, message));
    }
    if format.kind != SampleKind::Integer || flat_mapping(instance).can_overflow() {
        defects.extend(finite::mend(&mut pixels, &instance.label)?);
    }
    let mut range = flat_range(instance);
    let mut window = facts.window.and_then(finite::pair);
    if format.photometric == Photometric::Monochrome1 {
        let (low, high) = range.unwrap_or_else(|| extremes(&pixels));
        let mirror = low + high;
        if mirror.is_finite() {
            pixels.iter_mut().for_each(|pixel| *pixel = mirror - *pixel);
        } else {
            let mirror = f64::from(low) + f64::from(high);
            pixels.iter_mut().for_each(|pixel| *pixel = (mirror - f64::from(*pixel)) as f32);
        }
        window =
            window.map(|(center, width)| (mirror - center, width)).filter(|(center, _)| center.is_finite());
        range = Some((low, high));
    }
    let header = &instance.header;
    let spacing = facts
        .plane
        .spacing
        .or(header.imager_spacing)
        .map(|[rows, columns]| PixelSpacing { between_columns: Mm(columns), between_rows: Mm(rows) });
    let (title, image) = if format.frames > 1 {
        let times = match header.timing.milliseconds(frames) {
            Ok(times) => times,
            Err(message) => {
                defects.push(Defect::new(DefectKind::Header, &instance.label, message));
                None
            }
        };
        let cine = Cine::new(format.columns, format.rows, pixels, spacing, times)?;
        (format!("{title}, {frames} frames"), Image::Cine(cine))
    } else {
        (title, Image::Flat(Projection::new(format.columns, format.rows, pixels, spacing)?))
    };
    Ok(Series {
        study: header.study.clone(),
        series: header.series.clone(),
        frame_of_reference: header.frame_of_reference.clone(),
        title,
        modality: header.modality.clone(),
        body_part: header.body_part.clone(),
        view: header.view.clone(),
        color: reads.iter().any(|read| read.color),
        stored_range: range,
        window,
        patient: header.patient.clone(),
        sources: vec![source(instance, digest)],
        image,
        defects,
    })
}

fn read_frame(
    instance: &Instance,
    bytes: &[u8],
    number: usize,
    out: &mut [f32],
) -> Result<FrameRead, FormatError> {
    let format = &instance.store.format;
    let frame = instance.store.frame(bytes, number)?;
    let truncated = frame.truncated;
    if format.samples > 1 || instance.palette.is_some() {
        let color = calibrate::write_luminance(&frame, format, instance.palette.as_ref(), out);
        return Ok(FrameRead { color, truncated });
    }
    calibrate::write_values(&frame, format, flat_mapping(instance), out);
    Ok(FrameRead { color: false, truncated })
}

fn flat_mapping(instance: &Instance) -> Mapping<'_> {
    match (&instance.frames[0].rescale, &instance.header.modality_table) {
        (None, Some(table)) => Mapping::Table(table),
        (rescale, _) => Mapping::Linear(rescale.unwrap_or(Rescale::NONE)),
    }
}

fn flat_range(instance: &Instance) -> Option<(f32, f32)> {
    if let Some(palette) = &instance.palette {
        return Some((0.0, palette.top));
    }
    let (low, high) = instance.store.format.stored_range()?;
    match flat_mapping(instance) {
        Mapping::Linear(rescale) => {
            let (a, b) = finite::pair((rescale.apply(low), rescale.apply(high)))?;
            Some((a.min(b), a.max(b)))
        }
        Mapping::Table(_) => None,
    }
}

fn extremes(values: &[f32]) -> (f32, f32) {
    values
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)))
}
