use std::fmt;

/// A value that identifies a patient: it prints as `<phi>` and is not serializable.
///
/// The value comes out only through [`Phi::expose`], so that each place which reads it can be
/// found by searching for that name.
///
/// ```
/// use wilhelm_study::Phi;
/// let name = Phi::new("Doe^Jane".to_owned());
/// assert_eq!(format!("{name} {name:?}"), "<phi> <phi>");
/// assert_eq!(name.expose(), "Doe^Jane");
/// ```
///
/// ```compile_fail
/// // A patient's value cannot be written to JSON by accident.
/// let _ = serde_json::to_string(&wilhelm_study::Phi::new(1));
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Phi<T>(T);

impl<T> Phi<T> {
    /// Wraps a value that identifies a patient.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself; whoever calls this is answerable for where it goes.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Phi<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("<phi>")
    }
}

impl<T> fmt::Display for Phi<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("<phi>")
    }
}
