//! Searching for documents page by page, and fetching what was found: bounded, and within what the authority opens.

use futures_util::StreamExt;
use futures_util::stream;

use super::read::{covers, newest_versions};
use super::{Acting, ArchiveClient, ClientError, Retry};
use crate::archive::transport::Transport;
use crate::domain::access::Authority;
use crate::domain::document::header::DocumentGroup;
use crate::domain::finding::redacted_debug;
use crate::domain::oid::Oid;
use crate::domain::person::PersonId;
use crate::domain::time::Instant;
use crate::domain::wire::UseCase;
use crate::domain::wire::answer::{Entry, EntryStatus, Fetched};
use crate::domain::wire::query::{Page, Period, Search};

/// Documents that one client fetches at the same time for its callers; more wait their turn.
pub const FETCHES_MAX: usize = 8;

/// What is searched for, in the register that the authority opens. Nothing set: every document of the client.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// The client.
    pub client: &'a PersonId,
    /// Document group.
    pub group: Option<DocumentGroup>,
    /// Specific or general types (codes of 1.2.246.537.6.1506).
    pub types: &'a [&'a str],
    /// Service task (code of 1.2.246.537.6.1221).
    pub service_task: Option<&'a str>,
    /// Service process (code of 1.2.246.537.6.1277).
    pub service_process: Option<&'a str>,
    /// The case.
    pub case: Option<&'a Oid>,
    /// Drawn up between these moments.
    pub drawn_up: Period,
    /// Stored or invalidated after this moment: then what no longer counts is found too, with its status.
    pub stored_after: Option<Instant>,
}

redacted_debug!(Wanted<'_>);

impl<'a> Wanted<'a> {
    /// Every document of a client.
    pub fn of(client: &'a PersonId) -> Self {
        Self {
            client,
            group: None,
            types: &[],
            service_task: None,
            service_process: None,
            case: None,
            drawn_up: Period::default(),
            stored_after: None,
        }
    }
}

/// Where a search goes on. The archive's own words: kept as they came, good for the same search only, for as long as the archive
/// says (not known).
#[derive(Clone, PartialEq, Eq)]
pub struct Cursor(String);

redacted_debug!(Cursor);

impl Cursor {
    /// The longest that is taken, in bytes; a bound of ours.
    pub const BYTES_MAX: usize = 4096;

    /// One that was kept.
    pub fn kept(text: String) -> Self {
        Self(text)
    }

    /// As text, to be kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One page of what a search found.
#[derive(Debug, Clone)]
pub struct Found {
    /// In the archive's order; newest versions, as far as the authority opens them. May be shorter than asked for, or empty, also
    /// when there is more.
    pub entries: Vec<Entry>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<Cursor>,
}

/// What became of fetching one document.
#[derive(Debug, Clone)]
pub enum Looked {
    /// It is here.
    Document(Box<Fetched>),
    /// The archive says that it is not there (any more).
    Gone,
    /// Not this one: the archive refuses it, or its answer is about something else.
    Failed(ClientError),
    /// Not asked for: the documents before it have filled the room.
    LeftOut,
}

impl<T: Transport> ArchiveClient<T> {
    /// One page of a search: one exchange with the archive. Newest versions only; what is invalidated only with `stored_after`.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::Foreign`] also for a cursor that leads back to itself.
    pub async fn search(
        &self,
        wanted: &Wanted<'_>,
        page_size: u32,
        cursor: Option<&Cursor>,
        acting: Acting<'_>,
        authority: &Authority,
    ) -> Result<Found, ClientError> {
        let register = self.read_register(wanted.client, acting, authority)?;
        let use_case = match wanted.group {
            Some(DocumentGroup::Relationship) => UseCase::FetchRelationship,
            Some(DocumentGroup::Case) => UseCase::FetchCase,
            Some(DocumentGroup::ClientDocument) | None => UseCase::FetchMetadata,
        };
        let search = Search {
            group: wanted.group,
            types: wanted.types,
            service_task: wanted.service_task,
            service_process: wanted.service_process,
            case: wanted.case,
            drawn_up: wanted.drawn_up,
            stored_after: wanted.stored_after,
            ..Search::new(use_case, register, Some(wanted.client))
        };
        let page = Page { size: page_size, continuation: cursor.map(Cursor::as_str) };
        let found = self.find_page(&search, page, acting).await?;
        let next = found.continuation.map(Cursor);
        if next.is_some() && next.as_ref() == cursor || next.as_ref().is_some_and(|c| c.0.len() > Cursor::BYTES_MAX) {
            return Err(ClientError::Foreign("page"));
        }
        // The version before an invalidated one does not come back.
        let mut entries = newest_versions(found.entries);
        entries
            .retain(|e| covers(authority, e) && (wanted.stored_after.is_some() || e.status == EntryStatus::Completed));
        Ok(Found { entries, next })
    }

    /// Fetches documents of one client that a search found, [`FETCHES_MAX`] at once, and answers in their order. Once the
    /// documents before one have `bytes_max` bytes together, it is left out.
    ///
    /// # Errors
    /// The first [`ClientError`] that may pass: then the rest is not asked for. What concerns one document alone is its
    /// [`Looked::Failed`].
    pub async fn documents(
        &self,
        documents: &[&Oid],
        bytes_max: usize,
        client: &PersonId,
        acting: Acting<'_>,
        authority: &Authority,
    ) -> Result<Vec<Looked>, ClientError> {
        let mut fetches = Vec::with_capacity(documents.len());
        for document in documents {
            fetches.push(self.document_in_turn(document, client, acting, authority));
        }
        let mut fetches = stream::iter(fetches).buffered(FETCHES_MAX);
        let (mut looked, mut bytes) = (Vec::with_capacity(documents.len()), 0usize);
        while let Some(fetched) = fetches.next().await {
            looked.push(match fetched {
                Ok(Some(fetched)) => {
                    bytes = bytes.saturating_add(fetched.xml.len());
                    if bytes > bytes_max {
                        break;
                    }
                    Looked::Document(Box::new(fetched))
                }
                Ok(None) => Looked::Gone,
                Err(error) if matches!(error.retry(), Retry::Later(_)) => return Err(error),
                Err(error) => Looked::Failed(error),
            });
        }
        looked.resize(documents.len(), Looked::LeftOut);
        Ok(looked)
    }

    async fn document_in_turn(
        &self,
        document: &Oid,
        client: &PersonId,
        acting: Acting<'_>,
        authority: &Authority,
    ) -> Result<Option<Fetched>, ClientError> {
        // Never closed; were it, one more at once would do no harm.
        let _place = self.fetches.acquire().await.ok();
        self.document(document, client, acting, authority).await
    }
}
