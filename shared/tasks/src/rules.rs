//! The rules of deciding: pure, over a task and its people.
//!
//! - A quorum is of different people: one person decides a task once, in its own voice or a delegate's.
//! - A decision that is repeated word for word is the same decision; any other second one is refused.
//! - With `veto`, the default, one rejection rejects. Without it, a task is rejected once the voices that are
//!   left cannot make the quorum.

use jiff::Timestamp;
use toss_store::tasks::{Decision, Delegation, Task, TaskStatus, Verdict};

use crate::{People, Refusal};

/// The most bytes that decisions and delegations of a task may take, so that it stays below what an item holds
/// and what a step's result may be.
const LARGEST_RECORD: usize = 100 * 1024;

/// Who asks, as the credential says.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The principal's name.
    pub name: &'a str,
    /// Whether it may act for others: a tenant's administrator, or a key with the scope for it.
    pub acts_for_others: bool,
    /// For whom it says it acts.
    pub on_behalf: Option<&'a str>,
}

/// What an accepted request did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It was recorded; the task waits for more.
    Recorded,
    /// It was recorded and closed the task.
    Closed,
    /// It had been recorded before: nothing changed.
    Repeated,
}

/// A person and the assignee whose voice it uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voice {
    /// Who decides.
    pub person: String,
    /// The assignee.
    pub voice: String,
}

impl Voice {
    /// Finds out who speaks and for whom.
    ///
    /// # Errors
    /// [`Refusal`] when it has no voice in the task, or does not say whose.
    pub fn of(task: &Task, people: &People, asker: &Asker<'_>) -> Result<Self, Refusal> {
        let stranger = || match asker.acts_for_others {
            true => Refusal::SayForWhom { name: asker.name.to_owned() },
            false => Refusal::NotAssigned { name: asker.name.to_owned() },
        };
        let Some(named) = asker.on_behalf.filter(|named| *named != asker.name) else {
            let voice = people.voice(task, asker.name).ok_or_else(stranger)?;
            return Ok(Self { person: asker.name.to_owned(), voice: voice.to_owned() });
        };
        let delegated =
            task.delegations.iter().any(|delegation| delegation.from == named && delegation.to == asker.name);
        if delegated && (people.has(named) || people.is_open()) {
            return Ok(Self { person: asker.name.to_owned(), voice: named.to_owned() });
        }
        if !asker.acts_for_others {
            return Err(Refusal::NotAssigned { name: asker.name.to_owned() });
        }
        let voice = match people.voice(task, named) {
            Some(voice) => voice,
            None if people.is_open() => named,
            None => return Err(Refusal::NoSuchAssignee { name: named.to_owned() }),
        };
        Ok(Self { person: named.to_owned(), voice: voice.to_owned() })
    }
}

/// What a person says.
#[derive(Debug, Clone)]
pub struct Ballot<'a> {
    /// Approve or reject.
    pub verdict: Verdict,
    /// Why.
    pub comment: Option<&'a str>,
}

/// Records a decision, and closes the task when it is the last that was needed.
///
/// # Errors
/// [`Refusal`] when it cannot count; the task is then unchanged.
pub fn decide(
    task: &mut Task,
    people: &People,
    asker: &Asker<'_>,
    ballot: &Ballot<'_>,
    now: Timestamp,
) -> Result<Effect, Refusal> {
    let Voice { person, voice } = Voice::of(task, people, asker)?;
    let mut earlier =
        task.decisions.iter().filter(|decision| decision.principal == person || decision.voice() == voice);
    if let Some(decision) = earlier.next() {
        let same = decision.principal == person
            && decision.voice() == voice
            && decision.decision == ballot.verdict
            && decision.comment.as_deref() == ballot.comment;
        return if same { Ok(Effect::Repeated) } else { Err(Refusal::AlreadyDecided { name: person }) };
    }
    require_open(task, now)?;
    let decision = Decision {
        recorded_by: (person != asker.name).then(|| asker.name.to_owned()),
        on_behalf_of: (person != voice).then_some(voice),
        principal: person,
        decision: ballot.verdict,
        comment: ballot.comment.map(str::to_owned),
        decided_at: now,
    };
    require_room(task, &decision)?;
    task.decisions.push(decision);
    let Some(status) = verdict(task, people) else { return Ok(Effect::Recorded) };
    task.status = status;
    task.closed_at = Some(now);
    Ok(Effect::Closed)
}

/// What the decisions so far come to.
fn verdict(task: &Task, people: &People) -> Option<TaskStatus> {
    let count = |verdict| task.decisions.iter().filter(|decision| decision.decision == verdict).count();
    let (approvals, rejections) = (count(Verdict::Approve), count(Verdict::Reject));
    let quorum = usize::try_from(task.quorum).unwrap_or(usize::MAX);
    if approvals >= quorum {
        return Some(TaskStatus::Approved);
    }
    let undecided =
        people.iter().filter(|name| task.decisions.iter().all(|decision| decision.voice() != *name));
    let out_of_reach =
        if people.is_open() { rejections >= quorum } else { approvals + undecided.count() < quorum };
    ((task.veto && rejections > 0) || out_of_reach).then_some(TaskStatus::Rejected)
}

/// Lets someone else decide for an assignee. Who was passed a task may pass it on.
///
/// # Errors
/// [`Refusal`] when it may not; the task is then unchanged.
pub fn delegate(
    task: &mut Task,
    people: &People,
    asker: &Asker<'_>,
    to: &str,
    comment: Option<&str>,
    now: Timestamp,
) -> Result<Effect, Refusal> {
    let Voice { person, voice } = Voice::of(task, people, asker)?;
    if task.delegations.iter().any(|delegation| delegation.from == voice && delegation.to == to) {
        return Ok(Effect::Repeated);
    }
    require_open(task, now)?;
    if to == person || to == voice {
        return Err(Refusal::DelegateToSelf { name: to.to_owned() });
    }
    if task.decisions.iter().any(|decision| decision.voice() == voice) {
        return Err(Refusal::AlreadyDecided { name: voice });
    }
    // With one approval to give it does not matter whose it is; else two voices in one hand would be a quorum
    // of fewer people than was asked for.
    if task.quorum > 1 && people.voice(task, to).is_some() {
        return Err(Refusal::DelegateHasVoice { name: to.to_owned() });
    }
    let delegation = Delegation {
        recorded_by: (person != asker.name).then(|| asker.name.to_owned()),
        from: voice.clone(),
        to: to.to_owned(),
        comment: comment.map(str::to_owned),
        delegated_at: now,
    };
    require_room(task, &delegation)?;
    task.delegations.retain(|delegation| delegation.from != voice);
    task.delegations.push(delegation);
    Ok(Effect::Recorded)
}

/// Says who looks after the task. It keeps others from doing the same work, and binds nobody.
///
/// # Errors
/// [`Refusal`] when another has claimed it.
pub fn claim(task: &mut Task, people: &People, asker: &Asker<'_>, now: Timestamp) -> Result<Effect, Refusal> {
    let Voice { person, .. } = Voice::of(task, people, asker)?;
    require_open(task, now)?;
    match &task.claimed_by {
        Some(other) if *other == person => Ok(Effect::Repeated),
        Some(other) => Err(Refusal::Claimed { by: other.clone() }),
        None => {
            task.claimed_by = Some(person);
            Ok(Effect::Recorded)
        }
    }
}

fn require_open(task: &Task, now: Timestamp) -> Result<(), Refusal> {
    if task.status != TaskStatus::Open {
        return Err(Refusal::Closed { status: task.status });
    }
    match task.due_at {
        Some(due) if due <= now => Err(Refusal::Closed { status: TaskStatus::Expired }),
        _ => Ok(()),
    }
}

fn require_room(task: &Task, addition: &impl serde::Serialize) -> Result<(), Refusal> {
    let size = |value: Result<String, serde_json::Error>| value.map_or(usize::MAX, |text| text.len());
    let total = size(serde_json::to_string(&(&task.decisions, &task.delegations)))
        .saturating_add(size(serde_json::to_string(addition)));
    if total > LARGEST_RECORD { Err(Refusal::Full) } else { Ok(()) }
}
