//! Parts of the sidecar that break one promise on purpose, so that the account can be seen to notice.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use asiasilta::demo::ProducerSystem;
use asiasilta::domain::access::{Authority, Evidence};
use asiasilta::domain::find_case::{KnownCase, KnownDecision};
use asiasilta::domain::oid::Oid;
use asiasilta::domain::wire::answer::Entry;
use asiasilta::sidecar::ports::{
    Archive, ArchiveFault, Asker, CasesWanted, Contents, Digest, Ground, HandoverBodies, HandoverPreparation,
    Invalidating, Listed, Outbound, Outcome, Page, PageWanted, Pipeline, Preparation, PrepareFault, Presence, Wanted,
};
use serde_json::json;

/// Which promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breach {
    /// A document counts as archived before it has left.
    SettleBeforeSend,
    /// A document whose answer was lost leaves again unasked.
    SkipTheQuestion,
    /// Every document leaves twice.
    SendTwice,
    /// What was handed over goes to the archive as well, and nobody has ordered it.
    SendWhatIsHandedOver,
    /// The package that is kept of a document is nothing that could be opened.
    KeepNoPackage,
    /// Every package is the first one.
    PackAnother,
}

pub(super) struct Broken<A> {
    line: Arc<A>,
    breach: Breach,
}

impl<A> Broken<A> {
    pub(super) fn new(line: A, breach: Breach) -> Self {
        Self { line: Arc::new(line), breach }
    }
}

impl<A: Archive> Archive for Broken<A> {
    async fn relationship(&self, asker: &Asker) -> Result<Option<Evidence>, ArchiveFault> {
        self.line.relationship(asker).await
    }

    async fn cases(
        &self,
        asker: &Asker,
        authority: &Authority,
        wanted: &CasesWanted,
    ) -> Result<Vec<KnownCase>, ArchiveFault> {
        self.line.cases(asker, authority, wanted).await
    }

    async fn decisions(
        &self,
        asker: &Asker,
        authority: &Authority,
        contents: Contents,
    ) -> Result<Vec<KnownDecision>, ArchiveFault> {
        self.line.decisions(asker, authority, contents).await
    }

    async fn search(
        &self,
        asker: &Asker,
        authority: &Authority,
        wanted: &Wanted,
        page: &PageWanted,
    ) -> Result<Page, ArchiveFault> {
        self.line.search(asker, authority, wanted, page).await
    }

    async fn document(
        &self,
        asker: &Asker,
        authority: &Authority,
        document: &Oid,
    ) -> Result<Option<Listed>, ArchiveFault> {
        self.line.document(asker, authority, document).await
    }

    async fn presence(&self, asker: &Asker, ground: &Ground, document: &Oid) -> Result<Presence, ArchiveFault> {
        match self.breach {
            Breach::SkipTheQuestion => Ok(Presence::Absent),
            _ => self.line.presence(asker, ground, document).await,
        }
    }

    async fn entry(&self, asker: &Asker, document: &Oid) -> Result<Option<Entry>, ArchiveFault> {
        self.line.entry(asker, document).await
    }

    async fn send(&self, outbound: &Outbound) -> Outcome {
        match self.breach {
            Breach::SettleBeforeSend => {
                let (line, outbound) = (Arc::clone(&self.line), outbound.clone());
                tokio::spawn(async move { line.send(&outbound).await });
                Outcome::Archived(Vec::new())
            }
            Breach::SendTwice => {
                drop(self.line.send(outbound).await);
                self.line.send(outbound).await
            }
            _ => self.line.send(outbound).await,
        }
    }
}

/// The same for what is made.
pub(super) struct BrokenMaking {
    pipeline: Arc<dyn Pipeline>,
    breach: Breach,
    first: OnceLock<Vec<u8>>,
}

impl BrokenMaking {
    pub(super) fn new(pipeline: Arc<dyn Pipeline>, breach: Breach) -> Self {
        Self { pipeline, breach, first: OnceLock::new() }
    }
}

impl Pipeline for BrokenMaking {
    fn prepare(&self, preparation: &Preparation<'_>) -> Result<Outbound, PrepareFault> {
        self.pipeline.prepare(preparation)
    }

    fn hand_over(&self, preparation: &HandoverPreparation<'_>) -> Result<HandoverBodies, PrepareFault> {
        let HandoverBodies { package, document } = self.pipeline.hand_over(preparation)?;
        let package = match self.breach {
            Breach::KeepNoPackage => Vec::new(),
            Breach::PackAnother => self.first.get_or_init(|| package).clone(),
            _ => package,
        };
        Ok(HandoverBodies { package, document })
    }

    fn case_in(&self, kept: &[u8]) -> Option<Oid> {
        self.pipeline.case_in(kept)
    }

    fn document_digest(&self, outbound: &Outbound) -> Option<Digest> {
        self.pipeline.document_digest(outbound)
    }

    fn invalidation(&self, invalidating: &Invalidating<'_>) -> Result<Outbound, PrepareFault> {
        self.pipeline.invalidation(invalidating)
    }
}

/// Takes back whatever is handed over, as long as the sidecar runs.
pub(super) async fn take_everything_back(sidecar: SocketAddr, token: String) {
    let system = ProducerSystem::try_new(sidecar, &token).unwrap();
    let order = serde_json::to_vec(&json!({ "by": "nobody", "reason": "-" })).unwrap();
    while let Ok(listed) = system.get("/v1/handovers?limit=1000").await {
        for one in listed.body["items"].as_array().into_iter().flatten() {
            let path = format!("/v1/handovers/{}/return", one["id"].as_str().unwrap());
            drop(system.post(&path, None, order.clone()).await);
        }
    }
}
