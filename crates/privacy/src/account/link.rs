//! Secrets that are no account's: of an invitation's link, and of the session of a guest who opened it.

use super::AccountError;
use super::token::{self, ShownOnce};
use crate::Entropy;

/// What a secret opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPurpose {
    /// It stands in a link that is sent to somebody, and is exchanged for a session.
    Invitation,
    /// It is the cookie of a guest's session.
    GuestSession,
}

impl LinkPurpose {
    /// What the secret begins with: whoever scans for leaked secrets finds it by that.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Invitation => "wilhelm_invitation_",
            Self::GuestSession => "wilhelm_guest_",
        }
    }

    /// Whether a text says to be such a secret; whether it is a good one is another question.
    pub fn begins(self, text: &str) -> bool {
        text.starts_with(self.prefix())
    }
}

/// A secret that was just made: 256 random bits, kept as their SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkSecret {
    /// The whole text, for whom it is made, once.
    pub secret: ShownOnce,
    /// The name to find it by.
    pub id: String,
    /// What is kept.
    pub hash: String,
}

impl LinkSecret {
    /// Makes one.
    ///
    /// # Errors
    /// [`AccountError::Entropy`].
    pub fn make(purpose: LinkPurpose, entropy: &mut impl Entropy) -> Result<Self, AccountError> {
        let (secret, id, hash) = token::issue(purpose.prefix(), entropy)?;
        Ok(Self { secret, id, hash })
    }
}

/// The name and the secret part of a text that was shown; `None` where it is none of its kind.
pub fn link_parts(purpose: LinkPurpose, text: &str) -> Option<(&str, &str)> {
    token::split(purpose.prefix(), text)
}

/// Whether a secret part has a hash, in a time that depends on neither.
pub fn link_fits(secret: &str, hash: &str) -> bool {
    token::fits(secret, hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::tests::Counted;

    #[test]
    fn a_link_opens_what_it_is_for_and_nothing_else() {
        let entropy = &mut Counted::default();
        let made = LinkSecret::make(LinkPurpose::Invitation, entropy).expect("a secret");
        let text = made.secret.expose();
        let (id, secret) = link_parts(LinkPurpose::Invitation, text).expect("its parts");
        assert_eq!(id, made.id);
        assert_eq!(secret.len(), 64, "256 bits");
        assert!(link_fits(secret, &made.hash));
        assert!(!made.hash.contains(secret), "what is kept is no secret");
        assert!(link_parts(LinkPurpose::GuestSession, text).is_none());
        assert!(LinkPurpose::Invitation.begins(text) && !LinkPurpose::GuestSession.begins(text));
        let other = LinkSecret::make(LinkPurpose::Invitation, entropy).expect("another");
        assert!(!link_fits(
            link_parts(LinkPurpose::Invitation, other.secret.expose()).expect("parts").1,
            &made.hash
        ));
        for none in ["", "wilhelm_invitation_", "wilhelm_invitation_00_11", &text[..text.len() - 1]] {
            assert!(link_parts(LinkPurpose::Invitation, none).is_none(), "{none}");
        }
    }
}
