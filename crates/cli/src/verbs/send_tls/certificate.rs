//! Certificates made while a test runs: X.509 written out in DER, signed with ECDSA on P-256.
//!
//! # Source
//! RFC 5280 (certificates), RFC 5480 (keys on curves), RFC 5758 (ecdsa-with-SHA256)

use std::net::IpAddr;

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

const ECDSA_WITH_SHA256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const EC_PUBLIC_KEY: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const PRIME256V1: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];
const BASIC_CONSTRAINTS: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x13];
const SUBJECT_ALT_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x11];

/// When a certificate holds, as GeneralizedTime.
pub const ALWAYS: [&str; 2] = ["20000101000000Z", "29990101000000Z"];
pub const LONG_AGO: [&str; 2] = ["20000101000000Z", "20010101000000Z"];
pub const NOT_YET: [&str; 2] = ["29980101000000Z", "29990101000000Z"];

/// A certificate with its key.
pub struct Certified {
    name: String,
    key: EcdsaKeyPair,
    pkcs8: Vec<u8>,
    pub der: Vec<u8>,
}

/// A value under its tag, with its length.
fn tagged(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let length = value.len();
    let mut out = vec![tag];
    match length {
        0..0x80 => out.push(length as u8),
        0x80..0x100 => out.extend([0x81, length as u8]),
        _ => out.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    out.extend(value);
    out
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tagged(0x30, parts)
}

fn named(name: &str) -> Vec<u8> {
    let text = tagged(0x0c, &[name.as_bytes()]);
    sequence(&[&tagged(0x31, &[&sequence(&[COMMON_NAME, &text])])])
}

/// An authority.
pub fn authority(name: &str) -> Certified {
    made(name, None, ALWAYS, None)
}

/// A certificate of a host (a DNS name or an address), signed by an authority.
pub fn signed(by: &Certified, host: &str, valid: [&str; 2]) -> Certified {
    made(host, Some(host), valid, Some(by))
}

fn made(name: &str, host: Option<&str>, valid: [&str; 2], by: Option<&Certified>) -> Certified {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
    let pkcs8 = pkcs8.as_ref().to_vec();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8, &random).expect("a key");
    let extension = match host {
        // The authority says that it is one.
        None => {
            let is_authority = sequence(&[&[0x01, 0x01, 0xff]]);
            sequence(&[BASIC_CONSTRAINTS, &[0x01, 0x01, 0xff], &tagged(0x04, &[&is_authority])])
        }
        Some(host) => {
            let name = match host.parse() {
                Ok(IpAddr::V4(address)) => tagged(0x87, &[&address.octets()]),
                Ok(IpAddr::V6(address)) => tagged(0x87, &[&address.octets()]),
                Err(_) => tagged(0x82, &[host.as_bytes()]),
            };
            sequence(&[SUBJECT_ALT_NAME, &tagged(0x04, &[&sequence(&[&name])])])
        }
    };
    let public = tagged(0x03, &[&[0], key.public_key().as_ref()]);
    let algorithm = sequence(&[ECDSA_WITH_SHA256]);
    let serial = 1 + u8::from(host.is_some());
    let body = sequence(&[
        &tagged(0xa0, &[&[0x02, 0x01, 0x02]]),
        &[0x02, 0x01, serial],
        &algorithm,
        &named(by.map_or(name, |by| &by.name)),
        &sequence(&[&tagged(0x18, &[valid[0].as_bytes()]), &tagged(0x18, &[valid[1].as_bytes()])]),
        &named(name),
        &sequence(&[&sequence(&[EC_PUBLIC_KEY, PRIME256V1]), &public]),
        &tagged(0xa3, &[&sequence(&[&extension])]),
    ]);
    let signer = by.map_or(&key, |by| &by.key);
    let signature = signer.sign(&random, &body).expect("a signature");
    let der = sequence(&[&body, &algorithm, &tagged(0x03, &[&[0], signature.as_ref()])]);
    Certified { name: name.to_owned(), key, pkcs8, der }
}

impl Certified {
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![CertificateDer::from(self.der.clone())]
    }
    pub fn secret(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.pkcs8.clone()))
    }
    pub fn certificate_pem(&self) -> String {
        pem("CERTIFICATE", &self.der)
    }
    pub fn key_pem(&self) -> String {
        pem("PRIVATE KEY", &self.pkcs8)
    }
}

fn pem(what: &str, bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letters: String = bytes
        .chunks(3)
        .flat_map(|three| {
            let at = |place: usize| u32::from(three.get(place).copied().unwrap_or(0));
            let bits = at(0) << 16 | at(1) << 8 | at(2);
            (0..4).map(move |place| match place <= three.len() {
                true => char::from(LETTERS[(bits >> (18 - 6 * place)) as usize & 63]),
                false => '=',
            })
        })
        .collect();
    format!("-----BEGIN {what}-----\n{letters}\n-----END {what}-----\n")
}
