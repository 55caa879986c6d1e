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
