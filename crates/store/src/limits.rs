/// What the archive takes at most: nothing outside decides how much memory or disk is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one object.
    pub object_bytes: u64,
    /// Bytes of one object that are held in memory while it arrives; the rest goes to a file.
    pub memory_bytes: u64,
    /// Bytes that a deflated data set may inflate to.
    pub inflated_bytes: u64,
    /// Bytes after inflation for each byte stored.
    pub inflated_ratio: u64,
    /// Bytes of the metadata of one object.
    pub metadata_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            object_bytes: 4 << 30,
            memory_bytes: 8 << 20,
            inflated_bytes: 512 << 20,
            inflated_ratio: 200,
            metadata_bytes: 64 << 20,
        }
    }
}
