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
    }

    #[cfg(not(feature = "gpu"))]
    #[test]
    fn a_build_without_graphics_says_how_to_get_it() {
        let error = Processor::Gpu.device().expect_err("not built");
        assert!(error.to_string().contains("--features gpu"), "{error}");
    }
}
