//! The archive as other programs meet it on the network.

mod fhir;
mod hostile;
mod sign_in;
mod site;
mod storing;
