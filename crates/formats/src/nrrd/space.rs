//! From NRRD's axes and space to a grid in LPS+.

use wilhelm_study::{Defect, Mm, PixelSpacing};

use super::header::{Header, Kind};
use crate::FormatError;
use crate::volume::Grid;
use crate::volume::affine::{self, RAS, cross, length};
use crate::volume::arrange::AxisRole;

/// A grid, and why its place in space is in doubt.
pub(super) struct Placed {
    pub grid: Grid,
    pub doubt: Option<String>,
}

/// What each axis stands for: directions say it before kinds, kinds before the order of the axes.
///
/// # Errors
/// [`FormatError::Unsupported`] for other than two or three axes in space.
pub(super) fn roles(header: &Header) -> Result<Vec<AxisRole>, FormatError> {
    let kinds_say = header.axes.iter().any(|axis| axis.kind == Kind::Space);
    let unstated = header.axes.iter().all(|axis| axis.kind == Kind::Unknown);
    let mut in_space = 0;
    let roles: Vec<AxisRole> = (0..header.axes.len())
        .map(|i| {
            let kind = &header.axes[i].kind;
            let spatial = match &header.directions {
                Some(directions) => directions[i].as_ref().is_some_and(|vector| !is_time(vector)),
                None if kinds_say => *kind == Kind::Space,
                None => (unstated || *kind == Kind::Unknown) && in_space < 3,
            };
            in_space += usize::from(spatial);
            match kind {
                _ if spatial => AxisRole::Space,
                Kind::Color => AxisRole::Color,
                _ => AxisRole::Volumes,
            }
        })
        .collect();
    let colors = roles.iter().filter(|role| **role == AxisRole::Color).count();
    if !(2..=3).contains(&in_space) || colors > 1 {
        return Err(FormatError::unsupported(
            format!("an array with {in_space} axes in space and {colors} of color"),
            "two or three axes in space and at most one of color",
        ));
    }
    Ok(roles)
}

/// The time axis of a space of four dimensions.
fn is_time(vector: &[f64]) -> bool {
    vector.len() == 4 && vector[..3].iter().all(|component| *component == 0.0) && vector[3] != 0.0
}

/// The grid of the axes in space.
///
/// # Errors
/// [`FormatError`] for a space that is not known, and for what is no grid.
pub(super) fn grid(
    header: &Header,
    roles: &[AxisRole],
    label: &str,
    defects: &mut Vec<Defect>,
) -> Result<Placed, FormatError> {
    let axes: Vec<usize> = (0..roles.len()).filter(|axis| roles[*axis] == AxisRole::Space).collect();
    let dimension = space_dimension(header)?;
    match (&header.directions, dimension) {
        (Some(directions), Some(3 | 4)) => in_space(header, directions, &axes, label, defects),
        (Some(_), Some(2)) | (None, _) if axes.len() == 2 => flat(header, &axes),
        (None, _) => by_spacings(header, &axes, label, defects),
        (Some(_), _) => Err(FormatError::malformed(
            "space directions",
            "in a space that does not fit the axes, expected vectors of three numbers",
        )),
    }
}

/// Dimensions of the space; the name of the space says it, or the vectors do.
fn space_dimension(header: &Header) -> Result<Option<usize>, FormatError> {
    let named =
        header.space.as_deref().map(|space| if space.ends_with("-time") || space.len() == 4 { 4 } else { 3 });
    let stated = named.or(header.space_dimension);
    let vectors = header.directions.iter().flatten().flatten().chain(&header.origin);
    let mut lengths = vectors.map(Vec::len);
    let Some(first) = lengths.next() else { return Ok(stated) };
    if lengths.any(|length| length != first) || stated.is_some_and(|stated| stated != first) {
        let message = "vectors differ in length from each other or from the space";
        return Err(FormatError::malformed("space directions", message));
    }
    Ok(Some(first))
}

/// Signs that take the file's space to LPS+, or nothing where the space says no orientation.
fn signs(space: &str) -> Result<Option<[f64; 3]>, FormatError> {
    Ok(match space {
        "left-posterior-superior" | "lps" | "left-posterior-superior-time" | "lpst" => Some([1.0; 3]),
        "right-anterior-superior" | "ras" | "right-anterior-superior-time" | "rast" => Some(RAS),
        "left-anterior-superior" | "las" | "left-anterior-superior-time" | "last" => Some([1.0, -1.0, 1.0]),
        "scanner-xyz"
        | "scanner-xyz-time"
        | "3d-right-handed"
        | "3d-right-handed-time"
        | "3d-left-handed"
        | "3d-left-handed-time" => None,
        _ => {
            return Err(FormatError::unsupported(
                "this space",
                "left-posterior-superior, right-anterior-superior or left-anterior-superior",
            ));
        }
    })
}

fn in_space(
    header: &Header,
    directions: &[Option<Vec<f64>>],
    axes: &[usize],
    label: &str,
    defects: &mut Vec<Defect>,
) -> Result<Placed, FormatError> {
    let mut doubt = None;
    let signs = match header.space.as_deref().map(signs).transpose()?.flatten() {
        Some(signs) => signs,
        None => {
            let message = "the space has no anatomical names: left-posterior-superior is assumed";
            defects.push(affine::defect(label, "space", message));
            doubt = Some("a space without anatomical names, expected left-posterior-superior".to_owned());
            [1.0; 3]
        }
    };
    let scale = scale(header.space_units.first().map(String::as_str), label, defects);
    let to_lps = |vector: &[f64]| -> [f64; 3] { std::array::from_fn(|i| vector[i] * signs[i] * scale) };
    let step = |axis: &usize| to_lps(directions[*axis].as_deref().expect("an axis in space has a vector"));
    let mut steps: Vec<[f64; 3]> = axes.iter().map(step).collect();
    let mut size = [1; 3];
    axes.iter().enumerate().for_each(|(i, axis)| size[i] = header.axes[*axis].size);
    if let [along, down] = steps[..] {
        let normal = cross(along, down);
        let thickness = header.axes.iter().find_map(|axis| axis.thickness).filter(|mm| *mm > 0.0);
        if thickness.is_none() {
            let message = "one slice without a thickness: 1 mm is assumed";
            defects.push(affine::defect(label, "thicknesses", message));
        }
        let stretch = thickness.map_or(1.0, |thickness| thickness * scale) / length(normal);
        steps.push(normal.map(|component| component * stretch));
    }
    let origin = match &header.origin {
        Some(origin) => to_lps(origin),
        None => {
            defects.push(affine::defect(label, "space origin", "missing: 0, 0, 0 is assumed"));
            doubt = doubt.or_else(|| Some("no space origin, expected a place in space".to_owned()));
            [0.0; 3]
        }
    };
    let steps = [steps[0], steps[1], steps[2]];
    let straightened = affine::grid(size, steps, origin, "space directions")?;
    if let Some(shear) = straightened.shear {
        defects.push(affine::defect(label, "space directions", shear.as_str()));
        doubt = Some(shear);
    }
    Ok(Placed { grid: Grid::Space(straightened.geometry), doubt })
}

/// Three axes and no directions: spacings and least places alone, along the axes of LPS+.
fn by_spacings(
    header: &Header,
    axes: &[usize],
    label: &str,
    defects: &mut Vec<Defect>,
) -> Result<Placed, FormatError> {
    let message = "no space directions: orientation is not known, left-posterior-superior is assumed";
    defects.push(affine::defect(label, "space directions", message));
    let (mut steps, mut origin, mut size) = ([[0.0; 3]; 3], [0.0; 3], [1; 3]);
    for (i, axis) in axes.iter().enumerate() {
        let stated = &header.axes[*axis];
        let scale = scale(stated.unit.as_deref(), label, defects);
        size[i] = stated.size;
        steps[i][i] = scale
            * match stated.spacing {
                Some(spacing) => above_zero(spacing, *axis)?,
                None => {
                    let message = format!("axis {axis} has no spacing: 1 mm is assumed");
                    defects.push(affine::defect(label, "spacings", message));
                    1.0
                }
            };
        // The least place is the edge of the first voxel unless voxels are said to sit on nodes.
        let to_center = if stated.node_centered { 0.0 } else { 0.5 * steps[i][i] };
        origin[i] = stated.min.map_or(0.0, |min| min * scale + to_center);
    }
    if let Some(stated) = &header.origin {
        stated.iter().take(3).enumerate().for_each(|(i, place)| origin[i] = *place);
    }
    let geometry = affine::grid(size, steps, origin, "spacings")?.geometry;
    let doubt = Some("no space directions, expected a place in space".to_owned());
    Ok(Placed { grid: Grid::Space(geometry), doubt })
}

fn flat(header: &Header, axes: &[usize]) -> Result<Placed, FormatError> {
    let spacing = |axis: usize| -> Result<Option<f64>, FormatError> {
        let direction = header.directions.as_ref().and_then(|directions| directions[axis].as_ref());
        match direction {
            Some(vector) => {
                let length = vector.iter().map(|component| component * component).sum::<f64>().sqrt();
                above_zero(length, axis).map(Some)
            }
            None => header.axes[axis].spacing.map(|spacing| above_zero(spacing, axis)).transpose(),
        }
    };
    let spacing = match (spacing(axes[0])?, spacing(axes[1])?) {
        (Some(columns), Some(rows)) => {
            Some(PixelSpacing { between_columns: Mm(columns), between_rows: Mm(rows) })
        }
        _ => None,
    };
    let [columns, rows] = [axes[0], axes[1]].map(|axis| header.axes[axis].size);
    Ok(Placed { grid: Grid::Flat { columns, rows, spacing }, doubt: None })
}

fn above_zero(spacing: f64, axis: usize) -> Result<f64, FormatError> {
    if spacing.is_finite() && spacing > 0.0 {
        return Ok(spacing);
    }
    Err(FormatError::malformed(format!("spacing of axis {axis}"), format!("{spacing}, expected more than 0")))
}

/// Millimeters in one unit; none stated is millimeters, as every medical writer means it.
fn scale(unit: Option<&str>, label: &str, defects: &mut Vec<Defect>) -> f64 {
    match unit.map(str::trim) {
        None | Some("" | "mm" | "millimeter" | "millimeters") => 1.0,
        Some("um" | "\u{b5}m" | "\u{3bc}m" | "micron" | "microns" | "micrometer" | "micrometers") => 0.001,
        Some("cm" | "centimeter" | "centimeters") => 10.0,
        Some("m" | "meter" | "meters") => 1000.0,
        Some(_) => {
            let message = "the unit of length is not known: millimeters are assumed";
            defects.push(affine::defect(label, "units", message));
            1.0
        }
    }
}
