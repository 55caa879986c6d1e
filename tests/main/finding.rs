//! What the organiser decided, read from instances of the published structures, where reference data is at hand.

use asiasilta::domain::case::{CaseDocument, Closing};
use asiasilta::domain::code::Language;
use asiasilta::domain::decision::{DecisionShapes, ServiceDecision};
use asiasilta::domain::structure::{Extent, Structure};

use crate::support::{oid, reference};

/// The newest structure of each of these types in the reference folder.
fn structures(check: &str, types: &[&str]) -> Option<Vec<Structure>> {
    let folder = reference(check, "sosmeta")?;
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if types.iter().any(|of| name.starts_with(&format!("{of}."))) {
            texts.push(Structure::parse(&std::fs::read_to_string(path).unwrap()).unwrap());
        }
    }
    assert_eq!(texts.len(), types.len(), "{types:?}");
    Some(texts)
}

#[test]
fn every_path_of_the_eight_service_decisions_leads_to_its_field_in_the_published_structures() {
    let check = "every_path_of_the_eight_service_decisions_leads_to_its_field_in_the_published_structures";
    let types: Vec<String> = DecisionShapes::built_in().types().map(|of| format!("1.2.246.537.6.1506.{of}")).collect();
    let types: Vec<&str> = types.iter().map(String::as_str).collect();
    let Some(structures) = structures(check, &types) else { return };
    for structure in structures {
        let name = structure.oid().to_string();
        let read = |extent| {
            let template = structure.template(extent, Language::Fi).unwrap();
            ServiceDecision::from_content(structure.oid(), template.content()).unwrap()
        };
        let full = read(Extent::Full);
        assert!(full.unreadable.is_empty(), "{name}: {:?}", full.unreadable);
        let system = |code: &Option<asiasilta::domain::code::Code>| code.as_ref().map(|c| c.system.to_string());
        let is = |code, root: &str| system(code).is_some_and(|system| oid(&system).is_within(&oid(root)));
        assert!(full.id.is_some() && full.decided_on.is_some(), "{name}");
        assert!(is(&full.outcome, "1.2.246.537.6.1248") && is(&full.service, "1.2.246.537.6.1222"), "{name}");
        assert!(full.validity.from.is_some() && full.validity.until.is_some(), "{name}");
        let maker = full.decision_maker.as_ref().unwrap();
        assert!(maker.family.is_some() && maker.given.is_some() && maker.title.is_some(), "{name}");
        // The two whose content names the service task, and the one that has no way of arranging.
        let (aftercare, account) = (name.contains(".11059."), name.contains(".11054."));
        assert_eq!(is(&full.service_task, "1.2.246.537.6.1221"), aftercare || account, "{name}");
        assert_eq!(is(&full.arrangement, "1.2.246.537.6.1296"), !account, "{name}");
        assert!(read(Extent::Minimal).unreadable.is_empty(), "{name}");
    }
}

#[test]
fn an_instance_of_the_published_case_document_is_read_whole() {
    let check = "an_instance_of_the_published_case_document_is_read_whole";
    let Some(structures) = structures(check, &["1.2.246.537.6.1505.2"]) else { return };
    let template = structures[0].template(Extent::Full, Language::Fi).unwrap();
    let case = CaseDocument::from_content(template.content());
    assert!(case.case.is_some() && case.name.is_some() && case.state.is_some() && case.opened.is_some());
    assert!(matches!(case.closing, Closing::Closed(_)));
    assert!(case.service_task.is_some() && case.organiser_unit.is_some() && case.joint.is_some());
}

#[cfg(feature = "demo")]
mod over_the_mock {
    //! Reading over real sockets: the sidecar before the mock archive, whose ledger counts what it is asked.

    use std::path::Path;

    use asiasilta::demo::{ProducerSystem, RECORDS, SidecarFiles, Stage};
    use asiasilta::domain::person::PersonId;
    use asiasilta::domain::time::Instant;
    use asiasilta::domain::wire::answer::EntryStatus;
    use asiasilta::sidecar::app::{RunningApp, start};
    use asiasilta::sidecar::assembly::assemble;
    use asiasilta::sidecar::config::Config;
    use jiff::Timestamp;
    use mock_archive::ArrivalKind;
    use serde_json::{Value, json};

    const CLIENT: &str = "140341-912E";
    const UNIT: &str = "1.2.246.10.99999992.10.1";

    struct World {
        stage: Stage,
        app: RunningApp,
        system: ProducerSystem,
        _folder: tempfile::TempDir,
    }

    impl World {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let stage = Stage::set(folder.path()).await.unwrap();
            let files = SidecarFiles::write(&stage, "127.0.0.1:0".parse().unwrap()).unwrap();
            let config = Config::read(&files.config).unwrap();
            let app = start(&config, assemble(&config).unwrap()).await.unwrap();
            let system = ProducerSystem::try_new(app.address(), &files.token).unwrap();
            Self { stage, app, system, _folder: folder }
        }

        async fn read(&self, path: &str, more: Value) -> Value {
            let record: Value = serde_json::from_str(RECORDS[0].1).unwrap();
            let today = asiasilta::domain::time::day_in_finland(Timestamp::now()).to_string();
            let mut link = record["professional_link"].clone();
            link["period"] = json!({ "start": today });
            let mut request = json!({ "client": { "identity_code": CLIENT }, "acting_worker": record["acting_worker"],
                "unit": record["unit"], "organiser": record["organiser"], "professional_link": link });
            request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let answer = self.system.post(path, None, request.to_string().into_bytes()).await.unwrap();
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
            answer.body
        }

        /// How many finds and fetches have arrived.
        fn asked(&self) -> (usize, usize) {
            let entries = self.stage.mock.ledger().entries();
            let count = |fits: fn(&ArrivalKind) -> bool| entries.iter().filter(|e| fits(&e.kind)).count();
            (count(|k| matches!(k, ArrivalKind::Find)), count(|k| matches!(k, ArrivalKind::Fetch { .. })))
        }

        async fn archive(&self, number: usize) -> Value {
            let record = RECORDS[number].1.as_bytes().to_vec();
            let accepted = self.system.post("/v1/submissions", Some(RECORDS[number].0), record).await.unwrap().body;
            let path = format!("/v1/submissions/{}", accepted["id"].as_str().unwrap());
            let archived = async {
                loop {
                    if self.system.get(&path).await.unwrap().body["state"] == "archived" {
                        return;
                    }
                }
            };
            tokio::time::timeout(std::time::Duration::from_secs(60), archived).await.unwrap();
            accepted
        }

        async fn end(self) {
            self.app.shutdown().await.unwrap();
            self.stage.mock.verify().unwrap();
        }
    }

    fn example(name: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/organiser").join(name);
        std::fs::read_to_string(path).unwrap()
    }

    #[tokio::test]
    async fn a_page_is_one_metadata_query_and_one_fetch_for_each_document_and_nothing_comes_twice() {
        let mut world = World::new().await;
        for day in 1..=6 {
            let decision = example("main-decision.json").replace("2026-01-14T13:05", &format!("2026-02-0{day}T13:05"));
            world.stage.organiser.store(decision.as_bytes()).await.unwrap();
        }
        // The relationship document is read once, before the first page.
        world.read("/v1/relationships/search", json!({})).await;
        let (mut seen, mut cursor, mut sizes) = (Vec::new(), Value::Null, Vec::new());
        loop {
            let before = world.asked();
            let more = json!({ "contents": "fetch", "page_size": 3, "cursor": cursor });
            let page = world.read("/v1/decisions/search", more).await;
            let decisions = page["decisions"].as_array().unwrap().clone();
            assert_eq!(world.asked(), (before.0 + 1, before.1 + decisions.len()));
            for decision in &decisions {
                assert_eq!(decision["fetched"]["signature"], "valid");
                assert_eq!(decision["case"], "1.2.246.10.99999991.14.2026.1");
                let view = &decision["decision"];
                assert_eq!((&view["granted"], &view["service"]["code"]), (&json!(true), &json!("TEST-KOTIHOITO")));
                assert_eq!(
                    (&view["valid_until"], &view["arrangement"]["code"]),
                    (&json!("2027-01-14"), &json!("TEST-OSTOPALVELU"))
                );
                assert_eq!(decision["author"]["registration_number"], "90000000041");
                seen.push(decision["document_id"].as_str().unwrap().to_owned());
            }
            sizes.push(decisions.len());
            cursor = page["next"].clone();
            if cursor.is_null() {
                break;
            }
        }
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!((sizes, count, seen.len()), (vec![3, 3, 1], 7, 7));
        let before = world.asked();
        assert_eq!(world.read("/v1/decisions/search", json!({})).await["decisions"].as_array().unwrap().len(), 7);
        assert_eq!(world.asked(), (before.0 + 1, before.1), "metadata alone fetches nothing");
        let narrowed =
            json!({ "drawn_up": { "from": "2026-02-02", "until": "2026-02-03" }, "service_process": "TEST-PAATOS" });
        assert_eq!(world.read("/v1/decisions/search", narrowed).await["decisions"].as_array().unwrap().len(), 2);
        world.end().await;
    }

    #[tokio::test]
    async fn the_organiser_reads_what_producers_wrote_and_what_changed_since() {
        let world = World::new().await;
        let client = PersonId::IdentityCode(CLIENT.parse().unwrap());
        let before = Instant::in_finland(Timestamp::now());
        let first = world.stage.organiser.changes(&client, "2020-01-01T00:00:00+02:00".parse().unwrap()).await.unwrap();
        assert!(first.len() >= 3);
        let accepted = world.archive(0).await;
        let changes = world.stage.organiser.changes(&client, before).await.unwrap();
        let last = changes.last().unwrap();
        assert_eq!(last.ids.document.as_str(), accepted["document_id"].as_str().unwrap());
        // Messages know seconds: what was stored in the second of the moment may come again, nothing may be missing.
        let new = changes.iter().filter(|e| first.iter().all(|f| f.ids != e.ids));
        assert_eq!(new.count(), 1, "one document has come since");
        let later = "2999-01-01T00:00:00+02:00".parse().unwrap();
        assert!(world.stage.organiser.changes(&client, later).await.unwrap().is_empty());
        assert_eq!((last.unit.as_ref().unwrap().oid.as_str(), last.status), (UNIT, EntryStatus::Completed));
        assert!(last.stored.is_some());
        let found = world.read("/v1/documents/search", json!({ "types": ["19002"], "contents": "fetch" })).await;
        let found = found["documents"].as_array().unwrap().clone();
        assert_eq!((found.len(), &found[0]["unit"]["oid"]), (1, &json!(UNIT)), "{found:?}");
        assert_eq!(found[0]["fetched"]["signatures"][0]["kind"], "system");
        let fetch = json!({ "document_id": accepted["document_id"], "forms": ["display", "document"] });
        let fetched = world.read("/v1/documents/fetch", fetch).await;
        assert!(fetched["fetched"]["display"].as_str().unwrap().contains("<div"));
        assert!(fetched["fetched"]["document"].is_string() && fetched["author"]["name"].is_string());
        world.end().await;
    }
}
