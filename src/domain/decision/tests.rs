#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;
use crate::domain::structure::Registry;

const DECISION: &str = include_str!("../../../examples/organiser/main-decision.json");
const STRUCTURE: &str = "1.2.246.537.6.1506.11000.2023.9.8";

fn content() -> Map<String, Value> {
    let record: Value = serde_json::from_str(DECISION).unwrap();
    record.get("content").unwrap().as_object().unwrap().clone()
}

fn read(structure: &str, content: &Map<String, Value>) -> ServiceDecision {
    ServiceDecision::from_content(&structure.parse().unwrap(), content).unwrap()
}

/// The example's decision as another type keeps it: `change` gets the root.
fn as_type(structure: &str, change: impl FnOnce(&mut Map<String, Value>)) -> ServiceDecision {
    let mut root = content().values().next().unwrap().as_object().unwrap().clone();
    change(&mut root);
    read(structure, &[("any_root".to_owned(), Value::Object(root))].into_iter().collect())
}

#[test]
fn the_built_in_shapes_are_the_eight_decisions_with_a_coded_service() {
    let shapes = DecisionShapes::parse(include_str!("../../../profiles/decisions.toml")).unwrap();
    let mut types: Vec<&str> = shapes.types().collect();
    types.sort_unstable();
    assert_eq!(types, ["11000", "11001", "11002", "11003", "11052", "11053", "11054", "11059"]);
    assert_eq!(&shapes, DecisionShapes::built_in());
    for other in
        ["1.2.246.537.6.1506.11005.2024.11.29", "1.2.246.537.6.1506.110000.1.1.1", "1.2.246.537.6.1505.2.2022.6.28"]
    {
        assert!(shapes.of_structure(&other.parse().unwrap()).is_none(), "{other}");
    }
}

#[test]
fn a_decision_tells_what_was_decided_by_whom_and_until_when() {
    let decision = read(STRUCTURE, &content());
    assert_eq!(decision.id.as_deref(), Some("1.2.246.10.99999991.16.2026.1"));
    assert_eq!(decision.decided_on.unwrap().to_string(), "2026-01-14");
    assert_eq!(decision.granted(), Outcome::Granted);
    assert_eq!(decision.service.as_ref().unwrap().code, "TEST-KOTIHOITO");
    assert_eq!(decision.arrangement.as_ref().unwrap().code, "TEST-OSTOPALVELU");
    let maker = decision.decision_maker.as_ref().unwrap();
    assert_eq!((maker.family.as_deref(), maker.title.as_deref()), (Some("Päättölä"), Some("palveluohjaaja")));
    assert_eq!(maker.unit.as_ref().unwrap().oid.as_str(), "1.2.246.10.99999991.10.1");
    assert!(decision.unreadable.is_empty() && decision.service_task.is_none());
    let day = |text: &str| text.parse().unwrap();
    let covered = ["2026-01-14", "2026-01-15", "2027-01-14", "2027-01-15"].map(|d| decision.validity.may_cover(day(d)));
    assert_eq!(covered, [false, true, true, false]);
    assert!(Validity::default().may_cover(day("1999-01-01")));
}

#[test]
fn aftercare_has_no_decision_level_and_account_management_no_way_of_arranging() {
    let task = serde_json::json!({"system": "urn:oid:1.2.246.537.6.1221", "code": "10", "display": "Lastensuojelu"});
    let flat = as_type("1.2.246.537.6.1506.11059.2024.9.30", |root| {
        let Some(Value::Object(decision)) = root.remove("paatos") else { panic!() };
        root.extend(decision);
        root["sosiaalipalvelu_jota_paatos_koskee"]["palvelutehtava"] = task.clone();
    });
    let nested = read(STRUCTURE, &content());
    assert_eq!(flat.service_task.as_ref().unwrap().code, "10");
    assert!(ServiceDecision { service_task: None, ..flat } == nested);
    let account = as_type("1.2.246.537.6.1506.11054.2024.5.31", |root| {
        root.insert("palvelutehtava".into(), task);
    });
    assert_eq!(account.service_task.as_ref().unwrap().code, "10");
    assert!(ServiceDecision { service_task: None, arrangement: nested.arrangement.clone(), ..account } == nested);
}

#[test]
fn what_cannot_be_read_is_named_by_its_place_and_absent() {
    let decision = as_type(STRUCTURE, |root| {
        root["paatos"]["paatospaivamaara"] = "2026-02-30".into();
        root["paatos"]["ratkaisun_laji"] = "1".into();
        root["paatos"]["paatoksentekija"] = 7.into();
    });
    assert_eq!(decision.unreadable, ["/paatos/ratkaisun_laji", "/paatos/paatospaivamaara"]);
    assert!(decision.decided_on.is_none() && decision.granted() == Outcome::NotKnown);
    assert!(decision.decision_maker.unwrap().family.is_none());
    assert!(ServiceDecision::from_content(&STRUCTURE.parse().unwrap(), &Map::new()).is_none());
}

#[test]
fn a_code_that_is_not_published_is_neither_granted_nor_refused() {
    let outcome =
        |code: &str| as_type(STRUCTURE, |root| root["paatos"]["ratkaisun_laji"]["code"] = code.into()).granted();
    assert_eq!(["1", "2", "3"].map(outcome), [Outcome::Granted, Outcome::Refused, Outcome::NotKnown]);
}

#[test]
fn debug_tells_nothing_of_a_decision() {
    assert_eq!(format!("{:?}", read(STRUCTURE, &content())), "ServiceDecision(…)");
}

#[test]
fn our_own_reduced_decision_has_every_path_of_its_shape() {
    let structure = Registry::reduced().find(&STRUCTURE.parse().unwrap()).unwrap();
    let template =
        structure.template(crate::domain::structure::Extent::Full, crate::domain::code::Language::Fi).unwrap();
    let decision = read(STRUCTURE, template.content());
    assert!(decision.unreadable.is_empty() && decision.service.is_some() && decision.decision_maker.is_some());
}
