//! The archive on the network: DIMSE over sockets of its own, DICOMweb, and a page of studies.

pub mod dimse;
