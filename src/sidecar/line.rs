//! The line to the archive: the sidecar's [`Archive`] port over the archive client.
//!
//! Fetched documents are verified and decoded here; what does not verify grants nothing and is not passed on. Decides nothing
//! about rights or cases.

mod cause;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::ports::{
    Archive, ArchiveFault, Asker, CaseEntry, CaseStatus, CasesWanted, Clock, Contents, DecisionEntry, DecisionsWanted,
    Fetched, Ground, Outbound, Outcome, Presence, Remark, SystemClock,
};
use crate::archive::client::{self, Acting, ArchiveClient};
use crate::archive::keys::OpensslCrypto;
use crate::archive::transport::Transport;
use crate::domain::access::{Authority, Evidence};
use crate::domain::document::read::{ReadDocument, read};
use crate::domain::finding::Finding;
use crate::domain::oid::Oid;
use crate::domain::relationship::Relationship;
use crate::domain::signature::{ExpectedSigner, SignatureKind, Trust, TrustPolicy, verify};
use crate::domain::submission::Cause;
use crate::domain::text::Text;
use crate::domain::wire::Envelope;
use crate::domain::wire::answer::{self, Entry, NotNow};

/// Documents that one search fetches at most; the rest is not looked into, and the search says so by failing.
const FETCHED_MAX: usize = 50;

/// One client of the archive for each organisation that this installation sends for.
pub struct Line<T, C = SystemClock> {
    clients: BTreeMap<Oid, Arc<ArchiveClient<T>>>,
    trust: Trust,
    clock: C,
}

/// Who must have signed a document for it to be believed.
#[derive(Clone, Copy)]
enum Signer {
    /// The organiser's own system: what grants rights and names cases must not come from whom it grants to.
    OrganisersSystem,
    /// A professional: decisions.
    Professional,
}

impl<T: Transport + 'static, C: Clock> Line<T, C> {
    /// A line for these organisations; other parties' signatures are judged by `trust`.
    pub fn new(clients: BTreeMap<Oid, Arc<ArchiveClient<T>>>, trust: Trust, clock: C) -> Self {
        Self { clients, trust, clock }
    }

    fn client(&self, asker: &Asker) -> Result<&ArchiveClient<T>, ArchiveFault> {
        self.clients.get(&asker.organisation).map(|c| &**c).ok_or_else(|| lasting("archive.sender", SENDER))
    }

    /// Reads a fetched document, when it is of the asked client, agrees with itself (its header is not signed: what was
    /// changed there shows only so) and its signature holds.
    fn decode(&self, fetched: &answer::Fetched, asker: &Asker, signer: Signer) -> Result<ReadDocument, Text> {
        let document = read(&fetched.xml).map_err(|_| UNREADABLE)?;
        let (header, ids) = (&document.header, &fetched.entry.ids);
        let same = header.document.as_ref() == Some(&ids.document) && header.set.as_ref() == Some(&ids.set);
        if !same || header.version != Some(ids.version) {
            return Err(OTHER_DOCUMENT);
        }
        if !header.clients.iter().any(|c| c.ids.contains(&asker.client)) {
            return Err(OTHER_CLIENT);
        }
        if document.findings.iter().any(Finding::is_error) {
            return Err(DISAGREES);
        }
        let (kind, system_signer) = match signer {
            Signer::OrganisersSystem => {
                (SignatureKind::System, ExpectedSigner::Organisation(organisation_node(&asker.organiser.oid)))
            }
            Signer::Professional => (SignatureKind::Professional, ExpectedSigner::Anyone),
        };
        let policy = TrustPolicy { trust: self.trust.clone(), system_signer, now: self.clock.now() };
        let verdict = verify(document.tree(), &OpensslCrypto, &policy);
        if verdict.is_valid_and_signed_by(kind) { Ok(document) } else { Err(NOT_SIGNED) }
    }

    async fn fetch(
        &self,
        entry: &Entry,
        asker: &Asker,
        authority: &Authority,
        signer: Signer,
    ) -> Result<Result<ReadDocument, Text>, ArchiveFault> {
        let client = self.client(asker)?;
        let fetched = client.document(&entry.ids.document, &asker.client, acting(asker), authority).await;
        match fetched.map_err(cause::of_question)? {
            Some(fetched) => Ok(self.decode(&fetched, asker, signer)),
            None => Ok(Err(GONE)),
        }
    }

    async fn decision_case(
        &self,
        decision: &Oid,
        asker: &Asker,
        authority: &Authority,
    ) -> Result<Option<Oid>, ArchiveFault> {
        let entries = self.client(asker)?.decisions(&asker.client, &[], None, acting(asker), authority).await;
        let entries = entries.map_err(cause::of_question)?;
        Ok(entries.into_iter().find(|e| e.ids.document == *decision).and_then(|e| e.case))
    }
}

impl<T: Transport + 'static, C: Clock> Archive for Line<T, C> {
    async fn relationship(&self, asker: &Asker) -> Result<Option<Evidence>, ArchiveFault> {
        let client = self.client(asker)?;
        let found = client.relationship(&asker.client, &asker.organiser.oid, acting(asker)).await;
        let Some(fetched) = found.map_err(cause::of_question)? else { return Ok(None) };
        let document = self
            .decode(&fetched, asker, Signer::OrganisersSystem)
            .map_err(|why| lasting("archive.relationship", why))?;
        let content = document.content.as_ref().and_then(Value::as_object);
        Ok(Some(Evidence {
            document: fetched.entry.ids,
            organiser: fetched.entry.custodian,
            relationship: content.map(Relationship::from_content).unwrap_or_default(),
            fetched_at: self.clock.now(),
        }))
    }

    async fn cases(
        &self,
        asker: &Asker,
        authority: &Authority,
        wanted: &CasesWanted,
    ) -> Result<Vec<CaseEntry>, ArchiveFault> {
        let of_decision = match &wanted.decision {
            None => None,
            Some(decision) => match self.decision_case(decision, asker, authority).await? {
                None => return Ok(Vec::new()),
                case => case,
            },
        };
        let task = wanted.service_task.as_deref();
        let entries = self.client(asker)?.cases(&asker.client, task, acting(asker), authority).await;
        let entries = entries.map_err(cause::of_question)?;
        let is = |e: &Entry, case: &Option<Oid>| case.is_none() || e.case == *case;
        let asked_for = |e: &Entry| is(e, &of_decision) && is(e, &wanted.case);
        let entries = bounded(newest_versions(entries).into_iter().filter(asked_for).collect())?;
        let mut cases = Vec::new();
        for entry in entries {
            let Some(case) = entry.case.clone() else { continue };
            let status = match self.fetch(&entry, asker, authority, Signer::OrganisersSystem).await? {
                // The header is what was searched by, the content is what was signed.
                Ok(document) if document.header.case.as_ref() != Some(&case) => CaseStatus::NotVerified(OTHER_DOCUMENT),
                Ok(document) => status(document.content.as_ref().and_then(Value::as_object)),
                Err(why) => CaseStatus::NotVerified(why),
            };
            cases.push(CaseEntry { case, document: entry.ids.document, service_task: entry.service_task, status });
        }
        Ok(cases)
    }

    async fn decisions(
        &self,
        asker: &Asker,
        authority: &Authority,
        wanted: &DecisionsWanted,
    ) -> Result<Vec<DecisionEntry>, ArchiveFault> {
        let types: Vec<&str> = wanted.specific_type.as_deref().into_iter().collect();
        let task = wanted.service_task.as_deref();
        let entries = self.client(asker)?.decisions(&asker.client, &types, task, acting(asker), authority).await;
        let mut entries = newest_versions(entries.map_err(cause::of_question)?);
        if wanted.contents == Contents::Fetch {
            entries = bounded(entries)?;
        }
        let mut decisions = Vec::new();
        for entry in entries {
            let fetched = match wanted.contents {
                Contents::Omit => Fetched::No,
                Contents::Fetch => match self.fetch(&entry, asker, authority, Signer::Professional).await? {
                    Ok(document) => Fetched::Verified(document.content.unwrap_or(Value::Null)),
                    Err(why) => Fetched::NotVerified(why),
                },
            };
            decisions.push(DecisionEntry {
                document: entry.ids.document,
                case: entry.case,
                specific_type: entry.specific_type,
                structure: entry.structure,
                service_task: entry.service_task,
                drawn_up: entry.drawn_up,
                fetched,
            });
        }
        Ok(decisions)
    }

    async fn presence(&self, asker: &Asker, _: &Ground, document: &Oid) -> Result<Presence, ArchiveFault> {
        let client = self.client(asker)?;
        let presence = client.question(document, &asker.organiser.oid, acting(asker)).await;
        Ok(match presence.map_err(cause::of_question)? {
            client::Presence::Stored(_) => Presence::Stored,
            client::Presence::Absent => Presence::Absent,
        })
    }

    async fn send(&self, outbound: &Outbound) -> Outcome {
        let Outbound { soap_action, content_type, body } = outbound.clone();
        let envelope = Envelope::from_parts(soap_action, content_type, body);
        // Every client has the same transport and profile; the envelope says itself who sends.
        let (Ok(envelope), Some(client)) = (envelope, self.clients.values().next()) else {
            return Outcome::TryLater { retry_after: None, why: Cause::new("archive.envelope", ENVELOPE) };
        };
        match client.send(&envelope).await {
            answer::Outcome::Archived(receipt) => Outcome::Archived(remarks(receipt.details)),
            answer::Outcome::Rejected(rejection) if rejection.duplicate_id => {
                Outcome::Duplicate(remarks(rejection.details))
            }
            answer::Outcome::Rejected(rejection) => Outcome::Rejected(remarks(rejection.details)),
            answer::Outcome::TryLater { why: NotNow::NothingSent(why), retry_after } => {
                Outcome::TryLater { retry_after, why: cause::of_unsent(why) }
            }
            answer::Outcome::TryLater { why: NotNow::NotProcessed(_), retry_after } => {
                Outcome::TryLater { retry_after, why: Cause::new("archive.not_processed", cause::NOT_PROCESSED) }
            }
            answer::Outcome::Unknown { why, retry_after } => {
                Outcome::Unknown { retry_after, why: cause::of_doubt(&why) }
            }
        }
    }
}

/// The node that all of an organisation's OIDs stand below, `1.2.246.10.<business id>` (JHS 159): register owners and signing
/// systems of one organisation differ in what follows.
fn organisation_node(oid: &Oid) -> Oid {
    let node: Vec<&str> = oid.arcs().take(5).collect();
    node.join(".").parse().unwrap_or_else(|_| oid.clone())
}

/// A case is open while its document has no closing day (`asian_tiedot.paattymispaiva`); the values of its status code are
/// not public.
fn status(content: Option<&Map<String, Value>>) -> CaseStatus {
    let facts = content.and_then(|c| c.values().next()).and_then(|root| root.get("asian_tiedot"));
    match facts.map(|facts| facts.get("paattymispaiva")) {
        None => CaseStatus::NotVerified(UNREADABLE),
        Some(None) => CaseStatus::Open,
        Some(Some(_)) => CaseStatus::Closed,
    }
}

/// Of each document the newest version alone, in the archive's order: an older one may say that a closed case is open.
fn newest_versions(entries: Vec<Entry>) -> Vec<Entry> {
    let mut newest: BTreeMap<Oid, u32> = BTreeMap::new();
    for entry in &entries {
        let version = newest.entry(entry.ids.set.clone()).or_default();
        *version = entry.ids.version.max(*version);
    }
    entries.into_iter().filter(|e| newest.get(&e.ids.set) == Some(&e.ids.version)).collect()
}

fn bounded(entries: Vec<Entry>) -> Result<Vec<Entry>, ArchiveFault> {
    if entries.len() > FETCHED_MAX { Err(lasting("archive.too_many", TOO_MANY)) } else { Ok(entries) }
}

fn acting(asker: &Asker) -> Acting<'_> {
    Acting { worker: &asker.worker, unit: &asker.unit }
}

fn remarks(details: Vec<answer::Detail>) -> Vec<Remark> {
    let remark = |d: answer::Detail| Remark { code: d.code.unwrap_or_default(), text: d.text.unwrap_or_default() };
    details.into_iter().map(remark).collect()
}

fn lasting(code: &str, why: Text) -> ArchiveFault {
    ArchiveFault::Lasting { why: Cause::new(code, why) }
}

pub(super) const SENDER: Text = Text::fixed(
    "tätä organisaatiota ei ole määritetty lähettäjäksi",
    "denna organisation är inte konfigurerad som avsändare",
    "this organisation is not configured as a sender",
);
const UNREADABLE: Text = Text::fixed(
    "arkiston antamaa asiakirjaa ei voi lukea",
    "handlingen från arkivet kan inte läsas",
    "the archive's document cannot be read",
);
const OTHER_DOCUMENT: Text = Text::fixed(
    "arkisto antoi toisen asiakirjan kuin pyydettiin",
    "arkivet gav en annan handling än den som begärdes",
    "the archive gave another document than was asked for",
);
const OTHER_CLIENT: Text = Text::fixed(
    "asiakirja koskee toista asiakasta",
    "handlingen gäller en annan klient",
    "the document is about another client",
);
const DISAGREES: Text = Text::fixed(
    "asiakirjan metatiedot ja sisältö ovat ristiriidassa",
    "handlingens metadata och innehåll stämmer inte överens",
    "the document's metadata and content do not agree",
);
const NOT_SIGNED: Text = Text::fixed(
    "asiakirjan allekirjoitus ei pidä tai siihen ei luoteta",
    "handlingens signatur håller inte eller är inte betrodd",
    "the document's signature does not hold or is not trusted",
);
const GONE: Text = Text::fixed(
    "asiakirja ei ole enää arkistossa",
    "handlingen finns inte längre i arkivet",
    "the document is no longer in the archive",
);
const TOO_MANY: Text = Text::fixed(
    "haussa on enemmän asiakirjoja kuin kerralla haetaan",
    "sökningen ger fler handlingar än vad som hämtas på en gång",
    "the search has more documents than are fetched at once",
);
const ENVELOPE: Text = Text::fixed(
    "tallennettua sanomaa ei voi lähettää",
    "det lagrade meddelandet kan inte sändas",
    "the stored message cannot be sent",
);
