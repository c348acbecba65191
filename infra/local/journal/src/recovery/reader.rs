//! Reading frames one after the other.

use std::{
    fs::File,
    io::{BufReader, Read},
    path::{Path, PathBuf},
};

use crate::{
    JournalError, Record,
    frame::{self, Head},
    segment::{self, Header},
};

/// Reads the frames of a segment or snapshot.
#[derive(Debug)]
pub(crate) struct FrameReader {
    file: BufReader<File>,
    path: PathBuf,
    offset: u64,
    length: u64,
    position: u64,
}

/// What comes next in a file.
#[derive(Debug)]
pub(crate) enum Step {
    /// A record.
    Record(Record),
    /// The last frame of a snapshot, with the number of its records.
    Count(u64),
    /// Bytes that are no whole record.
    Torn(&'static str),
}

/// Opens a file and reads its header; `None` if the header is not whole.
pub(crate) fn open_reader(path: &Path, number: u64) -> Result<Option<(Header, FrameReader)>, JournalError> {
    let file = File::open(path).map_err(JournalError::io("open", path))?;
    let length = file.metadata().map_err(JournalError::io("read", path))?.len();
    let mut file = BufReader::with_capacity(1 << 16, file);
    if length < segment::HEADER as u64 {
        return Ok(None);
    }
    let mut bytes = [0; segment::HEADER];
    file.read_exact(&mut bytes).map_err(JournalError::io("read", path))?;
    let header = Header::from_bytes(&bytes).filter(|header| header.number == number);
    let offset = segment::HEADER as u64;
    Ok(header.map(|header| {
        (header, FrameReader { file, path: path.to_owned(), offset, length, position: header.position })
    }))
}

impl FrameReader {
    /// The next frame; `None` at the end of the records.
    pub(crate) fn step(&mut self) -> Result<Option<Step>, JournalError> {
        let left = self.length - self.offset;
        if left == 0 {
            return Ok(None);
        }
        if left < frame::HEADER as u64 {
            return Ok(Some(Step::Torn("a frame's header is cut off")));
        }
        let mut header = [0; frame::HEADER];
        self.read(&mut header)?;
        let (length, checksum) = match frame::read_head(header) {
            Head::Blank => return Ok(None),
            Head::Nonsense => return Ok(Some(Step::Torn("no frame begins like this"))),
            Head::Payload { length, checksum } => (length, checksum),
        };
        if length as u64 > left - frame::HEADER as u64 {
            return Ok(Some(Step::Torn("a frame is cut off")));
        }
        let mut payload = vec![0; length];
        self.read(&mut payload)?;
        if frame::matches(self.position, &payload, checksum) {
            self.offset += (frame::HEADER + length) as u64;
            let position = self.position;
            self.position += 1;
            return Ok(Some(Step::Record(Record { position, payload })));
        }
        match <[u8; 8]>::try_from(payload.as_slice()) {
            Ok(count) if frame::matches(!self.position, &payload, checksum) => {
                Ok(Some(Step::Count(u64::from_le_bytes(count))))
            }
            _ => Ok(Some(Step::Torn("a record's checksum does not match"))),
        }
    }

    /// The end of the last whole record.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The position after the last whole record.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// A snapshot counts its own records.
    pub(crate) fn restart_positions(&mut self) {
        self.position = 0;
    }

    pub(crate) fn damaged(&self, reason: &'static str) -> JournalError {
        JournalError::Damaged { path: self.path.clone(), offset: self.offset, reason }
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), JournalError> {
        self.file.read_exact(bytes).map_err(JournalError::io("read", &self.path))
    }
}
