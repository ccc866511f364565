use crate::{PixelSpacing, VoxelError};

/// A flat picture that changes in time: cine ultrasound, angiography, fluoroscopy.
///
/// Pixels are luminance, columns fastest, then rows, then frames; black is low. Frames have no
/// place in the patient's space.
///
/// # Units
/// Frame times are milliseconds from the first frame, where the file states them.
///
/// # Examples
/// ```
/// use wilhelm_study::Cine;
///
/// let cine = Cine::new(2, 1, vec![0.0, 1.0, 2.0, 3.0], None, Some(vec![0.0, 40.0]))?;
/// assert_eq!(cine.frames(), 2);
/// assert_eq!(cine.frame(1), Some(&[2.0, 3.0][..]));
/// # Ok::<(), wilhelm_study::VoxelError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Cine {
    columns: usize,
    rows: usize,
    frames: usize,
    pixels: Vec<f32>,
    spacing: Option<PixelSpacing>,
    times_milliseconds: Option<Vec<f64>>,
}

impl Cine {
    /// Frames with their size; there are as many as the pixels make.
    ///
    /// # Errors
    /// [`VoxelError::Length`] if the pixels make no whole number of frames, or none;
    /// [`VoxelError::FrameTimes`] if there is not one finite time a frame, each at least the one before.
    pub fn new(
        columns: usize,
        rows: usize,
        pixels: Vec<f32>,
        spacing: Option<PixelSpacing>,
        times_milliseconds: Option<Vec<f64>>,
    ) -> Result<Self, VoxelError> {
        let plane = columns.saturating_mul(rows);
        let frames = pixels.len().checked_div(plane).unwrap_or(0);
        let expected = plane.saturating_mul(frames.max(1));
        if frames == 0 || pixels.len() != expected {
            return Err(VoxelError::Length { found: pixels.len(), expected });
        }
        if let Some(times) = &times_milliseconds {
            let ordered = times.iter().all(|time| time.is_finite()) && times.is_sorted();
            if times.len() != frames || !ordered {
                return Err(VoxelError::FrameTimes { found: times.len(), expected: frames });
            }
        }
        Ok(Self { columns, rows, frames, pixels, spacing, times_milliseconds })
    }

    /// Number of columns.
    pub const fn columns(&self) -> usize {
        self.columns
    }
    /// Number of rows.
    pub const fn rows(&self) -> usize {
        self.rows
    }
    /// Number of frames.
    pub const fn frames(&self) -> usize {
        self.frames
    }
    /// All values, columns fastest, then rows, then frames.
    pub fn pixels(&self) -> &[f32] {
        &self.pixels
    }
    /// The values of one frame; `None` past the last.
    pub fn frame(&self, frame: usize) -> Option<&[f32]> {
        self.pixels.chunks_exact(self.columns * self.rows).nth(frame)
    }
    /// Distances between pixel centers, where the file states them.
    pub const fn spacing(&self) -> Option<PixelSpacing> {
        self.spacing
    }
    /// When each frame was made, in milliseconds from the first; `None` where the file does not say.
    pub fn times_milliseconds(&self) -> Option<&[f64]> {
        self.times_milliseconds.as_deref()
    }
    /// Gives the array back.
    pub fn into_pixels(self) -> Vec<f32> {
        self.pixels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_whole_and_their_times_never_run_back() {
        let cine = |pixels: usize, times| Cine::new(2, 3, vec![0.0; pixels], None, times);
        assert_eq!(cine(12, None).map(|cine| cine.frames()), Ok(2));
        assert_eq!(cine(13, None), Err(VoxelError::Length { found: 13, expected: 12 }));
        assert_eq!(cine(0, None), Err(VoxelError::Length { found: 0, expected: 6 }));
        assert!(Cine::new(0, 3, vec![], None, None).is_err());
        assert!(cine(12, Some(vec![0.0, 0.0])).is_ok());
        for times in [vec![0.0], vec![1.0, 0.0], vec![0.0, f64::NAN]] {
            assert!(matches!(cine(12, Some(times)), Err(VoxelError::FrameTimes { expected: 2, .. })));
        }
    }
}
