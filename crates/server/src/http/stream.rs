//! Answers that are written while they are sent: a thread that reads the archive, a client that takes what is ready.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body::Frame;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};

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
    sender: Sender<io::Result<Bytes>>,
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
        self.send(Ok(piece))
    }

    fn send(&self, piece: io::Result<Bytes>) -> Result<(), Gone> {
        let sending = async { tokio::time::timeout(PATIENCE, self.sender.send(piece)).await };
        match self.handle.block_on(sending) {
            Ok(Ok(())) => Ok(()),
            _ => Err(Gone),
        }
    }
}

/// Pieces as they come, then the end. `http_body_util::channel` is not used: where its last piece is sent and its sender
/// dropped while it is being looked at, it ends without that piece.
struct Pieces(Receiver<io::Result<Bytes>>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

/// A body that `write` fills on a thread of its own. What fails in its middle breaks the connection, so that no client takes
/// a part for the whole.
pub(crate) fn body(write: impl FnOnce(&mut Out) -> Result<(), Gone> + Send + 'static) -> Body {
    let (sender, pieces) = channel(AHEAD);
    let handle = Handle::current();
    tokio::task::spawn_blocking(move || {
        let mut out = Out { sender, handle, held: Vec::with_capacity(PIECE) };
        if write(&mut out).and_then(|()| out.flush()).is_err() {
            let broken = out.send(Err(io::Error::other("the answer broke off")));
            tracing::debug!(told = broken.is_ok(), "an answer broke off");
        }
    });
    Body::new(Pieces(pieces))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_time().build().expect("a runtime")
    }

    #[test]
    fn no_piece_is_lost_however_soon_the_writer_is_done() {
        runtime().block_on(async {
            for round in 0..2000_u32 {
                let text = round.to_string();
                let written = text.clone();
                let whole = body(move |out| out.write(written.as_bytes())).collect().await.expect("whole");
                assert_eq!(whole.to_bytes(), text.as_bytes());
            }
        });
    }

    #[test]
    fn what_breaks_off_is_an_error_and_no_end() {
        let collected = runtime().block_on(async {
            let broken = body(|out: &mut Out| {
                out.write(b"half")?;
                out.flush()?;
                Err(Gone)
            });
            broken.collect().await
        });
        assert!(collected.is_err());
    }
}
