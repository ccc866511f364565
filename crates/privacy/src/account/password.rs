use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq;

use super::{AccountError, UserName};
use crate::Entropy;

/// Memory of one hash, in KiB.
///
/// # Source
/// OWASP Password Storage Cheat Sheet: Argon2id with 19 MiB of memory, 2 iterations and 1 lane
pub const ARGON2_MEMORY_KIB: u32 = 19 * 1024;
/// Passes over the memory.
pub const ARGON2_ITERATIONS: u32 = 2;
/// Lanes.
pub const ARGON2_LANES: u32 = 1;

/// Largest memory and most passes that a stored hash may ask for: a swapped file decides no more than that.
const MOST_MEMORY_KIB: u32 = 1 << 20;
const MOST_ITERATIONS: u32 = 64;
/// Bytes of a hash and of its salt.
const HASH_BYTES: usize = 32;
const SALT_BYTES: usize = 16;
/// Longest password, in bytes.
const LONGEST: usize = 1024;

/// Argon2id of a password, as a PHC string: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.
///
/// # Source
/// RFC 9106, and the PHC string format
pub(super) fn hash(password: &str, entropy: &mut impl Entropy) -> Result<String, AccountError> {
    let salt: [u8; SALT_BYTES] = entropy.array()?;
    let hash = argon2id(password, &salt, (ARGON2_MEMORY_KIB, ARGON2_ITERATIONS, ARGON2_LANES))?;
    Ok(format!(
        "$argon2id$v=19$m={ARGON2_MEMORY_KIB},t={ARGON2_ITERATIONS},p={ARGON2_LANES}${}${}",
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(hash)
    ))
}

/// Whether a password has this hash; a string that is no hash fits none.
pub(super) fn fits(password: &str, phc: &str) -> bool {
    if password.len() > LONGEST {
        return false;
    }
    let Some((cost, salt, expected)) = parse(phc) else { return false };
    argon2id(password, &salt, cost).is_ok_and(|hash| bool::from(hash.ct_eq(&expected)))
}

fn argon2id(password: &str, salt: &[u8], cost: (u32, u32, u32)) -> Result<[u8; HASH_BYTES], AccountError> {
    let (memory, iterations, lanes) = cost;
    let params = Params::new(memory, iterations, lanes, Some(HASH_BYTES)).map_err(|_| AccountError::Hash)?;
    let mut hash = [0; HASH_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, &mut hash)
        .map_err(|_| AccountError::Hash)?;
    Ok(hash)
}

type Parsed = ((u32, u32, u32), Vec<u8>, [u8; HASH_BYTES]);

fn parse(phc: &str) -> Option<Parsed> {
    let mut parts = phc.strip_prefix("$argon2id$v=19$")?.split('$');
    let (costs, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
    let mut costs = costs.split(',');
    let mut cost = |name: &str| costs.next()?.strip_prefix(name)?.parse::<u32>().ok();
    let cost = (cost("m=")?, cost("t=")?, cost("p=")?);
    if parts.next().is_some() || cost.0 > MOST_MEMORY_KIB || cost.1 > MOST_ITERATIONS || cost.2 > 16 {
        return None;
    }
    let salt = STANDARD_NO_PAD.decode(salt).ok().filter(|salt| (8..=64).contains(&salt.len()))?;
    Some((cost, salt, STANDARD_NO_PAD.decode(hash).ok()?.try_into().ok()?))
}

/// Whether a password is one that an account may have.
///
/// # Source
/// NIST SP 800-63B: length counts, composition does not
pub(super) fn check(password: &str, name: &UserName, shortest: usize) -> Result<(), AccountError> {
    let wrong = |what, expected| Err(AccountError::Password { what, expected });
    let folded = password.to_lowercase();
    let first = password.chars().next();
    if password.chars().count() < shortest {
        return wrong("is too short", "at least 12 characters");
    }
    if password.len() > LONGEST {
        return wrong("is too long", "at most 1024 bytes");
    }
    if folded.contains(name.as_str()) && name.as_str().len() > 2 {
        return wrong("holds the account's name", "words that do not");
    }
    if password.chars().all(|letter| Some(letter) == first)
        || COMMON.iter().any(|word| folded.starts_with(word))
    {
        return wrong("is one of the first that are tried", "one that is not");
    }
    Ok(())
}

/// Beginnings of passwords that are tried first.
const COMMON: [&str; 12] = [
    "123456", "password", "passwort", "qwerty", "abc123", "letmein", "welcome", "iloveyou", "admin",
    "orthanc", "wilhelm", "changeme",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::tests::Counted;

    #[test]
    fn a_password_fits_its_own_hash_alone() {
        let phc = hash("correct horse battery", &mut Counted(1)).expect("hashed");
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(fits("correct horse battery", &phc));
        assert!(!fits("correct horse batterz", &phc) && !fits("", &phc));
        assert_ne!(
            phc,
            hash("correct horse battery", &mut Counted(2)).expect("hashed"),
            "the salt is another"
        );
    }

    #[test]
    fn hashes_of_others_are_read() {
        // tools/golden/privacy.py: argon2-cffi.
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../../../testdata/privacy/golden.json")).expect("JSON");
        for case in golden["argon2id"].as_array().expect("cases") {
            let text = |key: &str| case[key].as_str().expect("text");
            assert!(fits(text("password"), text("phc")), "{case}");
            assert!(!fits("other", text("phc")));
        }
    }

    #[test]
    fn a_string_that_is_no_hash_fits_nothing() {
        for wrong in [
            "",
            "$argon2i$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
            "$argon2id$v=19$m=4294967295,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=19456,t=2,p=1$$",
            "$argon2id$v=19$m=0,t=0,p=0$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert!(!fits("", wrong) && !fits("x", wrong), "{wrong}");
        }
    }

    #[test]
    fn weak_passwords_are_refused_with_the_reason() {
        let name = UserName::parse("jane").expect("a name");
        let refused = |password: &str| check(password, &name, 12).map_err(|error| error.to_string());
        for (password, why) in [
            ("short", "too short"),
            ("a-jane-of-all-trades", "account's name"),
            ("aaaaaaaaaaaaaaaa", "tried"),
            ("Password-2026-x", "tried"),
        ] {
            assert!(refused(password).expect_err("weak").contains(why), "{password}");
        }
        assert_eq!(refused("correct horse battery"), Ok(()));
    }
}
