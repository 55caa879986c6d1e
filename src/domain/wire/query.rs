//! The query messages: find metadata, fetch a document, fetch a summary (`docs/wire.md` 7; names of ours by analogy with HL7).

use super::message::{Kind, element, envelope, message, simple};
use super::use_case::Asking;
use super::{Envelope, MessageContext, MessageFault, UseCase};
use crate::domain::document::header::DocumentGroup;
use crate::domain::oid::Oid;
use crate::domain::person::PersonId;
use crate::domain::profile::WireProfile;
use crate::domain::time::Instant;
use crate::domain::xml::Element;

/// What is searched for, in one register.
#[derive(Clone, Copy)]
pub struct Search<'a> {
    /// Why: decides the service request.
    pub use_case: UseCase,
    /// Owner of the register.
    pub custodian: &'a Oid,
    /// The client; required unless `document` is given.
    pub client: Option<&'a PersonId>,
    /// The document that is asked for.
    pub document: Option<&'a Oid>,
    /// Document group.
    pub group: Option<DocumentGroup>,
    /// Specific or general types (codes of 1.2.246.537.6.1506); none for all.
    pub types: &'a [&'a str],
    /// Service task (code of 1.2.246.537.6.1221).
    pub service_task: Option<&'a str>,
    /// Service process (code of 1.2.246.537.6.1277).
    pub service_process: Option<&'a str>,
    /// The case.
    pub case: Option<&'a Oid>,
    /// Drawn up from this moment on, and until that one; both ends count.
    pub drawn_up: Period,
    /// Stored or invalidated after this moment.
    pub stored_after: Option<Instant>,
}

/// A period whose ends may be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Period {
    /// Not before.
    pub from: Option<Instant>,
    /// Not after.
    pub until: Option<Instant>,
}

impl<'a> Search<'a> {
    /// A search without a limit but register and client.
    pub fn new(use_case: UseCase, custodian: &'a Oid, client: Option<&'a PersonId>) -> Self {
        Self {
            use_case,
            custodian,
            client,
            document: None,
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

/// Which page of the answer.
#[derive(Clone, Copy)]
pub struct Page<'a> {
    /// Entries at most.
    pub size: u32,
    /// What the answer before gave to go on with.
    pub continuation: Option<&'a str>,
}

/// A search for metadata.
///
/// # Errors
/// [`MessageFault`]: a search for nothing, a page size outside the profile's limits.
pub fn find_message(
    profile: &WireProfile,
    context: &MessageContext<'_>,
    search: &Search<'_>,
    page: Page<'_>,
) -> Result<Envelope, MessageFault> {
    let kind = search.use_case.kind(profile, Asking::Find);
    query(profile, context, &kind, search, page)
}

/// A fetch of one document.
///
/// # Errors
/// As [`find_message`].
pub fn fetch_message(
    profile: &WireProfile,
    context: &MessageContext<'_>,
    use_case: UseCase,
    custodian: &Oid,
    document: &Oid,
    client: Option<&PersonId>,
) -> Result<Envelope, MessageFault> {
    let search = Search { document: Some(document), ..Search::new(use_case, custodian, client) };
    let kind = use_case.kind(profile, Asking::Fetch);
    query(profile, context, &kind, &search, Page { size: 1, continuation: None })
}

/// A fetch of what the archive itself has put together about a client in a register (`docs/wire.md` 7.1).
///
/// # Errors
/// As [`find_message`].
pub fn summary_message(
    profile: &WireProfile,
    context: &MessageContext<'_>,
    custodian: &Oid,
    client: &PersonId,
) -> Result<Envelope, MessageFault> {
    let search = Search::new(UseCase::FetchSummary, custodian, Some(client));
    let kind = search.use_case.kind(profile, Asking::Fetch);
    query(profile, context, &kind, &search, Page { size: 1, continuation: None })
}

fn query(
    profile: &WireProfile,
    context: &MessageContext<'_>,
    kind: &Kind<'_>,
    search: &Search<'_>,
    page: Page<'_>,
) -> Result<Envelope, MessageFault> {
    let max = profile.limit.page_size_max.value;
    if page.size == 0 || page.size > max {
        return Err(MessageFault::PageSize(max));
    }
    if search.client.is_none() && search.document.is_none() {
        return Err(MessageFault::SearchForNothing);
    }
    let id = context.message_id;
    let by_parameter = element("queryByParameter")
        .children([
            simple("queryId", "root", id.root.as_str()).with("extension", &id.extension),
            simple("statusCode", "code", "new"),
            simple("initialQuantity", "value", &page.size.to_string()),
        ])
        .children(page.continuation.map(|c| element("continuation").text(c)))
        .children(parameters(profile, search));
    let message = message(profile, context, kind, by_parameter);
    envelope(profile, id, kind.interaction, message, None)
}

fn parameters(profile: &WireProfile, search: &Search<'_>) -> Vec<Element> {
    let system = &profile.system;
    let code = |name: &str, of: &Oid, code: &str| {
        element(name).child(simple("value", "code", code).with("codeSystem", of.as_str()))
    };
    let oid = |name: &str, value: &Oid| element(name).child(simple("value", "root", value.as_str()));
    let client = search
        .client
        .map(|id| element("clientId").child(simple("value", "root", id.root()).with("extension", id.reveal())));
    let group = search.group.map(|g| code("documentGroup", &system.document_group.value.oid, g.code()));
    let types = search.types.iter().map(|t| code("documentType", &system.document_type.value.oid, t));
    let task = search.service_task.map(|t| code("serviceTask", &system.service_task.value.oid, t));
    let process = search.service_process.map(|p| code("serviceProcess", &system.service_process.value.oid, p));
    client
        .into_iter()
        .chain([oid("custodianId", search.custodian)])
        .chain([code("registerCode", &system.register.value.oid, &profile.frame.register.value.code)])
        .chain(group)
        .chain(types)
        .chain(task)
        .chain(process)
        .chain(search.case.map(|c| oid("caseId", c)))
        .chain(period(search.drawn_up))
        .chain(search.stored_after.map(|after| simple("storedAfter", "value", &after.hl7())))
        .chain(search.document.map(|d| oid("documentId", d)))
        .collect()
}

fn period(period: Period) -> Option<Element> {
    let low = period.from.map(|from| simple("low", "value", &from.hl7()));
    let high = period.until.map(|until| simple("high", "value", &until.hl7()));
    let ends: Vec<Element> = low.into_iter().chain(high).collect();
    (!ends.is_empty()).then(|| element("effectiveTime").children(ends))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::wire::fixtures::{CASE, DOCUMENT, ORGANISER, client, context, message_id, oid, unit, worker};
    use crate::domain::wire::soap::{Content, unwrap};
    use crate::domain::xml::Limits;

    fn parameters_of(envelope: &Envelope) -> Element {
        let Content::Message(message) = unwrap(&envelope.body, Limits::DOCUMENT).unwrap() else { panic!() };
        message.at(["controlActProcess", "queryByParameter"]).unwrap().clone()
    }

    fn moment(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn a_search_carries_its_parameters_in_order_with_their_code_systems() {
        let (id, worker, unit) = (message_id("5"), worker(), unit());
        let (custodian, case, person) = (oid(ORGANISER), oid(CASE), client().id().unwrap());
        let search = Search {
            use_case: UseCase::FetchMetadata,
            custodian: &custodian,
            client: Some(&person),
            document: None,
            group: Some(DocumentGroup::ClientDocument),
            types: &["11", "11000"],
            service_task: Some("24"),
            service_process: Some("4"),
            case: Some(&case),
            drawn_up: Period { from: Some(moment("2026-01-01T00:00:00+02:00")), until: None },
            stored_after: Some(moment("2026-06-01T00:00:00+03:00")),
        };
        let profile = WireProfile::default_profile().unwrap();
        let page = Page { size: 20, continuation: Some("p<2") };
        let envelope = find_message(&profile, &context(&id, &worker, &unit), &search, page).unwrap();
        assert_eq!(envelope.soap_action.as_deref(), Some("urn:hl7-org:v3:RCMR_IN200029FI01"));
        let query = parameters_of(&envelope);
        let names: Vec<_> = query.elements().map(|e| e.name.as_str()).collect();
        assert_eq!(
            names.join(" "),
            "queryId statusCode initialQuantity continuation clientId custodianId registerCode documentGroup \
             documentType documentType serviceTask serviceProcess caseId effectiveTime storedAfter"
        );
        let low = query.at(["effectiveTime", "low"]).unwrap();
        assert_eq!(low.attribute("value"), Some("20260101000000+0200"));
        assert!(query.at(["effectiveTime", "high"]).is_none());
        assert_eq!(query.first("continuation").unwrap().all_text(), "p<2");
        let group = query.at(["documentGroup", "value"]).unwrap();
        assert_eq!(
            (group.attribute("code"), group.attribute("codeSystem")),
            (Some("5"), Some("1.2.246.537.6.1505.201601"))
        );
    }

    #[test]
    fn the_question_for_a_document_needs_no_client_and_a_search_for_nothing_is_refused() {
        let (id, worker, unit) = (message_id("5"), worker(), unit());
        let (profile, context) = (WireProfile::default_profile().unwrap(), context(&id, &worker, &unit));
        let (custodian, document) = (oid(ORGANISER), oid(DOCUMENT));
        let envelope = fetch_message(&profile, &context, UseCase::FetchDocument, &custodian, &document, None).unwrap();
        let query = parameters_of(&envelope);
        assert_eq!(query.at(["documentId", "value"]).unwrap().attribute("root"), Some(DOCUMENT));
        let search = Search::new(UseCase::FetchCase, &custodian, None);
        let refused = |size| find_message(&profile, &context, &search, Page { size, continuation: None }).err();
        assert_eq!(refused(1), Some(MessageFault::SearchForNothing));
        assert_eq!([refused(0), refused(201)], [Some(MessageFault::PageSize(200)); 2]);
    }
}
