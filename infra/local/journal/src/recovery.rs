//! Reading back what a journal holds.

mod reader;
mod scan;

use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
};

use crate::{JournalError, directory::Directory, segment::Header};

use self::{
    reader::{FrameReader, Step, open_reader},
    scan::scan,
};

/// What a journal held when it was opened.
#[derive(Debug)]
pub struct Recovered {
    /// The records of the newest snapshot; none if the journal was never compacted.
    pub snapshot: Snapshot,
    /// The records since then, in order.
    pub records: Records,
    /// What was cut from the end, if the end was not whole.
    pub cut: Option<Cut>,
}

/// Bytes that were cut from the end of the newest segment: a record that a crash tore, and what followed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The segment.
    pub path: PathBuf,
    /// Where the cut is: the end of the last whole record.
    pub offset: u64,
    /// How many bytes that were not zero were dropped.
    pub dropped: u64,
    /// What was found at the cut.
    pub reason: &'static str,
}

/// A record as it was appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its position: the first record of a journal has 0, and each has one more than the record before it.
    pub position: u64,
    /// What was appended.
    pub payload: Vec<u8>,
}

/// Finds out where the journal ends, cuts what is not whole, and answers where to go on.
pub(crate) fn recover(directory: &Directory) -> Result<(Recovered, Header), JournalError> {
    let listing = directory.list()?;
    let snapshot = Snapshot::open(directory, listing.snapshots.last().copied())?;
    let base = snapshot.covers;
    directory.remove_before(base.number)?;
    let mut segments: Vec<u64> =
        listing.segments.into_iter().filter(|number| *number >= base.number).collect();
    check_order(directory, base, &segments)?;

    let mut cut = None;
    let mut next = base;
    let newest = segments.last().copied();
    while let Some(number) = segments.last().copied() {
        let path = directory.segment(number);
        let end = scan(&path, number)?;
        // Only the newest segment can have been torn: a segment is flushed whole before the next begins.
        if Some(number) == newest {
            cut = end.cut;
        } else if end.cut.is_some() || end.records.is_none() {
            return Err(JournalError::Damaged {
                path,
                offset: end.offset,
                reason: "a sealed segment is not whole",
            });
        }
        match end.records {
            Some((_, position)) if end.has_records => {
                truncate(&path, end.offset)?;
                next = Header { number: number + 1, position };
                break;
            }
            Some((first, _)) => {
                // Without records its number is used again.
                directory.remove(&path)?;
                segments.pop();
                next = Header { number, position: first };
                break;
            }
            None => {
                directory.remove(&path)?;
                segments.pop();
                next = Header { number, position: base.position };
            }
        }
    }
    directory.sync()?;
    let records = Records {
        directory: directory.without_lock(),
        rest: segments.into(),
        current: None,
        next: base.position,
        end: next.position,
    };
    Ok((Recovered { snapshot, records, cut }, next))
}

fn check_order(directory: &Directory, base: Header, segments: &[u64]) -> Result<(), JournalError> {
    for (expected, number) in (base.number..).zip(segments) {
        if expected != *number {
            let path = directory.segment(expected);
            return Err(JournalError::Damaged { path, offset: 0, reason: "the segment is missing" });
        }
    }
    Ok(())
}

fn truncate(path: &Path, offset: u64) -> Result<(), JournalError> {
    let file = OpenOptions::new().write(true).open(path).map_err(JournalError::io("open", path))?;
    file.set_len(offset).map_err(JournalError::io("cut", path))?;
    file.sync_all().map_err(JournalError::io("flush", path))
}

/// The records of a snapshot.
#[derive(Debug)]
pub struct Snapshot {
    covers: Header,
    reader: Option<FrameReader>,
}

impl Snapshot {
    fn open(directory: &Directory, number: Option<u64>) -> Result<Self, JournalError> {
        let Some(number) = number else {
            return Ok(Self { covers: Header { number: 1, position: 0 }, reader: None });
        };
        let path = directory.snapshot(number);
        match open_reader(&path, number)? {
            Some((covers, mut reader)) => {
                reader.restart_positions();
                Ok(Self { covers, reader: Some(reader) })
            }
            None => Err(JournalError::Damaged { path, offset: 0, reason: "the header is not whole" }),
        }
    }

    /// Whether the journal was ever compacted.
    pub fn is_present(&self) -> bool {
        self.reader.is_some()
    }
}

impl Iterator for Snapshot {
    type Item = Result<Vec<u8>, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        let reader = self.reader.as_mut()?;
        let outcome = match reader.step() {
            Ok(Some(Step::Record(record))) => return Some(Ok(record.payload)),
            Ok(Some(Step::Count(count))) if count == reader.position() => None,
            Ok(_) => Some(Err(reader.damaged("the snapshot is not whole"))),
            Err(error) => Some(Err(error)),
        };
        self.reader = None;
        outcome
    }
}

/// The records since the snapshot.
#[derive(Debug)]
pub struct Records {
    directory: Directory,
    rest: std::collections::VecDeque<u64>,
    current: Option<FrameReader>,
    next: u64,
    end: u64,
}

impl Records {
    fn open_next(&mut self) -> Option<Result<(), JournalError>> {
        let number = self.rest.pop_front()?;
        let path = self.directory.segment(number);
        match open_reader(&path, number) {
            Ok(Some((header, reader))) if header.position == self.next => {
                self.current = Some(reader);
                Some(Ok(()))
            }
            Ok(_) => {
                let reason = "the segment does not follow the one before it";
                Some(Err(JournalError::Damaged { path, offset: 0, reason }))
            }
            Err(error) => Some(Err(error)),
        }
    }

    fn advance(&mut self) -> Option<Result<Record, JournalError>> {
        loop {
            let Some(reader) = &mut self.current else {
                match self.open_next() {
                    None if self.next == self.end => return None,
                    None => {
                        let path = self.directory.segment(0);
                        let reason = "records at the end are missing";
                        return Some(Err(JournalError::Damaged { path, offset: 0, reason }));
                    }
                    Some(Ok(())) => continue,
                    Some(Err(error)) => return Some(Err(error)),
                }
            };
            match reader.step() {
                Ok(Some(Step::Record(record))) => {
                    self.next = record.position + 1;
                    return Some(Ok(record));
                }
                Ok(None) => self.current = None,
                Ok(Some(Step::Count(_) | Step::Torn(_))) => {
                    return Some(Err(reader.damaged("a record is not whole")));
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Iterator for Records {
    type Item = Result<Record, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance()?;
        if next.is_err() {
            self.rest.clear();
            self.current = None;
            self.end = self.next;
        }
        Some(next)
    }
}
