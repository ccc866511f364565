use serde::Serialize;

use super::Window;

/// A window that readers use for a part of the body.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct WindowPreset {
    /// A name for people, unique in its list.
    pub name: &'static str,
    /// The part of the body, in plain words.
    pub body_part: &'static str,
    /// The window, in Hounsfield units.
    pub window: Window,
    /// Where the numbers are from.
    pub source: &'static str,
}

/// Windowing (CT), of Radiopaedia.
const RADIOPAEDIA: &str = "Murphy and Baba, Windowing (CT), Radiopaedia, doi:10.53347/rID-52108";

const fn preset(name: &'static str, body_part: &'static str, center: f64, width: f64) -> WindowPreset {
    WindowPreset { name, body_part, window: Window::linear(center, width), source: RADIOPAEDIA }
}

/// Windows for computed tomography, in Hounsfield units.
///
/// Departments differ; where a source gives a range, the preset is one value within it.
pub const CT_PRESETS: &[WindowPreset] = &[
    preset("brain", "head", 40.0, 80.0),
    // Given as width 130 to 300, level 50 to 100.
    preset("subdural", "head", 75.0, 215.0),
    // Given as width 8, level 32, or width 40, level 40.
    preset("stroke", "head", 40.0, 40.0),
    preset("stroke narrow", "head", 32.0, 8.0),
    preset("temporal bone", "head", 600.0, 2800.0),
    // Given as width 350 to 400, level 20 to 60.
    preset("soft tissue of head and neck", "head and neck", 40.0, 375.0),
    preset("lung", "chest", -600.0, 1500.0),
    preset("mediastinum", "chest", 50.0, 350.0),
    preset("abdomen", "abdomen", 50.0, 400.0),
    preset("liver", "abdomen", 30.0, 150.0),
    preset("spine", "spine", 50.0, 250.0),
    preset("bone", "bone", 400.0, 1800.0),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_windows_are_defined() {
        for (at, preset) in CT_PRESETS.iter().enumerate() {
            assert!(preset.window.width >= 1.0 && !preset.source.is_empty());
            assert!(CT_PRESETS[..at].iter().all(|other| other.name != preset.name), "{}", preset.name);
        }
    }
}
