//! Answers that are written while they are sent: a thread that reads the archive, a client that takes what is ready.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::channel::{Channel, Sender};
use tokio::runtime::Handle;

/// Bytes of one piece.
const PIECE: usize = 256 << 10;
/// Pieces between the thread and the client.
const AHEAD: usize = 4;
/// Longest wait for a client that takes nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// The client is gone, or too slow.
#[derive(Debug)]
pub(crate) struct Gone;

/// Where a thread writes an answer's bytes.
pub(crate) struct Out {
    sender: Sender<Bytes, std::io::Error>,
    handle: Handle,
    held: Vec<u8>,
}

impl Out {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= PIECE { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Gone> {
        if self.held.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::take(&mut self.held));
        let sender = &mut self.sender;
        let sent =
            self.handle.block_on(async { tokio::time::timeout(PATIENCE, sender.send_data(piece)).await });
        match sent {
            Ok(Ok(())) => Ok(()),
            _ => Err(Gone),
        }
    }
}

/// A body that `write` fills on a thread of its own. What fails in its middle breaks the connection, so that no client takes
/// a part for the whole.
pub(crate) fn body(write: impl FnOnce(&mut Out) -> Result<(), Gone> + Send + 'static) -> Body {
    let (sender, channel) = Channel::new(AHEAD);
    let handle = Handle::current();
    tokio::task::spawn_blocking(move || {
        let mut out = Out { sender, handle, held: Vec::with_capacity(PIECE) };
        if write(&mut out).and_then(|()| out.flush()).is_err() {
            out.sender.abort(std::io::Error::other("the answer broke off"));
        }
    });
    Body::new(channel)
}
