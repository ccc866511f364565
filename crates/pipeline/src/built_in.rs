use wilhelm_nets::{ModelError, Shelf};

macro_rules! built_in {
    ($shelf:ident, $($name:literal),+) => {
        $($shelf.add_built_in(
            include_str!(concat!("../../../models/", $name, "/card.toml")),
            include_bytes!(concat!("../../../models/", $name, "/weights.safetensors")),
            include_bytes!(concat!("../../../models/", $name, "/outliers.safetensors")),
        )?;)+
    };
}

/// The models that come with the program.
///
/// # Errors
/// [`ModelError`] if a card that was compiled in cannot be read.
pub fn built_in_shelf() -> Result<Shelf, ModelError> {
    let mut shelf = Shelf::default();
    built_in!(shelf, "brain-mr-tumor", "breast-ultrasound", "chest-pneumonia");
    shelf.add_built_in_segmenter(
        include_str!("../../../models/brain-mask/card.toml"),
        include_bytes!("../../../models/brain-mask/weights.safetensors"),
    )?;
    Ok(shelf)
}
