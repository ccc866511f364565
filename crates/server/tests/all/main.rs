//! The archive as other programs meet it on the network.

mod hostile;
mod site;
mod storing;
