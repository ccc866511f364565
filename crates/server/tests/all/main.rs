//! The archive as other programs meet it on the network.

mod annotate;
mod asking;
mod bin;
mod consult;
mod desk;
mod fhir;
mod hostile;
mod jobs;
mod live;
mod messages;
mod ohif;
mod send_web;
mod sign_in;
mod site;
mod storing;
mod working;
mod workitems;
