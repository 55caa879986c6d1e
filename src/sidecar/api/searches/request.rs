//! What readings ask: who reads whose documents in whose register, and what narrows it. Everything stands in the body.

use jiff::{SignedDuration, ToSpan};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::domain::document::header::DocumentGroup;
use crate::domain::oid::Oid;
use crate::domain::organisation::{Organisation, Unit};
use crate::domain::person::{PersonId, PersonalIdentityCode, TemporaryId, Worker};
use crate::domain::record::ProfessionalLink;
use crate::domain::text::Text;
use crate::domain::time::{Day, Instant, start_of_day_in_finland};
use crate::domain::wire::query::Period;
use crate::sidecar::ports::{Asker, Contents, Subject, Wanted};

/// Documents on a page, when the caller does not say.
const PAGE_SIZE: u32 = 20;
/// Documents on a page, at most; the archive's own limit may be lower (`limit.page_size_max` of the profile).
pub(super) const PAGE_SIZE_MAX: u32 = 200;
/// Documents on a page whose contents are fetched, at most.
pub(super) const FETCHED_PAGE_SIZE_MAX: u32 = 50;
/// A code's text: no code of the code service is longer.
const CODE_BYTES_MAX: usize = 100;
/// Types, services or forms in one request.
const LIST_MAX: usize = 20;

/// A reading's request.
pub(super) trait Request {
    /// What it looks like, for those whose request does not.
    const SHAPE: Text;

    /// In whose name, about whom.
    fn asker(&self, organisation: &Oid) -> Asker;

    /// Service task.
    fn service_task(&self) -> Option<&str>;
}

/// A client's id.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ClientId {
    IdentityCode(PersonalIdentityCode),
    TemporaryId(TemporaryId),
}

impl ClientId {
    fn person(&self) -> PersonId {
        match self {
            Self::IdentityCode(code) => PersonId::IdentityCode(code.clone()),
            Self::TemporaryId(id) => PersonId::Temporary(id.clone()),
        }
    }
}

/// Declares a request: who reads, and its own fields beside that. (Flattened parts would take fields that nobody knows.)
macro_rules! request {
    ($(#[$doc:meta])* $name:ident ($fi:literal, $sv:literal, $en:literal) { $($(#[$of:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            client: ClientId,
            acting_worker: Worker,
            unit: Unit,
            organiser: Organisation,
            professional_link: ProfessionalLink,
            /// Code in 1.2.246.537.6.1221.
            #[serde(default, deserialize_with = "code_text")]
            service_task: Option<String>,
            $($(#[$of])* pub(super) $field: $type,)*
        }

        impl Request for $name {
            const SHAPE: Text = Text::fixed(
                concat!("client (identity_code tai temporary_id), acting_worker, unit, organiser, professional_link; vapaaehtoiset service_task", $fi),
                concat!("client (identity_code eller temporary_id), acting_worker, unit, organiser, professional_link; frivilliga service_task", $sv),
                concat!("client (identity_code or temporary_id), acting_worker, unit, organiser, professional_link; optional service_task", $en),
            );

            fn asker(&self, organisation: &Oid) -> Asker {
                Asker {
                    organisation: organisation.clone(),
                    organiser: self.organiser.clone(),
                    unit: self.unit.clone(),
                    worker: self.acting_worker.clone(),
                    link: self.professional_link.clone(),
                    client: self.client.person(),
                }
            }

            fn service_task(&self) -> Option<&str> {
                self.service_task.as_deref()
            }
        }
    };
}

request! {
    /// `POST /v1/decisions/search`.
    DecisionsRequest (
        ", service_process, case, types, drawn_up, contents (omit tai fetch), page_size, cursor",
        ", service_process, case, types, drawn_up, contents (omit eller fetch), page_size, cursor",
        ", service_process, case, types, drawn_up, contents (omit or fetch), page_size, cursor"
    ) {
        #[serde(default, deserialize_with = "code_text")]
        service_process: Option<String>,
        #[serde(default)]
        case: Option<Oid>,
        /// Codes in 1.2.246.537.6.1506.
        #[serde(default, deserialize_with = "codes")]
        types: Vec<String>,
        #[serde(default)]
        drawn_up: Days,
        #[serde(default)]
        contents: Contents,
        #[serde(default)]
        page_size: PageSize,
        #[serde(default)]
        cursor: Option<String>,
    }
}

request! {
    /// `POST /v1/cases/search`.
    CasesRequest (", case, page_size, cursor", ", case, page_size, cursor", ", case, page_size, cursor") {
        #[serde(default)]
        case: Option<Oid>,
        #[serde(default)]
        page_size: PageSize,
        #[serde(default)]
        cursor: Option<String>,
    }
}

request! {
    /// `POST /v1/cases/find`.
    FindCaseRequest (
        ", services, day, decision; day on pakollinen",
        ", services, day, decision; day är obligatorisk",
        ", services, day, decision; day is required"
    ) {
        /// Codes in 1.2.246.537.6.1222.
        #[serde(default, deserialize_with = "codes")]
        services: Vec<String>,
        day: Day,
        #[serde(default)]
        decision: Option<Oid>,
    }
}

request! {
    /// `POST /v1/documents/search`.
    DocumentsRequest (
        ", group, service_process, case, types, drawn_up, stored_after, contents (omit tai fetch), page_size, cursor",
        ", group, service_process, case, types, drawn_up, stored_after, contents (omit eller fetch), page_size, cursor",
        ", group, service_process, case, types, drawn_up, stored_after, contents (omit or fetch), page_size, cursor"
    ) {
        /// Code in 1.2.246.537.6.1505.
        #[serde(default)]
        group: Option<Group>,
        #[serde(default, deserialize_with = "code_text")]
        service_process: Option<String>,
        #[serde(default)]
        case: Option<Oid>,
        /// Codes in 1.2.246.537.6.1506, specific or general.
        #[serde(default, deserialize_with = "codes")]
        types: Vec<String>,
        #[serde(default)]
        drawn_up: Days,
        #[serde(default)]
        stored_after: Option<Instant>,
        #[serde(default)]
        contents: Contents,
        #[serde(default)]
        page_size: PageSize,
        #[serde(default)]
        cursor: Option<String>,
    }
}

request! {
    /// `POST /v1/documents/fetch`.
    FetchRequest (
        ", forms (content, display, document); document_id on pakollinen",
        ", forms (content, display, document); document_id är obligatoriskt",
        ", forms (content, display, document); document_id is required"
    ) {
        document_id: Oid,
        #[serde(default)]
        forms: Forms,
    }
}

request! {
    /// `POST /v1/relationships/search`.
    RelationshipsRequest ("", "", "") {}
}

impl DecisionsRequest {
    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            subject: Subject::Decisions,
            types: self.types.clone(),
            service_task: self.service_task.clone(),
            service_process: self.service_process.clone(),
            case: self.case.clone(),
            drawn_up: self.drawn_up.period(),
            stored_after: None,
            contents: self.contents,
        }
    }
}

impl CasesRequest {
    /// Whether a case is open stands in its document alone: it is always fetched.
    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            service_task: self.service_task.clone(),
            case: self.case.clone(),
            contents: Contents::Fetch,
            ..Wanted::all(Subject::Cases)
        }
    }
}

impl DocumentsRequest {
    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            subject: Subject::Documents(self.group.map(|group| group.0)),
            types: self.types.clone(),
            service_task: self.service_task.clone(),
            service_process: self.service_process.clone(),
            case: self.case.clone(),
            drawn_up: self.drawn_up.period(),
            stored_after: self.stored_after,
            contents: self.contents,
        }
    }
}

/// Days in Finland, both included.
#[derive(Default, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Days {
    #[serde(default)]
    from: Option<Day>,
    #[serde(default)]
    until: Option<Day>,
}

impl Days {
    fn period(self) -> Period {
        let start = |day: Day| start_of_day_in_finland(day.date());
        let after = |day: Day| start_of_day_in_finland(day.date().checked_add(1.day()).ok()?);
        let last_second = |day| after(day)?.checked_sub(SignedDuration::from_secs(1)).ok();
        Period {
            from: self.from.and_then(start).map(Instant::in_finland),
            until: self.until.and_then(last_second).map(Instant::in_finland),
        }
    }
}

/// How many documents a page has at most.
#[derive(Clone, Copy)]
pub(super) struct PageSize(u32);

impl Default for PageSize {
    fn default() -> Self {
        Self(PAGE_SIZE)
    }
}

impl PageSize {
    /// The size for a page with or without contents.
    pub(super) fn bounded(self, contents: Contents) -> u32 {
        if contents == Contents::Fetch { self.0.min(FETCHED_PAGE_SIZE_MAX) } else { self.0 }
    }
}

impl<'de> Deserialize<'de> for PageSize {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let size = u32::deserialize(from)?;
        if (1..=PAGE_SIZE_MAX).contains(&size) { Ok(Self(size)) } else { Err(D::Error::custom("a page's size")) }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Group(DocumentGroup);

impl<'de> Deserialize<'de> for Group {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let code = String::deserialize(from)?;
        DocumentGroup::by_code(&code).map(Self).ok_or_else(|| D::Error::custom("a document group"))
    }
}

/// Which forms of a document are answered.
#[derive(Clone, Copy)]
pub(super) struct Forms {
    pub(super) content: bool,
    pub(super) display: bool,
    pub(super) document: bool,
}

impl Default for Forms {
    fn default() -> Self {
        Self { content: true, display: false, document: false }
    }
}

impl<'de> Deserialize<'de> for Forms {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize, PartialEq)]
        #[serde(rename_all = "snake_case")]
        enum Form {
            Content,
            Display,
            Document,
        }
        let forms = Vec::<Form>::deserialize(from)?;
        let has = |form| forms.contains(&form);
        Ok(Self { content: has(Form::Content), display: has(Form::Display), document: has(Form::Document) })
    }
}

fn code_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let code = Option::<String>::deserialize(from)?;
    match &code {
        Some(code) if !is_code(code) => Err(D::Error::custom("a code's length")),
        _ => Ok(code),
    }
}

fn codes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let codes = Vec::<String>::deserialize(from)?;
    let fits = codes.len() <= LIST_MAX && codes.iter().all(|code| is_code(code));
    if fits { Ok(codes) } else { Err(D::Error::custom("codes")) }
}

fn is_code(code: &str) -> bool {
    (1..=CODE_BYTES_MAX).contains(&code.len())
}
