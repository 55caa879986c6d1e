//! What the store refuses, as the caller is told: a place that is another document's.

use super::*;

/// A record that replaces a document at a place.
fn replacing(document: &Value, set: &Value, version: u64) -> String {
    let mut record: Value = serde_json::from_str(RECORD).unwrap();
    record["replaces"] = json!({ "document": document, "set": set, "version": version, "reason": "Korjaus" });
    record.to_string()
}

#[tokio::test]
async fn a_replacement_that_says_another_place_than_its_predecessors_is_told_the_place_and_nothing_is_kept() {
    let service = Service::start().await;
    let first = service.submit("k", RECORD).await.json();
    let (document, elsewhere) = (&first["document_id"], json!("1.2.246.10.99999992.95.2020.1.1.1.1"));
    let said = replacing(document, &elsewhere, 2);
    let refused = service.submit("l", &said).await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (422, Some("content.findings")), "{}", refused.body);
    let validated = service.ask(&post("/v1/validations", "all", &[]), &said).await.json();
    assert_eq!((&validated["valid"], &validated["findings"]), (&json!(false), &refused.json()["findings"]));
    let findings = refused.json()["findings"].as_array().unwrap().clone();
    let told = findings.iter().map(|f| (f["code"].clone(), f["where"]["input"].clone(), f["expected"]["en"].clone()));
    let code = "replaces.predecessor_differs";
    let expected = [
        (json!(code), json!("/replaces/set"), first["set_id"].clone()),
        (json!(code), json!("/replaces/version"), json!("1")),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    for language in ["fi", "sv", "en"] {
        assert!(findings[0]["message"][language].is_string() && findings[0]["hint"][language].is_string());
    }
    // Its key is not used up.
    let right = replacing(document, &first["set_id"], 1);
    assert_eq!(service.ask(&post("/v1/validations", "all", &[]), &right).await.json()["valid"], true);
    assert_eq!(service.submit("l", &right).await.status, 202);
}
