//! One submission's way: case, right, envelope, send, verdict. Top to bottom, each step durable before the next.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::right::{RightsFault, Wish};
use super::{Worker, case, later};
use crate::domain::access::{Authority, Denial, Operation};
use crate::domain::oid::Oid;
use crate::domain::person::PersonId;
use crate::domain::record::LocalRecord;
use crate::domain::submission::{Cause, Class, Event};
use crate::domain::text::Text;
use crate::domain::time::start_of_day_in_finland;
use crate::sidecar::ports::{
    Archive, ArchiveFault, Asker, Clock, Ground, Outbound, Outcome, Preparation, PrepareFault, Presence, Proof, Verdict,
};
use crate::sidecar::store::{Claimed, Step, Store, StoreError, StoredEnvelope, Submission};

/// Why a submission does not go on now. Nothing of it has left.
pub(super) enum Stop {
    Later { asked: Option<Duration>, why: Cause },
    Hold { until: Option<Timestamp>, why: Cause },
    Park(Cause),
}

impl From<ArchiveFault> for Stop {
    fn from(fault: ArchiveFault) -> Self {
        match fault {
            ArchiveFault::Passing { retry_after, why } => Self::Later { asked: retry_after, why },
            ArchiveFault::Lasting { why } => Self::Park(why),
        }
    }
}

impl From<RightsFault> for Stop {
    fn from(fault: RightsFault) -> Self {
        match fault {
            RightsFault::Archive(fault) => fault.into(),
            RightsFault::Denied(denial) => match denial.may_pass() {
                Some(on) => Self::Hold { until: on.and_then(start_of_day_in_finland), why: cause_of(&denial) },
                None => Self::Park(cause_of(&denial)),
            },
        }
    }
}

/// Every reason in one sentence, under the first one's name.
pub(crate) fn cause_of(denial: &Denial) -> Cause {
    let code = denial.reasons.first().map_or("denied", |reason| reason.code());
    let texts: Vec<Text> = denial.reasons.iter().map(|reason| reason.text()).collect();
    let join = |pick: fn(&Text) -> &str| texts.iter().map(pick).collect::<Vec<_>>().join("; ");
    Cause::new(format!("access.{code}"), Text::made(join(|t| &t.fi), join(|t| &t.sv), join(|t| &t.en)))
}

impl<S: Store, A: Archive, C: Clock> Worker<S, A, C> {
    /// Carries a claimed submission as far as it goes now.
    pub(super) async fn carry(self: Arc<Self>, claimed: Claimed) -> Result<(), StoreError> {
        let Claimed { submission, payload, envelope, predecessor } = claimed;
        // Parsed as it was when it was accepted; by which rules it passes today, the pipeline says.
        let record = serde_json::from_slice::<LocalRecord>(&payload).map_err(|_| Stop::Park(unreadable()));
        if let Some(envelope) = envelope {
            return self.reconcile(&submission, record.ok(), envelope).await;
        }
        let ready = match record {
            Ok(record) => self.make(&submission, &payload, &record, predecessor).await,
            Err(stop) => Err(stop),
        };
        match ready {
            Ok(envelope) => self.launch(&submission, envelope).await,
            Err(stop) => self.stop(&submission, stop).await,
        }
    }

    /// Everything up to the envelope. Reads from the archive, changes nothing anywhere.
    async fn make(
        self: &Arc<Self>,
        submission: &Submission,
        payload: &[u8],
        record: &LocalRecord,
        predecessor: Option<Class>,
    ) -> Result<StoredEnvelope, Stop> {
        if matches!(predecessor, Some(Class::Rejected | Class::Abandoned | Class::HandedOver)) {
            return Err(Stop::Park(predecessor_never_arrived()));
        }
        let (authority, ground) = self.authority(submission, record).await?;
        let clients = record.clients.iter().filter_map(|c| c.id());
        let askers: Vec<Asker> = clients.map(|client| asker(submission, record, client)).collect();
        let case = case::resolve(&self.rights, &askers, &authority, record).await?;
        let outbound = self.prepare(submission, payload, case.clone(), authority).await?;
        Ok(StoredEnvelope { outbound, ground, case })
    }

    /// A permit for every client of the record, and the one that joins them.
    async fn authority(&self, submission: &Submission, record: &LocalRecord) -> Result<(Authority, Ground), Stop> {
        let wish = Wish {
            operation: Operation::Write { drawn_up: record.drawn_up.day() },
            service_task: record.service_task.as_ref().map(|t| t.code.as_str()),
            purchase: Some(record.purchase),
        };
        let (mut joint, mut permits) = (None, Vec::new());
        for client in record.clients.iter().filter_map(|c| c.id()) {
            let authority = self.rights.authority(&asker(submission, record, client), wish).await?;
            if let Authority::RegisterAccess(permit) = &authority {
                permits.push(permit.record().clone());
            }
            joint = Some(joined(joint, authority)?);
        }
        let joint = joint.ok_or_else(|| Stop::Park(no_client()))?;
        let ground = if permits.is_empty() { Ground::OwnRegister } else { Ground::RegisterAccess(permits) };
        Ok((joint, ground))
    }

    /// Builds and signs on a thread where blocking harms nobody.
    async fn prepare(
        &self,
        submission: &Submission,
        payload: &[u8],
        case: Option<Oid>,
        authority: Authority,
    ) -> Result<Outbound, Stop> {
        let (pipeline, created) = (Arc::clone(&self.pipeline), self.clock.now());
        let organisation = submission.organisation.clone();
        let (payload, ids, number) = (payload.to_vec(), submission.document.clone(), submission.message_number.clone());
        let made = tokio::task::spawn_blocking(move || {
            pipeline.prepare(&Preparation {
                organisation: &organisation,
                payload: &payload,
                ids: &ids,
                message_number: &number,
                created,
                case: case.as_ref(),
                authority: &authority,
            })
        });
        match made.await {
            Ok(Ok(outbound)) => Ok(outbound),
            Ok(Err(PrepareFault::Passing(why))) => Err(Stop::Later { asked: None, why }),
            Ok(Err(PrepareFault::Lasting(why))) => Err(Stop::Park(why)),
            Err(_) => Err(Stop::Park(pipeline_failed())),
        }
    }

    async fn stop(&self, submission: &Submission, stop: Stop) -> Result<(), StoreError> {
        let now = self.clock.now();
        let (event, facts) = match stop {
            Stop::Later { asked, why } => {
                let at = self.retry_at(submission.attempts, asked, self.settings.retry_delay_min);
                (Event::RetryLater { at }, json!({ "why": why.code }))
            }
            Stop::Park(why) => (Event::Park { why }, Value::Null),
            Stop::Hold { until, why } if self.patience_is_over(submission, until, now) => {
                (Event::Park { why }, Value::Null)
            }
            Stop::Hold { until, why } => {
                let recheck_at = later(now, self.settings.recheck_every);
                (Event::Hold { until, recheck_at, why }, Value::Null)
            }
        };
        self.step(submission, event, None, facts).await
    }

    /// A moment that is known to come is waited for; anything else for a limited time.
    fn patience_is_over(&self, submission: &Submission, until: Option<Timestamp>, now: Timestamp) -> bool {
        let since = submission.held_since.unwrap_or(now);
        until.is_none_or(|at| at <= now) && now >= later(since, self.settings.held_age_max)
    }

    async fn launch(&self, submission: &Submission, envelope: StoredEnvelope) -> Result<(), StoreError> {
        match self.store.launch(&submission.id, &envelope, &self.actor(), self.clock.now()).await {
            Ok(in_flight) => self.send(&in_flight, &envelope.outbound).await,
            // Withdrawn while it was being prepared: nothing leaves.
            Err(StoreError::Illegal(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Sends what the store has. Called only for what is stored as `InFlight`.
    async fn send(&self, submission: &Submission, outbound: &Outbound) -> Result<(), StoreError> {
        let outcome = self.archive.send(outbound).await;
        self.metrics.count_send(outcome.name());
        tracing::info!(submission = %submission.id, document = %submission.document.document, outcome = outcome.name(), "sent");
        match outcome {
            Outcome::Archived(remarks) => {
                let verdict = Verdict::Archived { proof: Proof::Acknowledged, remarks };
                self.step(submission, Event::Receive, Some(verdict), Value::Null).await
            }
            Outcome::Rejected(remarks) => {
                self.step(submission, Event::Refuse, Some(Verdict::Rejected { remarks }), Value::Null).await
            }
            Outcome::TryLater { retry_after, why } => self.lose_answer(submission, retry_after, &why).await,
            Outcome::Unknown { why } => self.lose_answer(submission, None, &why).await,
        }
    }

    /// Asks before anything is sent again.
    async fn reconcile(
        &self,
        submission: &Submission,
        record: Option<LocalRecord>,
        envelope: StoredEnvelope,
    ) -> Result<(), StoreError> {
        let asker = record.as_ref().and_then(|r| Some(asker(submission, r, first_client(r).ok()?)));
        let Some(asker) = asker else {
            return self.lose_answer(submission, None, &unreadable()).await;
        };
        let document = &submission.document.document;
        match self.archive.presence(&asker, &envelope.ground, document).await {
            Ok(Presence::Stored) => {
                self.metrics.count_question("stored");
                let verdict = Verdict::Archived { proof: Proof::Found, remarks: Vec::new() };
                self.step(submission, Event::Find, Some(verdict), Value::Null).await
            }
            Ok(Presence::Absent) => {
                self.metrics.count_question("absent");
                if self.moved(submission, Event::Miss, None, Value::Null).await? {
                    self.send(submission, &envelope.outbound).await?;
                }
                Ok(())
            }
            Err(ArchiveFault::Passing { retry_after, why }) => {
                self.metrics.count_question("unanswered");
                self.lose_answer(submission, retry_after, &why).await
            }
            Err(ArchiveFault::Lasting { why }) => {
                self.metrics.count_question("refused");
                self.lose_answer(submission, None, &why).await
            }
        }
    }

    async fn lose_answer(
        &self,
        submission: &Submission,
        asked: Option<Duration>,
        why: &Cause,
    ) -> Result<(), StoreError> {
        let patience = self.retry_at(submission.attempts, asked, self.settings.reconcile_after);
        // Never before `reconcile_after`: the first message may still be on its way.
        let ask_at = patience.max(later(self.clock.now(), self.settings.reconcile_after));
        self.step(submission, Event::LoseAnswer { ask_at }, None, json!({ "why": why.code })).await
    }

    async fn step(
        &self,
        submission: &Submission,
        event: Event,
        verdict: Option<Verdict>,
        facts: Value,
    ) -> Result<(), StoreError> {
        self.moved(submission, event, verdict, facts).await.map(drop)
    }

    /// Whether it moved: not when it was withdrawn or abandoned meanwhile, and then what it is now stands.
    async fn moved(
        &self,
        submission: &Submission,
        event: Event,
        verdict: Option<Verdict>,
        facts: Value,
    ) -> Result<bool, StoreError> {
        let step = Step { event, verdict, facts, actor: self.actor() };
        match self.store.step(&submission.id, step, self.clock.now()).await {
            Ok(moved) => {
                tracing::debug!(submission = %moved.id, state = moved.state.name(), "moved");
                Ok(true)
            }
            Err(StoreError::Illegal(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The authority for a further client, joined with that for the clients before.
fn joined(before: Option<Authority>, authority: Authority) -> Result<Authority, Stop> {
    match (before, authority) {
        (Some(Authority::RegisterAccess(before)), Authority::RegisterAccess(permit)) => {
            before.joined(permit).map(Authority::RegisterAccess).ok_or_else(|| Stop::Park(pipeline_failed()))
        }
        (_, authority) => Ok(authority),
    }
}

fn first_client(record: &LocalRecord) -> Result<PersonId, Stop> {
    record.clients.iter().find_map(|c| c.id()).ok_or_else(|| Stop::Park(no_client()))
}

fn asker(submission: &Submission, record: &LocalRecord, client: PersonId) -> Asker {
    Asker {
        organisation: submission.organisation.clone(),
        organiser: record.organiser.clone(),
        unit: record.unit.clone(),
        worker: record.acting_worker.clone(),
        link: record.professional_link.clone(),
        client,
    }
}

fn unreadable() -> Cause {
    let text = Text::fixed(
        "tätä ohjelmaversiota vanhempi tietue ei ole enää luettavissa",
        "en post som är äldre än den här programversionen kan inte längre läsas",
        "a record older than this version of the program can no longer be read",
    );
    Cause::new("record.unreadable", text)
}

fn no_client() -> Cause {
    let text = Text::fixed(
        "asiakkaalla ei ole tunnusta, jolla hakea",
        "klienten har ingen kod att söka med",
        "the client has no id to ask by",
    );
    Cause::new("record.no_client", text)
}

fn predecessor_never_arrived() -> Cause {
    let text = Text::fixed(
        "korvattava asiakirja ei päätynyt arkistoon",
        "handlingen som ska ersättas kom inte till arkivet",
        "the document that it replaces did not reach the archive",
    );
    Cause::new("version.predecessor_not_archived", text)
}

fn pipeline_failed() -> Cause {
    let text = Text::fixed(
        "asiakirjan muodostaminen kaatui: ohjelmavirhe",
        "handlingen kunde inte byggas: programfel",
        "building the document failed: a fault in this program",
    );
    Cause::new("pipeline.failed", text)
}
