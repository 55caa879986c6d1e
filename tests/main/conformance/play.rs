//! Plays a case: sets the stage, takes its steps, and says where one comes out otherwise.

use std::collections::BTreeMap;

use asiasilta::archive::client::{Acting, ArchiveClient, ClientError, Presence, Wanted};
use asiasilta::archive::transport::HttpsTransport;
use asiasilta::domain::access::{Authority, Evidence, Operation, Parties, Request, Rules, decide};
use asiasilta::domain::document::header::{DocumentGroup, DocumentIds};
use asiasilta::domain::document::invalidation::{Invalidation, InvalidationFault, Subject};
use asiasilta::domain::oid::Oid;
use asiasilta::domain::organisation::Unit;
use asiasilta::domain::person::{PersonId, Worker};
use asiasilta::domain::record::{LinkKind, LinkPeriod, LocalRecord, ProfessionalLink};
use asiasilta::domain::relationship::Relationship;
use asiasilta::domain::signature::SignedDocument;
use asiasilta::domain::time::Instant;
use asiasilta::domain::wire::Envelope;
use asiasilta::domain::wire::answer::{Doubt, Entry, EntryStatus, Outcome};
use asiasilta::domain::wire::query::Period;
use jiff::Timestamp;
use mock_archive::Fault;
use serde_json::json;

use super::case::{Case, Step, Through, Use};
use super::outbox;
use super::world::{ORGANISER, World, organisation, told};
use crate::support::oid;

/// What a step came to, in the words of the cases.
#[derive(Debug, Default)]
pub(super) struct Came {
    pub(super) to: &'static str,
    pub(super) code: Option<String>,
    pub(super) actor: Option<&'static str>,
    pub(super) count: Option<usize>,
    pub(super) status: Option<&'static str>,
}

impl Came {
    /// Whether it came out as the step says.
    pub(super) fn judge(&self, at: usize, step: &Step) -> Result<(), String> {
        let otherwise = |what: &str, found: String| Err(format!("step {}: {what}: {found} ({self:?})", at + 1));
        if self.to != step.expect {
            return otherwise(&format!("expected {}, came to", step.expect), self.to.into());
        }
        if step.code.is_some() && self.code != step.code {
            return otherwise("code", format!("{:?}", self.code));
        }
        if step.actor.is_some() && self.actor != step.actor.as_deref() {
            return otherwise("actor", format!("{:?}", self.actor));
        }
        if step.count.is_some() && self.count != step.count {
            return otherwise("count", format!("{:?}", self.count));
        }
        if step.status.is_some() && self.status != step.status.as_deref() {
            return otherwise("status", format!("{:?}", self.status));
        }
        Ok(())
    }
}

/// A document that a step was about.
struct Made {
    record: LocalRecord,
    document: SignedDocument,
    envelope: Option<Envelope>,
}

struct Play<'a> {
    world: World,
    case: &'a Case,
    made: BTreeMap<String, Made>,
    number: usize,
}

pub(super) async fn play(case: &Case) -> Result<(), String> {
    if case.script.through == Through::Sidecar {
        return outbox::play(case).await;
    }
    let world = World::of(case).await;
    let mut play = Play { world, case, made: BTreeMap::new(), number: 0 };
    play.set_stage().await?;
    for (organisation, standing) in &case.script.archive.standing {
        let standing = standing.parse().map_err(|_| format!("{standing}: no standing"))?;
        play.world.mock.archive().set_standing(mock_archive::Oid::parse(organisation).unwrap(), standing);
    }
    for (at, step) in case.script.step.iter().enumerate() {
        play.take(step).await.judge(at, step)?;
    }
    play.world.mock.verify().map_err(|error| error.to_string())
}

impl Play<'_> {
    async fn set_stage(&mut self) -> Result<(), String> {
        let none = BTreeMap::new();
        for name in &self.case.script.stage {
            let set = self.case.script.stage_set.get(name).unwrap_or(&none);
            let path = format!("examples/organiser/main-{name}.json");
            let record = self.world.record(&path, set);
            let ids = self.ids("organiser", None, None);
            let (record, document) = self.world.signed(&record, &ids, "organiser");
            let client = self.world.client("organiser");
            let acting = Acting { worker: &record.acting_worker, unit: &record.unit };
            let stored = client.store(&document, acting, &Authority::OwnRegister).await;
            match stored {
                Ok(Outcome::Archived(_)) => {}
                other => return Err(format!("the stage's {name}: {:?}", other.map(|o| outcome(&o)))),
            }
            self.made.insert(name.clone(), Made { record, document, envelope: None });
        }
        Ok(())
    }

    fn ids(&mut self, by: &str, replaced: Option<&DocumentIds>, version: Option<u32>) -> DocumentIds {
        let document = self.world.next_id(by, self.number);
        self.number += 1;
        match replaced {
            Some(ids) => DocumentIds { document, set: ids.set.clone(), version: version.unwrap_or(ids.version + 1) },
            None => DocumentIds { set: document.clone(), document, version: version.unwrap_or(1) },
        }
    }

    async fn take(&mut self, step: &Step) -> Came {
        if let Some(name) = &step.fault {
            self.world.mock.faults().next_store(fault(name)).unwrap();
        }
        let client = self.world.client(&step.by);
        match step.what {
            Use::Archive => self.archive(step, &client).await,
            Use::SendAgain => {
                let mut envelope = self.of(step).envelope.clone().unwrap();
                change(&mut envelope, step);
                outcome(&client.send(&envelope).await)
            }
            Use::Invalidate => self.invalidate(step, &client).await,
            Use::Question => {
                let made = self.of(step);
                let (worker, unit) = self.actors(step);
                let header = made.document.header();
                let acting = Acting { worker: &worker, unit: &unit };
                question(client.question(&header.ids.document, &header.organiser.oid, acting).await)
            }
            Use::Relationship | Use::Cases | Use::Search | Use::Document | Use::Summary => {
                self.read(step, &client).await
            }
        }
    }

    async fn archive(&mut self, step: &Step, client: &ArchiveClient<HttpsTransport>) -> Came {
        let replaced = step.replaces.as_ref().map(|name| self.made[name].document.header().ids.clone());
        let mut set = step.set.clone();
        if let Some(ids) = &replaced {
            let replaces: [(String, toml::Value); 4] = [
                ("document".into(), ids.document.to_string().into()),
                ("set".into(), ids.set.to_string().into()),
                ("version".into(), i64::from(ids.version).into()),
                ("reason".into(), "Kirjoitusvirhe korjattu".into()),
            ];
            set.insert("/replaces".into(), toml::Table::from_iter(replaces).into());
        }
        if let Some(role) = &step.role {
            set.insert("/acting_worker/role".into(), role.clone().into());
        }
        let ids = self.ids(&step.by, replaced.as_ref(), step.version);
        let record = self.world.record(step.record.as_deref().expect("a record"), &set);
        let (record, document) = self.world.signed(&record, &ids, &step.by);
        let authority = authority(&step.by, &record, Operation::Write { drawn_up: record.drawn_up.day() });
        let acting = Acting { worker: &record.acting_worker, unit: &record.unit };
        let prepared = client.prepare_store(&document, acting, &authority);
        match prepared {
            Err(error) => failed(&error),
            Ok(mut envelope) => {
                change(&mut envelope, step);
                let came = outcome(&client.send(&envelope).await);
                let made = Made { record, document, envelope: Some(envelope) };
                self.made.insert(step.name.clone().unwrap_or_default(), made);
                came
            }
        }
    }

    async fn invalidate(&self, step: &Step, client: &ArchiveClient<HttpsTransport>) -> Came {
        let made = self.of(step);
        let header = made.document.header();
        let reason = step.reason.as_deref().unwrap_or("Kirjattu väärälle asiakkaalle");
        let now = Instant::in_finland(Timestamp::now());
        let extent = step.extent.unwrap_or_default();
        let invalidation = match Invalidation::try_new(&Subject::from(header), extent, reason, now) {
            Ok(invalidation) => invalidation,
            Err(InvalidationFault::NoReason | InvalidationFault::ReasonTooLong(_)) => {
                return Came { to: "not sent", ..Came::default() };
            }
            Err(other) => panic!("{other}"),
        };
        let (worker, unit) = self.actors(step);
        let acting = Acting { worker: &worker, unit: &unit };
        let number = Timestamp::now().as_nanosecond().to_string();
        match client.prepare_invalidation(&number, now, &invalidation, acting) {
            Err(error) => failed(&error),
            Ok(mut envelope) => {
                change(&mut envelope, step);
                outcome(&client.send(&envelope).await)
            }
        }
    }

    async fn read(&self, step: &Step, client: &ArchiveClient<HttpsTransport>) -> Came {
        let (worker, unit) = self.actors(step);
        let acting = Acting { worker: &worker, unit: &unit };
        let record = self.record_of(step);
        let person = record.clients[0].id().unwrap();
        let record = LocalRecord { unit: unit.clone(), ..record };
        let authority = authority(&step.by, &record, Operation::Read);
        let one = |found: Result<bool, ClientError>| match found {
            Ok(true) => Came { to: "found", count: Some(1), ..Came::default() },
            Ok(false) => Came { to: "nothing", count: Some(0), ..Came::default() },
            Err(error) => failed(&error),
        };
        match step.what {
            Use::Relationship => {
                let found = client.relationship(&person, &oid(ORGANISER), acting).await;
                one(found.map(|found| found.is_some()))
            }
            Use::Cases => {
                let task = step.search.service_task.as_deref();
                match client.cases(&person, task, acting, &authority).await {
                    Ok(entries) => listed(&entries),
                    Err(error) => failed(&error),
                }
            }
            Use::Document => {
                let made = self.of(step);
                let found = client.document(&made.document.header().ids.document, &person, acting, &authority).await;
                one(found.map(|found| found.is_some_and(|fetched| fetched.xml == made.document.xml())))
            }
            Use::Summary => one(client.summary(&person, acting, &authority).await.map(|s| s.is_some())),
            _ => self.search(step, client, &person, acting, &authority).await,
        }
    }

    async fn search(
        &self,
        step: &Step,
        client: &ArchiveClient<HttpsTransport>,
        person: &PersonId,
        acting: Acting<'_>,
        authority: &Authority,
    ) -> Came {
        let narrowed = &step.search;
        let moment = |text: &Option<String>| text.as_ref().map(|text| told(text).parse::<Instant>().unwrap());
        let types: Vec<&str> = narrowed.types.iter().map(String::as_str).collect();
        let case = narrowed.case.as_ref().map(|case| oid(case));
        let wanted = Wanted {
            group: narrowed.group.as_deref().and_then(DocumentGroup::by_code),
            types: &types,
            service_task: narrowed.service_task.as_deref(),
            service_process: narrowed.service_process.as_deref(),
            case: case.as_ref(),
            drawn_up: Period { from: moment(&narrowed.from), until: moment(&narrowed.until) },
            stored_after: moment(&narrowed.stored_after),
            ..Wanted::of(person)
        };
        let (mut entries, mut cursor) = (Vec::new(), None);
        loop {
            let size = narrowed.page_size.unwrap_or(50);
            match client.search(&wanted, size, cursor.as_ref(), acting, authority).await {
                Err(error) => return failed(&error),
                Ok(page) => {
                    entries.extend(page.entries);
                    cursor = page.next;
                }
            }
            if cursor.is_none() {
                break;
            }
        }
        listed(&entries)
    }

    fn of(&self, step: &Step) -> &Made {
        let name = step.of.as_deref().unwrap_or_default();
        self.made.get(name).unwrap_or_else(|| panic!("{}: no step {name}", self.case.name))
    }

    /// Whose data are asked for: the named step's client, or the one of the example.
    fn record_of(&self, step: &Step) -> LocalRecord {
        match &step.of {
            Some(name) => self.made[name].record.clone(),
            None => self.example("examples/records/01-service-started.json"),
        }
    }

    fn example(&self, path: &str) -> LocalRecord {
        serde_json::from_slice(&self.world.record(path, &BTreeMap::new())).unwrap()
    }

    /// Worker and unit of whoever takes the step.
    fn actors(&self, step: &Step) -> (Worker, Unit) {
        let path = match step.by.as_str() {
            "organiser" => "examples/organiser/main-case.json",
            _ => "examples/records/01-service-started.json",
        };
        let record = self.example(path);
        let unit = match step.by.as_str() {
            "other" => Unit { oid: oid(organisation("other")).child(1), name: "Muu yksikkö".into() },
            _ => record.unit,
        };
        (Worker { role: step.role.clone(), ..record.acting_worker }, unit)
    }
}

/// The organiser works in its own register. Others get a permit of the library's from evidence made up here: whether the archive
/// sees it the same way is what the cases are about.
fn authority(by: &str, record: &LocalRecord, operation: Operation) -> Authority {
    if record.organiser.oid.as_str() == organisation(by) {
        return Authority::OwnRegister;
    }
    let task = record.service_task.as_ref().map_or("TEST-IAKKAAT", |task| task.code.as_str());
    let content = json!({ "asiakkuusasiakirja": { "sosiaalihuollon_palvelutehtava": [{
        "palvelutehtava": { "system": "urn:oid:1.2.246.537.6.1221", "code": task },
        "palveluntuottaja": [{
            "palveluyksikon_nimi": { "system": "urn:oid:1.2.246.537.6.202", "code": record.unit.oid },
            "asiakkuuden_alkamispvm": "2000-01-01"
        }]
    }]}});
    let now = Timestamp::now();
    let id: Oid = oid("1.2.246.10.99999991.95.1");
    let evidence = Evidence {
        document: DocumentIds { document: id.clone(), set: id, version: 1 },
        organiser: record.organiser.oid.clone(),
        relationship: Relationship::from_content(content.as_object().unwrap()),
        fetched_at: now,
    };
    let link = ProfessionalLink {
        kind: LinkKind::Shift,
        reference: "case".into(),
        period: LinkPeriod { start: "2000-01-01".parse().unwrap(), end: None },
        asserted_by: "case".into(),
    };
    let mut joint: Option<Authority> = None;
    for person in record.clients.iter().filter_map(|client| client.id()) {
        let bare = Request::bare(operation, &record.organiser.oid, &record.unit.oid, &person);
        let request = Request { link: Some(&link), purchase: Some(record.purchase), ..bare };
        let permit = decide(&request, Some(&evidence), &Parties::default(), &Rules::default(), now).unwrap();
        joint = Some(match joint {
            Some(Authority::RegisterAccess(before)) => Authority::RegisterAccess(before.joined(permit).unwrap()),
            _ => Authority::RegisterAccess(permit),
        });
    }
    joint.unwrap()
}

/// Replaces texts in the bytes as they leave.
fn change(envelope: &mut Envelope, step: &Step) {
    if let Some(content_type) = &step.content_type {
        envelope.content_type.clone_from(content_type);
    }
    for (from, to) in &step.change {
        let (from, to) = (told(from), told(to));
        let found = envelope.body.windows(from.len()).any(|window| window == from.as_bytes());
        assert!(found, "the message does not hold {from}");
        let mut body = Vec::with_capacity(envelope.body.len());
        let mut rest = envelope.body.as_slice();
        while let Some(at) = rest.windows(from.len()).position(|window| window == from.as_bytes()) {
            body.extend_from_slice(&rest[..at]);
            body.extend_from_slice(to.as_bytes());
            rest = &rest[at + from.len()..];
        }
        body.extend_from_slice(rest);
        envelope.body = body;
    }
}

pub(super) fn fault(name: &str) -> Fault {
    match name {
        "stored but never answered" => Fault::StoredButNeverAnswered,
        "reset before it is stored" => Fault::ResetBeforeStore,
        "answer cut" => Fault::AnswerCutAfter(120),
        "block page" => Fault::BlockPage,
        "not processed" => Fault::NotProcessed,
        "503" => Fault::Status(503, None),
        "503 with retry-after" => Fault::Status(503, Some(7)),
        "404" => Fault::Status(404, None),
        unknown => panic!("{unknown}: no fault"),
    }
}

fn outcome(outcome: &Outcome) -> Came {
    let code = match outcome {
        Outcome::Rejected(rejection) => rejection.details.first().and_then(|d| d.code.clone()),
        Outcome::Unknown { why, .. } => Some(why.code().to_owned()),
        Outcome::Archived(_) | Outcome::TryLater { .. } => None,
    };
    Came { to: outcome.name(), code, actor: Some(outcome.actor().code()), ..Came::default() }
}

fn failed(error: &ClientError) -> Came {
    let (to, code) = match error {
        ClientError::Refused(rejection) => ("refused", rejection.details.first().and_then(|d| d.code.clone())),
        ClientError::Doubt(doubt) => ("unknown", Some(Doubt::code(doubt).to_owned())),
        ClientError::NotProcessed { .. } | ClientError::Unsent(_) => ("try later", None),
        ClientError::Message(_) | ClientError::Ground(_) => ("not sent", None),
        ClientError::Foreign(_) | ClientError::TooMany(_) => ("foreign", None),
    };
    Came { to, code, actor: Some(error.actor().code()), ..Came::default() }
}

fn question(asked: Result<Presence, ClientError>) -> Came {
    match asked {
        Ok(Presence::Stored(entry)) => {
            Came { to: "found", count: Some(1), status: Some(status(entry.status)), ..Came::default() }
        }
        Ok(Presence::Absent) => Came { to: "nothing", count: Some(0), ..Came::default() },
        Err(error) => failed(&error),
    }
}

fn listed(entries: &[Entry]) -> Came {
    Came {
        to: if entries.is_empty() { "nothing" } else { "found" },
        count: Some(entries.len()),
        status: entries.last().map(|entry| status(entry.status)),
        ..Came::default()
    }
}

pub(super) fn status(status: EntryStatus) -> &'static str {
    match status {
        EntryStatus::Completed => "completed",
        EntryStatus::Nullified => "nullified",
    }
}
