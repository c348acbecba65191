//! What survives the end of the process, at whatever byte it comes.

use std::{fs, path::Path, time::Duration};

use crate::connector::{open, open_at};

// What a killed process leaves: the files as they are, without its lock and without a last flush.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_kill_and_what_was_deleted_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(&directory.path().join("live"));
    let url = home.queue("jobs", []).await;
    for n in 0..20 {
        home.send(&url, &n.to_string()).await;
    }
    let held = home.receive(&url).await;
    for (_, handle) in &held {
        home.delete(&url, handle).await;
    }
    copy(&directory.path().join("live"), &directory.path().join("killed"));

    let home = open_at(&directory.path().join("killed"), home.clock.clone());
    let mut left = Vec::new();
    for delivery in home.queues.receive("jobs", 100, None, Duration::ZERO).await.unwrap() {
        assert_eq!(delivery.receive_count(), 1);
        left.push(delivery.body().to_owned());
    }
    let expected: Vec<_> =
        (0..20).map(|n| n.to_string()).filter(|n| held.iter().all(|(body, _)| body != n)).collect();
    assert_eq!(left, expected);
}

#[tokio::test]
async fn a_receipt_from_before_a_restart_still_deletes() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let url = home.queue("jobs", []).await;
    home.send(&url, "one").await;
    let (_, handle) = home.receive(&url).await.remove(0);
    let clock = home.clock.clone();
    drop(home);
    let home = open_at(directory.path(), clock);
    assert!(home.receive(&url).await.is_empty(), "it stays hidden");
    home.delete(&url, &handle).await;
    home.pass(60);
    assert!(home.receive(&url).await.is_empty());
}

#[tokio::test]
async fn what_dead_consumers_held_can_be_given_back_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let url = home.queue("jobs", []).await;
    home.send(&url, "one").await;
    assert_eq!(home.receive(&url).await.len(), 1);
    let clock = home.clock.clone();
    drop(home);
    let home = open_at(directory.path(), clock);
    assert!(home.receive(&url).await.is_empty(), "it stays hidden");
    home.queues.release_in_flight("jobs").unwrap();
    assert_eq!(home.receive(&url).await.len(), 1);
}

#[tokio::test]
async fn compaction_changes_nothing_that_can_be_seen() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let url = home.queue("jobs", [("VisibilityTimeout", "60")]).await;
    home.client.tag_queue().queue_url(&url).tags("team", "ops").send().await.unwrap();
    for n in 0..3 {
        home.send(&url, &n.to_string()).await;
    }
    let held = home.queues.receive("jobs", 1, None, Duration::ZERO).await.unwrap();
    home.queues.compact().unwrap();
    home.send(&url, "later").await;
    let clock = home.clock.clone();
    drop(home);

    let home = open_at(directory.path(), clock);
    let bodies: Vec<_> = home.receive(&url).await.into_iter().map(|pair| pair.0).collect();
    assert_eq!(bodies, ["1", "2", "later"]);
    home.pass(60);
    let again = home.queues.receive("jobs", 1, None, Duration::ZERO).await.unwrap();
    assert_eq!((again[0].message_id(), again[0].receive_count()), (held[0].message_id(), 2));
    let tags = home.client.list_queue_tags().queue_url(&url).send().await.unwrap().tags.unwrap();
    assert_eq!(tags["team"], "ops");
}

#[tokio::test]
async fn a_journal_cut_anywhere_gives_a_prefix_of_what_was_sent() {
    let directory = tempfile::tempdir().unwrap();
    let live = directory.path().join("live");
    let home = open(&live);
    let url = home.queue("jobs", []).await;
    let segment = || {
        let mut logs: Vec<_> = fs::read_dir(&live).unwrap().map(|entry| entry.unwrap().path()).collect();
        logs.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
        logs.sort();
        logs.pop().unwrap()
    };
    for n in 0..10 {
        home.send(&url, &format!("message {n}")).await;
    }
    let whole = fs::read(segment()).unwrap();
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let mut seen = Vec::new();
    for (case, length) in (used / 3..used).step_by(97).enumerate() {
        let killed = directory.path().join(format!("killed-{case}"));
        copy(&live, &killed);
        let cut = killed.join(segment().file_name().unwrap());
        fs::write(cut, &whole[..length]).unwrap();
        let home = open_at(&killed, home.clock.clone());
        let found = home.queues.receive("jobs", 100, None, Duration::ZERO).await.unwrap();
        for (n, delivery) in found.iter().enumerate() {
            assert_eq!(delivery.body(), format!("message {n}"));
        }
        seen.push(found.len());
    }
    assert!(seen.is_sorted(), "{seen:?}");
}
