//! Invalidating over HTTP.

use super::*;
use crate::domain::code::Code;
use crate::domain::person::PersonId;
use crate::domain::wire::answer::ClientId;

/// A document of the organiser's register, about the client of the examples.
pub(super) fn entry(document: &Oid) -> Entry {
    let group = Code { code: "5".into(), system: oid("1.2.246.537.6.1505.201601"), system_name: None, display: None };
    let client = ClientId::of(&PersonId::IdentityCode(PERSONAL[0].parse().unwrap()));
    let about = listed(document.as_str(), Contents::Omit, Value::Null).about;
    Entry { clients: vec![client], group: Some(group), ..about }
}

pub(super) fn order(reason: &str, extent: &str) -> Value {
    let record: Value = serde_json::from_str(RECORD).unwrap();
    let mut order = json!({ "reason": reason, "extent": extent });
    for part in ["acting_worker", "unit", "organiser", "clients", "professional_link"] {
        order[part] = record[part].clone();
    }
    order
}

impl Service {
    pub(super) async fn invalidate(&self, key: &str, document: &str, order: &Value, caller: &str) -> Answer {
        let path = format!("/v1/documents/{document}/invalidate");
        self.ask(&post(&path, caller, &[("Idempotency-Key", key)]), &order.to_string()).await
    }

    /// The id of a document that has reached the archive.
    async fn archived(&self, key: &str) -> String {
        let accepted = self.submit(key, RECORD).await;
        let shown = self.until(accepted.header("location").unwrap(), "archived").await;
        shown["document_id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn an_invalidation_is_promised_followed_and_repeated_as_a_submission_is() {
    let service = Service::start().await;
    let document = service.archived("k-1").await;
    let good = order("Väärä asiakas", "this_version");
    let answer = service.invalidate("k-2", &document, &good, "all").await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let path = answer.header("location").unwrap().to_owned();
    let shown = service.until(&path, "archived").await;
    assert_eq!(shown["kind"], "invalidation");
    assert_eq!(shown["target"], json!({ "document_id": document, "extent": "this_version" }));
    assert!(shown.get("document_id").is_none() && shown.get("structure").is_none());
    let way: Vec<_> = shown["timeline"].as_array().unwrap().iter().map(|e| e["event"].as_str().unwrap()).collect();
    assert_eq!(way, ["accept", "claim", "launch", "receive"]);
    let again = service.invalidate("k-2", &document, &good, "all").await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (202, Some("true")));
    assert_eq!(again.json()["id"], shown["id"]);
    for (document, said) in [("1.2.9", good.clone()), (&*document, order("muu", "this_version"))] {
        assert_eq!(service.invalidate("k-2", document, &said, "all").await.status, 409, "another one under this key");
    }
    let list = service.get("/v1/submissions", "all").await.json();
    let kinds: Vec<_> = list["items"].as_array().unwrap().iter().map(|item| item["kind"].clone()).collect();
    assert_eq!(kinds, ["document", "invalidation"]);
    for personal in PERSONAL {
        assert!(!answer.body.contains(personal));
    }
}

#[tokio::test]
async fn what_has_not_left_is_withdrawn_instead_however_often_it_is_asked() {
    let service = Service::start().await;
    service.set(Mood::Refusing);
    let accepted = service.submit("k-1", RECORD).await;
    let document = accepted.json()["document_id"].as_str().unwrap().to_owned();
    service.until(accepted.header("location").unwrap(), "parked").await;
    for (key, extent) in [("k-2", "this_version"), ("k-2", "this_version"), ("k-3", "all_versions")] {
        let answer = service.invalidate(key, &document, &order("Väärä asiakas", extent), "all").await;
        let shown = answer.json();
        assert_eq!((answer.status, shown["outcome"].as_str()), (200, Some("withdrawn")), "{}", answer.body);
        assert_eq!(shown["submissions"][0]["document_id"], document);
        assert_eq!(shown["submissions"][0]["state"], "abandoned");
    }
    assert_eq!(service.get("/v1/outbox", "all").await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_wrong_order_is_told_field_by_field_and_nothing_is_kept() {
    let service = Service::start().await;
    let good = order("Väärä asiakas", "this_version");
    let mut real = good.clone();
    real["reason"] = json!(format!("asiakas {REAL_LOOKING}"));
    let mut nameless = good.clone();
    nameless["clients"][0]["identity_code"] = Value::Null;
    let mut no_clients = good.clone();
    no_clients["clients"] = json!([]);
    let mut strange = good.clone();
    strange["why"] = json!("x");
    let long = "x".repeat(501);
    for (order, place) in [
        (order(" ", "this_version"), "/reason"),
        (order(&long, "this_version"), "/reason"),
        (real, "/reason"),
        (nameless, "/clients/0"),
        (no_clients, "/clients"),
        (order("x", "some_versions"), ""),
        (strange, ""),
    ] {
        let refused = service.invalidate("k", "1.2.9", &order, "all").await;
        assert_eq!(refused.status, 422, "{place}: {}", refused.body);
        let finding = &refused.json()["findings"][0];
        assert!(finding["where"]["input"].as_str().unwrap().starts_with(place), "{place}: {}", refused.body);
        for language in ["fi", "sv", "en"] {
            assert!(!finding["message"][language].as_str().unwrap().is_empty());
        }
        assert!(!refused.body.contains(REAL_LOOKING));
    }
    assert_eq!(service.invalidate("k", "no-oid", &good, "all").await.json()["code"], "document.no_oid");
    assert_eq!(service.get("/v1/submissions", "all").await.json()["items"], json!([]));
}

#[tokio::test]
async fn only_a_token_with_the_operation_and_the_unit_invalidates() {
    let service = Service::start().await;
    let document = service.archived("k-1").await;
    let good = order("Väärä asiakas", "this_version");
    assert_eq!(service.invalidate("k", &document, &good, "reader").await.json()["code"], "caller.operation");
    assert_eq!(service.invalidate("k", &document, &good, "other").await.json()["code"], "caller.unit");
    let keyless = service.ask(&post("/v1/documents/1.2.9/invalidate", "all", &[]), &good.to_string()).await;
    assert_eq!(keyless.json()["code"], "request.idempotency_key");
}
