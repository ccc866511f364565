//! The archive as other programs meet it on the network.

mod desk;
mod fhir;
mod hostile;
mod sign_in;
mod site;
mod storing;
