//! What computes networks.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What computes a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Processor {
    /// The main processor, by the kernels of this crate: the same bytes on every run.
    #[default]
    Cpu,
    /// A graphics processor through Vulkan, by burn's kernels, in a build with the feature `gpu`; sums are added in no
    /// fixed order there, and a run does not repeat to the last digit.
    Gpu,
}

/// A processor that is not there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProcessorError {
    /// The feature is off.
    #[error(
        "this build computes on the main processor only; build it with `--features gpu` for a graphics processor"
    )]
    NotBuilt,
    /// No driver, or no device behind it.
    #[error(
        "no graphics processor answers through Vulkan; `vulkaninfo --summary` lists those that a driver offers"
    )]
    NotFound,
}

impl Processor {
    /// Where its tensors lie.
    ///
    /// # Errors
    /// [`ProcessorError`] if it is not there.
    pub fn device(self) -> Result<Device, ProcessorError> {
        match self {
            Self::Cpu => Ok(Device::flex()),
            Self::Gpu => graphics(),
        }
    }

    /// What it calls itself; the main processor has no name here.
    ///
    /// # Errors
    /// [`ProcessorError`] if it is not there.
    pub fn name(self) -> Result<String, ProcessorError> {
        let device = self.device()?;
        Ok(name(&device).unwrap_or_else(|| "main processor".to_owned()))
    }

    /// Its kind, as far as it decides the last digits of what it computes: the name of a graphics processor, the
    /// instructions of the main one.
    ///
    /// # Errors
    /// [`ProcessorError`] if it is not there.
    pub fn kind(self) -> Result<String, ProcessorError> {
        let name = self.name()?;
        Ok(match self {
            Self::Cpu => format!("{name} ({})", instructions()),
            Self::Gpu => name,
        })
    }
}

/// Instructions of the main processor that change the last digits of what its kernels compute.
fn instructions() -> String {
    let architecture = std::env::consts::ARCH;
    #[cfg(target_arch = "x86_64")]
    let widest = if std::arch::is_x86_feature_detected!("avx512f") {
        Some("avx512f")
    } else if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        Some("avx2 and fma")
    } else {
        None
    };
    #[cfg(not(target_arch = "x86_64"))]
    let widest: Option<&str> = None;
    widest.map_or_else(|| architecture.to_owned(), |widest| format!("{architecture} with {widest}"))
}

#[cfg(feature = "gpu")]
fn graphics() -> Result<Device, ProcessorError> {
    use burn::tensor::DeviceType;
    // The driver lists the fastest first.
    let devices = Device::enumerate(DeviceType::Vulkan).into_vec();
    devices.into_iter().next().ok_or(ProcessorError::NotFound)
}

#[cfg(not(feature = "gpu"))]
fn graphics() -> Result<Device, ProcessorError> {
    Err(ProcessorError::NotBuilt)
}

#[cfg(feature = "gpu")]
fn name(device: &Device) -> Option<String> {
    device.identity().map(|identity| identity.name)
}

#[cfg(not(feature = "gpu"))]
fn name(_device: &Device) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_processor_is_always_there() {
        assert_eq!(Processor::Cpu.device(), Ok(Device::flex()));
        assert_eq!(Processor::Cpu.name().as_deref(), Ok("main processor"));
        let kind = Processor::Cpu.kind().expect("there");
        assert!(kind.starts_with(&format!("main processor ({}", std::env::consts::ARCH)), "{kind}");
    }

    #[cfg(not(feature = "gpu"))]
    #[test]
    fn a_build_without_graphics_says_how_to_get_it() {
        let error = Processor::Gpu.device().expect_err("not built");
        assert!(error.to_string().contains("--features gpu"), "{error}");
    }
}
