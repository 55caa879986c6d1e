//! A second store, in memory, for the simulation: the same transactions over plain values. Not durable, not sealed, tests only.
//!
//! What a process leaves when it dies is the [`Disk`]; a store is one run over it. Everything here happens at once: whoever
//! wants a crash or a fault between wraps it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests: a poisoned lock is a failed test")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::progress::{ChainPlace, Told, never_arrived, progress};
use super::{
    Accepted, Actor, Census, ChangesWanted, Claimed, Due, Earlier, Handover, KeptBodies, NewSubmission, Packages,
    Predecessor, PredecessorRecord, Purged, Scope, SignedPlace, Step, Store, StoreError, StoredEnvelope, Stuck,
    StuckLane, Submission, SubmissionId, TimelineEntry, Use, Whose,
};
use crate::domain::document::header::DocumentIds;
use crate::domain::document::invalidation::Extent;
use crate::domain::oid::Oid;
use crate::domain::submission::{Class, Event, IllegalTransition, Kind, State};
use crate::sidecar::ports::HandoverBodies;

/// What outlives a process.
#[derive(Default)]
pub(crate) struct Disk(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    rows: Vec<Row>,
    keys: BTreeMap<(String, String), (Vec<u8>, usize)>,
    log: Vec<LogRow>,
    change: u64,
    sequence: u64,
    runs: u64,
}

struct Row {
    submission: Submission,
    /// `None` once it is purged, and then there is no other body either.
    payload: Option<Vec<u8>>,
    envelope: Option<StoredEnvelope>,
    handed_over: Option<HandoverBodies>,
    run: u64,
}

struct LogRow {
    at: Timestamp,
    submission: Option<SubmissionId>,
    action: String,
    outcome: String,
    detail: String,
    link: Vec<u8>,
}

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

impl Tables {
    fn at(&self, id: &SubmissionId) -> Result<usize, StoreError> {
        self.rows.iter().position(|row| row.submission.id == *id).ok_or(StoreError::NotFound)
    }

    /// A row as a store tells it: with what depends on the others and on the run.
    fn shown(&self, at: usize, run: u64) -> Submission {
        let row = &self.rows[at];
        Submission {
            waits_for: self.in_the_way(at),
            invalidated_by: self.invalidated_by(at),
            from_earlier_run: row.run != run,
            has_envelope: row.envelope.is_some(),
            ..row.submission.clone()
        }
    }

    /// The open invalidation of what was handed over.
    fn invalidated_by(&self, of: usize) -> Option<SubmissionId> {
        let s = &self.rows[of].submission;
        let means = |other: &&Row| {
            let i = &other.submission;
            let meant = match &i.kind {
                Kind::Document => false,
                Kind::Invalidation { target, extent } => {
                    *target == s.document.document || *extent == Extent::AllVersions
                }
            };
            meant && i.organisation == s.organisation && i.document.set == s.document.set
        };
        let mut open = self.rows.iter().filter(|row| row.submission.state.class() == Class::Open).filter(means);
        s.handed_over_at.and_then(|_| open.next()).map(|row| row.submission.id.clone())
    }

    /// Nothing comes back that is to count no longer, or of which nothing is kept.
    fn may_come_back(&self, at: usize) -> Result<(), StoreError> {
        match (self.invalidated_by(at), &self.rows[at].payload) {
            (Some(by), _) => Err(StoreError::InvalidationOpen { by }),
            (None, None) => Err(StoreError::Purged),
            (None, Some(_)) => Ok(()),
        }
    }

    /// Whether retention takes a row now: by the rules of the durable store.
    fn is_due(&self, at: usize, due: Due) -> bool {
        let s = &self.rows[at].submission;
        let followed = self.rows.iter().map(|row| &row.submission).any(|next| {
            next.organisation == s.organisation
                && next.document.set == s.document.set
                && next.document.version > s.document.version
                && next.state.class() == Class::Open
        });
        let by_its_time = match (s.state.class(), s.handed_over_at) {
            (Class::Open, _) => false,
            (_, None) | (Class::Archived, _) => s.updated_at < due.settled_before,
            (Class::HandedOver, _) => !s.state.awaits_receipt() && s.updated_at < due.confirmed_before,
            (Class::Rejected | Class::Abandoned, Some(_)) => false,
        };
        by_its_time && self.rows[at].payload.is_some() && !followed
    }

    /// Whether a row goes before another: by version, and an invalidation by its turn.
    fn before(&self, p: usize, of: usize) -> bool {
        let (first, s) = (&self.rows[p].submission, &self.rows[of].submission);
        let turn = first.kind != Kind::Document || s.kind != Kind::Document;
        let (version, its) = (first.document.version, s.document.version);
        first.organisation == s.organisation
            && first.state.class() == Class::Open
            && first.document.set == s.document.set
            && (version < its || (version == its && p < of && turn))
    }

    fn in_the_way(&self, of: usize) -> Option<Oid> {
        let s = &self.rows[of].submission;
        let before = (0..self.rows.len()).filter(|p| self.before(*p, of));
        let last = before.max_by_key(|p| (self.rows[*p].submission.document.version, *p));
        let concerned = || {
            let row = self.replaced(&s.organisation, s.kind.target().or(s.replaces.as_ref()))?;
            (row.submission.state.class() == Class::Open).then_some(&row.submission)
        };
        let blocking = last.map(|p| &self.rows[p].submission).or_else(concerned)?;
        Some(blocking.kind.target().unwrap_or(&blocking.document.document).clone())
    }

    fn claimable(&self, at: usize, whose: &Whose) -> bool {
        let s = &self.rows[at].submission;
        let waits = matches!(s.state, State::Queued | State::Held { .. } | State::Unknown);
        waits && s.due_at.is_some() && whose.includes(&s.organisation) && self.in_the_way(at).is_none()
    }

    fn count_on(&mut self) -> u64 {
        self.change += 1;
        self.change
    }

    fn apply(&mut self, at: usize, step: &Step, now: Timestamp) -> Result<(), StoreError> {
        let change = self.count_on();
        let (moved, told) = progress(self.rows[at].submission.clone(), step, change, now)?;
        if told == Told::Yes {
            self.append(Some(&moved.id), step.event.name(), moved.state.name(), json!([step.actor, step.facts]), now);
        }
        self.rows[at].submission = moved;
        Ok(())
    }

    fn append(&mut self, of: Option<&SubmissionId>, action: &str, outcome: &str, detail: Value, now: Timestamp) {
        let before = self.log.last().map(|row| row.link.clone()).unwrap_or_default();
        let mut row = LogRow {
            at: now,
            submission: of.cloned(),
            action: action.to_owned(),
            outcome: outcome.to_owned(),
            detail: detail.to_string(),
            link: Vec::new(),
        };
        row.link = row.link_after(&before);
        self.log.push(row);
    }

    fn replaced(&self, of: &Oid, document: Option<&Oid>) -> Option<&Row> {
        let fits = |r: &&Row| r.submission.organisation == *of && Some(&r.submission.document.document) == document;
        self.rows.iter().find(fits)
    }

    fn take_place(&mut self, at: usize) -> Result<(), StoreError> {
        let of = self.rows[at].submission.clone();
        let illegal = IllegalTransition { state: of.state.name(), event: Event::TakePlace.name() };
        let mut place: Option<ChainPlace> = None;
        let mut wanted = of.replaces.clone();
        while let Some(missing) = self.replaced(&of.organisation, wanted.as_ref())
            && never_arrived(missing.submission.state.class())
        {
            let its = ChainPlace::of_missing(&missing.submission, &of.document.document);
            wanted = its.replaces.clone();
            place = Some(its);
        }
        self.put(at, place.ok_or(illegal)?);
        let mut above = vec![self.rows[at].submission.document.clone()];
        while let Some(document) = above.pop() {
            for at in 0..self.rows.len() {
                let s = &self.rows[at].submission;
                let follows = s.replaces.as_ref() == Some(&document.document) && s.organisation == of.organisation;
                // The place of what was handed over is in its bytes.
                if follows && s.handed_over_at.is_none() && s.state.class() == Class::Open {
                    self.put(at, ChainPlace::after(&document));
                    above.push(self.rows[at].submission.document.clone());
                }
            }
        }
        let to = self.rows[at].submission.document.set.clone();
        self.move_invalidations(&of.organisation, &[of.document.set, to]);
        Ok(())
    }

    /// The chain's invalidations follow their documents, and keep their turn: behind all that was accepted before them.
    fn move_invalidations(&mut self, of: &Oid, sets: &[Oid]) {
        for at in 0..self.rows.len() {
            let s = &self.rows[at].submission;
            let concerned = s.organisation == *of && s.state.class() == Class::Open && sets.contains(&s.document.set);
            let Some(target) = s.kind.target().filter(|_| concerned) else { continue };
            let set =
                self.replaced(of, Some(target)).map_or(&s.document.set, |row| &row.submission.document.set).clone();
            let fits = |p: &&Submission| {
                p.organisation == *of
                    && p.kind == Kind::Document
                    && p.document.set == set
                    && matches!(p.state.class(), Class::Open | Class::Archived)
            };
            let before = self.rows.iter().take(at).map(|row| &row.submission).filter(fits);
            let version = before.map(|p| p.document.version).max().unwrap_or(1);
            let document = &mut self.rows[at].submission.document;
            (document.set, document.version) = (set, version);
        }
    }

    /// After all that was accepted of its document's chain before the row `at`.
    fn place_of_invalidation(&self, of: &Oid, target: &Oid, at: usize) -> (Oid, u32) {
        let own = |s: &&Submission| s.organisation == *of && s.kind == Kind::Document;
        let documents = || self.rows.iter().take(at).map(|row| &row.submission).filter(own);
        let exactly = documents().find(|s| s.document.document == *target);
        let near = || documents().find(|s| s.replaces.as_ref() == Some(target) || s.document.set == *target);
        let Some(set) = exactly.or_else(near).map(|s| s.document.set.clone()) else { return (target.clone(), 1) };
        let version = documents().filter(|s| s.document.set == set).map(|s| s.document.version).max();
        (set, version.unwrap_or(1))
    }

    fn put(&mut self, at: usize, place: ChainPlace) {
        let change = self.count_on();
        let s = &mut self.rows[at].submission;
        s.replaces = place.replaces;
        s.document.set = place.set;
        s.document.version = place.version;
        s.change = change;
    }

    fn claimed(&self, at: usize, run: u64) -> Claimed {
        let submission = self.shown(at, run);
        let concerned = submission.kind.target().or(submission.replaces.as_ref());
        let predecessor = concerned.and_then(|concerned| {
            let row = self.replaced(&submission.organisation, Some(concerned))?;
            Some(Predecessor {
                class: row.submission.state.class(),
                document: row.submission.document.clone(),
                unit: row.submission.unit.clone(),
                was_handed_over: row.submission.handed_over_at.is_some(),
                record: row.payload.clone().map_or(PredecessorRecord::Purged, PredecessorRecord::Kept),
            })
        });
        let (payload, envelope) = (self.rows[at].payload.clone().unwrap(), self.rows[at].envelope.clone());
        let handed_over = self.rows[at].handed_over.as_ref().map(|bodies| bodies.document.clone());
        Claimed { submission, payload, envelope, predecessor, handed_over }
    }

    fn insert(&mut self, new: NewSubmission, run: u64, now: Timestamp) -> usize {
        self.sequence += 1;
        let document = new.document_node.child(95).child(run).child(self.sequence);
        let (set, version) = match (&new.kind, &new.replaces) {
            (Kind::Invalidation { target, .. }, _) => {
                self.place_of_invalidation(&new.organisation, target, self.rows.len())
            }
            (Kind::Document, Some(replaced)) => (replaced.set.clone(), replaced.version.saturating_add(1)),
            (Kind::Document, None) => (document.clone(), 1),
        };
        let change = self.count_on();
        let submission = Submission {
            id: new.id,
            organisation: new.organisation,
            unit: new.unit,
            kind: new.kind,
            has_envelope: false,
            document: DocumentIds { document, set, version },
            message_number: self.sequence.to_string(),
            replaces: new.replaces.map(|r| r.document),
            structure: new.structure,
            state: if new.awaits_signature { State::AwaitingSignature } else { State::Queued },
            accepted_at: now,
            updated_at: now,
            due_at: (!new.awaits_signature).then_some(now),
            attempts: 0,
            held_since: None,
            held_for: None,
            why: None,
            waits_for: None,
            handed_over_at: None,
            invalidated_by: None,
            from_earlier_run: false,
            damaged: None,
            change,
            warnings: new.warnings,
            verdict: None,
        };
        self.append(Some(&submission.id), "accept", submission.state.name(), json!([new.used_by, new.subject]), now);
        self.rows.push(Row { submission, payload: Some(new.payload), envelope: None, handed_over: None, run });
        self.rows.len() - 1
    }
}

impl LogRow {
    fn link_after(&self, before: &[u8]) -> Vec<u8> {
        let id = self.submission.as_ref().map_or("", SubmissionId::as_str);
        let mut bytes = before.to_vec();
        for part in [&self.at.to_string(), id, &self.action, &self.outcome, &self.detail] {
            bytes.extend_from_slice(part.as_bytes());
            bytes.push(0);
        }
        digest(&SHA256, &bytes).as_ref().to_vec()
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
