//! All integration tests of the room, in one program.
