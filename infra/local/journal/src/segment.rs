//! One file of the journal: its header, and writing records to it.

use std::path::PathBuf;

use crate::{
    JournalError,
    directory::Directory,
    medium::{Medium, MediumFactory, create},
};

const MAGIC: &[u8; 8] = b"TOSSJNL1";

/// The bytes before the first record.
pub(crate) const HEADER: usize = 32;

/// How far ahead of the records a segment is filled with zeroes. A flush of bytes that the file already has
/// takes two thirds of the time of one that makes the file longer.
const FILL: u64 = 1 << 20;

/// What a segment's (or snapshot's) first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// The file's number.
    pub(crate) number: u64,
    /// In a segment the position of its first record; in a snapshot the first that it does not cover.
    pub(crate) position: u64,
}

impl Header {
    pub(crate) fn to_bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.position.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..24]);
        bytes[24..28].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; HEADER]) -> Option<Self> {
        let word = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let header = Self { number: word(8)?, position: word(16)? };
        (header.to_bytes() == *bytes).then_some(header)
    }
}

/// The segment that records are being written to.
pub(crate) struct SegmentWriter {
    medium: Box<dyn Medium>,
    path: PathBuf,
    number: u64,
    offset: u64,
    filled: u64,
}

impl SegmentWriter {
    /// Makes a new segment; when this returns, its name and header are on disk.
    pub(crate) fn create(
        factory: &MediumFactory,
        directory: &Directory,
        header: Header,
    ) -> Result<Self, JournalError> {
        let path = directory.segment(header.number);
        let medium = create(factory, directory, &path)?;
        let mut writer = Self { medium, path, number: header.number, offset: 0, filled: 0 };
        writer.write(&header.to_bytes())?;
        writer.flush()?;
        Ok(writer)
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The bytes written, without the zeroes ahead.
    pub(crate) fn size(&self) -> u64 {
        self.offset
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        let end = self.offset + bytes.len() as u64;
        if end > self.filled {
            let filled = end.next_multiple_of(FILL);
            let zeroes = vec![0; (filled - end) as usize];
            self.medium.write_at(&zeroes, end).map_err(JournalError::io("extend", &self.path))?;
            self.filled = filled;
        }
        self.medium.write_at(bytes, self.offset).map_err(JournalError::io("write to", &self.path))?;
        self.offset = end;
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> Result<(), JournalError> {
        self.medium.flush().map_err(JournalError::io("flush", &self.path))
    }
}
