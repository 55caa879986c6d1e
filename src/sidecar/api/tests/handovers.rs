//! The operator's calls for what goes another way.

use super::invalidations::order;
use super::*;
use crate::sidecar::config::{HandOverConfig, OrganiserConfig, PartyConfig};

const ACT: &str = r#"{"by": "registrar", "reason": "agreed with the organiser"}"#;
const RECEIPT: &str = r#"{"by": "registrar", "reference": "D 17/2026"}"#;

/// An organiser that has not joined, and that an operator hands over to.
fn closed(config: &mut Config) {
    config.organisers = vec![OrganiserConfig {
        oid: oid("1.2.246.10.99999991.10.0"),
        party: PartyConfig { joined: Some(crate::sidecar::config::Joined::Whether(false)), ..PartyConfig::default() },
        agreements: None,
        hand_over: Some(HandOverConfig { recipients: "organiser.txt".into(), automatic: false }),
    }];
}

impl Service {
    /// A submission that is held, by its path in the outbox and in the handovers.
    async fn held(&self, key: &str) -> (String, String) {
        let accepted = self.submit(key, RECORD).await;
        assert_eq!(accepted.status, 202, "{}", accepted.body);
        self.until(accepted.header("location").unwrap(), "held").await;
        let id = accepted.json()["id"].as_str().unwrap().to_owned();
        (format!("/v1/outbox/{id}"), format!("/v1/handovers/{id}"))
    }

    /// As if every body of this kind had been purged, or lost.
    fn lose_bodies(&self, part: &str) {
        let db = rusqlite::Connection::open(self.folder.path().join("s.db")).unwrap();
        assert!(db.execute("DELETE FROM bodies WHERE part = ?1", [part]).unwrap() > 0);
    }

    async fn say(&self, path: &str, body: &str, caller: &str) -> Answer {
        self.ask(&post(path, caller, &[]), body).await
    }
}

fn said(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn an_operator_hands_over_exports_confirms_and_takes_back_and_each_is_in_the_use_log() {
    let service = Service::start_with(closed).await;
    let (outbox, handover) = service.held("k-1").await;
    let act = format!("{outbox}/handover");
    // The record says `find`.
    assert_eq!(said(&service.say(&act, ACT, "all").await), (409, "handover.case_not_named".into()));
    let handed = service.say(&act, &naming_a_case(), "all").await;
    assert_eq!((handed.status, handed.json()["state"].as_str()), (200, Some("handed_over")), "{}", handed.body);
    assert!(handed.json()["receipt"].is_null() && handed.json()["handed_over_at"].is_string());
    assert_eq!(said(&service.say(&act, ACT, "all").await), (409, "handover.not_possible".into()));
    let package = service.get(&format!("{handover}/package"), "all").await;
    assert_eq!((package.status, package.body.as_str()), (200, "a package"));
    assert!(package.header("content-disposition").unwrap().ends_with(".tar.age\""));
    let listed = service.get("/v1/handovers", "all").await.json();
    assert_eq!(listed["items"][0]["why"]["code"], "access.not_joined");
    let confirmed = service.say(&format!("{handover}/receipt"), RECEIPT, "all").await;
    assert_eq!(confirmed.json()["receipt"]["reference"], "D 17/2026", "{}", confirmed.body);
    let again = service.say(&format!("{handover}/receipt"), RECEIPT, "all").await;
    assert_eq!(said(&again), (409, "handover.not_possible".into()));
    let back = service.say(&format!("{handover}/return"), ACT, "all").await;
    assert_eq!(said(&back), (409, "handover.archive_is_no_option".into()));
    assert_eq!(back.json()["reasons"][0]["code"], "access.not_joined");
    let metrics = service.get("/metrics", "all").await.body;
    assert!(metrics.contains("asiasilta_handed_over_total 1\n") && metrics.contains("asiasilta_packages_waiting 0\n"));
    // accept, claim, hold, hand_over, export, receipt
    assert_eq!(service.stop_and_count_uses().await, 6);
}

#[tokio::test]
async fn what_can_be_archived_is_not_handed_over_and_what_was_not_handed_over_has_no_package() {
    let service = Service::start().await;
    service.set(Mood::Refusing);
    let accepted = service.submit("k-1", RECORD).await;
    service.until(accepted.header("location").unwrap(), "parked").await;
    let id = accepted.json()["id"].as_str().unwrap().to_owned();
    let refused = service.say(&format!("/v1/outbox/{id}/handover"), ACT, "all").await;
    assert_eq!(said(&refused), (409, "handover.archive_is_an_option".into()));
    let package = format!("/v1/handovers/{id}/package");
    assert_eq!(said(&service.get(&package, "all").await), (404, "handover.never".into()));
    for (act, body) in [("receipt", RECEIPT), ("return", ACT)] {
        let refused = service.say(&format!("/v1/handovers/{id}/{act}"), body, "all").await;
        assert_eq!(said(&refused), (409, "handover.not_possible".into()), "{act}");
    }
    // So it is once its record has been purged.
    service.say(&format!("/v1/outbox/{id}/abandon"), ACT, "all").await;
    service.lose_bodies("payload");
    for path in [format!("/v1/handovers/{id}/return"), format!("/v1/outbox/{id}/handover")] {
        assert_eq!(said(&service.say(&path, ACT, "all").await), (409, "handover.not_possible".into()), "{path}");
    }
    assert_eq!(said(&service.get(&package, "all").await), (404, "handover.never".into()));
}

#[tokio::test]
async fn a_package_that_is_lost_is_a_fault_before_its_receipt_and_may_be_purged_after_it() {
    let service = Service::start_with(closed).await;
    let (outbox, handover) = service.held("k-1").await;
    assert_eq!(service.say(&format!("{outbox}/handover"), &naming_a_case(), "all").await.status, 200);
    service.lose_bodies("package");
    let package = format!("{handover}/package");
    assert_eq!(said(&service.get(&package, "all").await), (503, "service.store".into()));
    service.lose_bodies("document");
    let back = service.say(&format!("{handover}/return"), ACT, "all").await;
    assert_eq!(said(&back), (503, "service.store".into()));
    service.lose_bodies("payload");
    assert_eq!(service.say(&format!("{handover}/receipt"), RECEIPT, "all").await.status, 200);
    assert_eq!(said(&service.get(&package, "all").await), (410, "handover.purged".into()));
    let back = service.say(&format!("{handover}/return"), ACT, "all").await;
    assert_eq!(said(&back), (410, "handover.purged".into()));
}

#[tokio::test]
async fn what_is_to_count_no_longer_says_so_and_does_not_come_back_and_no_invalidation_is_handed_over() {
    let service = Service::start_with(closed).await;
    let (outbox, handover) = service.held("k-1").await;
    let document = service.get(&outbox, "all").await.json()["document_id"].as_str().unwrap().to_owned();
    assert_eq!(service.say(&format!("{outbox}/handover"), &naming_a_case(), "all").await.status, 200);
    service.set(Mood::Down);
    let answer = service.invalidate("k-2", &document, &order("Väärä asiakas", "this_version"), "all").await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let invalidation = answer.json()["id"].as_str().unwrap().to_owned();
    let listed = service.get("/v1/handovers", "all").await.json();
    assert_eq!(listed["items"][0]["invalidated_by"], invalidation.as_str());
    let back = service.say(&format!("{handover}/return"), ACT, "all").await;
    assert_eq!(said(&back), (409, "handover.invalidation_open".into()));
    assert!(back.json()["message"]["fi"].as_str().unwrap().contains(&invalidation), "{}", back.body);
    for path in [format!("/v1/outbox/{invalidation}/handover"), format!("/v1/handovers/{invalidation}/return")] {
        assert_eq!(said(&service.say(&path, ACT, "all").await), (409, "handover.no_document".into()), "{path}");
    }
}

fn naming_a_case() -> String {
    ACT.replace('}', r#", "case": "1.2.246.10.99999991.14.2026.1"}"#)
}

#[tokio::test]
async fn only_an_operators_token_hands_over_and_no_act_names_a_person() {
    let service = Service::start_with(closed).await;
    let (outbox, handover) = service.held("k-1").await;
    let calls = [
        (format!("{outbox}/handover"), ACT),
        (format!("{handover}/receipt"), RECEIPT),
        (format!("{handover}/return"), ACT),
    ];
    for (path, body) in &calls {
        assert_eq!(service.say(path, body, "reader").await.status, 403, "{path}");
        assert_eq!(service.say(path, body, "other").await.status, 404, "{path}");
        let real = body.replace("registrar", REAL_LOOKING);
        for wrong in ["{}", "[]", &real] {
            let refused = service.say(path, wrong, "all").await;
            assert!(refused.status == 422 && !refused.body.contains(REAL_LOOKING), "{path}: {}", refused.body);
        }
    }
    assert_eq!(service.get(&format!("{handover}/package"), "reader").await.status, 403);
    assert_eq!(service.get(&format!("{handover}/package"), "other").await.status, 404);
    assert_eq!(service.get(&outbox, "all").await.json()["state"], "held");
}
