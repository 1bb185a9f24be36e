//! Keyspace ids.

use std::fmt;

use crate::hex;

/// Most kinds make 8 bytes and `binary_md5` 16; these are as many as fit beside a length where a
/// pointer and a length would be.
const INLINE_BYTES_MAX: usize = 22;

/// The bytes by which Vitess puts a row on a shard, of any number, also none.
#[derive(Clone)]
pub struct KeyspaceId(Bytes);

/// One is made of every row: short ones are not allocated.
#[derive(Clone)]
enum Bytes {
    Inline { length: u8, bytes: [u8; INLINE_BYTES_MAX] },
    Boxed(Box<[u8]>),
}

impl KeyspaceId {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Bytes::Inline { length, bytes } => {
                bytes.get(..usize::from(*length)).unwrap_or_default()
            }
            Bytes::Boxed(bytes) => bytes,
        }
    }
}

impl From<&[u8]> for KeyspaceId {
    fn from(value: &[u8]) -> Self {
        let mut bytes = [0; INLINE_BYTES_MAX];
        match (bytes.get_mut(..value.len()), u8::try_from(value.len())) {
            (Some(start), Ok(length)) => {
                start.copy_from_slice(value);
                Self(Bytes::Inline { length, bytes })
            }
            _ => Self(Bytes::Boxed(value.into())),
        }
    }
}

impl PartialEq for KeyspaceId {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for KeyspaceId {}

/// In hexadecimal digits, as Vitess writes it.
impl fmt::Display for KeyspaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(f, self.as_bytes())
    }
}

/// Without its digits: those of `binary` are the row's value.
impl fmt::Debug for KeyspaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyspaceId({} bytes)", self.as_bytes().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyspace_ids_of_any_length_keep_their_bytes() {
        let long: Vec<u8> = (0..=200).collect();

        for length in [0, 1, 8, 16, INLINE_BYTES_MAX, INLINE_BYTES_MAX + 1, 200] {
            let id = KeyspaceId::from(&long[..length]);
            assert_eq!(id.as_bytes(), &long[..length]);
            assert!(id == id.clone() && id != KeyspaceId::from(&long[..=length]));
        }
    }
}
