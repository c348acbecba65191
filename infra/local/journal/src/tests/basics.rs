use std::{sync::Arc, time::Duration};

use super::{contents, reopen, small_segments};
use crate::{Journal, JournalError, Options};

#[test]
fn what_was_acknowledged_is_there_after_a_restart_across_segments() {
    let folder = tempfile::tempdir().unwrap();
    let expected: Vec<Vec<u8>> = (0..100_u32).map(|number| number.to_string().into_bytes()).collect();
    let (journal, recovered) = Journal::open(folder.path(), small_segments()).unwrap();
    assert!(!recovered.snapshot.is_present());
    for record in &expected {
        journal.append(record).wait().unwrap();
    }
    drop(journal);
    assert_eq!(reopen(folder.path()), (vec![], expected, None));
}

#[test]
fn positions_go_on_after_a_restart_and_after_a_compaction() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(folder.path(), small_segments()).unwrap();
    assert_eq!(journal.append(b"a").wait().unwrap(), 0);
    assert_eq!(journal.append(b"b").wait().unwrap(), 1);
    drop(journal);
    let (journal, _) = Journal::open(folder.path(), small_segments()).unwrap();
    assert_eq!(journal.next_position(), 2);
    journal.compact(["ab"]).unwrap();
    assert_eq!(journal.append(b"c").wait().unwrap(), 2);
    drop(journal);
    let (_journal, recovered) = Journal::open(folder.path(), small_segments()).unwrap();
    assert!(recovered.snapshot.is_present());
    let positions: Vec<u64> = recovered.records.map(|record| record.unwrap().position).collect();
    assert_eq!(positions, [2]);
}

#[test]
fn a_compaction_keeps_what_is_appended_while_it_runs_and_removes_what_it_stands_for() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(folder.path(), small_segments()).unwrap();
    for _ in 0..50 {
        journal.append(&[7; 40]).wait().unwrap();
    }
    let mut compaction = journal.begin_compaction().unwrap();
    journal.append(b"during").wait().unwrap();
    compaction.write(b"state").unwrap();
    compaction.write(b"more state").unwrap();
    compaction.finish().unwrap();
    journal.append(b"after").wait().unwrap();
    assert!(journal.size() < 100);
    drop(journal);
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 3, "the lock, one snapshot and one segment");
    let expected =
        (vec![b"state".to_vec(), b"more state".to_vec()], vec![b"during".to_vec(), b"after".to_vec()], None);
    assert_eq!(reopen(folder.path()), expected);
}

#[test]
fn an_abandoned_compaction_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(folder.path(), small_segments()).unwrap();
    journal.append(b"before").wait().unwrap();
    let mut compaction = journal.begin_compaction().unwrap();
    compaction.write(b"half").unwrap();
    drop(compaction);
    journal.append(b"after").wait().unwrap();
    drop(journal);
    assert_eq!(reopen(folder.path()), (vec![], vec![b"before".to_vec(), b"after".to_vec()], None));
}

#[test]
fn a_lazy_record_is_written_without_anyone_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { linger: Duration::from_millis(1), ..Options::default() };
    let (journal, _) = Journal::open(folder.path(), options).unwrap();
    let position = journal.append_lazy(b"lazy").unwrap();
    journal.durable(position).wait().unwrap();
    assert!(journal.is_durable(position));
    drop(journal);
    assert_eq!(reopen(folder.path()).1, [b"lazy"]);
}

#[test]
fn closing_flushes_lazy_records_and_refuses_further_ones() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { linger: Duration::from_secs(3600), ..Options::default() };
    let (journal, _) = Journal::open(folder.path(), options).unwrap();
    journal.append_lazy(b"lazy").unwrap();
    drop(journal);
    assert_eq!(reopen(folder.path()).1, [b"lazy"]);
}

#[test]
fn a_directory_is_open_once_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let (_journal, _) = Journal::open(folder.path(), Options::default()).unwrap();
    let second = Journal::open(folder.path(), Options::default());
    assert!(matches!(second, Err(JournalError::Locked { .. })));
}

#[test]
fn empty_records_and_large_ones_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(folder.path(), Options::default()).unwrap();
    let large = vec![9; 3 << 20];
    journal.append(b"").wait().unwrap();
    journal.append(&large).wait().unwrap();
    drop(journal);
    assert_eq!(reopen(folder.path()).1, [vec![], large]);
}

#[test]
fn many_threads_share_flushes_and_each_sees_its_own_order() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(folder.path(), Options::default()).unwrap();
    let journal = Arc::new(journal);
    std::thread::scope(|scope| {
        for thread in 0..8_u8 {
            let journal = Arc::clone(&journal);
            scope.spawn(move || {
                for number in 0..50_u8 {
                    journal.append(&[thread, number]).wait().unwrap();
                }
            });
        }
    });
    drop(journal);
    let (_journal, recovered) = Journal::open(folder.path(), Options::default()).unwrap();
    let (_, records, cut) = contents(recovered);
    assert_eq!((records.len(), cut), (400, None));
    for thread in 0..8 {
        let numbers: Vec<u8> =
            records.iter().filter(|record| record[0] == thread).map(|record| record[1]).collect();
        assert_eq!(numbers, (0..50).collect::<Vec<u8>>());
    }
}
