//! From the launch on: what was sent, what its answer made of it, and the question that comes before it is sent again.
//!
//! What leads here is the journey's; of a claimed submission this needs the envelope alone.

use std::time::Duration;

use serde_json::{Value, json};

use super::cause::{
    asked_later, duplicate, duplicate_invalidation, duplicate_of_another, invalidation_unproven, other_bytes,
    unreadable,
};
use super::same::{self, Judgement};
use super::{MOVED, use_of};
use crate::domain::submission::{Cause, Event, Kind};
use crate::sidecar::ports::{Archive, ArchiveFault, Asker, Clock, Outbound, Outcome, Proof, Verdict};
use crate::sidecar::store::{Step, Store, StoreError, StoredEnvelope, Submission};
use crate::sidecar::worker::flow::LinePlace;
use crate::sidecar::worker::{Worker, later};

/// From so many attempts without a verdict on, a question that the archive refuses is a person's matter: with the delays as they come
/// with the program, about an hour after the message.
const REFUSED_ATTEMPTS_MAX: u32 = 8;

/// Whether a refused question is to be left to a person: the one before was refused alike, and there were many.
pub(super) fn is_refused_for_long(submission: &Submission, why: &Cause) -> bool {
    let alike = |known: &Cause| known.code == why.code || known.says_duplicate();
    submission.attempts >= REFUSED_ATTEMPTS_MAX && submission.why.as_ref().is_some_and(alike)
}

impl<S: Store, A: Archive, C: Clock> Worker<S, A, C> {
    pub(super) async fn launch(
        &self,
        submission: &Submission,
        envelope: StoredEnvelope,
        reads: Vec<Value>,
        place: LinePlace,
    ) -> Result<(), StoreError> {
        let asked_first = Value::Array(reads);
        let step = Step {
            facts: asked_first.clone(),
            after: Some(submission.change),
            ..Step::plain(Event::Launch, self.actor())
        };
        match self.store.launch(&submission.id, &envelope, step, self.clock.now()).await {
            Ok(in_flight) => self.send(&in_flight, &envelope.outbound, place).await,
            // Withdrawn while it was being prepared: nothing leaves.
            Err(StoreError::Illegal(_)) => self.log_reads(submission, MOVED, &asked_first).await,
            Err(error) => {
                self.log_reads(submission, "not_kept", &asked_first).await?;
                Err(error)
            }
        }
    }

    /// Sends what the store has. Called only for what is stored as `InFlight`.
    async fn send(&self, submission: &Submission, outbound: &Outbound, place: LinePlace) -> Result<(), StoreError> {
        let outcome = self.archive.send(outbound).await;
        self.metrics.count_send(outcome.name());
        tracing::info!(submission = %submission.id, document = %submission.document.document, outcome = outcome.name(), "sent");
        match &outcome {
            Outcome::TryLater { why, retry_after } | Outcome::Unknown { why, retry_after } => {
                self.line_fails(&submission.organisation, why, *retry_after);
            }
            Outcome::Archived(_) | Outcome::Rejected(_) | Outcome::Duplicate(_) => {
                self.line_works(&submission.organisation);
            }
        }
        // Keeping the verdict needs the store alone.
        drop(place);
        match outcome {
            Outcome::Archived(remarks) => {
                let verdict = Verdict::Archived { proof: Proof::Acknowledged, remarks };
                self.step(submission, Event::Receive, Some(verdict), Value::Null).await
            }
            Outcome::Rejected(remarks) => {
                self.step(submission, Event::Refuse, Some(Verdict::Rejected { remarks }), Value::Null).await
            }
            Outcome::Duplicate(_) => {
                let why = match submission.kind {
                    Kind::Document => duplicate(),
                    Kind::Invalidation { .. } => duplicate_invalidation(),
                };
                self.lose_answer(submission, None, why).await
            }
            Outcome::TryLater { retry_after, why } | Outcome::Unknown { retry_after, why } => {
                self.lose_answer(submission, retry_after, why).await
            }
        }
    }

    /// Asks before anything is sent again.
    pub(super) async fn reconcile(
        &self,
        submission: &Submission,
        asker: Option<Asker>,
        envelope: StoredEnvelope,
        place: LinePlace,
    ) -> Result<(), StoreError> {
        let Some(asker) = asker else {
            return self.step(submission, Event::Park { why: unreadable() }, None, Value::Null).await;
        };
        self.run.steady.look(&*self.clock, self.settings.reconcile_after);
        if let Some(wait) = self.run.steady.questions_wait(&*self.clock) {
            let ask_at = later(self.clock.now(), wait);
            let step = Step { cause: Some(asked_later()), ..Step::plain(Event::LoseAnswer { ask_at }, self.actor()) };
            return self.moved(submission, step).await.map(drop);
        }
        let judged = match &submission.kind {
            Kind::Document => self.present(submission, &asker, &envelope).await,
            Kind::Invalidation { target, extent } => self.invalidated(&asker, target, *extent).await,
        };
        self.line_after(&submission.organisation, judged.as_ref().map(drop));
        let judged = match judged {
            Ok(judged) => judged,
            Err(ArchiveFault::Passing { retry_after, why }) => {
                self.metrics.count_question("unanswered");
                return self.lose_answer(submission, retry_after, why).await;
            }
            Err(ArchiveFault::Lasting { why }) => {
                self.metrics.count_question("refused");
                return match is_refused_for_long(submission, &why) {
                    true => self.step(submission, Event::Park { why }, None, Value::Null).await,
                    false => self.lose_answer(submission, None, why).await,
                };
            }
        };
        self.metrics.count_question(judged.name());
        let facts = json!({ "reads": [use_of("presence", &asker, judged.name(), json!(envelope.ground))] });
        let refused_as_duplicate = submission.why.as_ref().is_some_and(Cause::says_duplicate);
        match judged {
            Judgement::Same(proof) => self.find(submission, proof, facts).await,
            Judgement::Other => self.alarm(submission, other_bytes(), facts).await,
            // Sent again it would be refused again: something else has its id, which a person must look at.
            Judgement::Absent if refused_as_duplicate => {
                let why = match submission.kind {
                    Kind::Document => duplicate_of_another(),
                    Kind::Invalidation { .. } => invalidation_unproven(),
                };
                self.alarm(submission, why, facts).await
            }
            Judgement::Absent => {
                match self.moved(submission, Step { facts, ..Step::plain(Event::Miss, self.actor()) }).await? {
                    Some(in_flight) => self.send(&in_flight, &envelope.outbound, place).await,
                    None => Ok(()),
                }
            }
        }
    }

    /// Whether a document that may have left is there, as it was sent.
    async fn present(
        &self,
        submission: &Submission,
        asker: &Asker,
        envelope: &StoredEnvelope,
    ) -> Result<Judgement, ArchiveFault> {
        let document = &submission.document.document;
        let presence = self.archive.presence(asker, &envelope.ground, document).await?;
        let sent = self.pipeline.document_digest(&envelope.outbound);
        Ok(same::judge(&presence, &submission.document, sent))
    }

    pub(super) async fn find(&self, submission: &Submission, proof: Proof, facts: Value) -> Result<(), StoreError> {
        let verdict = Verdict::Archived { proof, remarks: Vec::new() };
        self.step(submission, Event::Find, Some(verdict), facts).await
    }

    /// Parks what must not be, and says so where it is heard: once, when it is parked.
    pub(super) async fn alarm(&self, submission: &Submission, why: Cause, facts: Value) -> Result<(), StoreError> {
        let code = why.code.clone();
        let step = Step { facts, ..Step::plain(Event::Park { why }, self.actor()) };
        if self.moved(submission, step).await?.is_none() {
            return Ok(());
        }
        self.metrics.count_alarm(&code);
        let said = match submission.kind {
            Kind::Document => "the archive has something else under the id of a document of ours",
            Kind::Invalidation { .. } => "the archive refuses an invalidation of ours that nothing shows it has",
        };
        tracing::error!(submission = %submission.id, document = %submission.document.document, code, "{said}");
        Ok(())
    }

    async fn lose_answer(
        &self,
        submission: &Submission,
        asked: Option<Duration>,
        why: Cause,
    ) -> Result<(), StoreError> {
        let first = self.first_delay(&submission.organisation, self.settings.reconcile_after);
        let patience = self.retry_at(submission.attempts, asked, first);
        // Never before `reconcile_after`: the first message may still be on its way.
        let ask_at = patience.max(later(self.clock.now(), self.settings.reconcile_after));
        let facts = json!({ "why": why.code });
        let step = Step { cause: Some(why), facts, ..Step::plain(Event::LoseAnswer { ask_at }, self.actor()) };
        self.moved(submission, step).await.map(drop)
    }

    async fn step(
        &self,
        submission: &Submission,
        event: Event,
        verdict: Option<Verdict>,
        facts: Value,
    ) -> Result<(), StoreError> {
        self.moved(submission, Step { verdict, facts, ..Step::plain(event, self.actor()) }).await.map(drop)
    }
}
