//! Maps as DICOM parametric maps in the study of the image that was explained.

use std::path::PathBuf;

use wilhelm_formats::dicom::objects::{self, Imprint, MapQuantity, Placement, Stamp};
use wilhelm_nets::explain::Explanation;
use wilhelm_study::{Arbitrary, CodedConcept, Series, SopInstanceUid, Volume};

use crate::config::Config;
use crate::exit::Stop;
use crate::labels::outer;

/// Refuses an image whose maps would have no place in a study or in space.
pub fn check(series: &Series) -> anyhow::Result<()> {
    let is_dicom =
        !series.sources.is_empty() && series.sources.iter().all(|source| source.sop_instance_uid.is_some());
    if !is_dicom {
        return Err(Stop::usage(format!(
            "--dicom: {} did not come as DICOM, and a parametric map belongs to a study",
            series.title
        )));
    }
    if series.image.geometry().is_none() {
        return Err(Stop::usage(format!(
            "--dicom: {} says no position in space (radiographs and ultrasound do not), which a parametric map needs",
            series.title
        )));
    }
    Ok(())
}

/// A map on the image's own grid as a parametric map.
pub fn map(
    volume: &Volume<Arbitrary>,
    explanation: &Explanation,
    series: &Series,
    config: &Config,
) -> anyhow::Result<Vec<u8>> {
    let mut paths: Vec<PathBuf> = series.sources.iter().map(|source| outer(&source.path)).collect();
    paths.sort();
    paths.dedup();
    let wanted: Vec<SopInstanceUid> =
        series.sources.iter().filter_map(|source| source.sop_instance_uid.clone()).collect();
    let reference = objects::references(&paths, &wanted, &config.limits())?;
    let method = explanation.method;
    let now = chrono::Local::now();
    let (date, time) = (now.format("%Y%m%d").to_string(), now.format("%H%M%S").to_string());
    let values: Vec<u8> = volume.voxels().iter().flat_map(|value| value.to_le_bytes()).collect();
    let own = reference.series().as_str().as_bytes();
    let content = [own, method.key().as_bytes(), &values, date.as_bytes(), time.as_bytes()];
    let imprint = Imprint::new("heat map", Stamp::of_content(&content, &date, &time)?);
    let quantity = MapQuantity {
        quantity: CodedConcept::new(
            "99WILHELM",
            "ATTRIBUTION",
            "Attribution of a network's number to places",
        ),
        unit: CodedConcept::new("UCUM", "1", "no units"),
        label: format!("{}: {}", method.name(), explanation.label),
        derivation: CodedConcept::new("99WILHELM", &code(method.key()), method.name()),
    };
    let written = objects::parametric_map(volume, &quantity, Placement::OnSource, &reference, &imprint)?;
    Ok(written.bytes)
}

/// A key as a code value: at most 16 characters.
fn code(key: &str) -> String {
    key.to_uppercase().chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use wilhelm_nets::explain::Method;

    use super::*;

    #[test]
    fn every_method_has_a_code_of_its_own() {
        let codes: std::collections::BTreeSet<String> =
            Method::ALL.into_iter().map(|method| code(method.key())).collect();
        assert_eq!(codes.len(), Method::ALL.len());
        assert!(codes.iter().all(|code| code.len() <= 16));
    }
}
