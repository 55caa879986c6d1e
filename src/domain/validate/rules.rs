//! The rules between the fields of a record, which no schema says.
//!
//! Each rule reads the parts it needs and is silent while one of them is not there or is itself wrong: that has its own finding.

pub(super) mod conditional;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::findings::{Findings, nothing, seen_oid};
use crate::domain::code::CodeValue;
use crate::domain::document::header::DocumentGroup;
use crate::domain::finding::{Finding, Rule};
use crate::domain::organisation::{Organisation, Unit};
use crate::domain::person::Client;
use crate::domain::record::{CaseReference, ProfessionalLink, PurchaseKind, Replaces};
use crate::domain::structure::Structure;
use crate::domain::text::Text;
use crate::domain::time::Instant;

/// How far a producer's clock may run ahead.
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Document types that are no longer written, with what takes their place.
const REPLACED_TYPES: [(&str, Text); 1] = [(
    "19010",
    Text::fixed(
        "luovutusilmoitus, joka korvaa luovutusmerkinnän",
        "utlämningsanmälan, som ersätter anteckningen om utlämnande",
        "a disclosure notification, which replaces the disclosure entry",
    ),
)];

/// The header rules' source: the archive's document standard for social care.
const STANDARD: &str = "Kanta, document standard 3.3";
const ACT: &str = "Act 703/2023 on the processing of client data";

/// What could be read of a record, part by part.
pub(super) struct Parts {
    pub(super) clients: Vec<Option<Client>>,
    pub(super) case: Option<CaseReference>,
    pub(super) service_task: Option<CodeValue>,
    organiser: Option<Organisation>,
    unit: Option<Unit>,
    link: Option<ProfessionalLink>,
    purchase: Option<PurchaseKind>,
    drawn_up: Option<Instant>,
    replaces: Option<Replaces>,
    has_service_task: bool,
    has_service_process: bool,
}

impl Parts {
    pub(super) fn read(value: &Value) -> Self {
        fn part<T: DeserializeOwned>(value: Option<&Value>) -> Option<T> {
            T::deserialize(value?).ok()
        }
        let clients = value.get("clients").and_then(Value::as_array);
        let given = |name: &str| value.get(name).is_some_and(|v| !v.is_null());
        Self {
            clients: clients.into_iter().flatten().map(|c| part(Some(c))).collect(),
            case: part(value.get("case")),
            service_task: part(value.get("service_task")),
            organiser: part(value.get("organiser")),
            unit: part(value.get("unit")),
            link: part(value.get("professional_link")),
            purchase: part(value.get("purchase")),
            drawn_up: part(value.get("drawn_up")),
            replaces: part(value.get("replaces")),
            has_service_task: given("service_task"),
            has_service_process: given("service_process"),
        }
    }
}

/// Adds what is wrong between the parts. `structure` is absent when it is not known.
pub(super) fn check(parts: &Parts, structure: Option<&Structure>, now: Timestamp, findings: &mut Findings) {
    clients(parts, findings);
    link(parts, findings);
    purchase(parts, findings);
    drawn_up(parts, now, findings);
    replaces(parts, findings);
    if let Some(structure) = structure {
        document_type(structure, findings);
        if let Some(group) = structure.group() {
            case(parts, group, findings);
            service(parts, group, findings);
        }
    }
}

fn clients(parts: &Parts, findings: &mut Findings) {
    let mut seen = Vec::new();
    for (index, client) in parts.clients.iter().enumerate() {
        let Some(client) = client else { continue };
        let at = format!("/clients/{index}");
        match client.id() {
            None => findings.push(no_client_id(&at)),
            Some(id) if seen.contains(&id) => findings.push(same_client(&at)),
            Some(id) => seen.push(id),
        }
        let told = client.identity_code.as_ref().and_then(|code| code.birth_date());
        if told.is_some_and(|told| told != client.birth_date.date()) {
            findings.push(Finding::error(
                "client.birth_date",
                format!("{at}/birth_date"),
                Text::fixed(
                    "toinen päivä kuin henkilötunnuksessa",
                    "en annan dag än i personbeteckningen",
                    "another day than the identity code's",
                ),
                Text::fixed(
                    "henkilötunnuksen mukainen syntymäaika",
                    "födelsedatumet enligt personbeteckningen",
                    "the birth date that the identity code says",
                ),
                Rule::new("DVV, henkilötunnus", ""),
            ));
        }
    }
}

fn no_client_id(at: &str) -> Finding {
    Finding::error(
        "client.no_id",
        format!("{at}/identity_code"),
        nothing(),
        Text::fixed(
            "henkilötunnus (identity_code) tai tilapäinen yksilöintitunnus (temporary_id)",
            "personbeteckning (identity_code) eller temporär identifikationskod (temporary_id)",
            "an identity code (identity_code) or a temporary id (temporary_id)",
        ),
        Rule::new("HL7 CDA R2", "recordTarget/patientRole/id"),
    )
}

fn same_client(at: &str) -> Finding {
    Finding::error(
        "client.repeated",
        at,
        Text::fixed("sama asiakas toistamiseen", "samma klient en gång till", "the same client again"),
        Text::fixed("kukin asiakas kerran", "varje klient en gång", "each client once"),
        Rule::new("HL7 CDA R2", "recordTarget"),
    )
}

fn link(parts: &Parts, findings: &mut Findings) {
    let Some(link) = &parts.link else { return };
    let rule = || Rule::new(ACT, "asiayhteys, sakligt samband");
    let (start, end) = (link.period.start, link.period.end);
    if end.is_some_and(|end| end < start) {
        findings.push(Finding::error(
            "link.period_reversed",
            "/professional_link/period/end",
            Text::fixed("päivä ennen alkupäivää", "en dag före startdagen", "a day before the first one"),
            Text::fixed(
                "alkupäivä tai sitä myöhempi päivä",
                "startdagen eller en senare dag",
                "the first day or a later one",
            ),
            rule(),
        ));
        return;
    }
    let Some(day) = parts.drawn_up.map(Instant::day) else { return };
    if day < start.date() || end.is_some_and(|end| end.date() < day) {
        findings.push(Finding::error(
            "link.period_misses",
            "/professional_link/period",
            Text::fixed(
                "aika, johon laatimispäivä ei kuulu",
                "en tid som inte omfattar upprättandedagen",
                "a period without the day of drawing up",
            ),
            Text::made(
                format!("aika, johon {day} kuuluu"),
                format!("en tid som omfattar {day}"),
                format!("a period that covers {day}"),
            ),
            rule(),
        ));
    }
}

fn purchase(parts: &Parts, findings: &mut Findings) {
    let Some(purchase) = parts.purchase else { return };
    if purchase == PurchaseKind::SelfPay {
        let own = Text::fixed(
            "itse maksetun palvelun kirjaukset kuuluvat tuottajan omaan rekisteriin",
            "anteckningar om självbetald service hör till producentens eget register",
            "records of a service that the client pays for belong in the producer's own register",
        );
        let expected = Text::fixed(
            "järjestäjän ostama palvelu: purchased_service, service_voucher, payment_commitment tai own_service",
            "en service som anordnaren köper: purchased_service, service_voucher, payment_commitment eller own_service",
            "a service that the organiser buys: purchased_service, service_voucher, payment_commitment or own_service",
        );
        let rule = Rule::new(ACT, "rekisterinpitäjä, personuppgiftsansvarig");
        findings.push(
            Finding::error("purchase.self_pay", "/purchase", Text::same("self_pay"), expected, rule).with_hint(own),
        );
    } else if purchase != PurchaseKind::OwnService {
        let same = parts.organiser.as_ref().zip(parts.unit.as_ref()).is_some_and(|(o, u)| o.oid == u.oid);
        if same {
            findings.push(Finding::error(
                "unit.is_organiser",
                "/unit/oid",
                Text::fixed("järjestäjän oma tunnus", "anordnarens egen kod", "the organiser's own OID"),
                Text::fixed(
                    "tuottajan palveluyksikön tunnus",
                    "producentens serviceenhets kod",
                    "the OID of the producer's service unit",
                ),
                Rule::new(STANDARD, "encounterParticipant"),
            ));
        }
    }
}

fn drawn_up(parts: &Parts, now: Timestamp, findings: &mut Findings) {
    let Some(drawn_up) = parts.drawn_up else { return };
    if drawn_up.timestamp().duration_since(now) > CLOCK_TOLERANCE {
        let minutes = CLOCK_TOLERANCE.as_mins();
        findings.push(Finding::error(
            "drawn_up.future",
            "/drawn_up",
            Text::same(drawn_up.rfc3339()),
            Text::made(
                format!("mennyt hetki (kellojen ero enintään {minutes} min)"),
                format!("en tidpunkt i det förflutna (klockorna får skilja sig {minutes} min)"),
                format!("a moment past (clocks may differ by {minutes} min)"),
            ),
            Rule::new(STANDARD, "effectiveTime"),
        ));
    }
}

fn replaces(parts: &Parts, findings: &mut Findings) {
    // Version 0 is no version; the schema has said so.
    let Some(replaces) = parts.replaces.as_ref().filter(|r| r.version > 0) else { return };
    let is_original = replaces.document == replaces.set;
    if (replaces.version == 1) != is_original {
        findings.push(Finding::error(
            "replaces.version",
            "/replaces/version",
            Text::same(replaces.version.to_string()),
            Text::fixed(
                "1, jos document on sama kuin set, muuten suurempi",
                "1 om document är samma som set, annars större",
                "1 where document equals set, more otherwise",
            ),
            Rule::new("HL7 CDA R2", "setId, versionNumber"),
        ));
    }
}

fn case(parts: &Parts, group: DocumentGroup, findings: &mut Findings) {
    let Some(case) = &parts.case else { return };
    let rule = Rule::new("HL7 CDA R2", "encompassingEncounter/id");
    let (code, found, expected) = match (group, case) {
        (DocumentGroup::Relationship, CaseReference::None)
        | (DocumentGroup::ClientDocument, CaseReference::Known(_) | CaseReference::Find)
        | (DocumentGroup::Case, CaseReference::Known(_)) => return,
        (DocumentGroup::Relationship, CaseReference::Known(oid)) => {
            ("case.relationship_has_none", seen_oid(oid), Text::same("none"))
        }
        (DocumentGroup::Relationship, CaseReference::Find) => {
            ("case.relationship_has_none", Text::same("find"), Text::same("none"))
        }
        (DocumentGroup::Case, CaseReference::Find | CaseReference::None) => (
            "case.oid_needed",
            Text::same(if *case == CaseReference::Find { "find" } else { "none" }),
            Text::fixed("asian oma OID", "ärendets egen OID", "the case's own OID"),
        ),
        (DocumentGroup::ClientDocument, CaseReference::None) => (
            "case.only_relationship_has_none",
            Text::same("none"),
            Text::fixed("asian OID tai find", "ärendets OID eller find", "a case OID or find"),
        ),
    };
    findings.push(Finding::error(code, "/case", found, expected, rule));
}

fn service(parts: &Parts, group: DocumentGroup, findings: &mut Findings) {
    if group != DocumentGroup::Relationship && !parts.has_service_task {
        let expected = Text::fixed(
            "palvelutehtävä (1.2.246.537.6.1221)",
            "serviceuppgift (1.2.246.537.6.1221)",
            "a service task (1.2.246.537.6.1221)",
        );
        let rule = Rule::new(STANDARD, "functionCode");
        findings.push(Finding::error("service_task.missing", "/service_task", nothing(), expected, rule));
    }
    if group == DocumentGroup::ClientDocument && !parts.has_service_process {
        let expected = Text::fixed(
            "palveluprosessi (1.2.246.537.6.1277)",
            "serviceprocess (1.2.246.537.6.1277)",
            "a service process (1.2.246.537.6.1277)",
        );
        let rule = Rule::new(STANDARD, "serviceProcess");
        findings.push(Finding::error("service_process.missing", "/service_process", nothing(), expected, rule));
    }
}

fn document_type(structure: &Structure, findings: &mut Findings) {
    let Some(specific) = structure.specific_type(crate::domain::code::Language::Fi) else { return };
    if let Some((code, instead)) = REPLACED_TYPES.iter().find(|(code, _)| *code == specific.code) {
        let rule = Rule::new("Kanta, luovutusilmoitus", "");
        findings.push(
            Finding::error("structure.replaced", "/structure", Text::same(*code), instead.clone(), rule).warning(),
        );
    }
}
