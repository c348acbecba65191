//! Where a segment's whole records end, and what lies behind them.

use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use crate::JournalError;

use super::{
    Cut,
    reader::{Step, open_reader},
};

/// A segment, read to its end.
#[derive(Debug)]
pub(crate) struct End {
    /// The positions of the first record and after the last; `None` if the header is not whole.
    pub(crate) records: Option<(u64, u64)>,
    pub(crate) has_records: bool,
    /// Where the last whole record ends.
    pub(crate) offset: u64,
    /// What lies behind, if that is more than zeroes.
    pub(crate) cut: Option<Cut>,
}

/// Reads a segment to its end.
pub(crate) fn scan(path: &Path, number: u64) -> Result<End, JournalError> {
    let Some((header, mut reader)) = open_reader(path, number)? else {
        let cut = cut(path, 0, "the segment's header is not whole")?;
        return Ok(End { records: None, has_records: false, offset: 0, cut });
    };
    let reason = loop {
        match reader.step()? {
            Some(Step::Record(_)) => {}
            Some(Step::Torn(reason)) => break reason,
            Some(Step::Count(_)) => break "a snapshot's end stands in a segment",
            None => break "bytes stand behind the last record",
        }
    };
    let offset = reader.offset();
    let records = Some((header.position, reader.position()));
    Ok(End {
        records,
        has_records: reader.position() > header.position,
        offset,
        cut: cut(path, offset, reason)?,
    })
}

fn cut(path: &Path, offset: u64, reason: &'static str) -> Result<Option<Cut>, JournalError> {
    let mut file = File::open(path).map_err(JournalError::io("open", path))?;
    file.seek(SeekFrom::Start(offset)).map_err(JournalError::io("read", path))?;
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut dropped = 0;
    let mut block = vec![0; 1 << 16];
    loop {
        let read = reader.read(&mut block).map_err(JournalError::io("read", path))?;
        if read == 0 {
            break;
        }
        dropped += block[..read].iter().filter(|byte| **byte != 0).count() as u64;
    }
    Ok((dropped > 0).then(|| Cut { path: path.to_owned(), offset, dropped, reason }))
}
