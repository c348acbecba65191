use jiff::{SignedDuration, Timestamp};
use toss_kernel::Clock as _;
use toss_store::tasks::{Resume, TaskStatus};

use super::*;
use crate::testing::World;

#[tokio::test]
async fn escalations_expiry_and_untold_steps_are_caught_up_with_once() {
    let world = World::new().await;
    let escalated = world.task("one", 1800).await;
    let untold = world.task("two", 1800).await;
    let untold = world.decide(&untold, "ada").await;
    assert_eq!(world.invoke(DEFINITION, json!({})).await["tasks"], 0, "nothing is due");
    world.clock.advance(SignedDuration::from_secs(1800));
    let run = world.invoke(DEFINITION, json!({})).await;
    assert_eq!((&run["tasks"], &run["failed"], &run["more"]), (&json!(2), &json!(0), &json!(false)));
    assert_eq!(world.inbox(&escalated, "cfo").await.len(), 1);
    assert_eq!(*world.told.lock().unwrap(), ["token of two"]);
    assert_eq!(world.read(&untold).await.resume, Some(Resume::Done));
    assert_eq!(world.invoke(DEFINITION, json!({})).await["tasks"], 0, "all of it is done");

    world.clock.advance(SignedDuration::from_secs(1800));
    for tasks in [1, 0] {
        assert_eq!(world.invoke(DEFINITION, json!({})).await["tasks"], tasks);
    }
    assert_eq!(world.read(&escalated).await.status, TaskStatus::Expired);
    let mut published = world.published(&escalated).await;
    published.sort();
    assert_eq!(published, ["task.decided", "task.escalated", "task.expired"]);
}

#[tokio::test]
async fn a_step_that_cannot_be_told_is_told_later_and_later() {
    let world = World::new().await;
    let task = world.task("one", 1800).await;
    world.decide(&task, "ada").await;
    *world.failing.lock().unwrap() = 2;
    world.clock.advance(SignedDuration::from_secs(61));
    assert_eq!(world.invoke(DEFINITION, json!({})).await["failed"], 1);
    assert_eq!(world.invoke(DEFINITION, json!({})).await["tasks"], 0, "there is a pause");
    world.clock.advance(SignedDuration::from_secs(31));
    assert_eq!(world.invoke(DEFINITION, json!({})).await["failed"], 1);
    let paused = world.read(&task).await.resume;
    assert!(matches!(paused, Some(Resume::Pending { attempts: 2, .. })), "{paused:?}");
    world.clock.advance(SignedDuration::from_secs(61));
    assert_eq!(world.invoke(DEFINITION, json!({})).await["failed"], 0);
    assert_eq!(world.read(&task).await.status, TaskStatus::Approved);
}

#[tokio::test]
async fn a_run_ends_before_its_deadline_and_the_next_goes_on() {
    let world = World::new().await;
    for number in 0..120 {
        world.task(&format!("step {number}"), 60).await;
    }
    world.clock.advance(SignedDuration::from_secs(60));
    let function = DEFINITION.start(&world.platform).unwrap();
    let now = world.clock.now();
    let short = InvocationContext {
        request_id: "r".into(),
        received: now,
        deadline: now + SignedDuration::from_secs(5),
        trace_id: None,
    };
    let run = function.invoke(json!({}), &short).await.unwrap();
    assert_eq!((&run["tasks"], &run["more"]), (&json!(0), &json!(true)));
    let long = InvocationContext { deadline: Timestamp::MAX, ..short };
    assert_eq!(function.invoke(json!({}), &long).await.unwrap()["tasks"], 120);
    assert_eq!(function.invoke(json!({}), &long).await.unwrap()["tasks"], 0);
}
