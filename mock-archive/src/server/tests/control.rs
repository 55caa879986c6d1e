//! The control listener: what a program without our functions does with the archive.

#![expect(clippy::indexing_slicing, reason = "an answer of another shape is a failed test")]

use serde_json::{Value, json};

use super::*;

async fn steered() -> (MockArchive, Client, String) {
    let clock = Clock::standing_at(NOW.parse().unwrap());
    let builder = MockArchive::builder().clock(clock).pki(Arc::clone(&kit().pki)).control(0);
    let archive = builder.start().await.unwrap();
    let url = archive.control_url().unwrap();
    (archive, client(None), url)
}

async fn call(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
}

#[tokio::test]
async fn clock_faults_and_ledger_are_steered_from_outside() {
    let (archive, control, url) = steered().await;
    let at = |path: &str| format!("{url}{path}");
    let (_, health) = call(control.get(at("/health"))).await;
    assert_eq!(health, json!({"status": "ok", "url": archive.url(), "clock": {"now": NOW, "stands": true}}));
    let (_, clock) = call(control.put(at("/clock")).body("{\"advance_secs\": 90}")).await;
    assert_eq!(clock["now"], "2026-11-22T10:01:30Z");
    assert_eq!(call(control.put(at("/clock")).body("{\"set\": \"now\"}")).await.0, 400);

    let script = "{\"step\": [{\"on\": \"store\", \"fault\": \"status\", \"status\": 503}]}";
    assert_eq!(call(control.post(at("/faults")).body(script)).await.1["waiting"], 1);
    let toml = "[[step]]\non = \"fetch\"\nfault = \"block-page\"\n";
    let request = control.post(at("/faults")).header("content-type", "application/toml").body(toml);
    assert_eq!(call(request).await.1["waiting"], 2);
    let (status, error) = call(control.post(at("/faults")).body("{\"step\": [{\"fault\": \"storm\"}]}")).await;
    assert!(status == 400 && error["error"].as_str().unwrap().contains("expected reset-before-body"), "{error}");
    let organiser = client_of(ORGANISER);
    assert_eq!(store(&organiser, &archive, &Sample::relationship()).await.unwrap().status(), 503);
    let (_, faults) = call(control.get(at("/faults"))).await;
    assert_eq!(faults["happened"], json!([{"fault": "status status=503", "on": "first-version"}]));

    assert_eq!(acknowledgement(store(&organiser, &archive, &Sample::relationship()).await).await, taken());
    let (_, ledger) = call(control.get(at("/ledger"))).await;
    assert_eq!(ledger[0]["verdict"], "not processed");
    assert_eq!(ledger[1]["what"], format!("store {}", Sample::relationship().id));
    let report = control.get(at("/ledger/report")).send().await.unwrap().text().await.unwrap();
    assert!(report.starts_with("2 arrivals: 1 stored"), "{report}");
    let (_, assertions) = call(control.get(at("/ledger/assertions"))).await;
    assert_eq!(assertions["no_unasked_second_arrival"]["kept"], false);
    assert_eq!(assertions["stored_once"]["kept"], true);

    assert_eq!(call(control.delete(at("/faults"))).await.1["waiting"], 0);
    assert_eq!(call(control.post(at("/reset"))).await.0, 200);
    assert_eq!(call(control.get(at("/ledger"))).await.1, json!([]));
    assert_eq!(call(control.get(at("/else"))).await.0, 404);
}

#[tokio::test]
async fn an_organisation_joins_and_leaves_from_outside() {
    let (archive, control, url) = steered().await;
    let at = format!("{url}/standings");
    assert_eq!(call(control.get(&at)).await.1, json!({}));
    let left = json!({ORGANISER: "not-joined"});
    assert_eq!(call(control.put(&at).body(left.to_string())).await, (200, left.clone()));
    let refused = acknowledgement(store(&client_of(ORGANISER), &archive, &Sample::relationship()).await).await;
    assert_ne!(refused, taken());
    for bad in ["[]", "{\"x\": \"1\"}", "{\"1.2.3\": \"2\", \"1.2.4\": \"3\"}"] {
        assert_eq!(call(control.put(&at).body(bad)).await.0, 400, "{bad}");
    }
    assert_eq!(call(control.get(&at)).await.1, left, "nothing of what cannot be read");
    call(control.put(&at).body(json!({ORGANISER: "1"}).to_string())).await;
    assert_eq!(acknowledgement(store(&client_of(ORGANISER), &archive, &Sample::relationship()).await).await, taken());
}

#[tokio::test]
async fn a_held_message_is_released_from_outside() {
    let (archive, control, url) = steered().await;
    let archive = Arc::new(archive);
    let script = "{\"step\": [{\"fault\": \"hold\", \"at\": \"inside\"}]}";
    call(control.post(format!("{url}/faults")).body(script)).await;
    let sending = tokio::spawn({
        let archive = Arc::clone(&archive);
        async move { acknowledgement(store(&client_of(ORGANISER), &archive, &Sample::relationship()).await).await }
    });
    archive.faults().until_held(1).await;
    assert_eq!(call(control.get(format!("{url}/faults"))).await.1["held"], 1);
    call(control.post(format!("{url}/faults/release"))).await;
    assert_eq!(sending.await.unwrap(), taken());
}

#[tokio::test]
async fn control_answers_no_foreign_host_and_the_archive_takes_no_control() {
    let (archive, control, url) = steered().await;
    let foreign = control.get(format!("{url}/health")).header("host", "evil.example");
    assert_eq!(call(foreign).await.0, 403);
    let health = archive.url().replace("medical-records", "health");
    assert_eq!(client_of(ORGANISER).get(health).send().await.unwrap().status(), 404);
    assert!(archive.verify().is_err(), "an unexpected call");
}

#[tokio::test]
async fn the_validation_service_is_where_the_real_one_is() {
    let (_archive, control, url) = steered().await;
    let at = format!("{url}/shark-validointi/validoi/asiakirja/tulos");
    let sample = Sample::relationship();
    let request = |document: String| {
        let frame = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", sample.frame(None));
        let fields = json!({
            "messageId": "1", "palveluPyynto": "SP1", "level": "1", "siirtokehysXml": frame, "asiakirjaXml": document,
        });
        control.post(&at).body(fields.to_string())
    };
    let passed = request(sample.document()).send().await.unwrap();
    assert_eq!((passed.status().as_u16(), passed.bytes().await.unwrap().len()), (200, 0));
    let (status, answer) = call(request(sample.document().replace("confidentialityCode", "secrecyCode"))).await;
    assert_eq!(status, 400);
    assert!(answer["description"].as_str().unwrap().starts_with("1: document.schema"), "{answer}");
}
