//! Reading numbers and runs of bytes from the front of a slice, every length checked.

/// What the bytes of an event or a packet lack; said in its error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// The bytes end inside what was to be read.
pub(crate) const TRUNCATED: Malformed = Malformed("it ends early");

/// The unread rest of an event or a packet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes<'a> {
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_empty(self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(TRUNCATED)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(TRUNCATED)?;
        self.rest = rest;
        Ok(*taken)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        let (&byte, rest) = self.rest.split_first().ok_or(TRUNCATED)?;
        self.rest = rest;
        Ok(byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    /// A little-endian number of `count` bytes, at most 8.
    #[inline]
    pub(crate) fn uint(&mut self, count: usize) -> Result<u64, Malformed> {
        self.take(count).map(little_endian)
    }

    /// A length in memory, of `count` bytes in the event.
    #[inline]
    pub(crate) fn length(&mut self, count: usize) -> Result<usize, Malformed> {
        usize::try_from(self.uint(count)?).map_err(|_| TRUNCATED)
    }

    /// A number as the client protocol packs it: 1, 3, 4 or 9 bytes.
    pub(crate) fn packed(&mut self) -> Result<u64, Malformed> {
        match self.u8()? {
            small @ 0..=250 => Ok(u64::from(small)),
            252 => self.uint(2),
            253 => self.uint(3),
            254 => self.u64(),
            251 | 255 => Err(Malformed("a packed number begins with no such byte")),
        }
    }

    /// A packed number that counts bytes.
    pub(crate) fn packed_length(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.packed()?).map_err(|_| TRUNCATED)
    }
}

/// The little-endian number in at most 8 bytes; of more, the first 8.
#[inline]
pub(crate) fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// The big-endian number in at most 8 bytes; of more, the last 8.
#[inline]
pub(crate) fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// Whether bit `index` is set, bits counted from the lowest of the first byte; `false` past the end.
#[inline]
pub(crate) fn is_set(bitmap: &[u8], index: usize) -> bool {
    bitmap.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_numbers_have_four_lengths() {
        for (bytes, number) in [
            (&[250][..], Ok(250)),
            (&[252, 1, 2], Ok(0x201)),
            (&[253, 1, 2, 3], Ok(0x0003_0201)),
            (&[254, 1, 0, 0, 0, 0, 0, 0, 2], Ok(0x0200_0000_0000_0001)),
            (&[253, 1, 2], Err(TRUNCATED)),
            (&[], Err(TRUNCATED)),
        ] {
            assert_eq!(Bytes::new(bytes).packed(), number, "{bytes:?}");
        }
        assert!(Bytes::new(&[251]).packed().is_err());
    }

    #[test]
    fn numbers_are_read_from_either_end() {
        assert_eq!(little_endian(&[1, 2, 3]), 0x0003_0201);
        assert_eq!(big_endian(&[1, 2, 3]), 0x0001_0203);
        assert!(is_set(&[0, 0b10], 9));
        assert!(!is_set(&[0xff], 8));
    }
}
