//! The content (JSON) against the header and the structure: what it is, whose, of which relationship and case.

use super::{ConsistencyRule, Disagreement, OTHER, STANDARD, Said, Severity, sole_root};
use crate::domain::document::read::header::ReadClient;
use crate::domain::json::JsonNode;
use crate::domain::person::{IDENTITY_CODE_ROOT, PersonId};
use crate::domain::text::Text;
use crate::domain::time::PartialDate;

const SOSMETA: &str = "THL Sosmeta";

pub(super) static ONE_ROOT: ConsistencyRule = ConsistencyRule {
    id: "document.one_root_key",
    severity: Severity::Error,
    says: "the content is one object with one key, which holds the document",
    source: SOSMETA,
    clause: "additionalProperties",
    check: |said, out| {
        if said.content.is_some_and(|content| sole_root(content).is_none()) {
            let expected = Text::fixed(
                "yksi avain, jonka alla on asiakirja",
                "en nyckel med handlingen",
                "one key that holds the document",
            );
            out.push(Disagreement::in_content("", OTHER, expected));
        }
    },
};

pub(super) static ROOT_KEY: ConsistencyRule = ConsistencyRule {
    id: "document.root_key",
    severity: Severity::Error,
    says: "the content's root key is that of the structure which `contentSpecificationId` names",
    source: STANDARD,
    clause: "contentSpecificationId",
    check: |said, out| {
        let Some(structure) = said.beside.structure else { return };
        if said.content.and_then(sole_root).is_some_and(|(key, _)| key != structure.root_key()) {
            out.push(Disagreement::in_content("", OTHER, Text::same(structure.root_key())));
        }
    },
};

pub(super) static RELATIONSHIP: ConsistencyRule = ConsistencyRule {
    id: "document.relationship",
    severity: Severity::Error,
    says: "`encompassingClientRelationship` is the content's `asiakkuuden_yksilointitunnus`",
    source: STANDARD,
    clause: "encompassingClientRelationship",
    check: |said, out| {
        let (Some(in_header), Some((key, object))) = (&said.header.relationship, said.content.and_then(sole_root))
        else {
            return;
        };
        let in_content =
            object.get("asiakkuuden_yksilointitunnus").and_then(|t| t.get("value")).and_then(JsonNode::as_str);
        if in_content != Some(in_header.as_str()) {
            let pointer = format!("{}/asiakkuuden_yksilointitunnus/value", token(key));
            out.push(Disagreement::in_content(pointer, OTHER, Text::same(in_header.as_str())));
        }
    },
};

pub(super) static CASE: ConsistencyRule = ConsistencyRule {
    id: "document.case",
    severity: Severity::Error,
    says: "the content's own case (`asiatunnus`), where it has one, is the header's",
    source: STANDARD,
    clause: "encompassingEncounter/id",
    check: |said, out| {
        let (Some(in_header), Some((key, object))) = (&said.header.case, said.content.and_then(sole_root)) else {
            return;
        };
        let in_content = object.get("asiatunnus").and_then(|t| t.get("value")).and_then(JsonNode::as_str);
        let bare = in_content.map(|text| text.strip_prefix("urn:oid:").unwrap_or(text));
        if bare.is_some_and(|case| case != in_header.as_str()) {
            let pointer = format!("{}/asiatunnus/value", token(key));
            out.push(Disagreement::in_content(pointer, OTHER, Text::same(in_header.as_str())));
        }
    },
};

pub(super) static TWO_IDS: ConsistencyRule = ConsistencyRule {
    id: "document.two_client_ids",
    severity: Severity::Warning,
    says: "a client of the content has an identity code or a temporary id, not both",
    source: SOSMETA,
    clause: "asiakas",
    check: |said, out| {
        for (pointer, client) in clients(said) {
            if client.get("henkilotunnus").is_some() && client.get("tilapainen_yksilointitunnus").is_some() {
                let found = Text::fixed("molemmat", "båda", "both");
                let expected = Text::fixed(
                    "henkilötunnus tai tilapäinen yksilöintitunnus",
                    "personbeteckning eller temporär identifikationskod",
                    "an identity code or a temporary id",
                );
                out.push(Disagreement::in_content(pointer, found, expected));
            }
        }
    },
};

pub(super) static BARE_SYSTEM: ConsistencyRule = ConsistencyRule {
    id: "document.bare_system",
    severity: Severity::Warning,
    says: "the system of an identity code is written as `urn:oid:`",
    source: SOSMETA,
    clause: "henkilotunnus",
    check: |said, out| {
        for (pointer, client) in clients(said) {
            let system = client.get("henkilotunnus").and_then(|c| c.get("system")).and_then(JsonNode::as_str);
            if system == Some(IDENTITY_CODE_ROOT) {
                let pointer = format!("{pointer}/henkilotunnus/system");
                let expected = Text::same(format!("urn:oid:{IDENTITY_CODE_ROOT}"));
                out.push(Disagreement::in_content(pointer, Text::same(IDENTITY_CODE_ROOT), expected));
            }
        }
    },
};

pub(super) static CLIENT: ConsistencyRule = ConsistencyRule {
    id: "document.client",
    severity: Severity::Error,
    says: "a client of the content is one of the header's",
    source: STANDARD,
    clause: "recordTarget",
    check: |said, out| {
        for (pointer, client) in clients(said) {
            let ids = ids(client);
            if !ids.is_empty() && !in_header(said).is_empty() && !in_header(said).iter().any(|id| ids.contains(id)) {
                let found = Text::fixed("toinen asiakas", "en annan klient", "another client");
                let expected = Text::fixed("metatietojen asiakas", "klienten i metadata", "the header's client");
                out.push(Disagreement::in_content(pointer, found, expected));
            }
        }
    },
};

pub(super) static CLIENT_MISSING: ConsistencyRule = ConsistencyRule {
    id: "document.client_missing",
    severity: Severity::Error,
    says: "where the content names clients by id, it names every client of the header",
    source: STANDARD,
    clause: "recordTarget",
    check: |said, out| {
        let named: Vec<&str> = clients(said).iter().flat_map(|(_, client)| ids(*client)).collect();
        if named.is_empty() {
            return;
        }
        let known = |client: &&ReadClient| !client.ids.is_empty();
        let missing = |client: &ReadClient| !client.ids.iter().any(|id| named.contains(&id.reveal()));
        // One client under another id is told of already, as another client.
        let several = said.header.clients.iter().filter(known).count() > 1;
        for (at, client) in said.header.clients.iter().enumerate().filter(|(_, c)| known(c)) {
            if several && missing(client) {
                let found = Text::fixed(
                    "asiakas, jota sisältö ei nimeä",
                    "en klient som innehållet inte nämner",
                    "a client that the content does not name",
                );
                let expected = Text::fixed(
                    "samat asiakkaat kuin sisällössä",
                    "samma klienter som i innehållet",
                    "the same clients as in the content",
                );
                out.push(Disagreement::at(&format!("recordTarget[{}]", at + 1), found, expected));
            }
        }
    },
};

pub(super) static BIRTH_DATE: ConsistencyRule = ConsistencyRule {
    id: "document.birth_date",
    severity: Severity::Warning,
    says: "a client's birth date in the content, as far as it is known, is the header's",
    source: STANDARD,
    clause: "recordTarget/patientRole/patient/birthTime",
    check: |said, out| {
        for (pointer, client) in clients(said) {
            let date = client.get("syntymaaika").and_then(JsonNode::as_str).and_then(|t| t.parse::<PartialDate>().ok());
            let (Some(date), Some((at, in_header))) = (date, birth_date_of(client, said)) else { continue };
            // A year alone agrees with any day in it.
            if date.earliest_day() > in_header.latest_day() || date.latest_day() < in_header.earliest_day() {
                let expected = Text::fixed(
                    "sama syntymäaika kuin metatiedoissa",
                    "samma födelsedatum som i metadata",
                    "the same day of birth as in the header",
                );
                let path = format!("recordTarget[{}]/patientRole/patient/birthTime/@value", at + 1);
                let found = Text::fixed("toinen päivä", "en annan dag", "another day");
                let pointer = format!("{pointer}/syntymaaika");
                out.push(Disagreement { pointer, ..Disagreement::at(&path, found, expected) });
            }
        }
    },
};

/// The birth date of the header's same client: the one with the same id, or the only one.
fn birth_date_of(client: JsonNode<'_>, said: &Said<'_>) -> Option<(usize, PartialDate)> {
    let ids = ids(client);
    let all = &said.header.clients;
    let same = all.iter().position(|c| c.ids.iter().any(|id| ids.contains(&id.reveal())));
    let at = same.or_else(|| (all.len() == 1).then_some(0))?;
    Some((at, all.get(at)?.birth_date?))
}

/// `asiakas`, one or a list, with JSON Pointers.
fn clients<'a>(said: &Said<'a>) -> Vec<(String, JsonNode<'a>)> {
    let Some((key, object)) = said.content.and_then(sole_root) else { return Vec::new() };
    let pointer = format!("{}/asiakas", token(key));
    let Some(clients) = object.get("asiakas") else { return Vec::new() };
    if clients.as_object().is_some() {
        return vec![(pointer, clients)];
    }
    let each = clients.items().into_iter().flatten().enumerate();
    each.filter_map(|(at, client)| Some((format!("{pointer}/{at}"), client.as_object()?))).collect()
}

/// The ids that a client of the content has.
fn ids(client: JsonNode<'_>) -> Vec<&str> {
    let kinds = ["henkilotunnus", "tilapainen_yksilointitunnus"];
    kinds.into_iter().filter_map(|kind| client.get(kind)?.get("value")?.as_str()).collect()
}

fn in_header<'a>(said: &Said<'a>) -> Vec<&'a str> {
    said.header.clients.iter().flat_map(|c| &c.ids).map(PersonId::reveal).collect()
}

/// A key as one step of a JSON Pointer. A key that does not look like a field's name may say anything: `…` stands for it.
fn token(key: &str) -> String {
    let plain = key.len() <= 80 && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let digits = key.bytes().filter(u8::is_ascii_digit).count();
    if plain && digits < 6 { format!("/{key}") } else { "/…".to_owned() }
}
