//! The operator's calls.

use super::*;

const ACT: &str = r#"{"by": "main user", "reason": "agreed with the organiser"}"#;

impl Service {
    /// A submission that only a person can move on, and its path in the outbox.
    async fn parked(&self, key: &str) -> String {
        self.set(Mood::Refusing);
        let accepted = self.submit(key, RECORD).await;
        assert_eq!(accepted.status, 202, "{}", accepted.body);
        self.until(accepted.header("location").unwrap(), "parked").await;
        format!("/v1/outbox/{}", accepted.json()["id"].as_str().unwrap())
    }

    async fn act(&self, path: &str, act: &str, caller: &str, body: &str) -> Answer {
        self.ask(&post(&format!("{path}/{act}"), caller, &[]), body).await
    }
}

#[tokio::test]
async fn an_operator_lists_shows_releases_and_gives_up_and_each_act_is_in_the_use_log() {
    let service = Service::start().await;
    let path = service.parked("k-1").await;
    let list = service.get("/v1/outbox?state=parked", "all").await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(list["items"][0]["why"]["code"], "test.down");
    assert_eq!(list["items"][0]["attempts"], 0);
    assert_eq!(service.get("/v1/outbox", "all").await.json()["items"].as_array().unwrap().len(), 1);
    // Let go, it is decided again, and parked again.
    let released = service.act(&path, "release", "all", ACT).await;
    assert_eq!((released.status, released.json()["state"].as_str()), (200, Some("queued")), "{}", released.body);
    service.until(&path.replace("outbox", "submissions"), "parked").await;
    let given_up = service.act(&path, "abandon", "all", ACT).await;
    assert_eq!((given_up.status, given_up.json()["state"].as_str()), (200, Some("abandoned")));
    let shown = service.get(&path, "all").await.json();
    let way: Vec<_> = shown["timeline"].as_array().unwrap().iter().map(|e| e["event"].as_str().unwrap()).collect();
    assert_eq!(way, ["accept", "claim", "park", "release", "claim", "park", "abandon"]);
    assert_eq!(service.get("/v1/outbox", "all").await.json()["items"], json!([]));
    assert_eq!(service.stop_and_count_uses().await, 7);
}

#[tokio::test]
async fn only_an_operators_token_acts_and_only_on_its_own_units() {
    let service = Service::start().await;
    let path = service.parked("k-1").await;
    for (path, caller, status) in [(&*path, "reader", 403), ("/v1/outbox", "reader", 403), (&*path, "other", 404)] {
        assert_eq!(service.get(path, caller).await.status, status, "{caller}");
    }
    for act in ["release", "abandon"] {
        assert_eq!(service.act(&path, act, "reader", ACT).await.status, 403);
        assert_eq!(service.act(&path, act, "other", ACT).await.status, 404);
    }
    assert_eq!(service.get(&path, "all").await.json()["state"], "parked");
}

#[tokio::test]
async fn an_act_names_who_decided_and_why_and_no_person() {
    let service = Service::start().await;
    let path = service.parked("k-1").await;
    let real = format!(r#"{{"by": "x", "reason": "client {REAL_LOOKING}"}}"#);
    let long = format!(r#"{{"by": "x", "reason": "{}"}}"#, "x".repeat(501));
    for body in ["{}", r#"{"by": "x"}"#, r#"{"by": " ", "reason": "x"}"#, &long, &real, r#"{"by": 1, "reason": "x"}"#] {
        let refused = service.act(&path, "abandon", "all", body).await;
        assert_eq!(refused.status, 422, "{body}: {}", refused.body);
        assert!(!refused.body.contains(REAL_LOOKING));
    }
    assert_eq!(service.get(&path, "all").await.json()["state"], "parked");
}

#[tokio::test]
async fn what_cannot_be_done_is_said_with_the_state() {
    let service = Service::start().await;
    let path = service.parked("k-1").await;
    let in_place = r#"{"by": "x", "reason": "x", "goes_on": "in_place_of_predecessor"}"#;
    let refused = service.act(&path, "release", "all", in_place).await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (409, Some("outbox.not_possible")));
    service.act(&path, "abandon", "all", ACT).await;
    let refused = service.act(&path, "release", "all", ACT).await;
    assert_eq!(refused.status, 409);
    assert!(refused.json()["message"]["en"].as_str().unwrap().contains("abandoned"));
    assert_eq!(service.act("/v1/outbox/nothing", "release", "all", ACT).await.status, 404);
}
