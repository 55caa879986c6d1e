//! The cases of `tests/conformance/cases/access/`, run against `access::decide`. Their README tells their shape.

use std::collections::BTreeSet;
use std::path::PathBuf;

use asiasilta::domain::access::{
    AccessProfile, Agreement, CaseStanding, Evidence, Joining, JointDenial, Operation, Parties, Party, Permit, Phase,
    PhaseChange, Reason, Request, Rules, Validity, decide_joint, newest,
};
use asiasilta::domain::document::header::DocumentIds;
use asiasilta::domain::oid::Oid;
use asiasilta::domain::person::PersonId;
use asiasilta::domain::record::{LinkKind, LinkPeriod, ProfessionalLink, PurchaseKind};
use asiasilta::domain::relationship::Relationship;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::support::{identity_code, oid};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(rename = "tells")]
    _tells: String,
    now: Timestamp,
    request: Asked,
    clients: Vec<Vec<Version>>,
    parties: BothParties,
    options: Map<String, Value>,
    roles: Option<Value>,
    expected: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    operation: String,
    drawn_up: Option<Date>,
    organiser: Oid,
    unit: Oid,
    service_task: Option<String>,
    service_process: Option<String>,
    role: Option<String>,
    link: Option<LinkPeriod>,
    purchase: Option<PurchaseKind>,
    case: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Version {
    version: u32,
    invalidated: bool,
    organiser: Oid,
    fetched_at: Timestamp,
    content: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BothParties {
    organiser: OneParty,
    producer: OneParty,
    agreement: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneParty {
    joined: Value,
    phase: Phase,
    change: Option<Change>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    on: Date,
    to: Phase,
}

fn day(value: &Value) -> Option<Date> {
    value.as_str().map(|text| text.parse().unwrap())
}

impl OneParty {
    fn party(&self) -> Party {
        let joining = match &self.joined {
            Value::Null => Joining::NotStated,
            Value::Bool(true) => Joining::From(Date::MIN),
            Value::Bool(false) => Joining::NotJoined,
            other => Joining::From(day(other).unwrap()),
        };
        let change = self.change.as_ref().map(|c| PhaseChange { on: c.on, to: c.to });
        Party { joining, phase: self.phase, change }
    }
}

impl BothParties {
    fn parties(&self) -> Parties {
        let agreement = match &self.agreement {
            Value::Null => Agreement::NotStated,
            Value::String(none) if none == "none" => Agreement::None,
            period => Agreement::Period { from: day(&period["from"]), to: day(&period["to"]) },
        };
        Parties { organiser: self.organiser.party(), producer: self.producer.party(), agreement }
    }
}

/// The rules by an operator's profile: what it sets is laid over the built-in one.
fn rules(options: &Map<String, Value>, roles: Option<&Value>) -> Rules {
    let set = options.iter().map(|(key, value)| format!("{key} = {{ value = {} }}\n", toml(value)));
    let mut over = format!("[options]\n{}", set.collect::<String>());
    if let Some(roles) = roles {
        over += &format!("[roles]\nrules = {}\n", toml(roles));
    }
    AccessProfile::default_with(&over).unwrap().rules()
}

/// A JSON value in TOML, on one line.
fn toml(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{key} = {}", toml(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        plain => plain.to_string(),
    }
}

fn evidence(versions: &[Version]) -> Option<Evidence> {
    newest(versions.iter().map(|version| {
        let id = oid("1.2.246.10.99999991.95.2026.1").child(u64::from(version.version));
        let evidence = Evidence {
            document: DocumentIds {
                document: id,
                set: oid("1.2.246.10.99999991.95.2026.1.1"),
                version: version.version,
            },
            organiser: version.organiser.clone(),
            relationship: Relationship::from_content(&version.content),
            fetched_at: version.fetched_at,
        };
        (evidence, if version.invalidated { Validity::Invalidated } else { Validity::Valid })
    }))
}

impl Case {
    fn decide(&self) -> Result<Permit, JointDenial> {
        let clients: Vec<(PersonId, Option<Evidence>)> = self
            .clients
            .iter()
            .enumerate()
            .map(|(place, versions)| {
                let code = identity_code(&format!("010190-9{place:02}"));
                (PersonId::IdentityCode(code.parse().unwrap()), evidence(versions))
            })
            .collect();
        let asked = &self.request;
        let link = asked.link.map(|period| ProfessionalLink {
            kind: LinkKind::Assignment,
            reference: "a-1".into(),
            period,
            asserted_by: "test".into(),
        });
        let operation = match (asked.operation.as_str(), asked.drawn_up) {
            ("read", None) => Operation::Read,
            ("write", Some(drawn_up)) => Operation::Write { drawn_up },
            other => panic!("{other:?}"),
        };
        let case = match asked.case.as_str() {
            "not_asked" => CaseStanding::NotAsked,
            "known" => CaseStanding::Known,
            "unknown" => CaseStanding::Unknown,
            other => panic!("{other}"),
        };
        let request = Request {
            operation,
            organiser: &asked.organiser,
            unit: &asked.unit,
            client: &clients[0].0,
            service_task: asked.service_task.as_deref(),
            service_process: asked.service_process.as_deref(),
            role: asked.role.as_deref(),
            link: link.as_ref(),
            purchase: asked.purchase,
            case,
        };
        let clients: Vec<_> = clients.iter().map(|(person, evidence)| (person, evidence.as_ref())).collect();
        let rules = rules(&self.options, self.roles.as_ref());
        decide_joint(&request, &clients, &self.parties.parties(), &rules, self.now)
    }
}

/// A verdict in the shape of `expected`, its reasons sorted.
fn told(verdict: &Result<Permit, JointDenial>) -> Value {
    match verdict {
        Ok(permit) => json!({
            "permitted": true,
            "remarks": permit.record().remarks,
            "row": permit.record().row,
            "ends_on": permit.ends_on(),
        }),
        Err(denial) => json!({
            "permitted": false,
            "denied": denial.denied.iter().map(|(place, one)| json!({ "client": place + 1, "reasons": sorted(json!(one.reasons)) })).collect::<Vec<_>>(),
            "may_pass": denial.may_pass().is_some(),
            "passes_on": denial.passes_on(),
        }),
    }
}

fn sorted(mut reasons: Value) -> Value {
    let key = |reason: &Value| reason["reason"].as_str().unwrap().to_owned() + reason["party"].as_str().unwrap_or("");
    reasons.as_array_mut().unwrap().sort_by_key(key);
    reasons
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/cases/access")
}

fn read<T: for<'de> Deserialize<'de>>(file: &str) -> Vec<T> {
    let bytes = std::fs::read(folder().join(format!("{file}.json"))).unwrap();
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{file}: {error}"))
}

const FILES: [&str; 9] = ["reasons", "pairs", "phases", "parties", "days", "rows", "roles", "joint", "purchases"];

#[test]
fn every_case_of_the_table_is_decided_as_it_says() {
    let mut wrong = Vec::new();
    for file in FILES {
        for case in read::<Case>(file) {
            let mut expected = case.expected.clone();
            if let Some(denied) = expected.get_mut("denied").and_then(Value::as_array_mut) {
                for client in denied {
                    client["reasons"] = sorted(client["reasons"].take());
                }
            }
            let found = told(&case.decide());
            if found != expected {
                wrong.push(format!("{file}: {}\n  expected {expected}\n  found    {found}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{} cases\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_table_has_every_reason_every_pair_and_every_cell() {
    let names = |case: &Case| -> BTreeSet<String> {
        let denied = case.expected["denied"].as_array().cloned().unwrap_or_default();
        let reasons = denied.iter().flat_map(|client| client["reasons"].as_array().cloned().unwrap());
        reasons.map(|reason| reason["reason"].as_str().unwrap().to_owned()).collect()
    };
    let known: BTreeSet<String> = Reason::CODES.iter().map(|&code| code.into()).collect();
    let alone: BTreeSet<String> =
        read::<Case>("reasons").iter().map(names).filter(|n| n.len() == 1).flatten().collect();
    assert_eq!(alone, known);

    let possible = read::<Case>("pairs").into_iter().map(|case| names(&case));
    let impossible = read::<Value>("impossible-pairs");
    let impossible = impossible.iter().map(|p| serde_json::from_value::<BTreeSet<String>>(p["pair"].clone()).unwrap());
    let pairs: BTreeSet<BTreeSet<String>> = possible.chain(impossible).collect();
    let codes: Vec<&String> = known.iter().collect();
    for (at, one) in codes.iter().enumerate() {
        for other in &codes[at + 1..] {
            let pair = BTreeSet::from([(*one).clone(), (*other).clone()]);
            assert!(pairs.contains(&pair), "{one} and {other}");
        }
    }

    let cells: BTreeSet<(String, String)> = read::<Case>("phases")
        .iter()
        .map(|case| (format!("{:?}", case.parties.organiser.phase), format!("{:?}", case.parties.producer.phase)))
        .collect();
    assert_eq!(cells.len(), 25);
}

#[test]
fn every_reason_is_told_in_three_languages_with_its_source_and_what_would_mend_it() {
    for case in read::<Case>("reasons").iter().chain(&read::<Case>("parties")) {
        let Err(denial) = case.decide() else { continue };
        for reason in denial.denied.iter().flat_map(|(_, one)| &one.reasons) {
            let (told, remedy, ground) = (reason.text(), reason.remedy(), reason.ground());
            for text in [&told, &remedy] {
                let distinct = BTreeSet::from([&text.fi, &text.sv, &text.en]);
                assert!(distinct.len() == 3 && distinct.iter().all(|t| t.len() > 10), "{}", reason.code());
            }
            assert!(!ground.source.is_empty() && !ground.clause.is_empty(), "{}", reason.code());
            if let Some(on) = reason.passes_on() {
                assert!(remedy.en.contains(&on.to_string()), "{}", remedy.en);
            }
        }
    }
}
