//! An invalidation's way: ask what the archive knows of the document, envelope, send, verdict.
//!
//! Needs no right: what its sender has stored, or what is in its own register, may be invalidated also after a right has ended
//! (`docs/wire.md` 8); the archive judges. States, sending and asking again are the journey's.

use serde_json::{Value, json};

use super::cause::unreadable;
use super::same::Judgement;
use super::{LinePlace, Stop, Worker, use_of};
use crate::domain::document::header::DocumentGroup;
use crate::domain::document::invalidation::order::InvalidationOrder;
use crate::domain::document::invalidation::{Extent, Invalidation, Subject};
use crate::domain::oid::Oid;
use crate::domain::submission::{Cause, Class};
use crate::domain::text::Text;
use crate::domain::time::Instant;
use crate::domain::wire::answer::{Entry, EntryStatus};
use crate::sidecar::ports::{Archive, ArchiveFault, Asker, Clock, Ground, Invalidating, Outbound, Proof};
use crate::sidecar::store::{Claimed, Predecessor, Store, StoreError, StoredEnvelope, Submission};
use crate::sidecar::worker::making::Made;

impl<S: Store, A: Archive, C: Clock> Worker<S, A, C> {
    /// Carries a claimed invalidation as far as it goes now.
    pub(super) async fn carry_invalidation(
        &self,
        claimed: Claimed,
        target: &Oid,
        extent: Extent,
        place: LinePlace,
    ) -> Result<(), StoreError> {
        let Claimed { submission, payload, envelope, predecessor, .. } = claimed;
        let order = InvalidationOrder::of_kept(&payload).ok();
        let asker = order.as_ref().and_then(|order| asker(&submission, order));
        if let Some(envelope) = envelope {
            return self.reconcile(&submission, asker, envelope, place).await;
        }
        let (Some(order), Some(asker)) = (order, asker) else {
            return self.stop(&submission, Stop::Park(unreadable()), Vec::new()).await;
        };
        let mut reads = Vec::new();
        let about = (target, predecessor.as_ref());
        let ready = match self.entry_of(&submission, &asker, about, extent, &mut reads).await {
            Ok(entry) => self.invalidation_envelope(&submission, &order, &entry, extent),
            Err(stop) => Err(stop),
        };
        match ready {
            Ok(envelope) => self.launch(&submission, envelope, reads, place).await,
            Err(stop) => self.stop(&submission, stop, reads).await,
        }
    }

    /// What the archive knows of the document, when there is still something to invalidate.
    async fn entry_of(
        &self,
        submission: &Submission,
        asker: &Asker,
        (target, before): (&Oid, Option<&Predecessor>),
        extent: Extent,
        reads: &mut Vec<Value>,
    ) -> Result<Entry, Stop> {
        let (class, at_organiser) = (before.map(|of| of.class), before.is_some_and(|of| of.was_handed_over));
        if class == Some(Class::Rejected) && !at_organiser {
            return Err(Stop::Needless(never_arrived()));
        }
        let entry = self.archive.entry(asker, target).await;
        self.line_after(&submission.organisation, entry.as_ref().map(drop));
        let outcome = match &entry {
            Ok(Some(_)) => "stored",
            Ok(None) => "absent",
            Err(_) => "unanswered",
        };
        self.metrics.count_question(outcome);
        reads.push(use_of("presence", asker, outcome, json!({ "document": target })));
        match (entry?, class) {
            (Some(entry), _) if entry.status == EntryStatus::Nullified && extent == Extent::ThisVersion => {
                Err(Stop::Found(Proof::Found))
            }
            (Some(entry), _) => Ok(entry),
            // The organiser may archive it itself yet.
            (None, _) if at_organiser => Err(Stop::Hold { until: None, why: handed_over() }),
            // Given up while its answer was missing, and it did not arrive.
            (None, Some(Class::Abandoned)) => Err(Stop::Needless(never_arrived())),
            (None, _) => Err(Stop::Park(unknown_document())),
        }
    }

    fn invalidation_envelope(
        &self,
        submission: &Submission,
        order: &InvalidationOrder,
        entry: &Entry,
        extent: Extent,
    ) -> Result<StoredEnvelope, Stop> {
        let group = entry.group.as_ref().and_then(|group| DocumentGroup::by_code(&group.code));
        let group = group.ok_or_else(|| Stop::Park(unknown_group()))?;
        if entry.custodian != order.organiser.oid || !same_clients(order, entry) {
            return Err(Stop::Park(differs()));
        }
        let subject =
            Subject { ids: &entry.ids, group, register_owner: &entry.custodian, clients: &order.clients, made: None };
        let decided = Instant::in_finland(submission.accepted_at);
        let invalidation = Invalidation::try_new(&subject, extent, &order.reason, decided);
        let invalidation = invalidation.map_err(|_| Stop::Park(unreadable()))?;
        let outbound = self.invalidation_outbound(submission, order, &invalidation)?;
        Ok(StoredEnvelope { outbound, ground: Ground::OwnDocument, case: None })
    }

    fn invalidation_outbound(
        &self,
        submission: &Submission,
        order: &InvalidationOrder,
        invalidation: &Invalidation,
    ) -> Result<Outbound, Stop> {
        let made = self.pipeline.invalidation(&Invalidating {
            organisation: &submission.organisation,
            invalidation,
            worker: &order.acting_worker,
            unit: &order.unit,
            message_number: &submission.message_number,
            created: self.clock.now(),
        });
        self.after_making(&submission.organisation, Made::Invalidation, made)
    }

    /// Whether an invalidation that may have left has arrived. Of all versions it is not known from one: the same message leaves
    /// again, which invalidates nothing twice (`docs/wire.md` 5.1).
    pub(super) async fn invalidated(
        &self,
        asker: &Asker,
        target: &Oid,
        extent: Extent,
    ) -> Result<Judgement, ArchiveFault> {
        let entry = self.archive.entry(asker, target).await?;
        let nullified = entry.is_some_and(|entry| entry.status == EntryStatus::Nullified);
        Ok(match extent {
            Extent::ThisVersion if nullified => Judgement::Same(Proof::Found),
            Extent::ThisVersion | Extent::AllVersions => Judgement::Absent,
        })
    }
}

/// Whether the order names the document's clients, and no others.
fn same_clients(order: &InvalidationOrder, entry: &Entry) -> bool {
    let named = || order.clients.iter().filter_map(|client| client.id());
    named().all(|id| entry.clients.iter().any(|client| client.is(&id)))
        && entry.clients.iter().all(|client| named().any(|id| client.is(&id)))
}

fn asker(submission: &Submission, order: &InvalidationOrder) -> Option<Asker> {
    Some(Asker {
        organisation: submission.organisation.clone(),
        organiser: order.organiser.clone(),
        unit: order.unit.clone(),
        worker: order.acting_worker.clone(),
        link: order.professional_link.clone(),
        client: order.clients.iter().find_map(|client| client.id())?,
    })
}

fn never_arrived() -> Cause {
    let text = Text::fixed(
        "asiakirja ei päätynyt arkistoon: mitätöitävää ei ole",
        "handlingen kom inte till arkivet: det finns inget att makulera",
        "the document did not reach the archive: there is nothing to invalidate",
    );
    Cause::new("invalidation.never_arrived", text)
}

fn unknown_document() -> Cause {
    let text = Text::fixed(
        "arkistossa ei ole tällaista asiakirjaa, tai sen on tallentanut joku muu: tarkista tunnus ja palvelunjärjestäjä",
        "arkivet har ingen sådan handling, eller så har någon annan lagrat den: kontrollera koden och tjänsteanordnaren",
        "the archive has no such document, or somebody else has stored it: check its id and the organiser",
    );
    Cause::new("invalidation.unknown_document", text)
}

fn handed_over() -> Cause {
    let text = Text::fixed(
        "asiakirja on luovutettu muuta tietä eikä ole arkistossa: ilmoita mitätöinnistä palvelunjärjestäjälle sovittua kanavaa pitkin ja luovu sitten tästä; asiakirjaa ei tänä aikana palauteta arkistoitavaksi",
        "handlingen har överlämnats på annat sätt och finns inte i arkivet: meddela tjänsteanordnaren om makuleringen via den avtalade kanalen och ge sedan upp denna; handlingen tas inte tillbaka under tiden",
        "the document was handed over another way and is not in the archive: tell the organiser of the invalidation by the agreed channel, then give this up; the document is not taken back meanwhile",
    );
    Cause::new("invalidation.handed_over", text)
}

fn unknown_group() -> Cause {
    let text = Text::fixed(
        "arkisto ei kerro asiakirjan ryhmää, jota mitätöinti tarvitsee",
        "arkivet anger inte handlingens grupp, som makuleringen behöver",
        "the archive does not tell the document's group, which an invalidation needs",
    );
    Cause::new("invalidation.unknown_group", text)
}

fn differs() -> Cause {
    let text = Text::fixed(
        "asiakirjan asiakkaat tai palvelunjärjestäjä ovat arkistossa toiset kuin mitätöinnissä: luovu tästä ja tee uusi",
        "handlingens klienter eller tjänsteanordnare är andra i arkivet än i makuleringen: ge upp denna och gör en ny",
        "the document's clients or organiser are others in the archive than in the invalidation: give this up, make a new one",
    );
    Cause::new("invalidation.differs", text)
}
