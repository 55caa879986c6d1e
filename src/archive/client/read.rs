//! Asking: is this document there, the relationship document, cases, decisions, a document.

use std::collections::BTreeMap;

use super::{Acting, ArchiveClient, ClientError, Kept, PAGES_MAX, Presence};
use crate::archive::transport::Transport;
use crate::domain::access::Authority;
use crate::domain::document::header::DocumentGroup;
use crate::domain::oid::Oid;
use crate::domain::person::PersonId;
use crate::domain::time::Instant;
use crate::domain::wire::UseCase;
use crate::domain::wire::answer::{
    Entry, EntryPage, EntryStatus, Fetched, QueryAnswer, Summary, fetch_answer, find_answer, summary_answer,
};
use crate::domain::wire::query::{Page, Search, fetch_message, find_message, summary_message};
use crate::domain::xml::{Element, Limits, Tree, parse};

impl<T: Transport> ArchiveClient<T> {
    /// Whether the archive has a document, asked before anything is sent again. The permit that a document was sent under
    /// covers asking for it, also after the right has ended, so the register alone is named.
    ///
    /// # Errors
    /// [`ClientError`]: then it is still not known.
    pub async fn question(&self, document: &Oid, register: &Oid, acting: Acting<'_>) -> Result<Presence, ClientError> {
        let search = Search { document: Some(document), ..Search::new(UseCase::FetchMetadata, register, None) };
        let mut entries = self.find(&search, acting).await?;
        match entries.pop() {
            None => Ok(Presence::Absent),
            Some(entry) if entry.ids.document == *document && entries.is_empty() => {
                Ok(Presence::Stored(Box::new(entry)))
            }
            Some(_) => Err(ClientError::Foreign("document")),
        }
    }

    /// What the archive has under a document's id, asked once [`ArchiveClient::question`] has said that it is there: to be
    /// compared with what was sent, and for nothing else, because nothing of it is checked here. The permit that a document was
    /// sent under covers this too, as far as the archive lets it.
    ///
    /// # Errors
    /// [`ClientError`]: then it is still not known.
    pub async fn stored(&self, document: &Oid, register: &Oid, acting: Acting<'_>) -> Result<Kept, ClientError> {
        let id = self.new_id();
        let context = self.context(&id, acting, self.situation_in(register));
        let envelope = fetch_message(&self.profile, &context, UseCase::FetchDocument, register, document, None)?;
        let reply = self.transport.post(&envelope).await?;
        let mut found = match answered(fetch_answer(&self.profile, &id, &reply)?) {
            Ok(Some(found)) => found,
            Ok(None) | Err(ClientError::Refused(_)) => return Ok(Kept::NotGiven),
            Err(error) => return Err(error),
        };
        let fetched = found.pop().filter(|f| found.is_empty() && f.entry.ids.document == *document);
        fetched.map(|fetched| Kept::Bytes(fetched.xml)).ok_or(ClientError::Foreign("document"))
    }

    /// The newest relationship document of a client in a register; `None` when the archive says that there is none. The one
    /// read that needs no permit: permits come from it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn relationship(
        &self,
        client: &PersonId,
        register: &Oid,
        acting: Acting<'_>,
    ) -> Result<Option<Fetched>, ClientError> {
        let group = Some(DocumentGroup::Relationship);
        let wanted = Search { group, ..Search::new(UseCase::FetchRelationship, register, Some(client)) };
        let entries = self.find(&wanted, acting).await?;
        match newest(entries) {
            Some(entry) if entry.status == EntryStatus::Completed => {
                self.fetch(UseCase::FetchRelationship, &entry.ids.document, register, Some(client), acting).await
            }
            // None, or one that no longer counts: the version before an invalidated one does not come back.
            _ => Ok(None),
        }
    }

    /// Metadata of the client's case documents, as far as a permit covers their service tasks.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn cases(
        &self,
        client: &PersonId,
        service_task: Option<&str>,
        acting: Acting<'_>,
        authority: &Authority,
    ) -> Result<Vec<Entry>, ClientError> {
        let register = self.read_register(client, acting, authority)?;
        let group = Some(DocumentGroup::Case);
        let wanted = Search { group, service_task, ..Search::new(UseCase::FetchCase, register, Some(client)) };
        Ok(covered(self.find(&wanted, acting).await?, authority))
    }

    /// Metadata of the client's decisions, as far as a permit covers their service tasks, each with its case where it has one. `types` narrows to specific types (codes of
    /// 1.2.246.537.6.1506); none means all decisions.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn decisions(
        &self,
        client: &PersonId,
        types: &[&str],
        service_task: Option<&str>,
        acting: Acting<'_>,
        authority: &Authority,
    ) -> Result<Vec<Entry>, ClientError> {
        let register = self.read_register(client, acting, authority)?;
        let all = [self.profile.document_type.decision.value.code.as_str()];
        let types = if types.is_empty() { &all } else { types };
        let wanted = Search { types, service_task, ..Search::new(UseCase::FetchMetadata, register, Some(client)) };
        Ok(covered(self.find(&wanted, acting).await?, authority))
    }

    /// What the archive itself has put together about a client in a register (kooste); `None` when it has nothing.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn summary(
        &self,
        client: &PersonId,
        acting: Acting<'_>,
        authority: &Authority,
    ) -> Result<Option<Summary>, ClientError> {
        let register = self.read_register(client, acting, authority)?;
        let id = self.new_id();
        let context = self.context(&id, acting, self.situation_in(register));
        let envelope = summary_message(&self.profile, &context, register, client)?;
        let reply = self.transport.post(&envelope).await?;
        let Some(summary) = answered(summary_answer(&self.profile, &id, &reply)?)? else { return Ok(None) };
        if summary.custodian != *register {
            return Err(ClientError::Foreign("register"));
        }
        match summary.clients.as_slice() {
            [only] if only.is(client) => Ok(Some(summary)),
            _ => Err(ClientError::Foreign("client")),
        }
    }

    /// One document of the client, byte for byte; `None` when the archive says that it is not there.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn document(
        &self,
        document: &Oid,
        client: &PersonId,
        acting: Acting<'_>,
        authority: &Authority,
    ) -> Result<Option<Fetched>, ClientError> {
        let register = self.read_register(client, acting, authority)?;
        let fetched = self.fetch(UseCase::FetchDocument, document, register, Some(client), acting).await?;
        match fetched {
            Some(fetched) if !covers(authority, &fetched.entry) => {
                Err(ClientError::Ground("a permit for other service tasks than the document's"))
            }
            fetched => Ok(fetched),
        }
    }

    /// The register that an authority opens for this. A permit to write is enough: it covers looking up the case.
    pub(super) fn read_register<'a>(
        &'a self,
        client: &PersonId,
        acting: Acting<'_>,
        authority: &'a Authority,
    ) -> Result<&'a Oid, ClientError> {
        match authority {
            Authority::RegisterAccess(permit) if *permit.unit() != acting.unit.oid => {
                Err(ClientError::Ground("a permit for another unit than the worker's"))
            }
            Authority::RegisterAccess(permit) if !permit.is_for(client) => {
                Err(ClientError::Ground("a permit for another client"))
            }
            _ => Ok(self.register_of(authority)),
        }
    }

    /// All pages of a search.
    async fn find(&self, search: &Search<'_>, acting: Acting<'_>) -> Result<Vec<Entry>, ClientError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut continuation: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let page = Page { size: self.profile.limit.page_size.value, continuation: continuation.as_deref() };
            let page = self.find_page(search, page, acting).await?;
            entries.extend(page.entries);
            match page.continuation {
                None => return Ok(entries),
                again if again == continuation => return Err(ClientError::Foreign("page")),
                next => continuation = next,
            }
        }
        Err(ClientError::TooMany(entries.len()))
    }

    pub(super) async fn find_page(
        &self,
        search: &Search<'_>,
        page: Page<'_>,
        acting: Acting<'_>,
    ) -> Result<EntryPage, ClientError> {
        let id = self.new_id();
        let context = self.context(&id, acting, self.situation_in(search.custodian));
        let envelope = find_message(&self.profile, &context, search, page)?;
        let reply = self.transport.post(&envelope).await?;
        let empty = EntryPage { entries: Vec::new(), total: None, continuation: None };
        let found = answered(find_answer(&self.profile, &id, &reply)?)?.unwrap_or(empty);
        for entry in &found.entries {
            check(entry, search.custodian, search.client)?;
        }
        Ok(found)
    }

    async fn fetch(
        &self,
        use_case: UseCase,
        document: &Oid,
        register: &Oid,
        client: Option<&PersonId>,
        acting: Acting<'_>,
    ) -> Result<Option<Fetched>, ClientError> {
        let id = self.new_id();
        let context = self.context(&id, acting, self.situation_in(register));
        let envelope = fetch_message(&self.profile, &context, use_case, register, document, client)?;
        let reply = self.transport.post(&envelope).await?;
        let Some(mut found) = answered(fetch_answer(&self.profile, &id, &reply)?)? else { return Ok(None) };
        let fetched = found.pop().filter(|f| found.is_empty() && f.entry.ids.document == *document);
        let fetched = fetched.ok_or(ClientError::Foreign("document"))?;
        check(&fetched.entry, register, client)?;
        check_document(&fetched, client)?;
        Ok(Some(fetched))
    }
}

/// What an authority opens of what still counts.
fn covered(entries: Vec<Entry>, authority: &Authority) -> Vec<Entry> {
    let counts = |entry: &Entry| entry.status == EntryStatus::Completed;
    newest_versions(entries).into_iter().filter(|entry| counts(entry) && covers(authority, entry)).collect()
}

/// Of each document the newest version alone, in the archive's order: an older one may say that a closed case is open.
pub(super) fn newest_versions(entries: Vec<Entry>) -> Vec<Entry> {
    let mut newest: BTreeMap<Oid, u32> = BTreeMap::new();
    for entry in &entries {
        let version = newest.entry(entry.ids.set.clone()).or_default();
        *version = entry.ids.version.max(*version);
    }
    entries.into_iter().filter(|e| newest.get(&e.ids.set) == Some(&e.ids.version)).collect()
}

/// Whether an authority opens a document of this service task.
pub(super) fn covers(authority: &Authority, entry: &Entry) -> bool {
    let group = entry.group.as_ref().and_then(|g| DocumentGroup::by_code(&g.code));
    match authority {
        Authority::OwnRegister => true,
        Authority::RegisterAccess(permit) => permit.covers(entry.service_task.as_ref().map(|t| t.code.as_str()), group),
    }
}

/// The newest version of each document, and of several documents the one drawn up last.
fn newest(entries: Vec<Entry>) -> Option<Entry> {
    let replaced = |e: &Entry| entries.iter().any(|o| o.ids.set == e.ids.set && o.ids.version > e.ids.version);
    let current: Vec<&Entry> = entries.iter().filter(|e| !replaced(e)).collect();
    current.into_iter().max_by_key(|e| e.drawn_up.map(Instant::timestamp)).cloned()
}

fn answered<A>(answer: QueryAnswer<A>) -> Result<Option<A>, ClientError> {
    match answer {
        QueryAnswer::Found(found) => Ok(Some(found)),
        QueryAnswer::Nothing => Ok(None),
        QueryAnswer::Refused(rejection) => Err(ClientError::Refused(rejection)),
        QueryAnswer::NotProcessed { details, retry_after } => Err(ClientError::NotProcessed { details, retry_after }),
    }
}

/// Another's data must not be passed on because a peer mixed up two answers.
fn check(entry: &Entry, register: &Oid, client: Option<&PersonId>) -> Result<(), ClientError> {
    if entry.custodian != *register {
        return Err(ClientError::Foreign("register"));
    }
    match client {
        Some(client) if !entry.clients.iter().any(|c| c.is(client)) => Err(ClientError::Foreign("client")),
        _ => Ok(()),
    }
}

/// What the archive says of a document must be what the document says. One that is not XML passes: who reads it finds out.
fn check_document(fetched: &Fetched, client: Option<&PersonId>) -> Result<(), ClientError> {
    let Ok(Tree { root, .. }) = parse(&fetched.xml, Limits::DOCUMENT) else { return Ok(()) };
    let root_of = |element: Option<&Element>| element.and_then(|e| e.attribute("root")).map(str::to_owned);
    if root_of(root.first("id")).as_deref() != Some(fetched.entry.ids.document.as_str()) {
        return Err(ClientError::Foreign("document"));
    }
    let custodian = root.at(["custodian", "assignedCustodian", "representedCustodianOrganization", "id"]);
    if root_of(custodian).as_deref() != Some(fetched.entry.custodian.as_str()) {
        return Err(ClientError::Foreign("register"));
    }
    let ids = root.all("recordTarget").filter_map(|t| t.first("patientRole")).flat_map(|role| role.all("id"));
    let is = |id: &Element, client: &PersonId| {
        (id.attribute("root"), id.attribute("extension")) == (Some(client.root()), Some(client.reveal()))
    };
    match client {
        Some(client) if !ids.into_iter().any(|id| is(id, client)) => Err(ClientError::Foreign("client")),
        _ => Ok(()),
    }
}
