//! The archive as other programs meet it on the network.

mod asking;
mod bin;
mod desk;
mod fhir;
mod hostile;
mod jobs;
mod live;
mod messages;
mod sign_in;
mod site;
mod storing;
mod working;
mod workitems;
