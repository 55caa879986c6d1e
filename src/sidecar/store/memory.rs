//! A second store, in memory, for the simulation: the same transactions over plain values. Not durable, not sealed, tests only.
//!
//! What a process leaves when it dies is the [`Disk`]; a store is one run over it. Everything here happens at once: whoever
//! wants a crash or a fault between wraps it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests: a poisoned lock is a failed test")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::Timestamp;
use serde_json::json;

use super::{
    Accepted, Actor, Census, ChangesWanted, Claimed, Due, Earlier, Handover, KeptBodies, NewSubmission, Packages,
    Purged, Scope, SignedPlace, Step, Store, StoreError, StoredEnvelope, Stuck, StuckLane, Submission, SubmissionId,
    TimelineEntry, Use, Whose,
};
use crate::domain::oid::Oid;
use crate::domain::submission::{Class, Event, IllegalTransition, Kind, State};
use crate::sidecar::ports::HandoverBodies;

mod tables;

use tables::{LogRow, Row, Tables};

/// What outlives a process.
#[derive(Default)]
pub(crate) struct Disk(Mutex<Tables>);

/// One run over a disk.
pub(crate) struct MemoryStore {
    disk: Arc<Disk>,
    run: u64,
}

impl MemoryStore {
    pub(crate) fn open(disk: &Arc<Disk>) -> Self {
        let mut tables = disk.0.lock().unwrap();
        tables.runs += 1;
        Self { disk: Arc::clone(disk), run: tables.runs }
    }

    /// A look at a disk that begins no run.
    pub(crate) fn peek(disk: &Arc<Disk>) -> Self {
        Self { disk: Arc::clone(disk), run: 0 }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.disk.0.lock().unwrap()
    }

    /// Every submission as it stands.
    pub(crate) fn all(&self) -> Vec<Submission> {
        let tables = self.tables();
        (0..tables.rows.len()).map(|at| tables.shown(at, self.run)).collect()
    }

    /// What was handed over of a submission.
    pub(crate) fn handed_over(&self, id: &SubmissionId) -> Option<HandoverBodies> {
        let tables = self.tables();
        tables.rows.iter().find(|row| row.submission.id == *id)?.handed_over.clone()
    }

    /// The stored envelope of a submission.
    pub(crate) fn envelope(&self, id: &SubmissionId) -> Option<StoredEnvelope> {
        let tables = self.tables();
        tables.rows.iter().find(|row| row.submission.id == *id)?.envelope.clone()
    }
}

impl Store for MemoryStore {
    async fn accept(&self, new: NewSubmission, now: Timestamp) -> Result<Accepted, StoreError> {
        let mut tables = self.tables();
        let key = (new.organisation.to_string(), new.idempotency_key.clone());
        if let Some((body, at)) = tables.keys.get(&key) {
            return Ok(match *body == new.payload {
                true => Accepted::Replay(tables.shown(*at, self.run)),
                false => Accepted::Conflict,
            });
        }
        if let Some(said) = &new.replaces
            && let Some(row) = tables.replaced(&new.organisation, Some(&said.document))
            && row.submission.document != *said
        {
            let known = Box::new(row.submission.document.clone());
            return Err(StoreError::PredecessorDiffers { said: Box::new(said.clone()), known });
        }
        let body = new.payload.clone();
        let at = tables.insert(new, self.run, now);
        tables.keys.insert(key, (body, at));
        Ok(Accepted::New(tables.shown(at, self.run)))
    }

    async fn earlier(&self, organisation: &Oid, key: &str, payload: &[u8]) -> Result<Option<Earlier>, StoreError> {
        let tables = self.tables();
        let found = tables.keys.get(&(organisation.to_string(), key.to_owned()));
        Ok(found.map(|(body, at)| match body == payload {
            true => Earlier::Same(Box::new(tables.shown(*at, self.run))),
            false => Earlier::Other,
        }))
    }

    async fn chain_of(&self, organisation: &Oid, document: &Oid) -> Result<Vec<Submission>, StoreError> {
        let tables = self.tables();
        let own = |at: &usize| {
            let s = &tables.rows[*at].submission;
            s.organisation == *organisation && s.kind == Kind::Document
        };
        let all = (0..tables.rows.len()).filter(own);
        let all: Vec<Submission> = all.map(|at| tables.shown(at, self.run)).collect();
        let Some(set) = all.iter().find(|s| s.document.document == *document).map(|s| s.document.set.clone()) else {
            return Ok(Vec::new());
        };
        let mut chain: Vec<_> = all.into_iter().filter(|s| s.document.set == set).collect();
        chain.sort_by_key(|s| s.document.version);
        Ok(chain)
    }

    async fn claim_of(
        &self,
        whose: &Whose,
        actor: &Actor,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<Claimed>, StoreError> {
        let mut tables = self.tables();
        let due = |at: &usize| {
            tables.claimable(*at, whose) && tables.rows[*at].submission.due_at.is_some_and(|due| due <= now)
        };
        let mut found: Vec<usize> = (0..tables.rows.len()).filter(due).collect();
        found.sort_by_key(|at| tables.rows[*at].submission.due_at);
        found.truncate(usize::try_from(limit).unwrap());
        for at in &found {
            let unknown = tables.rows[*at].submission.state == State::Unknown;
            let event = if unknown { Event::Ask } else { Event::Claim };
            tables.apply(*at, &Step::plain(event, actor.clone()), now)?;
        }
        Ok(found.into_iter().map(|at| tables.claimed(at, self.run)).collect())
    }

    async fn launch(
        &self,
        id: &SubmissionId,
        envelope: &StoredEnvelope,
        step: Step,
        now: Timestamp,
    ) -> Result<Submission, StoreError> {
        let mut tables = self.tables();
        let at = tables.at(id)?;
        let facts = json!({ "reads": step.facts });
        tables.apply(at, &Step { facts, ..step }, now)?;
        assert!(tables.rows[at].envelope.is_none(), "an envelope is kept once");
        tables.rows[at].envelope = Some(envelope.clone());
        Ok(tables.shown(at, self.run))
    }

    async fn hand_over(
        &self,
        id: &SubmissionId,
        Handover { bodies, place }: &Handover,
        step: Step,
        now: Timestamp,
    ) -> Result<Submission, StoreError> {
        let mut tables = self.tables();
        let at = tables.at(id)?;
        if SignedPlace::of(&tables.rows[at].submission) != *place {
            return Err(StoreError::Moved);
        }
        tables.apply(at, &step, now)?;
        let before = tables.rows[at].handed_over.take();
        let document = before.map_or_else(|| bodies.document.clone(), |before| before.document);
        tables.rows[at].handed_over = Some(HandoverBodies { document, ..bodies.clone() });
        Ok(tables.shown(at, self.run))
    }

    async fn whole(&self, id: &SubmissionId) -> Result<Claimed, StoreError> {
        let tables = self.tables();
        let at = tables.at(id)?;
        if tables.rows[at].payload.is_none() {
            return Err(StoreError::Purged);
        }
        Ok(tables.claimed(at, self.run))
    }

    async fn package(&self, id: &SubmissionId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.handed_over(id).map(|bodies| bodies.package))
    }

    async fn packages(&self) -> Result<Packages, StoreError> {
        let tables = self.tables();
        let waiting = tables.rows.iter().map(|row| &row.submission).filter(|s| s.state.awaits_receipt());
        let made: Vec<_> = waiting.filter_map(|s| s.handed_over_at).collect();
        Ok(Packages { waiting: made.len() as u64, oldest: made.into_iter().min() })
    }

    async fn step(&self, id: &SubmissionId, step: Step, now: Timestamp) -> Result<Submission, StoreError> {
        let mut tables = self.tables();
        let at = tables.at(id)?;
        let s = &tables.rows[at].submission;
        let needs_a_package = matches!(step.event, Event::HandOver { .. });
        if needs_a_package || (step.event == Event::TakePlace && s.handed_over_at.is_some()) {
            return Err(IllegalTransition { state: s.state.name(), event: step.event.name() }.into());
        }
        match step.event {
            Event::TakePlace => tables.take_place(at)?,
            Event::TakeBack => tables.may_come_back(at)?,
            _ => {}
        }
        tables.apply(at, &step, now)?;
        Ok(tables.shown(at, self.run))
    }

    async fn recover_all_but(
        &self,
        running: &[SubmissionId],
        actor: &Actor,
        ask_at: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let mut count = 0;
        for at in 0..tables.rows.len() {
            let s = &tables.rows[at].submission;
            let taken_up = matches!(s.state, State::Claimed | State::InFlight | State::Reconciling);
            if taken_up && !running.contains(&s.id) {
                tables.apply(at, &Step::plain(Event::Recover { again_at: now, ask_at }, actor.clone()), now)?;
                count += 1;
            }
        }
        Ok(count)
    }

    async fn next_due_of(&self, whose: &Whose) -> Result<Option<Timestamp>, StoreError> {
        let tables = self.tables();
        let claimable = (0..tables.rows.len()).filter(|at| tables.claimable(*at, whose));
        Ok(claimable.filter_map(|at| tables.rows[at].submission.due_at).min())
    }

    async fn pull_forward(&self, latest: Timestamp) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let late = tables.rows.iter_mut().filter(|row| row.submission.due_at.is_some_and(|due| due > latest));
        Ok(late.map(|row| row.submission.due_at = Some(latest)).count() as u64)
    }

    async fn stuck(&self, limit: u32) -> Result<Stuck, StoreError> {
        let tables = self.tables();
        let first = |of: usize| !(0..tables.rows.len()).any(|p| tables.before(p, of));
        let parked = |at: &usize| matches!(tables.rows[*at].submission.state, State::Parked { .. }) && first(*at);
        let found = (0..tables.rows.len()).filter(parked);
        let mut found: Vec<Submission> = found.map(|at| tables.rows[at].submission.clone()).collect();
        let total = found.len() as u64;
        found.truncate(usize::try_from(limit).unwrap());
        Ok(Stuck { total, lanes: found.into_iter().map(StuckLane::of).collect() })
    }

    async fn find(
        &self,
        id: &SubmissionId,
        scope: &Scope,
    ) -> Result<Option<(Submission, Vec<TimelineEntry>)>, StoreError> {
        let tables = self.tables();
        let Ok(at) = tables.at(id) else { return Ok(None) };
        let found = tables.shown(at, self.run);
        let of_it = tables.log.iter().filter(|row| row.submission.as_ref() == Some(id));
        let entry = |row: &LogRow| TimelineEntry { at: row.at, event: row.action.clone(), state: row.outcome.clone() };
        Ok(scope.sees(&found).then(|| (found, of_it.map(entry).collect())))
    }

    async fn changes(&self, wanted: ChangesWanted, scope: &Scope) -> Result<Vec<Submission>, StoreError> {
        let tables = self.tables();
        let fits = |s: &Submission| {
            let named = wanted.state.as_deref();
            let of_state = named.is_none_or(|name| s.state.name() == name || s.state.class().as_str() == name);
            s.change > wanted.after && scope.sees(s) && of_state
        };
        let all = (0..tables.rows.len()).map(|at| tables.shown(at, self.run));
        let mut found: Vec<_> = all.filter(fits).collect();
        found.sort_by_key(|s| s.change);
        found.truncate(usize::try_from(wanted.limit).unwrap());
        Ok(found)
    }

    async fn log_use(&self, entry: Use, now: Timestamp) -> Result<(), StoreError> {
        let detail = json!([entry.actor, entry.subject]);
        self.tables().append(None, entry.action, &entry.outcome, detail, now);
        Ok(())
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn census(&self) -> Result<Census, StoreError> {
        let packages = self.packages().await?;
        let tables = self.tables();
        let mut by_state = BTreeMap::new();
        let mut oldest_open = None;
        for Row { submission, .. } in &tables.rows {
            *by_state.entry(submission.state.name().to_owned()).or_insert(0) += 1;
            if submission.state.class() == Class::Open {
                oldest_open = Some(oldest_open.map_or(submission.accepted_at, |at| submission.accepted_at.min(at)));
            }
        }
        Ok(Census { by_state: by_state.into_iter().collect(), oldest_open, packages, ..Census::default() })
    }

    /// Here nothing gets old by itself, and bytes are not counted.
    async fn purge(&self, actor: &Actor, due: Due, limit: u32, now: Timestamp) -> Result<Purged, StoreError> {
        let mut tables = self.tables();
        let mut found: Vec<usize> = (0..tables.rows.len()).filter(|at| tables.is_due(*at, due)).collect();
        found.truncate(usize::try_from(limit).unwrap());
        for at in &found {
            let row = &mut tables.rows[*at];
            (row.payload, row.envelope, row.handed_over) = (None, None, None);
        }
        let submissions = found.len() as u64;
        if submissions > 0 {
            tables.append(None, "bodies.purge", "purged", json!([actor, submissions]), now);
        }
        Ok(Purged { submissions, bytes: 0, more: submissions == u64::from(limit) })
    }

    async fn forget(&self, _: &Actor, _: Timestamp, _: u32, _: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn forget_uses(&self, _: &Actor, _: Timestamp, _: u32, _: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn kept_bodies(&self, _: Due) -> Result<KeptBodies, StoreError> {
        Ok(KeptBodies::default())
    }

    async fn verify_use_log(&self) -> Result<u64, StoreError> {
        let tables = self.tables();
        let mut before = Vec::new();
        for row in &tables.log {
            if row.link != row.link_after(&before) {
                return Err(StoreError::Damaged { what: "use log" });
            }
            before.clone_from(&row.link);
        }
        Ok(tables.log.len() as u64)
    }
}

mod tests {
    use super::*;
    use crate::sidecar::store::behaviour::{self, behaves};

    impl behaviour::Disk for Arc<Disk> {
        type Store = MemoryStore;

        fn open(&self, _: i64) -> MemoryStore {
            MemoryStore::open(self)
        }
    }

    behaves!(Arc<Disk>);
}
