use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A connection on which a message's last piece is never held back.
///
/// Nagle's algorithm is off, and on Linux the acknowledgment of each read is sent at once: a stock sender writes a command
/// and its data in two pieces and would otherwise wait 40 ms for every object. The kernel forgets that wish after a few
/// packets, so that it is renewed with each read.
///
/// # Source
/// tcp(7), TCP_QUICKACK; RFC 1122 Section 4.2.3.2
#[derive(Debug)]
pub struct Socket(TcpStream);

impl Socket {
    /// Takes a connection; reads and writes that last longer than `timeout` fail.
    ///
    /// # Errors
    /// What the system says of the socket.
    pub fn new(stream: TcpStream, timeout: Duration) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        let socket = Self(stream);
        socket.acknowledge_at_once();
        Ok(socket)
    }

    /// The connection itself.
    pub fn stream(&self) -> &TcpStream {
        &self.0
    }

    #[cfg(target_os = "linux")]
    fn acknowledge_at_once(&self) {
        use std::os::linux::net::TcpStreamExt;
        // Slower without, never wrong.
        let _ = self.0.set_quickack(true);
    }

    #[cfg(not(target_os = "linux"))]
    fn acknowledge_at_once(&self) {}
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        self.acknowledge_at_once();
        Ok(count)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
