use crate::EndpointError;
use std::net::IpAddr;

/// The base address of a server, which stands on a list of allowed hosts.
///
/// Encrypted, or on this machine: what is sent in the clear stays on the loopback.
///
/// ```
/// use wilhelm_llm::Address;
///
/// let hosts = ["127.0.0.1:8080".to_owned(), "models.hospital.example".to_owned()];
/// assert!(Address::new("http://127.0.0.1:8080/v1", &hosts).is_ok());
/// assert!(Address::new("https://models.hospital.example/v1/", &hosts).is_ok());
/// assert!(Address::new("https://elsewhere.example/v1", &hosts).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub(super) secure: bool,
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
    /// What is asked for.
    pub(super) path: String,
    authority: String,
}

impl Address {
    /// Checks an address such as `https://host:port/v1` against the allowed hosts, each `host` or `host:port`.
    ///
    /// # Errors
    /// [`EndpointError::Address`] for what is no such address, [`EndpointError::NotListed`] for a host that is not on
    /// the list, [`EndpointError::InTheClear`] for plain HTTP to another machine.
    pub fn new(base: &str, hosts: &[String]) -> Result<Self, EndpointError> {
        let refuse = |expected| EndpointError::Address { expected };
        let (scheme, rest) =
            base.trim().split_once("://").ok_or(refuse("http:// or https:// at the beginning"))?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(refuse("http:// or https:// at the beginning")),
        };
        if rest.contains(['@', '?', '#', '\\']) || !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(refuse("a host, a port and a path, nothing else"));
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let authority = authority.to_ascii_lowercase();
        let (host, port) = split_port(&authority).ok_or(refuse("a port from 1 to 65535 behind the colon"))?;
        if host.is_empty() {
            return Err(refuse("a host behind the slashes"));
        }
        let listed = hosts.iter().any(|entry| {
            let entry = entry.trim().to_ascii_lowercase();
            entry == authority || (entry == host && !entry.is_empty())
        });
        if !listed {
            return Err(EndpointError::NotListed { host: authority });
        }
        if !secure && !is_loopback(host) {
            return Err(EndpointError::InTheClear { host: authority });
        }
        let path = path.trim_matches('/');
        let slash = if path.is_empty() { "" } else { "/" };
        Ok(Self {
            secure,
            host: bare(host).to_owned(),
            port: port.unwrap_or(if secure { 443 } else { 80 }),
            path: format!("{slash}{path}/chat/completions"),
            authority,
        })
    }

    /// Host, and port where one is named.
    pub fn authority(&self) -> String {
        self.authority.clone()
    }
}

/// Host and port; `None` for a port that is none.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    if let Some(end) = authority.rfind(']') {
        let (host, rest) = authority.split_at(end + 1);
        return match rest.strip_prefix(':') {
            Some(text) => Some((host, Some(port(text)?))),
            None => rest.is_empty().then_some((host, None)),
        };
    }
    match authority.split_once(':') {
        Some((host, text)) => Some((host, Some(port(text)?))),
        None => Some((authority, None)),
    }
}

/// A host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || bare(host).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Vec<String> {
        ["localhost", "127.0.0.1:8080", "[::1]", "gpu.example"].map(str::to_owned).to_vec()
    }

    #[test]
    fn a_listed_host_is_asked_by_its_address() {
        for (base, asked) in [
            ("http://localhost:11434/v1", "localhost 11434 /v1/chat/completions"),
            ("HTTP://127.0.0.1:8080", "127.0.0.1 8080 /chat/completions"),
            ("http://[::1]:9/v1/", "::1 9 /v1/chat/completions"),
            ("https://GPU.example/v1", "gpu.example 443 /v1/chat/completions"),
        ] {
            let address = Address::new(base, &hosts()).expect(base);
            assert_eq!(format!("{} {} {}", address.host, address.port, address.path), asked);
        }
    }

    #[test]
    fn what_is_not_listed_in_the_clear_or_no_address_is_refused() {
        let refused = |base: &str| Address::new(base, &hosts()).expect_err(base).to_string();
        for base in [
            "https://gpu.example.evil.test/v1",
            "https://evil.test/gpu.example",
            "http://127.0.0.1:8081/v1",
            "http://127.0.0.2/v1",
            "https://localhost.evil.test",
        ] {
            assert!(refused(base).contains("is not among"), "{base}");
        }
        assert!(Address::new("http://localhost/v1", &[]).is_err(), "an empty list allows nothing");
        assert!(Address::new("http:///v1", &[String::new()]).is_err());
        assert!(refused("http://gpu.example/v1").contains("in the clear"));
        for base in [
            "gpu.example",
            "ftp://gpu.example",
            "https://user@gpu.example",
            "https://gpu.example:0",
            "https://gpu.example/?a",
        ] {
            assert!(refused(base).starts_with("address of the endpoint"), "{base}");
        }
    }
}
