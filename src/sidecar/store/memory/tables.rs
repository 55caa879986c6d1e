//! The rows of the store in memory, and what they are to each other: chains, places, turns, what is due.
//!
//! Knows no runs and no callers, which are the store's.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::domain::document::header::DocumentIds;
use crate::domain::document::invalidation::Extent;
use crate::domain::oid::Oid;
use crate::domain::submission::{Class, Event, IllegalTransition, Kind, State};
use crate::sidecar::ports::HandoverBodies;
use crate::sidecar::store::progress::{ChainPlace, Told, never_arrived, progress};
use crate::sidecar::store::{
    Claimed, Due, NewSubmission, Predecessor, PredecessorRecord, Step, StoreError, StoredEnvelope, Submission,
    SubmissionId, Whose,
};

#[derive(Default)]
pub(super) struct Tables {
    pub(super) rows: Vec<Row>,
    pub(super) keys: BTreeMap<(String, String), (Vec<u8>, usize)>,
    pub(super) log: Vec<LogRow>,
    pub(super) change: u64,
    pub(super) sequence: u64,
    pub(super) runs: u64,
}

pub(super) struct Row {
    pub(super) submission: Submission,
    /// `None` once it is purged, and then there is no other body either.
    pub(super) payload: Option<Vec<u8>>,
    pub(super) envelope: Option<StoredEnvelope>,
    pub(super) handed_over: Option<HandoverBodies>,
    pub(super) run: u64,
}

pub(super) struct LogRow {
    pub(super) at: Timestamp,
    pub(super) submission: Option<SubmissionId>,
    pub(super) action: String,
    pub(super) outcome: String,
    pub(super) detail: String,
    pub(super) link: Vec<u8>,
}

impl Tables {
    pub(super) fn at(&self, id: &SubmissionId) -> Result<usize, StoreError> {
        self.rows.iter().position(|row| row.submission.id == *id).ok_or(StoreError::NotFound)
    }

    /// A row as a store tells it: with what depends on the others and on the run.
    pub(super) fn shown(&self, at: usize, run: u64) -> Submission {
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
    pub(super) fn invalidated_by(&self, of: usize) -> Option<SubmissionId> {
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
    pub(super) fn may_come_back(&self, at: usize) -> Result<(), StoreError> {
        match (self.invalidated_by(at), &self.rows[at].payload) {
            (Some(by), _) => Err(StoreError::InvalidationOpen { by }),
            (None, None) => Err(StoreError::Purged),
            (None, Some(_)) => Ok(()),
        }
    }

    /// Whether retention takes a row now: by the rules of the durable store.
    pub(super) fn is_due(&self, at: usize, due: Due) -> bool {
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
    pub(super) fn before(&self, p: usize, of: usize) -> bool {
        let (first, s) = (&self.rows[p].submission, &self.rows[of].submission);
        let turn = first.kind != Kind::Document || s.kind != Kind::Document;
        let (version, its) = (first.document.version, s.document.version);
        first.organisation == s.organisation
            && first.state.class() == Class::Open
            && first.document.set == s.document.set
            && (version < its || (version == its && p < of && turn))
    }

    pub(super) fn in_the_way(&self, of: usize) -> Option<Oid> {
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

    pub(super) fn claimable(&self, at: usize, whose: &Whose) -> bool {
        let s = &self.rows[at].submission;
        let waits = matches!(s.state, State::Queued | State::Held { .. } | State::Unknown);
        waits && s.due_at.is_some() && whose.includes(&s.organisation) && self.in_the_way(at).is_none()
    }

    pub(super) fn count_on(&mut self) -> u64 {
        self.change += 1;
        self.change
    }

    pub(super) fn apply(&mut self, at: usize, step: &Step, now: Timestamp) -> Result<(), StoreError> {
        let change = self.count_on();
        let (moved, told) = progress(self.rows[at].submission.clone(), step, change, now)?;
        if told == Told::Yes {
            self.append(Some(&moved.id), step.event.name(), moved.state.name(), json!([step.actor, step.facts]), now);
        }
        self.rows[at].submission = moved;
        Ok(())
    }

    pub(super) fn append(
        &mut self,
        of: Option<&SubmissionId>,
        action: &str,
        outcome: &str,
        detail: Value,
        now: Timestamp,
    ) {
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

    pub(super) fn replaced(&self, of: &Oid, document: Option<&Oid>) -> Option<&Row> {
        let fits = |r: &&Row| r.submission.organisation == *of && Some(&r.submission.document.document) == document;
        self.rows.iter().find(fits)
    }

    pub(super) fn take_place(&mut self, at: usize) -> Result<(), StoreError> {
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
    pub(super) fn move_invalidations(&mut self, of: &Oid, sets: &[Oid]) {
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
    pub(super) fn place_of_invalidation(&self, of: &Oid, target: &Oid, at: usize) -> (Oid, u32) {
        let own = |s: &&Submission| s.organisation == *of && s.kind == Kind::Document;
        let documents = || self.rows.iter().take(at).map(|row| &row.submission).filter(own);
        let exactly = documents().find(|s| s.document.document == *target);
        let near = || documents().find(|s| s.replaces.as_ref() == Some(target) || s.document.set == *target);
        let Some(set) = exactly.or_else(near).map(|s| s.document.set.clone()) else { return (target.clone(), 1) };
        let version = documents().filter(|s| s.document.set == set).map(|s| s.document.version).max();
        (set, version.unwrap_or(1))
    }

    pub(super) fn put(&mut self, at: usize, place: ChainPlace) {
        let change = self.count_on();
        let s = &mut self.rows[at].submission;
        s.replaces = place.replaces;
        s.document.set = place.set;
        s.document.version = place.version;
        s.change = change;
    }

    pub(super) fn claimed(&self, at: usize, run: u64) -> Claimed {
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

    pub(super) fn insert(&mut self, new: NewSubmission, run: u64, now: Timestamp) -> usize {
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
    pub(super) fn link_after(&self, before: &[u8]) -> Vec<u8> {
        let id = self.submission.as_ref().map_or("", SubmissionId::as_str);
        let mut bytes = before.to_vec();
        for part in [&self.at.to_string(), id, &self.action, &self.outcome, &self.detail] {
            bytes.extend_from_slice(part.as_bytes());
            bytes.push(0);
        }
        digest(&SHA256, &bytes).as_ref().to_vec()
    }
}
