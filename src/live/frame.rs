//! Messages as bytes: length-delimited frames with a version.
//!
//! ```text
//!  u32, little-endian     length of what follows
//!  u8                     WIRE_VERSION
//!  ...                    the message, in postcard's format
//! ```
//!
//! What comes in may be anything: it is decoded or refused, never trusted, and a decoder holds no more
//! than it was given since it was last asked, and one frame. A decoded message has the right shape, but
//! its values may be absurd (a slot of 4 billion, a priority that is no number).

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The version of what coordinator and workers say. Both are the same program; a worker of another
/// version is a mistake that should be told from garbage.
pub const WIRE_VERSION: u8 = 2;

/// The longest frame, without its length field. The longest message takes about 90 bytes, so this is far
/// more than is needed, and little enough that a thousand strangers who each send the beginning of such
/// a frame take a few megabytes.
pub const MAX_FRAME: usize = 4096;

/// Bytes of the field before a frame that says how long it is.
const LENGTH_FIELD: usize = size_of::<u32>();

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Where the next frame begins is not known any more: the connection must be closed.
    #[error("a frame of {length} bytes, more than the {MAX_FRAME} allowed")]
    TooLong {
        /// How long the frame would be.
        length: u32,
    },
    /// The frame is of another version.
    #[error("a frame of version {found}, where version {WIRE_VERSION} is spoken")]
    Version {
        /// Which.
        found: u8,
    },
    /// The frame does not hold a message, or holds more than a message.
    #[error("a frame that is not a message")]
    Garbage,
}

/// Appends the message to `out` as a frame.
///
/// # Panics
/// When the message cannot be encoded or is longer than [`MAX_FRAME`], which is a mistake in its type.
pub fn encode<T: Serialize>(message: &T, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH_FIELD]);
    out.push(WIRE_VERSION);
    postcard::to_io(message, &mut *out).expect("a message of plain values can be encoded");
    let length = out.len() - start - LENGTH_FIELD;
    assert!(length <= MAX_FRAME, "a message of {length} bytes");
    out[start..start + LENGTH_FIELD].copy_from_slice(&(length as u32).to_le_bytes());
}

/// Puts frames together again from bytes that were cut anywhere.
#[derive(Clone, Debug, Default)]
pub struct FrameDecoder {
    bytes: Vec<u8>,
    /// Up to here the bytes have been decoded.
    start: usize,
    /// A frame was too long: nothing that follows can be understood.
    lost: bool,
}

impl FrameDecoder {
    /// A decoder that has seen nothing.
    pub fn new() -> Self {
        FrameDecoder::default()
    }

    /// Takes in bytes. Ask for all frames in them with [`next_message`](Self::next_message) before giving more.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.lost {
            return;
        }
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next message, or why the next frame is not one; `None` until more bytes come, and for ever
    /// after [`FrameError::TooLong`].
    pub fn next_message<T: DeserializeOwned>(&mut self) -> Option<Result<T, FrameError>> {
        if self.lost {
            return None;
        }
        let (field, rest) = self.bytes[self.start..].split_first_chunk::<LENGTH_FIELD>()?;
        let length = u32::from_le_bytes(*field);
        if length as usize > MAX_FRAME {
            *self = FrameDecoder { lost: true, ..FrameDecoder::default() };
            return Some(Err(FrameError::TooLong { length }));
        }
        let frame = rest.get(..length as usize)?;
        self.start += LENGTH_FIELD + frame.len();
        Some(decode(frame))
    }
}

fn decode<T: DeserializeOwned>(frame: &[u8]) -> Result<T, FrameError> {
    let (&version, body) = frame.split_first().ok_or(FrameError::Garbage)?;
    if version != WIRE_VERSION {
        return Err(FrameError::Version { found: version });
    }
    match postcard::take_from_bytes(body) {
        Ok((message, [])) => Ok(message),
        _ => Err(FrameError::Garbage),
    }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
