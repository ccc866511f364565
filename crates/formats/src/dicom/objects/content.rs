//! Content items of structured documents (PS3.3 Section C.17.3).

use std::collections::BTreeMap;

use dicom_core::VR;
use dicom_dictionary_std::tags;
use wilhelm_study::CodedConcept;

use super::build::{Item, decimal};
use super::common::{Written, sop_reference};
use super::reference::{Reference, SourceImage};

/// How an item belongs to the one above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Contains,
    HasObservationContext,
    HasConceptModifier,
    HasProperties,
    HasAcquisitionContext,
    SelectedFrom,
}

impl Relation {
    const fn term(self) -> &'static str {
        match self {
            Self::Contains => "CONTAINS",
            Self::HasObservationContext => "HAS OBS CONTEXT",
            Self::HasConceptModifier => "HAS CONCEPT MOD",
            Self::HasProperties => "HAS PROPERTIES",
            Self::HasAcquisitionContext => "HAS ACQ CONTEXT",
            Self::SelectedFrom => "SELECTED FROM",
        }
    }
}

/// A content item under construction.
#[derive(Clone, Debug)]
pub(super) struct Content {
    item: Item,
    children: Vec<Item>,
}

impl Content {
    fn new(relation: Option<Relation>, kind: &str, name: Option<&CodedConcept>) -> Self {
        let mut item = Item::new();
        if let Some(relation) = relation {
            item.text(tags::RELATIONSHIP_TYPE, VR::CS, relation.term());
        }
        item.text(tags::VALUE_TYPE, VR::CS, kind);
        if let Some(name) = name {
            item.code(tags::CONCEPT_NAME_CODE_SEQUENCE, name);
        }
        Self { item, children: Vec::new() }
    }

    /// The document's root, which carries its template.
    pub(super) fn root(title: &CodedConcept, template: &str) -> Self {
        Self::plain_root(title).template(template)
    }

    /// The root of a document that follows no template.
    pub(super) fn plain_root(title: &CodedConcept) -> Self {
        let mut root = Self::new(None, "CONTAINER", Some(title));
        root.item.text(tags::CONTINUITY_OF_CONTENT, VR::CS, "SEPARATE");
        root
    }

    /// A container in another.
    pub(super) fn container(title: &CodedConcept) -> Self {
        let mut container = Self::new(Some(Relation::Contains), "CONTAINER", Some(title));
        container.item.text(tags::CONTINUITY_OF_CONTENT, VR::CS, "SEPARATE");
        container
    }

    /// Names the template of PS3.16 that a container follows.
    pub(super) fn template(mut self, number: &str) -> Self {
        let mut template = Item::new();
        template.text(tags::MAPPING_RESOURCE, VR::CS, "DCMR");
        template.text(tags::TEMPLATE_IDENTIFIER, VR::CS, number);
        self.item.single(tags::CONTENT_TEMPLATE_SEQUENCE, template);
        self
    }

    pub(super) fn code(relation: Relation, name: &CodedConcept, value: &CodedConcept) -> Self {
        let mut content = Self::new(Some(relation), "CODE", Some(name));
        content.item.code(tags::CONCEPT_CODE_SEQUENCE, value);
        content
    }

    pub(super) fn text(relation: Relation, name: &CodedConcept, value: &str) -> Self {
        let mut content = Self::new(Some(relation), "TEXT", Some(name));
        let blank = value.trim().is_empty();
        content.item.text(tags::TEXT_VALUE, VR::UT, if blank { "none" } else { value });
        content
    }

    pub(super) fn person(relation: Relation, name: &CodedConcept, value: &str) -> Self {
        let mut content = Self::new(Some(relation), "PNAME", Some(name));
        content.item.text(tags::PERSON_NAME, VR::PN, value);
        content
    }

    pub(super) fn uid(relation: Relation, name: &CodedConcept, value: &str) -> Self {
        let mut content = Self::new(Some(relation), "UIDREF", Some(name));
        content.item.uid(tags::UID, value);
        content
    }

    /// A number, which is finite, with its UCUM unit.
    pub(super) fn number(relation: Relation, name: &CodedConcept, value: f64, unit: &CodedConcept) -> Self {
        let mut content = Self::new(Some(relation), "NUM", Some(name));
        let mut measured = Item::new();
        let text = decimal(value);
        // The exact number beside its rounded text, where they differ.
        if text.parse::<f64>().is_ok_and(|parsed| parsed != value) {
            measured.doubles(tags::FLOATING_POINT_VALUE, &[value]);
        }
        measured.values(tags::NUMERIC_VALUE, VR::DS, &text);
        measured.code(tags::MEASUREMENT_UNITS_CODE_SEQUENCE, unit);
        content.item.single(tags::MEASURED_VALUE_SEQUENCE, measured);
        content
    }

    /// An image, or a frame of one.
    pub(super) fn image(relation: Relation, name: Option<&CodedConcept>, image: &SourceImage) -> Self {
        let mut content = Self::new(Some(relation), "IMAGE", name);
        content.item.single(tags::REFERENCED_SOP_SEQUENCE, sop_reference(image));
        content
    }

    /// A segment of a segmentation object.
    pub(super) fn segment(name: &CodedConcept, object: &Written, segment: u16) -> Self {
        let mut content = Self::new(Some(Relation::Contains), "IMAGE", Some(name));
        let mut reference = Item::new();
        reference.uid(tags::REFERENCED_SOP_CLASS_UID, object.sop_class);
        reference.uid(tags::REFERENCED_SOP_INSTANCE_UID, object.sop_instance.as_str());
        reference.short(tags::REFERENCED_SEGMENT_NUMBER, segment);
        content.item.single(tags::REFERENCED_SOP_SEQUENCE, reference);
        content
    }

    /// A closed outline on an image, in pixels from the upper left corner of the first (0.5, 0.5 is its
    /// center).
    pub(super) fn outline(name: &CodedConcept, points: &[[f32; 2]], on: &SourceImage) -> Self {
        let mut content = Self::new(Some(Relation::Contains), "SCOORD", Some(name));
        let numbers: Vec<f32> = points.iter().flatten().copied().collect();
        content.item.floats(tags::GRAPHIC_DATA, &numbers);
        content.item.text(tags::GRAPHIC_TYPE, VR::CS, "POLYLINE");
        content.with(Self::image(Relation::SelectedFrom, None, on))
    }

    /// Adds an item below.
    pub(super) fn with(mut self, child: Self) -> Self {
        self.children.push(child.finished());
        self
    }

    /// Adds items below.
    pub(super) fn with_all(self, children: impl IntoIterator<Item = Self>) -> Self {
        children.into_iter().fold(self, Self::with)
    }

    fn finished(mut self) -> Item {
        if !self.children.is_empty() {
            self.item.sequence(tags::CONTENT_SEQUENCE, self.children);
        }
        self.item
    }

    /// Puts the root's attributes into a document.
    pub(super) fn into_document(self, document: &mut Item) {
        document.merge(self.finished());
    }
}

/// Current Requested Procedure Evidence Sequence: all that a document refers to, by study and series.
pub(super) fn evidence<'a>(
    reference: &'a Reference,
    images: impl IntoIterator<Item = &'a SourceImage>,
    objects: &[&'a Written],
) -> Item {
    let mut series: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for image in images {
        let instances = series.entry(reference.series().as_str()).or_default();
        instances.insert(image.sop_instance.as_str(), &image.sop_class);
    }
    for object in objects {
        let instances = series.entry(object.series.as_str()).or_default();
        instances.insert(object.sop_instance.as_str(), object.sop_class);
    }
    let mut study = Item::new();
    study.uid(tags::STUDY_INSTANCE_UID, reference.study().as_str());
    let listed = series.into_iter().map(|(uid, instances)| {
        let mut item = Item::new();
        item.uid(tags::SERIES_INSTANCE_UID, uid);
        let referenced: Vec<Item> = instances
            .into_iter()
            .map(|(instance, class)| {
                let mut item = Item::new();
                item.uid(tags::REFERENCED_SOP_CLASS_UID, class);
                item.uid(tags::REFERENCED_SOP_INSTANCE_UID, instance);
                item
            })
            .collect();
        item.sequence(tags::REFERENCED_SOP_SEQUENCE, referenced);
        item
    });
    let listed: Vec<Item> = listed.collect();
    study.sequence(tags::REFERENCED_SERIES_SEQUENCE, listed);
    study
}
