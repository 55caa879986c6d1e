//! What the store refuses, as the caller is told: no room, and a place that is another document's.

use super::*;

async fn refused(service: &Service, code: &str) {
    let answer = service.submit("refused", RECORD).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some(code)), "{}", answer.body);
    assert_eq!(answer.header("retry-after"), Some("30"));
    assert_eq!(service.ask("GET /readyz HTTP/1.1", "").await.status, 503);
}

#[tokio::test]
async fn a_full_queue_is_told_to_come_again_and_repeats_are_still_answered() {
    let service = Service::start_with(|config| config.store.open_rows_max = 1).await;
    service.set(Mood::Refusing);
    let first = service.submit("k", RECORD).await;
    assert_eq!(first.status, 202, "{}", first.body);
    let path = first.header("location").unwrap().to_owned();
    service.until(&path, "parked").await;
    refused(&service, "service.queue_full").await;
    let again = service.submit("k", RECORD).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (202, Some("true")));
    // There is room again.
    assert_eq!(service.delete(&path).await.status, 200);
    assert_eq!(service.submit("refused", RECORD).await.status, 202);
}

#[tokio::test]
async fn a_disk_that_is_nearly_full_is_told_to_come_again() {
    let service = Service::start_with(|config| config.store.free_disk_bytes_min = u64::MAX).await;
    refused(&service, "service.disk_full").await;
    assert_eq!(service.get("/v1/submissions", "all").await.status, 200, "what waits is still shown");
}

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
