//! A submission as callers see it: state, reason, way, verdict and what to do next.

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::document::invalidation::Extent;
use crate::domain::finding::Finding;
use crate::domain::oid::Oid;
use crate::domain::submission::{Cause, Class, Kind, Receipt, State};
use crate::domain::text::Text;
use crate::sidecar::ports::Verdict;
use crate::sidecar::store::{Submission, SubmissionId, TimelineEntry};

/// One submission.
#[derive(Serialize)]
pub(super) struct Shown {
    id: SubmissionId,
    state: &'static str,
    class: Class,
    kind: &'static str,
    /// What is to be invalidated, of an invalidation.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Target>,
    #[serde(flatten)]
    document: Option<Document>,
    unit: Oid,
    accepted_at: Timestamp,
    updated_at: Timestamp,
    next_attempt_at: Option<Timestamp>,
    change: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Cause>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Finding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    archive: Option<Verdict>,
    next_action: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<Oid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handed_over_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<Receipt>,
    /// The open invalidation of what was handed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    invalidated_by: Option<SubmissionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeline: Option<Vec<TimelineEntry>>,
}

/// A document that is to count no longer.
#[derive(Serialize)]
struct Target {
    document_id: Oid,
    extent: Extent,
}

/// A document that is to be archived.
#[derive(Serialize)]
struct Document {
    document_id: Oid,
    set_id: Oid,
    version: u32,
    structure: Oid,
}

impl Shown {
    pub(super) fn new(submission: Submission) -> Self {
        let (held_until, why) = match &submission.state {
            State::Held { until, why } => (*until, Some(why.clone())),
            _ => (None, why(&submission)),
        };
        let receipt = match &submission.state {
            State::HandedOver { receipt, .. } => receipt.clone(),
            _ => None,
        };
        Self {
            state: submission.state.name(),
            class: submission.state.class(),
            next_action: next_action(&submission),
            id: submission.id,
            kind: submission.kind.name(),
            document: (submission.kind == Kind::Document).then_some(Document {
                document_id: submission.document.document,
                set_id: submission.document.set,
                version: submission.document.version,
                structure: submission.structure,
            }),
            target: match submission.kind {
                Kind::Document => None,
                Kind::Invalidation { target, extent } => Some(Target { document_id: target, extent }),
            },
            unit: submission.unit,
            accepted_at: submission.accepted_at,
            updated_at: submission.updated_at,
            next_attempt_at: submission.due_at,
            change: submission.change,
            held_until,
            why,
            findings: submission.warnings,
            archive: submission.verdict,
            attempts: None,
            waits_for: None,
            handed_over_at: submission.handed_over_at,
            receipt,
            invalidated_by: submission.invalidated_by,
            timeline: None,
        }
    }

    /// Also with what an operator wants to know.
    pub(super) fn for_operator(submission: Submission) -> Self {
        let (attempts, waits_for) = (Some(submission.attempts), submission.waits_for.clone());
        Self { attempts, waits_for, ..Self::new(submission) }
    }

    pub(super) fn with_timeline(self, timeline: Vec<TimelineEntry>) -> Self {
        Self { timeline: Some(timeline), ..self }
    }
}

/// What stands in its way: the document that it waits for, else what was last met.
fn why(submission: &Submission) -> Option<Cause> {
    match &submission.waits_for {
        Some(document) if submission.state == State::Queued => Some(Cause::new(
            "version.predecessor_open",
            Text::made(
                format!("odottaa, että asiakirja {document}, jota se seuraa, on selvinnyt"),
                format!("väntar på att handlingen {document}, som den följer, är avgjord"),
                format!("waits until the document {document}, which it follows, is settled"),
            ),
        )),
        _ => submission.why.clone(),
    }
}

/// What the reader should do.
fn next_action(submission: &Submission) -> Text {
    match submission.kind {
        Kind::Document => of_document(submission),
        Kind::Invalidation { .. } => of_invalidation(&submission.state),
    }
}

fn of_invalidation(state: &State) -> Text {
    match state {
        State::Parked { .. } => Text::fixed(
            "Ratkaise kerrottu syy tai ilmoita palvelun ylläpitäjälle: asiakirja on yhä voimassa, ellei mitätöinti ehtinyt perille.",
            "Lös orsaken eller meddela den som driver tjänsten: handlingen gäller alltjämt, om inte makuleringen kom fram.",
            "Resolve the reason, or tell whoever runs this service: the document still counts, unless the invalidation arrived.",
        ),
        State::Archived => Text::fixed(
            "Ei toimia: asiakirja on mitätöity arkistossa.",
            "Ingenting: handlingen är makulerad i arkivet.",
            "Nothing: the document is invalidated in the archive.",
        ),
        State::Rejected => Text::fixed(
            "Arkisto ei mitätöinyt asiakirjaa: ratkaise sen kertoma syy ja mitätöi uudella Idempotency-Key-arvolla.",
            "Arkivet makulerade inte handlingen: lös orsaken som det anger och makulera med en ny Idempotency-Key.",
            "The archive did not invalidate the document: resolve what it names and invalidate with a new Idempotency-Key.",
        ),
        State::HandedOver { .. } | State::Abandoned { .. } => Text::fixed(
            "Ei toimia: mitätöinnistä luovuttiin.",
            "Ingenting: makuleringen gavs upp.",
            "Nothing: the invalidation was given up.",
        ),
        _ => Text::fixed(
            "Ei toimia: mitätöinti lähetetään tai tarkistetaan, kun sen vuoro tulee.",
            "Ingenting: makuleringen skickas eller kontrolleras när dess tur kommer.",
            "Nothing: the invalidation is sent, or looked into, when its turn comes.",
        ),
    }
}

fn of_document(submission: &Submission) -> Text {
    match &submission.state {
        State::Queued if submission.waits_for.is_some() => Text::fixed(
            "Ei toimia: asiakirja lähtee edeltäjänsä jälkeen.",
            "Ingenting: handlingen skickas efter sin föregångare.",
            "Nothing: the document leaves after the one before it.",
        ),
        State::Queued | State::Claimed if submission.why.is_some() => Text::fixed(
            "Ei toimia: lähettämistä yritetään uudelleen. Jos syy jatkuu, ilmoita palvelun ylläpitäjälle.",
            "Ingenting: sändningen försöks på nytt. Om orsaken kvarstår, meddela den som driver tjänsten.",
            "Nothing: sending is tried again. If the reason lasts, tell whoever runs this service.",
        ),
        State::Parked { sent: true, .. } => Text::fixed(
            "Asiakirja voi olla arkistossa. Älä lähetä sitä uutena; ilmoita palvelun ylläpitäjälle.",
            "Handlingen kan finnas i arkivet. Skicka den inte som ny; meddela den som driver tjänsten.",
            "The archive may have the document. Do not submit it anew; tell whoever runs this service.",
        ),
        State::Queued | State::Claimed => Text::fixed(
            "Ei toimia: asiakirja lähetetään pian.",
            "Ingenting: handlingen skickas snart.",
            "Nothing: the document will be sent soon.",
        ),
        State::AwaitingSignature => Text::fixed(
            "Ammattihenkilön on allekirjoitettava asiakirja.",
            "En yrkesutbildad person ska underteckna handlingen.",
            "A professional must sign the document.",
        ),
        State::InFlight => Text::fixed(
            "Ei toimia: asiakirja on matkalla arkistoon.",
            "Ingenting: handlingen är på väg till arkivet.",
            "Nothing: the document is on its way to the archive.",
        ),
        State::Unknown | State::Reconciling => Text::fixed(
            "Ei toimia: arkistolta kysytään, saapuiko asiakirja. Älä lähetä sitä uutena.",
            "Ingenting: arkivet tillfrågas om handlingen kom fram. Skicka den inte som ny.",
            "Nothing: the archive is being asked whether the document arrived. Do not submit it anew.",
        ),
        State::Held { .. } => Text::fixed(
            "Ei toimia nyt: asiakirja odottaa kerrottua asiaa ja lähtee itsestään, kun se toteutuu.",
            "Ingenting nu: handlingen väntar på det som anges och skickas av sig själv när det inträffar.",
            "Nothing now: the document waits for what is named and leaves by itself when that comes.",
        ),
        State::Parked { .. } => Text::fixed(
            "Ratkaise kerrottu syy: korjaa ja lähetä uudelleen tai pyydä palvelunjärjestäjää toimimaan.",
            "Lös orsaken: rätta och skicka på nytt eller be tjänsteanordnaren agera.",
            "Resolve the reason: mend and submit again, or ask the service organiser to act.",
        ),
        State::Archived => Text::fixed(
            "Ei toimia: asiakirja on arkistossa.",
            "Ingenting: handlingen finns i arkivet.",
            "Nothing: the document is in the archive.",
        ),
        State::Rejected => Text::fixed(
            "Korjaa arkiston kertomat virheet ja lähetä asiakirja uudella Idempotency-Key-arvolla.",
            "Rätta felen som arkivet anger och skicka handlingen med en ny Idempotency-Key.",
            "Mend what the archive names and submit the document with a new Idempotency-Key.",
        ),
        State::HandedOver { .. } if submission.invalidated_by.is_some() => Text::fixed(
            "Ilmoita palvelunjärjestäjälle sovittua kanavaa pitkin, että asiakirja on mitätöity; se ei ole arkistossa.",
            "Meddela tjänsteanordnaren via den avtalade kanalen att handlingen är makulerad; den är inte i arkivet.",
            "Tell the organiser by the agreed channel that the document is invalidated; it is not in the archive.",
        ),
        State::HandedOver { receipt: None, .. } => Text::fixed(
            "Toimita paketti palvelunjärjestäjälle sovittua kanavaa pitkin ja kirjaa kuittaus; asiakirja ei ole arkistossa.",
            "Leverera paketet till tjänsteanordnaren via den avtalade kanalen och anteckna kvittot; handlingen är inte i arkivet.",
            "Deliver the package to the organiser by the agreed channel and enter the receipt; the document is not in the archive.",
        ),
        State::HandedOver { receipt: Some(_), .. } => Text::fixed(
            "Ei toimia: palvelunjärjestäjä on kuitannut luovutuksen. Asiakirja ei ole arkistossa.",
            "Ingenting: tjänsteanordnaren har kvitterat överlämningen. Handlingen är inte i arkivet.",
            "Nothing: the organiser has confirmed what was handed over. The document is not in the archive.",
        ),
        State::Abandoned { .. } => Text::fixed(
            "Ei toimia: lähetyksestä luovuttiin.",
            "Ingenting: försändelsen gavs upp.",
            "Nothing: the submission was given up.",
        ),
    }
}
