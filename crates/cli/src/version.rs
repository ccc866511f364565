//! Which build this is.

/// The version with the commit that it was built of: `0.1.0+g35a8725f0c1d`, or `0.1.0+unknown` of sources outside git.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "+", env!("WILHELM_COMMIT"));

/// The program with its build, as runs and cards name it.
pub fn program() -> String {
    format!("wilhelm {VERSION}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_names_its_commit_or_says_that_it_knows_none() {
        let (version, commit) = VERSION.split_once('+').expect("a plus");
        assert_eq!(version, env!("CARGO_PKG_VERSION"));
        let hash = commit.strip_prefix('g').filter(|hash| hash.len() >= 12);
        let is_hash = hash.is_some_and(|hash| hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert!(is_hash || commit == "unknown", "{commit}");
    }
}
