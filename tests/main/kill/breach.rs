//! A line to the archive that breaks one promise on purpose, so that the account can be seen to notice.

use std::sync::Arc;

use asiasilta::domain::access::{Authority, Evidence};
use asiasilta::domain::find_case::{KnownCase, KnownDecision};
use asiasilta::domain::oid::Oid;
use asiasilta::domain::wire::answer::Entry;
use asiasilta::sidecar::ports::{
    Archive, ArchiveFault, Asker, CasesWanted, Contents, Ground, Listed, Outbound, Outcome, Page, PageWanted, Presence,
    Wanted,
};

/// Which promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breach {
    /// A document counts as archived before it has left.
    SettleBeforeSend,
    /// A document whose answer was lost leaves again unasked.
    SkipTheQuestion,
    /// Every document leaves twice.
    SendTwice,
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
            Breach::SkipTheQuestion => self.line.send(outbound).await,
        }
    }
}
