//! Where in the source's log the reader stands.

use whimbrel_model::LogOffset;

use crate::bytes::{Bytes, Malformed};

/// Follows the log's file and position through rotations.
#[derive(Debug)]
pub(crate) struct Place {
    /// Where the last event ended.
    now: LogOffset,
}

impl Place {
    /// Before the first event: before every place that the log has.
    pub(crate) fn start() -> Self {
        Self { now: LogOffset { file: String::new(), offset: 0 } }
    }

    pub(crate) fn now(&self) -> &LogOffset {
        &self.now
    }

    /// Where an event ends, by the low 32 bits that its header has: a transaction may grow a file
    /// beyond 4 GiB, and no place of a file comes before one already passed.
    pub(crate) fn whole(&self, end: u32) -> u64 {
        const WRAP: u64 = 1 << 32;
        let end = self.now.offset / WRAP * WRAP + u64::from(end);
        if end < self.now.offset { end + WRAP } else { end }
    }

    /// Goes to where an event ends.
    pub(crate) fn go_to(&mut self, end: u64) {
        self.now.offset = end;
    }

    /// Goes to the file and place that a ROTATE names.
    pub(crate) fn rotate(&mut self, body: &[u8]) -> Result<(), Malformed> {
        let mut bytes = Bytes::new(body);
        let offset = bytes.u64()?;
        self.now = LogOffset { file: file_name(bytes.rest())?, offset };
        Ok(())
    }

    /// Goes to where a heartbeat says that the log is, past what the source left out.
    ///
    /// One that names another file is kept out: a rotation comes first.
    pub(crate) fn beat(&mut self, file: &[u8], offset: u64) {
        if self.now.file.as_bytes() == file {
            self.now.offset = self.now.offset.max(offset);
        }
    }

    /// Goes to where a `HEARTBEAT_V2` says that the log is.
    pub(crate) fn beat_v2(&mut self, body: &[u8]) -> Result<(), Malformed> {
        let mut bytes = Bytes::new(body);
        let (mut file, mut offset) = (&[][..], 0);
        loop {
            match bytes.packed()? {
                0 => break,
                kind => {
                    let length = bytes.packed_length()?;
                    let mut field = Bytes::new(bytes.take(length)?);
                    match kind {
                        1 => file = field.rest(),
                        2 => offset = field.packed()?,
                        _ => {}
                    }
                }
            }
        }
        self.beat(file, offset);
        Ok(())
    }
}

fn file_name(bytes: &[u8]) -> Result<String, Malformed> {
    match std::str::from_utf8(bytes) {
        Ok(name) if !name.is_empty() => Ok(name.to_owned()),
        _ => Err(Malformed("its file name is none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_go_on_beyond_four_gibibytes() {
        let mut place = Place::start();
        place.rotate(b"\x04\0\0\0\0\0\0\0bin.000001").unwrap();

        for (end, offset) in [(u32::MAX, 0xffff_ffff), (5, 0x1_0000_0005), (900, 0x1_0000_0384)] {
            place.go_to(place.whole(end));

            assert_eq!(place.now().offset, offset);
        }
    }
}
