//! How every store behaves: one suite over the port, run on each store by [`behaves`].
//!
//! A test takes the disk that stores are opened on, one run after the other. What only one store has (files, keys, schemas) is
//! tested beside that store.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::{
    Accepted, Actor, ChangesWanted, Due, Earlier, Handover, NewSubmission, Packages, PredecessorRecord, Scope,
    SignedPlace, Step, Store, StoreError, StoredEnvelope, Submission, SubmissionId,
};
use crate::domain::document::header::DocumentIds;
use crate::domain::document::invalidation::Extent;
use crate::domain::oid::Oid;
use crate::domain::submission::{Cause, Class, Event, Kind, State};
use crate::domain::text::Text;
use crate::sidecar::ports::{Ground, HandoverBodies, Outbound};

mod handed_over;
mod invalidations;

pub(crate) use handed_over::*;
pub(crate) use invalidations::*;

pub(crate) const T0: i64 = 1_800_000_000;
/// Stands for whatever must not be readable in a copied file.
pub(crate) const SECRET: &str = "010190-900P";

/// What outlives a run.
pub(crate) trait Disk: Default {
    /// The store on it.
    type Store: Store;

    /// Begins a run, the one before having ended.
    fn open(&self, seconds: i64) -> Self::Store;
}

/// The suite as tests over a [`Disk`].
macro_rules! behaves {
    ($disk:ty) => {
        $crate::sidecar::store::behaviour::behaves! { $disk:
            the_same_key_and_body_replay_and_another_body_conflicts_also_after_a_restart
            concurrent_duplicates_are_accepted_once
            a_successor_is_claimed_only_after_its_predecessor_is_settled
            what_replaces_a_document_of_the_store_at_another_place_is_refused_and_no_two_wait_for_each_other
            what_a_lost_process_had_taken_up_comes_back_and_what_may_have_left_is_unknown
            an_illegal_step_changes_nothing_and_the_rest_of_its_batch_stands
            the_change_list_has_each_submission_once_at_its_latest_change_within_the_callers_scope
            held_remembers_since_when_until_a_person_releases_it
            an_unchanged_failure_writes_no_further_use_log_rows
            what_is_handed_over_is_kept_until_it_goes_on_with_the_same_document
            what_has_moved_in_its_chain_since_it_was_signed_is_not_handed_over
            what_was_handed_over_keeps_its_place_whatever_becomes_of_what_it_follows
            a_purged_predecessor_is_told_from_one_that_can_still_come
            what_an_open_invalidation_means_is_not_taken_back
            an_invalidation_is_kept_as_such_and_takes_its_turn_in_its_documents_chain
            an_invalidation_follows_its_document_to_the_place_of_a_missing_predecessor
            an_invalidation_of_a_document_from_elsewhere_stands_alone_or_after_what_replaces_it
        }
    };
    ($disk:ty: $($promise:ident)*) => {
        $(
            #[tokio::test]
            async fn $promise() {
                $crate::sidecar::store::behaviour::$promise(<$disk>::default()).await;
            }
        )*
    };
}
pub(crate) use behaves;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(T0 + seconds).unwrap()
}

pub(crate) fn oid(text: &str) -> Oid {
    text.parse().unwrap()
}

pub(crate) fn actor() -> Actor {
    Actor { name: "test".into(), instance: "i".into() }
}

pub(crate) fn scope() -> Scope {
    Scope { organisation: oid("1.2.246.10.1.10.0"), units: vec![oid("1.2.246.10.1.10.5")] }
}

pub(crate) fn new(idempotency_key: &str, payload: &str) -> NewSubmission {
    NewSubmission {
        id: SubmissionId::random(),
        organisation: scope().organisation,
        document_node: oid("1.2.246.10.1"),
        unit: oid("1.2.246.10.1.10.5"),
        idempotency_key: idempotency_key.into(),
        kind: Kind::Document,
        payload: payload.into(),
        structure: oid("1.2.3"),
        replaces: None,
        warnings: Vec::new(),
        awaits_signature: false,
        used_by: actor(),
        subject: json!({ "clients": [SECRET] }),
    }
}

pub(crate) async fn accepted(store: &impl Store, new: NewSubmission, seconds: i64) -> Submission {
    match store.accept(new, at(seconds)).await.unwrap() {
        Accepted::New(submission) => submission,
        other => panic!("{other:?}"),
    }
}

/// Everything that was settled before this moment.
pub(crate) fn due(before: Timestamp) -> Due {
    Due { settled_before: before, confirmed_before: before }
}

pub(crate) fn envelope() -> StoredEnvelope {
    let outbound = Outbound { soap_action: "a".into(), content_type: "c".into(), body: SECRET.into() };
    StoredEnvelope { outbound, ground: Ground::OwnRegister, case: Some(oid("1.2.9")) }
}

pub(crate) async fn step(store: &impl Store, of: &Submission, event: Event, seconds: i64) -> Submission {
    store.step(&of.id, Step::plain(event, actor()), at(seconds)).await.unwrap()
}

fn invalidation(idempotency_key: &str, target: &Oid, extent: Extent) -> NewSubmission {
    let kind = Kind::Invalidation { target: target.clone(), extent };
    NewSubmission { kind, ..new(idempotency_key, "order") }
}

fn replacing(idempotency_key: &str, replaced: &Submission) -> NewSubmission {
    NewSubmission { replaces: Some(replaced.document.clone()), ..new(idempotency_key, "b") }
}

/// Sends the only one that can be claimed, and ends it so.
async fn carried(store: &impl Store, of: &Submission, end: Event, seconds: i64) {
    let claimed = store.claim(&actor(), 10, at(seconds)).await.unwrap();
    assert_eq!(claimed.iter().map(|c| &c.submission.id).collect::<Vec<_>>(), [&of.id]);
    store.launch(&of.id, &envelope(), Step::plain(Event::Launch, actor()), at(seconds)).await.unwrap();
    step(store, of, end, seconds).await;
}

pub(crate) async fn the_same_key_and_body_replay_and_another_body_conflicts_also_after_a_restart(disk: impl Disk) {
    let store = disk.open(0);
    let first = accepted(&store, new("k", "body"), 0).await;
    let Accepted::Replay(again) = store.accept(new("k", "body"), at(1)).await.unwrap() else { panic!() };
    assert_eq!((again.id, again.document), (first.id.clone(), first.document.clone()));
    assert!(matches!(store.accept(new("k", "other"), at(1)).await.unwrap(), Accepted::Conflict));
    let mut foreign = new("k", "other");
    foreign.organisation = oid("1.2.246.10.2.10.0");
    accepted(&store, foreign, 1).await;
    let organisation = scope().organisation;
    let same = store.earlier(&organisation, "k", b"body").await.unwrap();
    assert!(matches!(same, Some(Earlier::Same(s)) if s.id == first.id));
    assert!(matches!(store.earlier(&organisation, "k", b"x").await.unwrap(), Some(Earlier::Other)));
    assert!(store.earlier(&organisation, "l", b"body").await.unwrap().is_none());
    drop(store);
    let store = disk.open(2);
    let Accepted::Replay(again) = store.accept(new("k", "body"), at(2)).await.unwrap() else { panic!() };
    assert_eq!(again.id, first.id);
    assert!(matches!(store.accept(new("k", "other"), at(2)).await.unwrap(), Accepted::Conflict));
}

pub(crate) async fn concurrent_duplicates_are_accepted_once(disk: impl Disk) {
    let store = Arc::new(disk.open(0));
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..64 {
        let store = Arc::clone(&store);
        tasks.spawn(async move { store.accept(new(&format!("k{}", n % 8), "body"), at(0)).await.unwrap() });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|o| matches!(o, Accepted::New(_))).count(), 8);
    assert_eq!(store.census().await.unwrap().by_state, [("queued".to_owned(), 8)]);
    assert_eq!(store.verify_use_log().await.unwrap(), 8);
}

pub(crate) async fn a_successor_is_claimed_only_after_its_predecessor_is_settled(disk: impl Disk) {
    let store = disk.open(0);
    let first = accepted(&store, new("1", "b"), 0).await;
    let mut replacing = new("2", "b");
    replacing.replaces = Some(first.document.clone());
    let second = accepted(&store, replacing, 0).await;
    assert_eq!((second.document.version, &second.document.set), (2, &first.document.set));
    assert_eq!(second.replaces, Some(first.document.document.clone()));
    let mut stranger = new("3", "b");
    stranger.organisation = oid("1.2.246.10.2.10.0");
    stranger.replaces = Some(DocumentIds { version: 7, ..first.document.clone() });
    let stranger = accepted(&store, stranger, 0).await;

    let claimed = store.claim(&actor(), 10, at(1)).await.unwrap();
    let ids: Vec<_> = claimed.iter().map(|c| c.submission.id.clone()).collect();
    assert_eq!(ids, [first.id.clone(), stranger.id]);
    assert_eq!(store.next_due().await.unwrap(), None);
    store.launch(&first.id, &envelope(), Step::plain(Event::Launch, actor()), at(2)).await.unwrap();
    step(&store, &first, Event::Refuse, 3).await;
    assert_eq!(store.next_due().await.unwrap(), Some(at(0)));
    let claimed = store.claim(&actor(), 10, at(4)).await.unwrap();
    assert_eq!(claimed[0].submission.id, second.id);
    assert_eq!(claimed[0].predecessor.as_ref().map(|p| p.class), Some(Class::Rejected));
}

pub(crate) async fn what_replaces_a_document_of_the_store_at_another_place_is_refused_and_no_two_wait_for_each_other(
    disk: impl Disk,
) {
    let store = disk.open(0);
    let elsewhere = DocumentIds { document: oid("1.2.9.6"), set: oid("1.2.9.1"), version: 5 };
    let first = accepted(&store, NewSubmission { replaces: Some(elsewhere), ..new("1", "b") }, 0).await;
    assert_eq!(first.document.version, 6);
    let said = |set: &str, version| DocumentIds { set: oid(set), version, ..first.document.clone() };
    let replacing = |key: &str, said: &DocumentIds| NewSubmission { replaces: Some(said.clone()), ..new(key, "b") };
    // Below the one that it replaces, each would wait for the other.
    for wrong in [said("1.2.9.1", 2), said("1.2.9.1", 7), said("1.2.9.2", 6)] {
        match store.accept(replacing("2", &wrong), at(1)).await {
            Err(StoreError::PredecessorDiffers { said, known }) => {
                assert_eq!((*said, *known), (wrong, first.document.clone()));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(store.verify_use_log().await.unwrap(), 1, "nothing is kept of it, its key neither");
    let second = accepted(&store, replacing("2", &first.document), 2).await;
    assert_eq!((second.document.version, &second.waits_for), (7, &Some(first.document.document.clone())));
    let claimed = store.claim(&actor(), 10, at(3)).await.unwrap();
    assert_eq!((claimed.len(), &claimed[0].submission.id), (1, &first.id));

    // Where the first has moved since, a repeat is still answered, and a new one is told the place of today.
    step(&store, &first, Event::Abandon { by: "b".into(), why: "w".into() }, 4).await;
    let claimed = store.claim(&actor(), 10, at(5)).await.unwrap();
    assert_eq!(claimed[0].submission.id, second.id);
    step(&store, &second, Event::Park { why: Cause::new("c", Text::same("x")) }, 6).await;
    let third = accepted(&store, replacing("3", &second.document), 6).await;
    let moved = step(&store, &second, Event::TakePlace, 7).await;
    assert_ne!(moved.document, second.document);
    let again = store.accept(replacing("3", &second.document), at(8)).await.unwrap();
    assert!(matches!(again, Accepted::Replay(same) if same.id == third.id));
    let late = store.accept(replacing("4", &second.document), at(8)).await;
    assert!(matches!(late, Err(StoreError::PredecessorDiffers { known, .. }) if *known == moved.document));
}

pub(crate) async fn what_a_lost_process_had_taken_up_comes_back_and_what_may_have_left_is_unknown(disk: impl Disk) {
    let store = disk.open(0);
    let (left, not_left) = (accepted(&store, new("1", "b"), 0).await, accepted(&store, new("2", "b"), 0).await);
    assert_eq!(store.claim(&actor(), 10, at(1)).await.unwrap().len(), 2);
    store.launch(&left.id, &envelope(), Step::plain(Event::Launch, actor()), at(1)).await.unwrap();
    drop(store);
    let store = disk.open(5);
    assert_eq!(store.recover(&actor(), at(35), at(5)).await.unwrap(), 2);
    let (left, way) = store.find(&left.id, &scope()).await.unwrap().unwrap();
    assert_eq!((left.state, left.due_at), (State::Unknown, Some(at(35))));
    let events: Vec<_> = way.iter().map(|e| e.event.as_str()).collect();
    assert_eq!(events, ["accept", "claim", "launch", "recover"]);
    let (not_left, _) = store.find(&not_left.id, &scope()).await.unwrap().unwrap();
    assert_eq!(not_left.state, State::Queued);
    let claimed = store.claim(&actor(), 10, at(35)).await.unwrap();
    let asked = claimed.iter().find(|c| c.submission.id == left.id).unwrap();
    assert_eq!(asked.submission.state, State::Reconciling);
    assert_eq!(asked.payload, b"b");
    let stored = asked.envelope.as_ref().unwrap();
    assert!(stored.outbound == envelope().outbound && stored.case == envelope().case);
}

pub(crate) async fn an_illegal_step_changes_nothing_and_the_rest_of_its_batch_stands(disk: impl Disk) {
    let store = disk.open(0);
    let first = accepted(&store, new("1", "b"), 0).await;
    let (launch, by) = (envelope(), actor());
    let (illegal, legal, not_claimed) = tokio::join!(
        store.step(&first.id, Step::plain(Event::Receive, actor()), at(1)),
        store.accept(new("2", "b"), at(1)),
        store.launch(&first.id, &launch, Step::plain(Event::Launch, by.clone()), at(1)),
    );
    assert!(matches!(illegal, Err(StoreError::Illegal(_))));
    assert!(matches!(not_claimed, Err(StoreError::Illegal(_))));
    assert!(matches!(legal, Ok(Accepted::New(_))));
    let (same, way) = store.find(&first.id, &scope()).await.unwrap().unwrap();
    assert_eq!((same, way.len()), (first, 1));
    assert_eq!(store.verify_use_log().await.unwrap(), 2);
}

pub(crate) async fn the_change_list_has_each_submission_once_at_its_latest_change_within_the_callers_scope(
    disk: impl Disk,
) {
    let store = disk.open(0);
    let (a, b) = (accepted(&store, new("a", "b"), 0).await, accepted(&store, new("b", "b"), 0).await);
    let cause = Cause::new("test.parked", Text::same("x"));
    store.claim(&actor(), 1, at(1)).await.unwrap();
    step(&store, &a, Event::Park { why: cause.clone() }, 1).await;
    let wanted = |state: Option<&str>, after| ChangesWanted { state: state.map(Into::into), after, limit: 10 };
    let all = store.changes(wanted(None, 0), &scope()).await.unwrap();
    assert_eq!(all.iter().map(|s| &s.id).collect::<Vec<_>>(), [&b.id, &a.id]);
    assert_eq!(all[1].state, State::Parked { why: cause, sent: false });
    assert_eq!(store.changes(wanted(None, all[0].change), &scope()).await.unwrap().len(), 1);
    assert_eq!(store.changes(wanted(Some("parked"), 0), &scope()).await.unwrap().len(), 1);
    assert_eq!(store.changes(wanted(Some("open"), 0), &scope()).await.unwrap().len(), 2);
    assert_eq!(store.changes(wanted(Some("archived"), 0), &scope()).await.unwrap().len(), 0);
    let elsewhere = Scope { units: vec![oid("1.2.246.10.1.10.6")], ..scope() };
    assert_eq!(store.changes(wanted(None, 0), &elsewhere).await.unwrap().len(), 0);
    assert!(store.find(&a.id, &elsewhere).await.unwrap().is_none());
}

pub(crate) async fn held_remembers_since_when_until_a_person_releases_it(disk: impl Disk) {
    let store = disk.open(0);
    let s = accepted(&store, new("a", "b"), 0).await;
    let hold = |recheck| Event::Hold { until: None, recheck_at: at(recheck), why: Cause::new("c", Text::same("x")) };
    store.claim(&actor(), 1, at(1)).await.unwrap();
    step(&store, &s, hold(10), 2).await;
    assert_eq!(store.next_due().await.unwrap(), Some(at(10)));
    store.claim(&actor(), 1, at(10)).await.unwrap();
    assert_eq!(step(&store, &s, hold(20), 11).await.held_since, Some(at(2)));
    assert_eq!(step(&store, &s, Event::Release, 12).await.held_since, None);
}

pub(crate) async fn an_unchanged_failure_writes_no_further_use_log_rows(disk: impl Disk) {
    let store = disk.open(0);
    let s = accepted(&store, new("1", "b"), 0).await;
    let fails = |code: &str, at: Timestamp| Step {
        cause: Some(Cause::new(code, Text::same("x"))),
        ..Step::plain(Event::RetryLater { at }, actor())
    };
    for n in 1..100 {
        store.claim(&actor(), 1, at(n)).await.unwrap();
        store.step(&s.id, fails("archive.unreachable", at(n + 1)), at(n)).await.unwrap();
    }
    assert_eq!(store.verify_use_log().await.unwrap(), 3, "accept, claim, retry_later");
    store.claim(&actor(), 1, at(100)).await.unwrap();
    let moved = store.step(&s.id, fails("archive.peer_not_trusted", at(101)), at(100)).await.unwrap();
    assert_eq!((moved.attempts, moved.why.unwrap().code.as_str()), (100, "archive.peer_not_trusted"));
    assert_eq!(store.verify_use_log().await.unwrap(), 4);
}
