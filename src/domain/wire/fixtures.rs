//! Persons, units and headers for tests of messages. All of them invented, identity codes of the 900 series.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::{MessageContext, MessageId, UseSituation};
use crate::domain::code::{Code, Language};
use crate::domain::document::header::{DocumentGroup, DocumentIds, Header, Software};
use crate::domain::environment::Environment;
use crate::domain::oid::Oid;
use crate::domain::organisation::{Organisation, Unit};
use crate::domain::person::{Client, Gender, PersonName, Worker};
use crate::domain::time::Instant;

pub(crate) const PRODUCER: &str = "1.2.246.10.99999992.10.0";
pub(crate) const ORGANISER: &str = "1.2.246.10.99999991.10.0";
pub(crate) const DOCUMENT: &str = "1.2.246.10.99999992.95.2026.1.7";
pub(crate) const CASE: &str = "1.2.246.10.99999991.95.2026.3.1";

pub(crate) fn oid(text: &str) -> Oid {
    text.parse().unwrap()
}

pub(crate) fn name(given: &str, family: &str) -> PersonName {
    PersonName { family: family.into(), given: vec![given.into()], calling: None }
}

pub(crate) fn worker() -> Worker {
    Worker {
        name: name("Tarja", "Testi"),
        title: None,
        identity_code: "150285-911L".parse().unwrap(),
        registration_number: "12345678901".parse().unwrap(),
    }
}

pub(crate) fn unit() -> Unit {
    Unit { oid: oid("1.2.246.10.99999992.10.1"), name: "Kotihoito".into() }
}

pub(crate) fn client() -> Client {
    Client {
        identity_code: Some("010190-900P".parse().unwrap()),
        temporary_id: None,
        name: name("Tessa", "Testinen"),
        birth_date: "1990-01-01".parse().unwrap(),
        gender: Gender::Female,
        safety_ban: false,
    }
}

pub(crate) fn message_id(extension: &str) -> MessageId {
    MessageId { root: oid(PRODUCER), extension: extension.into() }
}

pub(crate) fn context<'a>(id: &'a MessageId, worker: &'a Worker, unit: &'a Unit) -> MessageContext<'a> {
    MessageContext {
        message_id: id,
        sender: &id.root,
        created: "2026-06-10T12:00:00+03:00".parse().unwrap(),
        environment: Environment::Test,
        worker,
        unit,
        situation: UseSituation::RegisterAccess,
    }
}

pub(crate) fn code(system: &str, code: &str) -> Code {
    Code { code: code.into(), system: oid(system), system_name: None, display: None }
}

pub(crate) fn header() -> Header {
    let drawn_up: Instant = "2026-06-10T11:30:00+03:00".parse().unwrap();
    Header {
        ids: DocumentIds { document: oid(DOCUMENT), set: oid(DOCUMENT), version: 1 },
        replaces: None,
        group: DocumentGroup::ClientDocument,
        general_type: Some(code("1.2.246.537.6.1506.201701", "19")),
        specific_type: Some(code("1.2.246.537.6.1506.201701", "19007")),
        structure: oid("1.2.246.537.6.1506.19007.2022.1.10"),
        drawn_up,
        created: drawn_up,
        language: Language::Fi,
        clients: vec![client()],
        author: Some(worker()),
        organiser: Organisation { oid: oid(ORGANISER), name: "Järjestäjä".into() },
        unit: unit(),
        case: Some(oid(CASE)),
        relationship: None,
        service_task: None,
        service_process: None,
        retention_class: code("1.2.246.537.6.1258.201601", "1"),
        special_content: false,
        software: Software { moderator: "m".into(), product: "p".into(), version: "1".into() },
    }
}
