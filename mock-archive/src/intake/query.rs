//! `queryByParameter` of a find or a fetch (docs/wire.md §7). Reads; `rules/query.rs` judges.

use jiff::Timestamp;
use roxmltree::Node;

use crate::finding::Rule;
use crate::hl7_time::{first_moment, instant, last_moment};
use crate::intake::frame::{attribute, oid, person_id};
use crate::oid::Oid;
use crate::person::PersonId;
use crate::xml::{self, at, child, children};

/// A question has few document types; more are a mistake.
const DOCUMENT_TYPES_MAX: usize = 100;

/// A query as it was asked.
pub(crate) struct Query {
    /// `queryId` root and extension.
    pub(crate) id: (String, String),
    pub(crate) page_size: u32,
    pub(crate) continuation: Option<String>,
    pub(crate) client: Option<PersonId>,
    pub(crate) custodian: Oid,
    pub(crate) register: String,
    pub(crate) group: Option<String>,
    pub(crate) document_types: Vec<String>,
    pub(crate) service_task: Option<String>,
    pub(crate) service_process: Option<String>,
    /// Drawn up from and until, both in.
    pub(crate) drawn_up: (Option<Timestamp>, Option<Timestamp>),
    /// Stored or invalidated after this moment.
    pub(crate) stored_after: Option<Timestamp>,
    pub(crate) case: Option<Oid>,
    pub(crate) document: Option<Oid>,
}

/// Reads the query of a control act.
pub(crate) fn read(act: Node<'_, '_>) -> Result<Query, (&'static str, Rule)> {
    let form = |place| (place, Rule::QueryForm);
    let node = child(act, xml::HL7, "queryByParameter").ok_or(form("queryByParameter"))?;
    let id = at(node, &["queryId"])
        .and_then(|id| Some((id.attribute("root")?.to_owned(), id.attribute("extension")?.to_owned())))
        .ok_or(form("queryByParameter/queryId"))?;
    if attribute(node, &["statusCode"], "code").as_deref() != Some("new") {
        return Err(form("queryByParameter/statusCode"));
    }
    Ok(Query {
        id,
        page_size: attribute(node, &["initialQuantity"], "value")
            .and_then(|value| value.parse().ok())
            .ok_or(form("queryByParameter/initialQuantity"))?,
        continuation: child(node, xml::HL7, "continuation").map(|text| xml::text(text).trim().to_owned()),
        client: optional(node, "clientId", person_id).map_err(form)?,
        custodian: oid(node, &["custodianId", "value"]).ok_or(form("queryByParameter/custodianId"))?,
        register: attribute(node, &["registerCode", "value"], "code").ok_or(form("queryByParameter/registerCode"))?,
        group: optional(node, "documentGroup", code).map_err(form)?,
        document_types: document_types(node).ok_or(form("queryByParameter/documentType"))?,
        service_task: optional(node, "serviceTask", code).map_err(form)?,
        service_process: optional(node, "serviceProcess", code).map_err(form)?,
        drawn_up: (
            end(node, "low", first_moment).ok_or(form("queryByParameter/effectiveTime/low"))?,
            end(node, "high", last_moment).ok_or(form("queryByParameter/effectiveTime/high"))?,
        ),
        stored_after: moment(child(node, xml::HL7, "storedAfter"), instant)
            .ok_or(form("queryByParameter/storedAfter"))?,
        case: optional(node, "caseId", root).map_err(form)?,
        document: optional(node, "documentId", root).map_err(form)?,
    })
}

fn document_types(node: Node<'_, '_>) -> Option<Vec<String>> {
    let types: Option<Vec<_>> = children(node, xml::HL7, "documentType")
        .take(DOCUMENT_TYPES_MAX + 1)
        .map(|parameter| child(parameter, xml::HL7, "value").and_then(code))
        .collect();
    types.filter(|types| types.len() <= DOCUMENT_TYPES_MAX)
}

/// An absent parameter is no parameter; one that is there must be readable, or a filter would silently fall away.
fn optional<T>(
    node: Node<'_, '_>,
    name: &'static str,
    read: impl Fn(Node<'_, '_>) -> Option<T>,
) -> Result<Option<T>, &'static str> {
    match child(node, xml::HL7, name) {
        None => Ok(None),
        Some(parameter) => child(parameter, xml::HL7, "value").and_then(read).map(Some).ok_or(name),
    }
}

/// One end of the period; `Some(None)` when it is open.
fn end(node: Node<'_, '_>, name: &str, read: fn(&str) -> Option<Timestamp>) -> Option<Option<Timestamp>> {
    moment(child(node, xml::HL7, "effectiveTime").and_then(|period| child(period, xml::HL7, name)), read)
}

fn moment(node: Option<Node<'_, '_>>, read: fn(&str) -> Option<Timestamp>) -> Option<Option<Timestamp>> {
    match node {
        None => Some(None),
        Some(node) => read(node.attribute("value")?).map(Some),
    }
}

fn code(value: Node<'_, '_>) -> Option<String> {
    Some(value.attribute("code")?.trim().to_owned())
}

fn root(value: Node<'_, '_>) -> Option<Oid> {
    Oid::parse(value.attribute("root")?).ok()
}
