//! The line to the archive: the sidecar's [`Archive`] port over the archive client.
//!
//! Fetched documents are verified and decoded here; what does not verify grants nothing and is not passed on. Decides nothing
//! about rights or cases.

mod cause;
mod read;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::ports::{
    Archive, ArchiveFault, Asker, CasesWanted, Clock, Contents, Digest, Ground, HeldBytes, Holding, Listed, Outbound,
    Outcome, Page, PageWanted, Presence, Remark, SystemClock, Wanted,
};
use crate::archive::client::{self, Acting, ArchiveClient, Kept};
use crate::archive::transport::Transport;
use crate::domain::access::{Authority, Evidence};
use crate::domain::find_case::{KnownCase, KnownDecision};
use crate::domain::oid::Oid;
use crate::domain::relationship::Relationship;
use crate::domain::signature::Trust;
use crate::domain::submission::Cause;
use crate::domain::text::Text;
use crate::domain::wire::Envelope;
use crate::domain::wire::answer::{self, Entry, NotNow};
use read::Signer;

/// One client of the archive for each organisation that this installation sends for.
pub struct Line<T, C = SystemClock> {
    clients: BTreeMap<Oid, Arc<ArchiveClient<T>>>,
    trust: Trust,
    clock: C,
}

impl<T: Transport + 'static, C: Clock> Line<T, C> {
    /// A line for these organisations; other parties' signatures are judged by `trust`.
    pub fn new(clients: BTreeMap<Oid, Arc<ArchiveClient<T>>>, trust: Trust, clock: C) -> Self {
        Self { clients, trust, clock }
    }

    fn client(&self, asker: &Asker) -> Result<&ArchiveClient<T>, ArchiveFault> {
        self.clients.get(&asker.organisation).map(|c| &**c).ok_or_else(|| lasting("archive.sender", SENDER))
    }
}

impl<T: Transport + 'static, C: Clock> Archive for Line<T, C> {
    async fn relationship(&self, asker: &Asker) -> Result<Option<Evidence>, ArchiveFault> {
        let client = self.client(asker)?;
        let found = client.relationship(&asker.client, &asker.organiser.oid, acting(asker)).await;
        let Some(fetched) = found.map_err(cause::of_question)? else { return Ok(None) };
        let (document, _) = self
            .decode(&fetched, asker, Signer::OrganisersSystem)
            .map_err(|why| lasting("archive.relationship", why))?;
        let content = document.content().and_then(Value::as_object);
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
    ) -> Result<Vec<KnownCase>, ArchiveFault> {
        self.known_cases(asker, authority, wanted).await
    }

    async fn decisions(
        &self,
        asker: &Asker,
        authority: &Authority,
        contents: Contents,
    ) -> Result<Vec<KnownDecision>, ArchiveFault> {
        self.known_decisions(asker, authority, contents).await
    }

    async fn search(
        &self,
        asker: &Asker,
        authority: &Authority,
        wanted: &Wanted,
        page: &PageWanted,
    ) -> Result<Page, ArchiveFault> {
        self.page(asker, authority, wanted, page).await
    }

    async fn document(
        &self,
        asker: &Asker,
        authority: &Authority,
        document: &Oid,
    ) -> Result<Option<Listed>, ArchiveFault> {
        self.one(asker, authority, document).await
    }

    async fn presence(&self, asker: &Asker, _: &Ground, document: &Oid) -> Result<Presence, ArchiveFault> {
        let client = self.client(asker)?;
        let register = &asker.organiser.oid;
        let presence = client.question(document, register, acting(asker)).await;
        let client::Presence::Stored(entry) = presence.map_err(cause::of_question)? else {
            return Ok(Presence::Absent);
        };
        let bytes = match client.stored(document, register, acting(asker)).await.map_err(cause::of_question)? {
            Kept::Bytes(xml) => HeldBytes::Known(Digest::of(&xml)),
            Kept::NotGiven => HeldBytes::NotGiven,
        };
        Ok(Presence::Stored(Holding { ids: entry.ids, bytes }))
    }

    async fn entry(&self, asker: &Asker, document: &Oid) -> Result<Option<Entry>, ArchiveFault> {
        let client = self.client(asker)?;
        let presence = client.question(document, &asker.organiser.oid, acting(asker)).await;
        Ok(match presence.map_err(cause::of_question)? {
            client::Presence::Stored(entry) => Some(*entry),
            client::Presence::Absent => None,
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
const INVALIDATED: Text =
    Text::fixed("asiakirja on mitätöity", "handlingen har ogiltigförklarats", "the document was invalidated");
const LEFT_OUT: Text = Text::fixed(
    "vastaus on täynnä; hae asiakirja yksin",
    "svaret är fullt; hämta handlingen för sig",
    "the answer is full; fetch the document by itself",
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
