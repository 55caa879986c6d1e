//! The rules of what only some documents carry: a minor's guardians, what is kept from the client, a case's days and parties,
//! a safety ban, a calling name.

use jiff::ToSpan;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::Value;

use super::{Parts, STANDARD};
use crate::domain::document::header::{CasePeriod, DocumentGroup};
use crate::domain::finding::{Finding, Rule};
use crate::domain::person::{Client, PersonName};
use crate::domain::record::GuardianDisclosure;
use crate::domain::text::Text;
use crate::domain::time::Instant;
use crate::domain::validate::findings::{Findings, nothing};

/// Age of majority in Finland, in years.
const OF_AGE: i64 = 18;
/// 1.2.246.537.6.1286: may be disclosed, the minor does not deny it.
const NOT_DENIED: &str = "1";

/// Adds what is wrong; `record` is the whole of it.
pub(in crate::domain::validate) fn check(
    record: &Value,
    parts: &Parts,
    group: Option<DocumentGroup>,
    findings: &mut Findings,
) {
    calling_names(parts, findings);
    guardian_disclosure(record, parts, findings);
    let root = record.get("content").and_then(Value::as_object).and_then(|content| content.iter().next());
    let Some((key, root)) = root else { return };
    safety_bans(root, &format!("/content/{key}"), parts, findings);
    match group {
        Some(DocumentGroup::Relationship) => one_client(parts, findings),
        Some(DocumentGroup::Case) => case(root, &format!("/content/{key}/asian_tiedot"), parts, findings),
        _ => {}
    }
}

/// Kutsumanimi is one of the given names, or a part of a double one (Names Act 946/2017).
fn calling_names(parts: &Parts, findings: &mut Findings) {
    let is_own = |name: &PersonName, calling: &str| {
        name.given
            .iter()
            .flat_map(|given| std::iter::once(given.as_str()).chain(given.split('-')))
            .any(|g| g == calling)
    };
    for (index, client) in parts.clients.iter().enumerate() {
        let Some(client) = client else { continue };
        if client.name.calling.as_ref().is_some_and(|calling| !is_own(&client.name, calling)) {
            let finding = Finding::error(
                "client.calling_name",
                format!("/clients/{index}/name/calling"),
                Text::fixed("muu kuin etunimi", "annat än ett förnamn", "none of the given names"),
                Text::fixed("yksi etunimistä", "ett av förnamnen", "one of the given names"),
                Rule::new("Act 946/2017 on names", "kutsumanimi, tilltalsnamn"),
            );
            findings.push(finding.warning());
        }
    }
}

fn guardian_disclosure(record: &Value, parts: &Parts, findings: &mut Findings) {
    let given = record.get("guardian_disclosure").filter(|v| !v.is_null());
    let Some(day) = parts.drawn_up.map(Instant::day) else { return };
    let all_known = parts.clients.iter().all(Option::is_some) && !parts.clients.is_empty();
    let minor = parts.clients.iter().flatten().any(|client| is_minor(client, day));
    let rule = || Rule::new(STANDARD, "authorization/consent");
    match given {
        None if minor => findings.push(
            Finding::error(
                "guardian_disclosure.missing",
                "/guardian_disclosure",
                nothing(),
                Text::fixed(
                    "alaikäisen asiakkaan tietojen luovuttaminen huoltajille (1.2.246.537.6.1286)",
                    "utlämnande av en minderårig klients uppgifter till vårdnadshavare (1.2.246.537.6.1286)",
                    "whether a minor client's guardians may be given it (1.2.246.537.6.1286)",
                ),
                rule(),
            )
            .warning(),
        ),
        Some(_) if all_known && !minor => findings.push(Finding::error(
            "guardian_disclosure.no_minor",
            "/guardian_disclosure",
            Text::fixed("asiakkaat ovat täysi-ikäisiä", "klienterna är myndiga", "every client is of age"),
            Text::fixed("ei kenttää", "inget fält", "no such field"),
            rule(),
        )),
        _ => {}
    }
    let told = given.and_then(|v| GuardianDisclosure::deserialize(v).ok());
    if told.is_some_and(|told| told.grounds.is_some() && told.decision.code == NOT_DENIED) {
        findings.push(Finding::error(
            "guardian_disclosure.grounds_without_denial",
            "/guardian_disclosure/grounds",
            Text::fixed(
                "perustelu, vaikka alaikäinen ei kiellä luovuttamista",
                "en motivering fast den minderåriga inte förbjuder utlämnande",
                "grounds, though the minor does not deny disclosure",
            ),
            Text::fixed(
                "kielto (decision) tai ei perustelua",
                "ett förbud (decision) eller ingen motivering",
                "a denial (decision), or no grounds",
            ),
            Rule::new(STANDARD, "authorizationRestrictionArgument"),
        ));
    }
}

fn is_minor(client: &Client, day: Date) -> bool {
    client.birth_date.date().checked_add(OF_AGE.years()).is_ok_and(|of_age| day < of_age)
}

fn one_client(parts: &Parts, findings: &mut Findings) {
    if parts.clients.len() > 1 {
        findings.push(Finding::error(
            "client.relationship_has_one",
            "/clients",
            Text::same(parts.clients.len().to_string()),
            Text::fixed(
                "yksi asiakas: asiakkuus on kunkin oma",
                "en klient: klientrelationen är vars och ens egen",
                "one client: a relationship is each client's own",
            ),
            Rule::new("THL Sosmeta 1505.1", "asiakas"),
        ));
    }
}

fn case(root: &Value, details: &str, parts: &Parts, findings: &mut Findings) {
    let period = CasePeriod::of_case(root);
    if period.is_some_and(|p| p.closed.is_some_and(|closed| closed.latest_day() < p.opened.earliest_day())) {
        findings.push(Finding::error(
            "case.period_reversed",
            format!("{details}/paattymispaiva"),
            Text::fixed("päivä ennen avauspäivää", "en dag före öppningsdagen", "a day before the opening day"),
            Text::fixed(
                "avauspäivä tai sitä myöhempi päivä",
                "öppningsdagen eller en senare dag",
                "the opening day or a later one",
            ),
            Rule::new("THL Sosmeta 1505.2", "avauspaiva, paattymispaiva"),
        ));
    }
    let joint = root.pointer("/asian_tiedot/yhteinen_asia").and_then(Value::as_bool);
    if joint == Some(false) && parts.clients.len() > 1 {
        findings.push(Finding::error(
            "case.not_joint",
            format!("{details}/yhteinen_asia"),
            Text::made(
                format!("false, mutta asiakkaita on {}", parts.clients.len()),
                format!("false, men klienterna är {}", parts.clients.len()),
                format!("false, but there are {} clients", parts.clients.len()),
            ),
            Text::fixed(
                "true, kun asiakkaita on useita",
                "true då klienterna är flera",
                "true where there are several",
            ),
            Rule::new("THL Sosmeta 1505.2", "yhteinen_asia"),
        ));
    }
}

/// The ban decides what the readable form shows, so content and record may not differ on it.
fn safety_bans(root: &Value, at: &str, parts: &Parts, findings: &mut Findings) {
    let Some(clients) = root.get("asiakas") else { return };
    let listed: Vec<(String, &Value)> = match clients {
        Value::Array(items) => items.iter().enumerate().map(|(i, v)| (format!("{at}/asiakas/{i}"), v)).collect(),
        one => vec![(format!("{at}/asiakas"), one)],
    };
    for (at, said) in listed {
        let Some(ban) = said.get("turvakielto").and_then(Value::as_bool) else { continue };
        let same = parts.clients.iter().flatten().find(|client| names(said, client));
        if same.is_some_and(|client| client.safety_ban != ban) {
            findings.push(Finding::error(
                "content.safety_ban_differs",
                format!("{at}/turvakielto"),
                Text::same(ban.to_string()),
                Text::same((!ban).to_string()),
                Rule::new("THL Sosmeta", "turvakielto"),
            ));
        }
    }
}

/// Whether a client of the content has an id of this one.
fn names(said: &Value, client: &Client) -> bool {
    let has = |field: &str, id: Option<&str>| {
        let value = said.get(field).and_then(|id| id.get("value")).and_then(Value::as_str);
        value.is_some() && value == id
    };
    has("henkilotunnus", client.identity_code.as_ref().map(|code| code.reveal()))
        || has("tilapainen_yksilointitunnus", client.temporary_id.as_ref().map(|id| id.value.reveal()))
}
