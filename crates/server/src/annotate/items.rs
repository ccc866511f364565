//! Which images an item has, chosen by identifiers or found by a search.

use dicom_dictionary_std::{tags, uids};
use serde::Deserialize;
use serde_json::Value;
use wilhelm_annotate::{AnnotateError, Canvas, ImageSize};
use wilhelm_formats::Limits;
use wilhelm_store::{ItemImage, ItemRow, Level, NewItem, Place, Query, Store, StoreError, read_metadata};
use wilhelm_study::{SeriesInstanceUid, SopInstanceUid, StudyInstanceUid};

use super::ProjectError;
use crate::desk::{header_of, whole};

/// Most items that one request adds, and most images of one item.
const MOST_ITEMS: usize = 10_000;
const MOST_IMAGES: usize = 5_000;
/// Most bytes of an item's objects that are opened at once.
const LARGEST: u64 = 4 << 30;

/// Objects that have pixels and are no images to look at.
const DERIVED: [&str; 4] = [
    uids::SEGMENTATION_STORAGE,
    uids::LABEL_MAP_SEGMENTATION_STORAGE,
    uids::PARAMETRIC_MAP_STORAGE,
    uids::RT_DOSE_STORAGE,
];

/// An item by its identifiers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chosen {
    pub study: String,
    #[serde(default)]
    pub series: Option<String>,
    #[serde(default)]
    pub instance: Option<String>,
}

/// What becomes an item of what a search finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ItemLevel {
    Study,
    Series,
    Instance,
}

/// A search for items.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Search {
    pub level: ItemLevel,
    #[serde(default)]
    pub modality: Option<String>,
    /// A day or a range of days as DICOM writes them: `20260101-20261231`.
    #[serde(default)]
    pub date: Option<String>,
    /// Body part of the series.
    #[serde(default)]
    pub body_part: Option<String>,
    /// Description of the series, with `*` and `?`.
    #[serde(default)]
    pub description: Option<String>,
}

/// The items that a search finds, in the order of study, series and object.
pub(crate) fn found(store: &Store, search: &Search) -> Result<Vec<Chosen>, ProjectError> {
    let mut query = Query { limit: Some(MOST_ITEMS as u64 + 1), ..Query::new(Level::Series) };
    for (tag, value) in [
        (tags::MODALITY, &search.modality),
        (tags::STUDY_DATE, &search.date),
        (tags::BODY_PART_EXAMINED, &search.body_part),
        (tags::SERIES_DESCRIPTION, &search.description),
    ] {
        if let Some(value) = value.as_deref().map(str::trim).filter(|value| !value.is_empty()) {
            query = query.with(tag, value);
        }
    }
    let mut found: Vec<Chosen> = Vec::new();
    for answer in store.query(&query)? {
        let study = answer.text(tags::STUDY_INSTANCE_UID).to_owned();
        let series = answer.text(tags::SERIES_INSTANCE_UID).to_owned();
        match search.level {
            ItemLevel::Study => {
                let one = Chosen { study, series: None, instance: None };
                if !found.contains(&one) && has_images(store, &one)? {
                    found.push(one);
                }
            }
            ItemLevel::Series => {
                let one = Chosen { study, series: Some(series), instance: None };
                if has_images(store, &one)? {
                    found.push(one);
                }
            }
            ItemLevel::Instance => {
                let of_series = Chosen { study: study.clone(), series: Some(series.clone()), instance: None };
                found.extend(images(store, &of_series)?.into_iter().map(|image| Chosen {
                    study: study.clone(),
                    series: Some(series.clone()),
                    instance: Some(image.sop_uid),
                }));
            }
        }
        check_count(found.len())?;
    }
    Ok(found)
}

fn check_count(count: usize) -> Result<(), ProjectError> {
    if count > MOST_ITEMS {
        let what = format!("more than {MOST_ITEMS} items: search for fewer, and add the others afterwards");
        return Err(ProjectError::Wrong(what));
    }
    Ok(())
}

fn has_images(store: &Store, chosen: &Chosen) -> Result<bool, ProjectError> {
    Ok(store
        .locate(&place(chosen)?)?
        .iter()
        .any(|object| object.pixels.is_some() && !DERIVED.contains(&object.sop_class.as_str())))
}

/// Where the objects of an item are.
fn place(chosen: &Chosen) -> Result<Place, ProjectError> {
    let wrong = |_| ProjectError::Wrong("an item is not named by UIDs of 1 to 64 digits and dots".to_owned());
    if chosen.instance.is_some() && chosen.series.is_none() {
        return Err(ProjectError::Wrong("an item that is an instance names its series too".to_owned()));
    }
    Ok(Place {
        study_uid: StudyInstanceUid::new(&chosen.study).map_err(wrong)?,
        series_uid: chosen.series.as_deref().map(SeriesInstanceUid::new).transpose().map_err(wrong)?,
        sop_uid: chosen.instance.as_deref().map(SopInstanceUid::new).transpose().map_err(wrong)?,
    })
}

/// The images of an item with what their headers say of their size.
fn images(store: &Store, chosen: &Chosen) -> Result<Vec<ItemImage>, ProjectError> {
    let mut images = Vec::new();
    store.metadata(&place(chosen)?, |[_, _, instance], json| {
        let Ok(header) = read_metadata(json) else { return true };
        if let Some(image) = image_of(instance, &header) {
            images.push(image);
        }
        images.len() <= MOST_IMAGES
    })?;
    if images.len() > MOST_IMAGES {
        return Err(ProjectError::Wrong(format!(
            "an item has more than {MOST_IMAGES} images: choose its series"
        )));
    }
    Ok(images)
}

fn image_of(instance: &str, header: &Value) -> Option<ItemImage> {
    let value = |tag: &str, place: usize| {
        let value = header.get(tag)?.get("Value")?.get(place)?;
        value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
    };
    let whole = |tag: &str| value(tag, 0).filter(|number| (1.0..=65_535.0 * 65_535.0).contains(number));
    let class = header.get("00080016")?.get("Value")?.get(0)?.as_str()?;
    let (rows, columns) = (whole("00280010")?, whole("00280011")?);
    if DERIVED.contains(&class) {
        return None;
    }
    let between = |tag: &str| {
        let [rows, columns] = [value(tag, 0)?, value(tag, 1)?];
        (rows > 0.0 && columns > 0.0 && rows.is_finite() && columns.is_finite()).then_some([columns, rows])
    };
    Some(ItemImage {
        sop_uid: instance.to_owned(),
        columns: columns as u32,
        rows: rows as u32,
        frames: whole("00280008").unwrap_or(1.0) as u32,
        spacing: between("00280030").or_else(|| between("00181164")),
    })
}

/// An item as it is added.
pub(crate) fn new_item(store: &Store, chosen: &Chosen) -> Result<NewItem, ProjectError> {
    let images = images(store, chosen)?;
    if images.is_empty() {
        return Err(ProjectError::Wrong("an item has no image".to_owned()));
    }
    Ok(NewItem {
        study_uid: chosen.study.clone(),
        series_uid: chosen.series.clone().unwrap_or_default(),
        sop_uid: chosen.instance.clone().unwrap_or_default(),
        images,
    })
}

/// The items of a list, each once.
pub(crate) fn chosen(list: Vec<Chosen>) -> Result<Vec<Chosen>, ProjectError> {
    check_count(list.len())?;
    let mut all: Vec<Chosen> = Vec::with_capacity(list.len());
    for one in list {
        place(&one)?;
        all.push(one);
    }
    Ok(all)
}

/// What the images of an item have room for.
pub(crate) fn sizes(images: &[ItemImage]) -> Vec<ImageSize> {
    let size = |one: &ItemImage| ImageSize { columns: one.columns, rows: one.rows, frames: one.frames };
    images.iter().map(size).collect()
}

/// The files of an item's images, in their order: whole, or what comes before the pixels.
pub(crate) fn files(
    store: &Store,
    item: &ItemRow,
    images: &[ItemImage],
    is_whole: bool,
) -> Result<Vec<Vec<u8>>, ProjectError> {
    let mut files = Vec::with_capacity(images.len());
    let mut total = 0;
    for image in images {
        let located = store.find(&image.sop_uid)?;
        if located.study_uid != item.study_uid {
            return Err(StoreError::NotFound { what: "image of the item" }.into());
        }
        total += if is_whole { located.bytes } else { 0 };
        if total > LARGEST {
            let what =
                format!("item {} has more than {LARGEST} bytes, which are not opened at once", item.number);
            return Err(ProjectError::Wrong(what));
        }
        files.push(if is_whole { whole(store, &located)? } else { header_of(store, &located)? });
    }
    Ok(files)
}

/// Where the pixels of an item lie.
pub(crate) fn canvas(images: &[ItemImage], files: &[Vec<u8>]) -> Result<Canvas, AnnotateError> {
    let facts = facts(images);
    let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    Canvas::new(&facts, &files, &Limits::default())
}

/// An item's images as canvases have them.
pub(crate) fn facts(images: &[ItemImage]) -> Vec<(&str, ImageSize, Option<[f64; 2]>)> {
    images
        .iter()
        .zip(sizes(images))
        .map(|(image, size)| (image.sop_uid.as_str(), size, image.spacing))
        .collect()
}
