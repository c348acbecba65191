//! Events and their log in a real table.

use toss_kernel::{Ids as _, RandomIds, SystemClock};
use toss_runtime::scope::of_platform_record;

use super::*;
use crate::testing::Tables;

fn record(tenant: TenantId, number: u128) -> AuditRecord {
    AuditRecord {
        id: AuditEventId::from_ulid(Ulid::from_parts(
            1_700_000_000_000 + u64::try_from(number).unwrap(),
            number,
        )),
        tenant,
        action: "workflow.create".into(),
        time: Timestamp::from_millisecond(1_700_000_000_123).unwrap(),
        wrapped_key: vec![0, 255, 1],
        ciphertext: vec![7; 40],
        place: None,
    }
}

#[tokio::test]
async fn an_append_happens_once_and_only_on_the_head_it_was_planned_for() {
    let store = Tables::new().store();
    let tenant = TenantId::from_ulid(RandomIds.next(&SystemClock));
    let scope = of_platform_record(tenant);
    let records: Vec<AuditRecord> = (0..3).map(|number| record(tenant, number)).collect();
    for record in &records {
        store.create(record).await.unwrap();
    }
    let ids: Vec<AuditEventId> = records.iter().map(|record| record.id).collect();
    let append = |expected_leaves, event: usize| LogAppend {
        expected_leaves,
        head: LogHead { tenant, leaves: expected_leaves + 1, root: vec![9; 32] },
        tiles: vec![LogTile { tenant, level: 0, index: 0, hashes: vec![1; 32] }],
        places: vec![(ids[event], expected_leaves)],
    };
    assert!(store.append_to_log(&scope, &append(0, 0)).await.unwrap());
    assert!(!store.append_to_log(&scope, &append(0, 1)).await.unwrap(), "the head has moved on");
    assert!(!store.append_to_log(&scope, &append(1, 0)).await.unwrap(), "the event has a place");
    assert!(store.append_to_log(&scope, &append(1, 1)).await.unwrap());
    assert_eq!(store.log_head(&scope).await.unwrap().unwrap().leaves, 2);
    assert_eq!(store.log_tiles(&scope, &[(0, 0), (1, 0)]).await.unwrap().len(), 1);

    let twice = [&ids[..], &ids[..]].concat();
    let mut found = store.audit_records(&scope, &twice).await.unwrap();
    found.sort_by_key(|record| record.id);
    assert_eq!(found.iter().map(|record| record.place).collect::<Vec<_>>(), [Some(0), Some(1), None]);
    assert_eq!(found[2], records[2]);
}

#[tokio::test]
async fn events_are_listed_by_time() {
    let store = Tables::new().store();
    let tenant = TenantId::from_ulid(RandomIds.next(&SystemClock));
    let scope = of_platform_record(tenant);
    for number in 0..5 {
        store.create(&record(tenant, number)).await.unwrap();
    }
    let at = |number: i64| Some(Timestamp::from_millisecond(1_700_000_000_000 + number).unwrap());
    let count = async |from, to| {
        store.list::<AuditRecord>(AuditRecord::of_tenant(&scope, from, to)).await.unwrap().items.len()
    };
    assert_eq!(count(None, None).await, 5);
    assert_eq!(count(at(1), at(3)).await, 3);
    assert_eq!(count(at(4), None).await, 1);
    assert_eq!(count(at(5), None).await, 0);
}

#[tokio::test]
async fn an_older_signed_head_does_not_replace_a_newer_one() {
    let store = Tables::new().store();
    let tenant = TenantId::from_ulid(RandomIds.next(&SystemClock));
    let scope = of_platform_record(tenant);
    for leaves in [3, 5, 4] {
        store
            .put_signed_log_head(&SignedLogHead { tenant, leaves, note: format!("note {leaves}") })
            .await
            .unwrap();
    }
    assert_eq!(store.signed_log_head(&scope).await.unwrap().unwrap().note, "note 5");
}
