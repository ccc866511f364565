#[cfg(unix)]
use std::future::{Future, poll_fn};
use std::io;
#[cfg(unix)]
use std::pin::pin;
#[cfg(unix)]
use std::task::Poll;

use tokio::runtime::Runtime;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The orders that end a server: an interrupt, or a request to terminate.
#[derive(Debug)]
pub struct Orders<'a> {
    runtime: Option<&'a Runtime>,
    #[cfg(unix)]
    signals: Option<[Signal; 2]>,
}

impl<'a> Orders<'a> {
    #[cfg(unix)]
    pub(super) fn listen(runtime: Option<&'a Runtime>) -> io::Result<Self> {
        let _within = runtime.map(Runtime::enter);
        let signals = match runtime {
            Some(_) => Some([signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?]),
            None => None,
        };
        Ok(Self { runtime, signals })
    }

    #[cfg(not(unix))]
    pub(super) fn listen(runtime: Option<&'a Runtime>) -> io::Result<Self> {
        Ok(Self { runtime })
    }

    /// Waits for the first of them; at once where the server has ended.
    #[cfg(unix)]
    pub fn wait(self) {
        let (Some(runtime), Some([mut terminate, mut interrupt])) = (self.runtime, self.signals) else {
            return;
        };
        runtime.block_on(async {
            let mut terminated = pin!(terminate.recv());
            let mut interrupted = pin!(interrupt.recv());
            poll_fn(|context| {
                let done = terminated.as_mut().poll(context).is_ready()
                    || interrupted.as_mut().poll(context).is_ready();
                if done { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        });
    }

    /// Waits for the first of them; at once where the server has ended.
    #[cfg(not(unix))]
    pub fn wait(self) {
        if let Some(runtime) = self.runtime {
            let _ = runtime.block_on(tokio::signal::ctrl_c());
        }
    }
}
