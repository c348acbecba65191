use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use toss_store::tasks::{Escalation, InlineGroup, Task, TaskKind, TaskStatus, TaskToken, Verdict};

use crate::{Asker, Ballot, Effect, Groups, People, Refusal, rules};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

pub(crate) fn task(assignees: &[&str], quorum: u32) -> Task {
    Task {
        id: "tsk_00000000000000000000000001".parse().unwrap(),
        tenant: "ten_00000000000000000000000001".parse().unwrap(),
        task_kind: TaskKind::Approval,
        execution_id: "exe_00000000000000000000000001".parse().unwrap(),
        workflow: "invoice".into(),
        workflow_id: "wf_00000000000000000000000001".parse().unwrap(),
        version: 1,
        step: "approve".into(),
        title: "Pay?".into(),
        description: None,
        assignees: assignees.iter().map(|name| (*name).to_owned()).collect(),
        inline_groups: Vec::new(),
        quorum,
        veto: true,
        decisions: Vec::new(),
        delegations: Vec::new(),
        claimed_by: None,
        data: Value::Null,
        status: TaskStatus::Open,
        created_at: NOW,
        due_at: None,
        closed_at: None,
        escalations: Vec::new(),
        token: TaskToken::new("token".into()),
        resume: None,
        revision: 0,
    }
}

fn person(name: &str) -> Asker<'_> {
    Asker { name, acts_for_others: false, on_behalf: None }
}

fn admin(on_behalf: &str) -> Asker<'_> {
    Asker { name: "root", acts_for_others: true, on_behalf: Some(on_behalf) }
}

const YES: Ballot<'static> = Ballot { verdict: Verdict::Approve, comment: None };
const NO: Ballot<'static> = Ballot { verdict: Verdict::Reject, comment: None };

fn groups(members: &[&str]) -> Groups {
    [("finance".to_owned(), members.iter().map(|name| (*name).to_owned()).collect())].into()
}

fn decide(
    task: &mut Task,
    groups: &Groups,
    asker: &Asker<'_>,
    ballot: &Ballot<'_>,
) -> Result<Effect, Refusal> {
    let people = People::of(task, groups, NOW);
    rules::decide(task, &people, asker, ballot, NOW)
}

fn delegate(task: &mut Task, groups: &Groups, asker: &Asker<'_>, to: &str) -> Result<Effect, Refusal> {
    let people = People::of(task, groups, NOW);
    rules::delegate(task, &people, asker, to, None, NOW)
}

#[test]
fn a_quorum_of_a_group_is_of_its_different_members() {
    let (mut task, groups) = (task(&["finance"], 2), groups(&["ada", "bob", "cy"]));
    assert_eq!(decide(&mut task, &groups, &person("ada"), &YES), Ok(Effect::Recorded));
    assert_eq!(decide(&mut task, &groups, &person("ada"), &YES), Ok(Effect::Repeated));
    let other = Ballot { verdict: Verdict::Approve, comment: Some("again") };
    assert!(matches!(
        decide(&mut task, &groups, &person("ada"), &other),
        Err(Refusal::AlreadyDecided { .. })
    ));
    assert!(matches!(decide(&mut task, &groups, &person("ada"), &NO), Err(Refusal::AlreadyDecided { .. })));
    assert!(matches!(decide(&mut task, &groups, &person("eve"), &YES), Err(Refusal::NotAssigned { .. })));
    assert!(matches!(decide(&mut task, &groups, &person("finance"), &YES), Err(Refusal::NotAssigned { .. })));
    assert_eq!(decide(&mut task, &groups, &person("cy"), &YES), Ok(Effect::Closed));
    assert_eq!(task.status, TaskStatus::Approved);
    assert_eq!(
        decide(&mut task, &groups, &person("cy"), &YES),
        Ok(Effect::Repeated),
        "also when it is closed"
    );
    let late = decide(&mut task, &groups, &person("bob"), &YES);
    assert_eq!(late, Err(Refusal::Closed { status: TaskStatus::Approved }));
    assert_eq!(task.decisions.len(), 2);
}

#[test]
fn a_delegate_decides_once_and_for_one() {
    let (mut task, groups) = (task(&["finance"], 2), groups(&["ada", "bob"]));
    assert_eq!(delegate(&mut task, &groups, &person("bob"), "cy"), Ok(Effect::Recorded));
    assert_eq!(delegate(&mut task, &groups, &person("bob"), "cy"), Ok(Effect::Repeated));
    assert!(matches!(
        delegate(&mut task, &groups, &person("ada"), "bob"),
        Err(Refusal::DelegateHasVoice { .. })
    ));
    assert!(matches!(
        delegate(&mut task, &groups, &person("ada"), "cy"),
        Err(Refusal::DelegateHasVoice { .. })
    ));
    assert!(matches!(
        delegate(&mut task, &groups, &person("ada"), "ada"),
        Err(Refusal::DelegateToSelf { .. })
    ));
    assert_eq!(decide(&mut task, &groups, &person("cy"), &YES), Ok(Effect::Recorded));
    assert_eq!(task.decisions[0].on_behalf_of.as_deref(), Some("bob"));
    assert!(matches!(decide(&mut task, &groups, &person("bob"), &YES), Err(Refusal::AlreadyDecided { .. })));
    assert!(matches!(
        delegate(&mut task, &groups, &person("bob"), "di"),
        Err(Refusal::AlreadyDecided { .. })
    ));
    assert_eq!(decide(&mut task, &groups, &person("ada"), &YES), Ok(Effect::Closed));
}

#[test]
fn what_was_passed_on_can_be_passed_on_again() {
    let (mut task, groups) = (task(&["finance"], 1), groups(&["ada"]));
    delegate(&mut task, &groups, &person("ada"), "bob").unwrap();
    delegate(&mut task, &groups, &person("bob"), "cy").unwrap();
    assert!(matches!(decide(&mut task, &groups, &person("bob"), &YES), Err(Refusal::NotAssigned { .. })));
    assert_eq!(decide(&mut task, &groups, &person("cy"), &YES), Ok(Effect::Closed));
    assert_eq!(task.decisions[0].voice(), "ada");
}

#[test]
fn a_member_who_leaves_the_group_takes_the_delegation_along() {
    let mut task = task(&["finance"], 1);
    delegate(&mut task, &groups(&["ada", "bob"]), &person("ada"), "cy").unwrap();
    let refused = decide(&mut task, &groups(&["bob"]), &person("cy"), &YES);
    assert!(matches!(refused, Err(Refusal::NotAssigned { .. })));
}

#[test]
fn an_administrator_says_for_whom() {
    let (mut task, groups) = (task(&["finance"], 2), groups(&["ada", "bob"]));
    let nobody = Asker { on_behalf: None, ..admin("") };
    assert!(matches!(decide(&mut task, &groups, &nobody, &YES), Err(Refusal::SayForWhom { .. })));
    assert!(matches!(decide(&mut task, &groups, &admin("eve"), &YES), Err(Refusal::NoSuchAssignee { .. })));
    assert_eq!(decide(&mut task, &groups, &admin("ada"), &YES), Ok(Effect::Recorded));
    assert_eq!(decide(&mut task, &groups, &admin("bob"), &YES), Ok(Effect::Closed));
    assert_eq!(task.decisions[0].principal, "ada");
    assert_eq!(task.decisions[0].recorded_by.as_deref(), Some("root"));
    let mut other = self::task(&["ada"], 1);
    let forged = Asker { name: "eve", acts_for_others: false, on_behalf: Some("ada") };
    assert!(matches!(decide(&mut other, &groups, &forged, &YES), Err(Refusal::NotAssigned { .. })));
}

#[test]
fn names_that_cannot_make_the_quorum_stand_for_groups_kept_elsewhere() {
    let (mut task, none) = (task(&["finance"], 2), Groups::new());
    assert!(matches!(decide(&mut task, &none, &person("ada"), &YES), Err(Refusal::NotAssigned { .. })));
    assert_eq!(decide(&mut task, &none, &admin("ada"), &YES), Ok(Effect::Recorded));
    assert_eq!(decide(&mut task, &none, &admin("bob"), &YES), Ok(Effect::Closed));
    let mut asked = self::task(&["finance"], 2);
    asked.escalations = vec![Escalation { at: NOW, to: vec!["cfo".into()], done: true }];
    assert_eq!(decide(&mut asked, &none, &person("cfo"), &YES), Ok(Effect::Recorded));
    assert_eq!(decide(&mut asked, &none, &admin("ada"), &YES), Ok(Effect::Closed), "as open as before");
    let mut closed = self::task(&["ada", "bob"], 2);
    assert!(matches!(decide(&mut closed, &none, &admin("eve"), &YES), Err(Refusal::NoSuchAssignee { .. })));
}

#[test]
fn one_rejection_rejects_unless_there_is_no_veto() {
    let groups = groups(&["ada", "bob", "cy"]);
    let mut with_veto = task(&["finance"], 2);
    assert_eq!(decide(&mut with_veto, &groups, &person("ada"), &NO), Ok(Effect::Closed));
    assert_eq!(with_veto.status, TaskStatus::Rejected);
    let mut without = Task { veto: false, ..task(&["finance"], 2) };
    assert_eq!(decide(&mut without, &groups, &person("ada"), &NO), Ok(Effect::Recorded));
    assert_eq!(decide(&mut without, &groups, &person("bob"), &NO), Ok(Effect::Closed), "one voice is left");
    assert_eq!(without.status, TaskStatus::Rejected);
}

#[test]
fn those_whom_an_escalation_names_decide_from_its_time_on() {
    let mut task = task(&["ada"], 1);
    let at = NOW + SignedDuration::from_secs(60);
    task.escalations = vec![Escalation { at, to: vec!["cfo".into()], done: false }];
    task.inline_groups = vec![InlineGroup { group: "cfo".into(), members: vec!["eve".into()] }];
    assert!(!People::of(&task, &Groups::new(), NOW).has("eve"));
    let people = People::of(&task, &Groups::new(), at);
    assert_eq!(rules::decide(&mut task, &people, &person("eve"), &YES, at), Ok(Effect::Closed));
}

#[test]
fn after_its_time_nobody_decides() {
    let mut task = Task { due_at: Some(NOW), ..task(&["ada"], 1) };
    let late = decide(&mut task, &Groups::new(), &person("ada"), &YES);
    assert_eq!(late, Err(Refusal::Closed { status: TaskStatus::Expired }));
    assert!(task.decisions.is_empty());
}

#[test]
fn comments_cannot_outgrow_the_item() {
    let names: Vec<String> = (0..100).map(|number| format!("p{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut task = task(&names, 100);
    let comment = "ü".repeat(2000);
    let ballot = Ballot { verdict: Verdict::Approve, comment: Some(&comment) };
    let refused =
        names.iter().find_map(|name| decide(&mut task, &Groups::new(), &person(name), &ballot).err());
    assert_eq!(refused, Some(Refusal::Full));
}

#[test]
fn a_claim_binds_nobody_but_other_claims() {
    let mut task = task(&["ada", "bob"], 1);
    let people = People::of(&task, &Groups::new(), NOW);
    assert_eq!(rules::claim(&mut task, &people, &person("ada"), NOW), Ok(Effect::Recorded));
    assert_eq!(rules::claim(&mut task, &people, &person("ada"), NOW), Ok(Effect::Repeated));
    assert!(matches!(rules::claim(&mut task, &people, &person("bob"), NOW), Err(Refusal::Claimed { .. })));
    assert_eq!(rules::decide(&mut task, &people, &person("bob"), &YES, NOW), Ok(Effect::Closed));
}
