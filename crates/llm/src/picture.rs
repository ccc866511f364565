use std::fmt;

use serde::{Deserialize, Serialize};

use crate::LlmError;

/// A picture in a prompt, for models that see: 8-bit RGB, row by row from the top left.
///
/// Nothing is scrubbed in a picture: whoever hands one in has made sure that no name is burned into it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Picture {
    columns: u32,
    rows: u32,
    rgb: Vec<u8>,
}

impl Picture {
    /// Most pixels of a side: what vision-language models are fed is far smaller.
    pub const MOST_SIDE: u32 = 4096;

    /// A picture of its pixels.
    ///
    /// # Errors
    /// [`LlmError::Picture`] for a side of 0 or above [`Picture::MOST_SIDE`], or another number of bytes than the pixels have.
    pub fn new(columns: u32, rows: u32, rgb: Vec<u8>) -> Result<Self, LlmError> {
        let refuse = |reason: String| Err(LlmError::Picture { reason });
        for (name, side) in [("columns", columns), ("rows", rows)] {
            if !(1..=Self::MOST_SIDE).contains(&side) {
                return refuse(format!("it has {side} {name}, expected 1 to {}", Self::MOST_SIDE));
            }
        }
        let expected = columns as usize * rows as usize * 3;
        if rgb.len() != expected {
            return refuse(format!("it has {} bytes, expected {expected} for its pixels", rgb.len()));
        }
        Ok(Self { columns, rows, rgb })
    }

    /// A gray picture, each value three times.
    ///
    /// # Errors
    /// As [`Picture::new`].
    pub fn gray(columns: u32, rows: u32, values: &[u8]) -> Result<Self, LlmError> {
        Self::new(columns, rows, values.iter().flat_map(|value| [*value; 3]).collect())
    }

    /// Pixels in a row.
    pub const fn columns(&self) -> u32 {
        self.columns
    }

    /// Rows of pixels.
    pub const fn rows(&self) -> u32 {
        self.rows
    }

    /// The values, three a pixel.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Picture({} x {})", self.columns, self.rows)
    }
}

/// How a picture stands in a record of prompts.
#[derive(Serialize, Deserialize)]
struct Stored {
    columns: u32,
    rows: u32,
    /// Two digits a value.
    rgb: String,
}

impl From<Picture> for Stored {
    fn from(picture: Picture) -> Self {
        let rgb = picture.rgb.iter().map(|value| format!("{value:02x}")).collect();
        Self { columns: picture.columns, rows: picture.rows, rgb }
    }
}

impl TryFrom<Stored> for Picture {
    type Error = LlmError;

    fn try_from(stored: Stored) -> Result<Self, LlmError> {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let pairs = stored.rgb.as_bytes().chunks(2).map(|pair| match *pair {
            [high, low] => Some(digit(high)? * 16 + digit(low)?),
            _ => None,
        });
        let rgb: Option<Vec<u8>> = pairs.collect();
        let rgb = rgb
            .ok_or_else(|| LlmError::Picture { reason: "its values are no hexadecimal digits".to_owned() })?;
        Self::new(stored.columns, stored.rows, rgb)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_sides_and_as_many_bytes_as_pixels() {
        let picture = Picture::gray(2, 1, &[0, 255]).expect("two pixels");
        assert_eq!((picture.columns(), picture.rows(), picture.rgb()), (2, 1, &[0, 0, 0, 255, 255, 255][..]));
        assert_eq!(format!("{picture:?}"), "Picture(2 x 1)");
        let refused = |columns, rows, bytes: usize| {
            Picture::new(columns, rows, vec![0; bytes]).expect_err("refused").to_string()
        };
        assert!(refused(0, 1, 0).contains("0 columns, expected 1 to 4096"));
        assert!(refused(1, 4097, 3 * 4097).contains("4097 rows, expected 1 to 4096"));
        assert!(refused(2, 2, 11).contains("11 bytes, expected 12"));
    }

    #[test]
    fn a_record_of_prompts_keeps_a_picture_and_refuses_one_that_is_none() {
        let picture = Picture::new(1, 1, vec![1, 32, 255]).expect("a pixel");
        let text = serde_json::to_string(&picture).expect("JSON");
        assert_eq!(text, "{\"columns\":1,\"rows\":1,\"rgb\":\"0120ff\"}");
        assert_eq!(serde_json::from_str::<Picture>(&text).expect("it is one"), picture);
        for wrong in [text.replace("ff", "f"), text.replace("ff", "fg"), text.replace("rows\":1", "rows\":2")]
        {
            assert!(serde_json::from_str::<Picture>(&wrong).is_err(), "{wrong}");
        }
    }
}
