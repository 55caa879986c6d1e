//! One submission's way: right, case, envelope, or another way than the archive. Top to bottom, each step durable before the next.
//!
//! From the launch on, and what follows a send, is in `send`; the right in `authority`.

mod authority;
mod cause;
mod chain;
mod invalidation;
mod same;
mod send;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::flow::LinePlace;
use super::making::Made;
use super::{Worker, case, later};
pub(super) use cause::broke_off;
use cause::{no_client, other_bytes, pipeline_failed, unreadable};
use chain::check_predecessor;
pub(in crate::sidecar) use chain::in_its_place;
use same::Judgement;
use send::is_refused_for_long;

use crate::domain::access::{Authority, Denial};
use crate::domain::oid::Oid;
use crate::domain::person::PersonId;
use crate::domain::record::{CaseReference, LocalRecord};
use crate::domain::submission::{Cause, Event, Kind, State};
use crate::sidecar::audit;
use crate::sidecar::find_case::Reads;
pub(crate) use crate::sidecar::handover::cause_of;
use crate::sidecar::handover::{Against, Order, invalidation_open, predecessor_handed_over};
use crate::sidecar::ports::{
    Archive, ArchiveFault, Asker, Clock, Digest, Ground, Outbound, Pace, Preparation, PrepareFault, Proof,
};
use crate::sidecar::store::{Claimed, Predecessor, Step, Store, StoreError, StoredEnvelope, Submission, Use};

/// In the use log, of reads on the way of a submission that somebody else has moved.
const MOVED: &str = "moved_meanwhile";

/// Why a submission does not go on now. Nothing of it has left.
pub(super) enum Stop {
    Later {
        asked: Option<Duration>,
        why: Cause,
    },
    /// The archive has it already; by what that is known.
    Found(Proof),
    /// The archive has something else under its id.
    Alarm(Cause),
    Hold {
        until: Option<Timestamp>,
        why: Cause,
    },
    Park(Cause),
    /// There is nothing to do: what it is about never arrived.
    Needless(Cause),
    /// The archive is no option: it goes to the organiser another way.
    HandOver(Denial),
}

impl From<ArchiveFault> for Stop {
    fn from(fault: ArchiveFault) -> Self {
        match fault {
            ArchiveFault::Passing { retry_after, why } => Self::Later { asked: retry_after, why },
            ArchiveFault::Lasting { why } => Self::Park(why),
        }
    }
}

impl<S: Store, A: Archive, C: Clock> Worker<S, A, C> {
    /// Carries a claimed submission as far as it goes now.
    pub(super) async fn carry(self: Arc<Self>, claimed: Claimed, place: LinePlace) -> Result<(), StoreError> {
        if let Kind::Invalidation { target, extent } = claimed.submission.kind.clone() {
            return self.carry_invalidation(claimed, &target, extent, place).await;
        }
        // Parsed as it was when it was accepted; by which rules it passes today, the pipeline says.
        let record = serde_json::from_slice::<LocalRecord>(&claimed.payload).map_err(|_| unreadable());
        let submission = &claimed.submission;
        if let Some(envelope) = claimed.envelope {
            let asker = record.ok().and_then(|record| {
                let client = first_client(&record).ok()?;
                Some(asker(submission, &record, client))
            });
            return self.reconcile(submission, asker, envelope, place).await;
        }
        let mut reads = Vec::new();
        let record = match record {
            Ok(record) => record,
            Err(why) => return self.stop(submission, Stop::Park(why), reads).await,
        };
        match self.make(&claimed, &record, &mut reads).await {
            Ok(envelope) => self.launch(submission, envelope, reads, place).await,
            Err(Stop::HandOver(against)) => self.hand_over(&claimed, &record, against).await,
            Err(stop) => self.stop(submission, stop, reads).await,
        }
    }

    /// Everything up to the envelope. Reads from the archive, changes nothing anywhere.
    async fn make(
        self: &Arc<Self>,
        claimed: &Claimed,
        record: &LocalRecord,
        reads: &mut Vec<Value>,
    ) -> Result<StoredEnvelope, Stop> {
        let (submission, kept) = (&claimed.submission, claimed.handed_over.as_deref());
        let clients = record.clients.iter().filter_map(|c| c.id());
        let askers: Vec<Asker> = clients.map(|client| asker(submission, record, client)).collect();
        let first = askers.first().ok_or_else(|| Stop::Park(no_client()))?;
        let way = self.other_way(claimed, record);
        // What is there already must not be parked or held for what has changed since. Where the archive is no option, there is
        // nobody to ask.
        let refused = match way {
            Err(Stop::HandOver(_)) => None,
            _ => self.ask_if_sent_before(submission, first, kept, reads).await?,
        };
        if let Some(predecessor) = &claimed.predecessor {
            check_predecessor(submission, record, predecessor)?;
        }
        way?;
        let (authority, ground) = self.authority(submission, record, reads).await?;
        if let Some(why) = refused {
            return Err(match is_refused_for_long(submission, &why) {
                true => Stop::Park(why),
                false => Stop::Later { asked: None, why },
            });
        }
        let record = self.with_case_in(kept, record);
        let case = self.case(&askers, &authority, &record, reads).await?;
        let payload = in_its_place(submission, &record, &claimed.payload).map_err(Stop::Park)?.into_owned();
        let outbound = self.prepare(submission, payload, case.clone(), authority, kept).await?;
        Ok(StoredEnvelope { outbound, ground, case })
    }

    /// Whether it goes to the organiser another way, of which nothing of a client is read; or waits for one before it that
    /// went so. What was taken back is not handed over again by itself, and stays here while it is to count no longer. A predecessor
    /// that retention has purged is one from elsewhere: whether the organiser has archived it, the archive knows.
    fn other_way(&self, claimed: &Claimed, record: &LocalRecord) -> Result<(), Stop> {
        if claimed.submission.invalidated_by.is_some() {
            return Err(Stop::Park(invalidation_open()));
        }
        let against = self.rights.kept_from_archive(&claimed.submission.organisation, record);
        match against {
            Some(against)
                if claimed.handed_over.is_none()
                    && against.passes_on().is_none()
                    && self.rights.hands_over_by_itself(&record.organiser.oid) =>
            {
                Err(Stop::HandOver(against))
            }
            None if claimed.predecessor.as_ref().is_some_and(Predecessor::may_still_come) => {
                Err(Stop::Hold { until: None, why: predecessor_handed_over() })
            }
            _ => Ok(()),
        }
    }

    /// The record, naming the case that its document was handed over with: nothing else is looked for then.
    fn with_case_in<'a>(&self, kept: Option<&[u8]>, record: &'a LocalRecord) -> Cow<'a, LocalRecord> {
        match kept.and_then(|kept| self.pipeline.case_in(kept)) {
            Some(case) => Cow::Owned(LocalRecord { case: CaseReference::Known(case), ..record.clone() }),
            None => Cow::Borrowed(record),
        }
    }

    /// Keeps the package for the organiser. It ends here, until somebody takes it back.
    async fn hand_over(&self, claimed: &Claimed, record: &LocalRecord, against: Denial) -> Result<(), StoreError> {
        let (submission, now) = (&claimed.submission, self.clock.now());
        let against = Against::Parties(against);
        let order = Order::try_new(claimed, record, None, &against).map_err(PrepareFault::Lasting);
        let made = match order {
            Ok(order) => order.carry_out(&self.pipeline, now).await,
            Err(fault) => Err(fault),
        };
        let handover = match self.after_making(&submission.organisation, Made::Package, made) {
            Ok(handover) => handover,
            Err(stop) => return self.stop(submission, stop, Vec::new()).await,
        };
        let event = Event::HandOver { why: against.cause() };
        let facts = json!({ "why": against.codes(), "organiser": record.organiser.oid });
        let step = Step { facts, after: Some(submission.change), ..Step::plain(event, self.actor()) };
        match self.store.hand_over(&submission.id, &handover, step, now).await {
            Ok(moved) => {
                self.metrics.count_handed_over();
                tracing::info!(submission = %moved.id, document = %moved.document.document, "handed over another way");
                Ok(())
            }
            // Withdrawn meanwhile: nothing is kept of the package.
            Err(StoreError::Illegal(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What an earlier run had accepted may also have been sent by it, if this database was put back from a backup; what was handed
    /// over another way may have been archived by the organiser: then the archive has it, under its id, and it must not leave. Answers
    /// why the archive does not say: a right that does not hold tells that better, and is looked at first.
    async fn ask_if_sent_before(
        &self,
        submission: &Submission,
        asker: &Asker,
        kept: Option<&[u8]>,
        reads: &mut Vec<Value>,
    ) -> Result<Option<Cause>, Stop> {
        let needless = !submission.from_earlier_run || self.run.not_there.has(&submission.id);
        if needless && kept.is_none() {
            return Ok(None);
        }
        let may_be_on_its_way = self.run.steady.questions_wait(&*self.clock).is_some();
        let presence = self.archive.presence(asker, &Ground::OwnDocument, &submission.document.document).await;
        self.line_after(&submission.organisation, presence.as_ref().map(drop));
        // What an earlier run had sent is not known here, so that only bytes that were handed over can be compared.
        let known = kept.map(Digest::of);
        let judged = presence.map(|presence| same::judge(&presence, &submission.document, known));
        let outcome = judged.as_ref().map_or("unanswered", Judgement::name);
        self.metrics.count_question(outcome);
        reads.push(use_of("presence", asker, outcome, Value::Null));
        match judged {
            Ok(Judgement::Same(proof)) => Err(Stop::Found(proof)),
            Ok(Judgement::Other) => Err(Stop::Alarm(other_bytes())),
            Ok(Judgement::Absent) => {
                if kept.is_none() && !may_be_on_its_way {
                    self.run.not_there.remember(&submission.id);
                }
                Ok(None)
            }
            Err(ArchiveFault::Lasting { why }) => Ok(Some(why)),
            Err(passing) => Err(passing.into()),
        }
    }

    /// The case; finding it, or checking the one that is named, is a use of the register.
    async fn case(
        &self,
        askers: &[Asker],
        authority: &Authority,
        record: &LocalRecord,
        reads: &mut Vec<Value>,
    ) -> Result<Option<Oid>, Stop> {
        let mut read = Reads::default();
        let resolved = case::resolve(&self.rights, askers, authority, record, &mut read).await;
        let outcome = resolved.as_ref().map_or_else(|stop| stop.code().to_owned(), |_| "found".to_owned());
        let ground = match authority {
            Authority::OwnRegister => json!("own_register"),
            Authority::RegisterAccess(permit) => json!(permit.record()),
        };
        for read in read.names() {
            // Decisions are read of the first client, cases of each.
            let of = if read == "decisions" { 1 } else { askers.len() };
            reads.extend(askers.iter().take(of).map(|asker| use_of(read, asker, &outcome, ground.clone())));
        }
        if let (Err(Stop::Later { asked, why }), Some(asker)) = (&resolved, askers.first()) {
            self.line_fails(&asker.organisation, why, *asked);
        }
        resolved
    }

    /// Keeps account of an exchange. A question that was refused says nothing about the line.
    fn line_after(&self, organisation: &Oid, exchange: Result<(), &ArchiveFault>) {
        match exchange {
            Ok(()) => self.line_works(organisation),
            Err(ArchiveFault::Passing { retry_after, why }) => self.line_fails(organisation, why, *retry_after),
            Err(ArchiveFault::Lasting { why }) => self.metrics.count_archive_fault(&why.code),
        }
    }

    /// Builds and signs on a thread where blocking harms nobody.
    async fn prepare(
        &self,
        submission: &Submission,
        payload: Vec<u8>,
        case: Option<Oid>,
        authority: Authority,
        kept: Option<&[u8]>,
    ) -> Result<Outbound, Stop> {
        let (pipeline, created) = (Arc::clone(&self.pipeline), self.clock.now());
        let organisation = submission.organisation.clone();
        let (ids, number) = (submission.document.clone(), submission.message_number.clone());
        let kept = kept.map(<[u8]>::to_vec);
        let make = move || {
            pipeline.prepare(&Preparation {
                organisation: &organisation,
                payload: &payload,
                ids: &ids,
                message_number: &number,
                created,
                case: case.as_ref(),
                authority: &authority,
                kept: kept.as_deref(),
            })
        };
        let made = match self.pipeline.pace() {
            Pace::Instant => make(),
            Pace::Blocks => tokio::task::spawn_blocking(make).await.map_err(|_| Stop::Park(pipeline_failed()))?,
        };
        self.after_making(&submission.organisation, Made::Document, made)
    }

    async fn stop(&self, submission: &Submission, stop: Stop, reads: Vec<Value>) -> Result<(), StoreError> {
        let now = self.clock.now();
        let facts = match reads.is_empty() {
            true => json!({ "why": stop.code() }),
            false => json!({ "why": stop.code(), "reads": reads }),
        };
        let (event, cause) = match stop {
            Stop::Found(proof) => return self.find(submission, proof, facts).await,
            Stop::Alarm(why) => return self.alarm(submission, why, facts).await,
            Stop::Later { asked, why } => {
                let first = self.first_delay(&submission.organisation, self.settings.retry_delay_min);
                let at = self.retry_at(submission.attempts, asked, first);
                (Event::RetryLater { at }, Some(why))
            }
            Stop::Park(why) => (Event::Park { why }, None),
            Stop::Needless(why) => {
                (Event::Abandon { by: self.actor().name, why: why.message.en.clone().into_owned() }, None)
            }
            // Only of one that is carried, and that is handed over there.
            Stop::HandOver(against) => (Event::Park { why: cause_of(&against) }, None),
            Stop::Hold { until, why } if self.patience_is_over(submission, &why, until, now) => {
                (Event::Park { why }, None)
            }
            Stop::Hold { until, why } => {
                let recheck_at = later(now, self.settings.recheck_every);
                (Event::Hold { until, recheck_at, why }, None)
            }
        };
        self.moved(submission, Step { cause, facts, ..Step::plain(event, self.actor()) }).await.map(drop)
    }

    /// A moment that is known to come is waited for; anything else for a limited time.
    fn patience_is_over(&self, of: &Submission, why: &Cause, until: Option<Timestamp>, now: Timestamp) -> bool {
        let since = of.held_since.filter(|_| of.held_for.as_ref() == Some(&why.code)).unwrap_or(now);
        until.is_none_or(|at| at <= now) && now >= later(since, self.settings.held_age_max)
    }

    /// What was read for a submission that somebody else has moved meanwhile, or whose step is not kept: the register was used all
    /// the same.
    async fn log_reads(&self, submission: &Submission, outcome: &'static str, reads: &Value) -> Result<(), StoreError> {
        if reads.as_array().is_none_or(Vec::is_empty) {
            return Ok(());
        }
        let entry = Use {
            action: "submission.reads",
            outcome: outcome.into(),
            actor: self.actor(),
            subject: json!({ "submission": submission.id.as_str(), "reads": reads }),
        };
        self.store.log_use(entry, self.clock.now()).await
    }

    /// As it is after its step; none when it was withdrawn, abandoned or handed over meanwhile: what it is now stands.
    async fn moved(&self, submission: &Submission, step: Step) -> Result<Option<Submission>, StoreError> {
        let reads = step.facts.get("reads").cloned().unwrap_or_default();
        let step = Step { after: Some(submission.change), ..step };
        match self.store.step(&submission.id, step, self.clock.now()).await {
            Ok(moved) => {
                tracing::debug!(submission = %moved.id, state = moved.state.name(), "moved");
                if matches!(moved.state, State::Parked { .. }) {
                    self.run.lanes.note_parked();
                }
                Ok(Some(moved))
            }
            Err(StoreError::Illegal(_)) => self.log_reads(submission, MOVED, &reads).await.map(|()| None),
            Err(error) => Err(error),
        }
    }
}

impl Stop {
    /// How it ended, in a word.
    fn code(&self) -> &str {
        match self {
            Self::Later { why, .. } | Self::Hold { why, .. } => &why.code,
            Self::Park(why) | Self::Alarm(why) | Self::Needless(why) => &why.code,
            Self::Found(_) => "found",
            Self::HandOver(_) => "handed_over",
        }
    }
}

/// A use of the register on the way, for the use log: what, who, about whom, how it ended, on what ground.
fn use_of(read: &str, asker: &Asker, outcome: &str, ground: Value) -> Value {
    json!({ "read": read, "by": audit::of_search(asker), "outcome": outcome, "ground": ground })
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
