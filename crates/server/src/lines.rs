//! Connections in progress of a listener with a thread for each, and their end.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Connections in progress, and whether each is in the middle of a message.
pub(crate) type Lines = Arc<Mutex<HashMap<u64, (TcpStream, Arc<AtomicBool>)>>>;

/// Ends idle connections at once, and all of them after `patience`; returns when none is left, or then.
pub(crate) fn end(lines: &Lines, patience: Duration) {
    let until = Instant::now() + patience;
    loop {
        let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        let late = Instant::now() >= until;
        for (stream, busy) in lines.values() {
            if late || !busy.load(Ordering::SeqCst) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        if lines.is_empty() || late {
            return;
        }
        drop(lines);
        std::thread::sleep(Duration::from_millis(10));
    }
}
