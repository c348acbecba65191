use std::{
    fs,
    path::{Path, PathBuf},
};

use proptest::{collection::vec, prelude::*};

use super::{contents, reopen};
use crate::{Journal, JournalError, Options};

fn options(segment_size: u64) -> Options {
    Options { segment_size, ..Options::default() }
}

fn write(folder: &Path, records: &[Vec<u8>], segment_size: u64) {
    let (journal, _) = Journal::open(folder, options(segment_size)).unwrap();
    for record in records {
        journal.append(record).wait().unwrap();
    }
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    paths.sort();
    paths
}

fn frames_end(records: &[Vec<u8>]) -> usize {
    32 + records.iter().map(|record| 8 + record.len()).sum::<usize>()
}

fn records() -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec(vec(any::<u8>(), 0..60), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_torn_tail_costs_nothing_that_was_acknowledged(
        records in records(),
        garbage in vec(any::<u8>(), 1..200),
    ) {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &records, 1 << 20);
        let segment = segments(folder.path()).pop().unwrap();
        let mut bytes = fs::read(&segment).unwrap();
        bytes.truncate(frames_end(&records));
        bytes.extend_from_slice(&garbage);
        fs::write(&segment, &bytes).unwrap();
        let (_, found, cut) = reopen(folder.path());
        prop_assert_eq!(&found, &records);
        prop_assert_eq!(cut.is_some(), garbage.iter().any(|byte| *byte != 0));
        // What was cut is gone for good: the next start finds nothing to cut.
        prop_assert_eq!(reopen(folder.path()), (vec![], records, None));
    }

    #[test]
    fn a_truncated_segment_gives_a_prefix_and_takes_new_records(
        records in records(),
        at in any::<prop::sample::Index>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &records, 1 << 20);
        let segment = segments(folder.path()).pop().unwrap();
        let mut bytes = fs::read(&segment).unwrap();
        let length = at.index(frames_end(&records));
        bytes.truncate(length);
        fs::write(&segment, &bytes).unwrap();
        let whole = (0..=records.len()).rev().find(|count| frames_end(&records[..*count]) <= length).unwrap_or(0);
        let (journal, recovered) = Journal::open(folder.path(), options(1 << 20)).unwrap();
        prop_assert_eq!(contents(recovered).1, &records[..whole]);
        journal.append(b"new").wait().unwrap();
        drop(journal);
        let (_, found, _) = reopen(folder.path());
        prop_assert_eq!(found.len(), whole + 1);
        prop_assert_eq!(found.last().unwrap(), b"new");
    }

    #[test]
    fn any_damaged_byte_gives_a_prefix_or_an_error_never_another_record(
        records in records(),
        flips in vec((any::<prop::sample::Index>(), 1_u8..), 1..4),
        segment_size in 64_u64..2000,
        which in any::<prop::sample::Index>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &records, segment_size);
        let segments = segments(folder.path());
        let chosen = which.index(segments.len());
        let mut bytes = fs::read(&segments[chosen]).unwrap();
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        for (at, flip) in flips {
            bytes[at.index(used)] ^= flip;
        }
        fs::write(&segments[chosen], &bytes).unwrap();
        let Ok((_journal, recovered)) = Journal::open(folder.path(), options(segment_size)) else {
            prop_assert!(chosen + 1 < segments.len());
            return Ok(());
        };
        let mut found = Vec::new();
        for record in recovered.records {
            match record {
                Ok(record) => found.push(record.payload),
                Err(JournalError::Damaged { .. }) => {
                    prop_assert!(chosen + 1 < segments.len(), "only sealed segments are damaged, tails are cut");
                    break;
                }
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            }
        }
        prop_assert_eq!(&found[..], &records[..found.len()]);
    }

    #[test]
    fn a_kill_at_any_point_of_a_compaction_loses_nothing(
        before in records(),
        after in records(),
        stage in 0..4_u8,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("kept");
        let (journal, _) = Journal::open(folder.path(), options(300)).unwrap();
        for record in &before {
            journal.append(record).wait().unwrap();
        }
        let mut compaction = journal.begin_compaction().unwrap();
        for record in &after {
            journal.append(record).wait().unwrap();
        }
        for record in &before {
            compaction.write(record).unwrap();
        }
        // A kill before the rename leaves the segments; one after it leaves any newest part of them.
        fs::create_dir(&kept).unwrap();
        for segment in segments(folder.path()) {
            fs::copy(&segment, kept.join(segment.file_name().unwrap())).unwrap();
        }
        compaction.finish().unwrap();
        drop(journal);
        let left = segments(&kept);
        let back = match stage {
            0 => {
                for entry in fs::read_dir(folder.path()).unwrap() {
                    let path = entry.unwrap().path();
                    if path.extension().is_some_and(|extension| extension == "snapshot") {
                        fs::rename(&path, path.with_extension("unfinished")).unwrap();
                    }
                }
                left.len()
            }
            1 => left.len(),
            2 => left.len() / 2,
            _ => 0,
        };
        for segment in left.iter().rev().take(back) {
            fs::copy(segment, folder.path().join(segment.file_name().unwrap())).unwrap();
        }
        let (snapshot, found, _) = reopen(folder.path());
        let all: Vec<Vec<u8>> = snapshot.into_iter().chain(found).collect();
        let expected: Vec<Vec<u8>> = before.into_iter().chain(after).collect();
        prop_assert_eq!(all, expected);
    }
}

#[test]
fn a_missing_segment_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &vec![vec![1; 50]; 20], 200);
    fs::remove_file(&segments(folder.path())[1]).unwrap();
    let refused = Journal::open(folder.path(), options(200));
    assert!(matches!(refused, Err(JournalError::Damaged { .. })));
}

#[test]
fn a_damaged_snapshot_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(folder.path(), Options::default()).unwrap();
    journal.compact(["first", "second", "third"]).unwrap();
    drop(journal);
    for cut in 1..60 {
        let path = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.extension().is_some_and(|extension| extension == "snapshot"))
            .unwrap();
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        match Journal::open(folder.path(), Options::default()) {
            Err(JournalError::Damaged { .. }) => {}
            Ok((_, mut recovered)) => assert!(recovered.snapshot.any(|record| record.is_err())),
            Err(error) => panic!("{error}"),
        }
        fs::write(&path, whole).unwrap();
    }
}
