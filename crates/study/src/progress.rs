/// Where long work reports how far it is, and asks whether to go on.
///
/// It is called from several threads at once.
pub trait Progress: Sync {
    /// `done` of `total` steps have been made (files read, levels registered, slices filtered).
    fn step(&self, done: usize, total: usize);
    /// Whether to stop; what is in hand is dropped.
    fn cancelled(&self) -> bool;
}

/// Reports to nobody and never stops.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _done: usize, _total: usize) {}
    fn cancelled(&self) -> bool {
        false
    }
}
