mod socket;

pub use socket::Socket;
