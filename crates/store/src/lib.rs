//! The archive: a catalog of studies, and their objects as files.
mod attributes;
mod content;
mod describe;
mod element;
mod error;
mod json;
mod limits;
mod text;

pub use attributes::{Attributes, InstanceAttributes, SeriesAttributes, StudyAttributes};
pub use content::Content;
pub use describe::{
    BULK_MARK, BulkPlace, Description, FileMeta, PixelPlace, bulk_place, describe, file_meta, inflated,
};
pub use error::StoreError;
pub use limits::Limits;
