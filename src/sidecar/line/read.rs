//! Reading for the line: pages of metadata, documents fetched and verified, what does not verify told as such.

use super::{
    DISAGREES, GONE, INVALIDATED, LEFT_OUT, Line, NOT_SIGNED, OTHER_CLIENT, OTHER_DOCUMENT, TOO_MANY, UNREADABLE,
    acting, cause, lasting, organisation_node,
};
use crate::archive::client::{self, ArchiveClient, Looked};
use crate::archive::keys::OpensslCrypto;
use crate::archive::transport::Transport;
use crate::domain::access::Authority;
use crate::domain::case::{CaseDocument, Closing};
use crate::domain::decision::{DecisionShapes, ServiceDecision};
use crate::domain::document::header::DocumentGroup;
use crate::domain::document::read::{ReadDocument, read};
use crate::domain::find_case::{Decides, KnownCase, KnownDecision, Standing};
use crate::domain::finding::Finding;
use crate::domain::json::Json;
use crate::domain::oid::Oid;
use crate::domain::profile::WireProfile;
use crate::domain::signature::{ExpectedSigner, SignatureKind, TrustPolicy, Verdict, verify};
use crate::domain::text::Text;
use crate::domain::wire::answer::{Entry, EntryStatus, Fetched};
use crate::sidecar::ports::{
    ArchiveFault, Asker, CasesWanted, Clock, Contents, Inside, Listed, Opened, Page, PageWanted, SignedBy, Subject,
    Wanted,
};

/// Documents that are read at most where every one must be: the rest is not looked into, and the look-up says so by failing.
const FETCHED_MAX: usize = 50;

/// Who must have signed a document for it to be believed.
#[derive(Clone, Copy)]
pub(super) enum Signer {
    /// The organiser's own system: what grants rights and names cases must not come from whom it grants to.
    OrganisersSystem,
    /// A professional: decisions.
    Professional,
    /// A system or a professional.
    Anyone,
}

impl Signer {
    fn of(entry: &Entry, profile: &WireProfile) -> Self {
        let group = entry.group.as_ref().and_then(|group| DocumentGroup::by_code(&group.code));
        match group {
            Some(DocumentGroup::Relationship | DocumentGroup::Case) => Self::OrganisersSystem,
            _ if is_decision(entry, profile) => Self::Professional,
            _ => Self::Anyone,
        }
    }
}

/// Specific types stand in thousands by their general type: decisions are 11000 to 11999.
fn is_decision(entry: &Entry, profile: &WireProfile) -> bool {
    let general = profile.document_type.decision.value.code.as_str();
    let specific = entry.specific_type.as_ref().and_then(|code| code.code.strip_prefix(general));
    specific.is_some_and(|rest| rest.len() == 3)
}

impl<T: Transport + 'static, C: Clock> Line<T, C> {
    /// Reads a fetched document, when it is of the asked client, agrees with itself (its header is not signed: what was
    /// changed there shows only so) and its signature holds.
    pub(super) fn decode(
        &self,
        fetched: &Fetched,
        asker: &Asker,
        signer: Signer,
    ) -> Result<(ReadDocument, Verdict), Text> {
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
        let system_signer = match signer {
            Signer::OrganisersSystem => ExpectedSigner::Organisation(organisation_node(&asker.organiser.oid)),
            Signer::Professional | Signer::Anyone => ExpectedSigner::Anyone,
        };
        let policy = TrustPolicy { trust: self.trust.clone(), system_signer, now: self.clock.now() };
        let verdict = verify(document.tree(), &OpensslCrypto, &policy);
        let holds = match signer {
            Signer::OrganisersSystem => verdict.is_valid_and_signed_by(SignatureKind::System),
            Signer::Professional => verdict.is_valid_and_signed_by(SignatureKind::Professional),
            Signer::Anyone => verdict.is_valid(),
        };
        if holds { Ok((document, verdict)) } else { Err(NOT_SIGNED) }
    }

    pub(super) async fn page(
        &self,
        asker: &Asker,
        authority: &Authority,
        wanted: &Wanted,
        page: &PageWanted,
    ) -> Result<Page, ArchiveFault> {
        let client = self.client(asker)?;
        let (group, decision) = match wanted.subject {
            Subject::Decisions => (None, Some(client.profile().document_type.decision.value.code.as_str())),
            Subject::Cases => (Some(DocumentGroup::Case), None),
            Subject::Documents(group) => (group, None),
        };
        let mut types: Vec<&str> = wanted.types.iter().map(String::as_str).collect();
        types.extend(decision.filter(|_| wanted.types.is_empty()));
        let asked = client::Wanted {
            group,
            types: &types,
            service_task: wanted.service_task.as_deref(),
            service_process: wanted.service_process.as_deref(),
            case: wanted.case.as_ref(),
            drawn_up: wanted.drawn_up,
            stored_after: wanted.stored_after,
            ..client::Wanted::of(&asker.client)
        };
        let size = page.size.min(client.profile().limit.page_size_max.value);
        let found = client.search(&asked, size, page.cursor.as_ref(), acting(asker), authority).await;
        let found = found.map_err(cause::of_question)?;
        let insides = match wanted.contents {
            Contents::Omit => found.entries.iter().map(|_| Inside::NotAsked).collect(),
            Contents::Fetch => self.insides(asker, authority, &found.entries, page.content_bytes_max).await?,
        };
        let documents = found.entries.into_iter().zip(insides).map(|(about, inside)| Listed { about, inside });
        Ok(Page { documents: documents.collect(), next: found.next })
    }

    /// What is inside of these documents, in their order.
    async fn insides(
        &self,
        asker: &Asker,
        authority: &Authority,
        entries: &[Entry],
        bytes_max: usize,
    ) -> Result<Vec<Inside>, ArchiveFault> {
        let client = self.client(asker)?;
        let counts = |entry: &&Entry| entry.status == EntryStatus::Completed;
        let ids: Vec<&Oid> = entries.iter().filter(counts).map(|entry| &entry.ids.document).collect();
        let looked = client.documents(&ids, bytes_max, &asker.client, acting(asker), authority).await;
        let mut looked = looked.map_err(cause::of_question)?.into_iter();
        let mut insides = Vec::with_capacity(entries.len());
        for entry in entries {
            insides.push(match entry.status {
                EntryStatus::Nullified => Inside::NotFetched(INVALIDATED),
                EntryStatus::Completed => match looked.next() {
                    Some(Looked::Document(fetched)) => self.open(*fetched, asker, client),
                    Some(Looked::Gone) => Inside::NotFetched(GONE),
                    Some(Looked::Failed(error)) => Inside::NotFetched(cause::text_of_question(&error)),
                    Some(Looked::LeftOut) | None => Inside::NotFetched(LEFT_OUT),
                },
            });
            // Verifying is work: others get their turn between two documents.
            tokio::task::yield_now().await;
        }
        Ok(insides)
    }

    fn open(&self, fetched: Fetched, asker: &Asker, client: &ArchiveClient<T>) -> Inside {
        let signer = Signer::of(&fetched.entry, client.profile());
        let (document, verdict) = match self.decode(&fetched, asker, signer) {
            Ok(read) => read,
            Err(why) => return Inside::NotVerified(why),
        };
        // The header is what was searched by, the content is what was signed.
        if matches!(signer, Signer::OrganisersSystem) && document.header.case != fetched.entry.case {
            return Inside::NotVerified(OTHER_DOCUMENT);
        }
        let signatures = verdict.signatures.into_iter().map(|signature| SignedBy {
            kind: signature.kind,
            at: signature.signed_at,
            serial: signature.signer.as_ref().and_then(|signer| signer.subject_serial.clone()),
            organisation: signature.signer.and_then(|signer| signer.organisation),
        });
        Inside::Opened(Box::new(Opened {
            unit: document.header.unit.clone(),
            author: document.header.author.clone(),
            signatures: signatures.collect(),
            display: document.display,
            content: document.json.map(Json::into_value).unwrap_or_default(),
            xml: fetched.xml,
        }))
    }

    pub(super) async fn one(
        &self,
        asker: &Asker,
        authority: &Authority,
        document: &Oid,
    ) -> Result<Option<Listed>, ArchiveFault> {
        let client = self.client(asker)?;
        let fetched = client.document(document, &asker.client, acting(asker), authority).await;
        let fetched = fetched.map_err(cause::of_question)?.filter(|f| f.entry.status == EntryStatus::Completed);
        Ok(fetched.map(|fetched| {
            let about = fetched.entry.clone();
            Listed { about, inside: self.open(fetched, asker, client) }
        }))
    }

    pub(super) async fn known_cases(
        &self,
        asker: &Asker,
        authority: &Authority,
        wanted: &CasesWanted,
    ) -> Result<Vec<KnownCase>, ArchiveFault> {
        let task = wanted.service_task.as_deref();
        let entries = self.client(asker)?.cases(&asker.client, task, acting(asker), authority).await;
        let mut entries = entries.map_err(cause::of_question)?;
        entries.retain(|e| e.case.is_some() && (wanted.case.is_none() || e.case == wanted.case));
        let insides = self.insides(asker, authority, bounded(&entries)?, usize::MAX).await?;
        let known = entries.into_iter().zip(insides).filter_map(|(entry, inside)| {
            let (opened, standing) = standing(&inside);
            Some(KnownCase { case: entry.case?, service_task: entry.service_task.map(|t| t.code), opened, standing })
        });
        Ok(known.collect())
    }

    pub(super) async fn known_decisions(
        &self,
        asker: &Asker,
        authority: &Authority,
        contents: Contents,
    ) -> Result<Vec<KnownDecision>, ArchiveFault> {
        let entries = self.client(asker)?.decisions(&asker.client, &[], None, acting(asker), authority).await;
        let (coded, others): (Vec<Entry>, Vec<Entry>) =
            entries.map_err(cause::of_question)?.into_iter().partition(may_decide_on_a_service);
        let insides = match contents {
            Contents::Omit => coded.iter().map(|_| Inside::NotAsked).collect(),
            Contents::Fetch => self.insides(asker, authority, bounded(&coded)?, usize::MAX).await?,
        };
        let known = |entry: Entry, decides| KnownDecision {
            document: entry.ids.document,
            set: entry.ids.set,
            case: entry.case,
            decides,
        };
        let coded = coded.into_iter().zip(insides).map(|(entry, inside)| {
            let decides = decides(&entry, &inside);
            known(entry, decides)
        });
        Ok(coded.chain(others.into_iter().map(|entry| known(entry, Decides::SomethingElse))).collect())
    }
}

/// A document whose structure is not told may be any.
fn may_decide_on_a_service(entry: &Entry) -> bool {
    entry.structure.as_ref().is_none_or(|structure| DecisionShapes::built_in().of_structure(structure).is_some())
}

fn decides(entry: &Entry, inside: &Inside) -> Decides {
    let Inside::Opened(opened) = inside else { return Decides::NotKnown };
    let view = entry.structure.as_ref().zip(opened.content.as_object());
    let view = view.and_then(|(structure, content)| ServiceDecision::from_content(structure, content));
    view.as_ref().map_or(Decides::NotKnown, Decides::from)
}

/// A case is open while its document has no closing day; the values of its status code are not public.
fn standing(inside: &Inside) -> (Option<crate::domain::time::PartialDate>, Standing) {
    let opened = match inside {
        Inside::Opened(opened) => opened,
        Inside::NotAsked => return (None, Standing::NotVerified(UNREADABLE)),
        Inside::NotVerified(why) | Inside::NotFetched(why) => return (None, Standing::NotVerified(why.clone())),
    };
    let case = opened.content.as_object().map(CaseDocument::from_content).unwrap_or_default();
    let standing = match case.closing {
        Closing::Open => Standing::Open,
        Closing::Closed(day) => Standing::Closed(Some(day)),
        Closing::NotKnown => Standing::NotVerified(UNREADABLE),
    };
    (case.opened, standing)
}

fn bounded(entries: &[Entry]) -> Result<&[Entry], ArchiveFault> {
    if entries.len() > FETCHED_MAX { Err(lasting("archive.too_many", TOO_MANY)) } else { Ok(entries) }
}
