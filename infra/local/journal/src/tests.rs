//! What the journal promises, tried.

mod basics;
mod damage;
mod failing;

use std::path::Path;

use crate::{Cut, Journal, Options, Recovered};

fn small_segments() -> Options {
    Options { segment_size: 256, ..Options::default() }
}

fn contents(recovered: Recovered) -> (Vec<Vec<u8>>, Vec<Vec<u8>>, Option<Cut>) {
    let snapshot = recovered.snapshot.map(Result::unwrap).collect();
    let records = recovered.records.map(|record| record.unwrap().payload).collect();
    (snapshot, records, recovered.cut)
}

fn reopen(path: &Path) -> (Vec<Vec<u8>>, Vec<Vec<u8>>, Option<Cut>) {
    let (_journal, recovered) = Journal::open(path, small_segments()).unwrap();
    contents(recovered)
}
