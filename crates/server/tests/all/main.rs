//! The archive as other programs meet it on the network.

mod asking;
mod fhir;
mod hostile;
mod messages;
mod sign_in;
mod site;
mod storing;
mod workitems;
