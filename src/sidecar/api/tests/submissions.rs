//! Submissions over HTTP: promised, followed, refused, taken back, and seen by their own organisation alone.

use super::*;

const DECISION: &str = include_str!("../../../../examples/organiser/main-decision.json");

#[tokio::test]
async fn a_record_is_accepted_with_its_document_id_and_followed_to_the_archive() {
    let service = Service::start().await;
    let answer = service.submit("k-1", RECORD).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let accepted = answer.json();
    let path = answer.header("location").unwrap().to_owned();
    assert_eq!(path, format!("/v1/submissions/{}", accepted["id"].as_str().unwrap()));
    assert!(accepted["document_id"].as_str().unwrap().starts_with("1.2.246.10.99999992.95.2026."));
    let shown = service.until(&path, "archived").await;
    let way: Vec<_> = shown["timeline"].as_array().unwrap().iter().map(|e| e["event"].as_str().unwrap()).collect();
    assert_eq!(way, ["accept", "claim", "launch", "receive"]);
    assert_eq!(shown["archive"]["proof"], "acknowledged");
    for language in ["fi", "sv", "en"] {
        assert!(shown["next_action"][language].is_string());
    }
    let again = service.submit("k-1", RECORD).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (202, Some("true")));
    assert_eq!(again.json()["document_id"], accepted["document_id"]);
    // Another body is another body, also one that would not be accepted.
    for other in [&RECORD.replace("aamukäynti", "käynti"), BROKEN] {
        assert_eq!(service.submit("k-1", other).await.status, 409);
    }
}

#[tokio::test]
async fn that_a_document_waits_for_a_professionals_signature_is_told_when_it_is_accepted() {
    let service = Service::start().await;
    // The producer's record with the content of a decision.
    let mut to_sign: Value = serde_json::from_str(RECORD).unwrap();
    let decision: Value = serde_json::from_str(DECISION).unwrap();
    for field in ["structure", "content", "service_process"] {
        to_sign[field] = decision[field].clone();
    }
    to_sign.as_object_mut().unwrap().remove("event_day");
    let to_sign = to_sign.to_string();
    let answer = service.submit("k-1", &to_sign).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let codes = |of: &Value| of.as_array().unwrap().iter().map(|w| w["code"].clone()).collect::<Vec<_>>();
    let (accepted, told) = (answer.json(), json!("signature.awaited"));
    assert!(codes(&accepted["findings"]).contains(&told));
    assert!(include_str!("../../../../docs/findings.md").contains("`signature.awaited`"));
    let path = format!("/v1/submissions/{}", accepted["id"].as_str().unwrap());
    let shown = service.get(&path, "all").await.json();
    assert_eq!(shown["state"], "awaiting_signature");
    let validated = service.ask(&post("/v1/validations", "all", &[]), &to_sign).await.json();
    assert!(validated["valid"] == true && codes(&validated["findings"]).contains(&told));
    let system_signed = service.submit("k-2", RECORD).await.json();
    assert!(!codes(&system_signed["findings"]).contains(&told));
}

#[tokio::test]
async fn each_refusal_is_a_problem_with_its_status_and_code() {
    let service = Service::start().await;
    let key = [("Idempotency-Key", "k")];
    let submit = |caller| post("/v1/submissions", caller, &key);
    let two_keys = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")];
    let large = " ".repeat((10 << 20) + 1);
    let other_organisation = RECORD.replace("1.2.246.10.99999992.10.1", "1.2.246.10.99999993.10.1");
    let bearer = "Authorization: Bearer token-of-all";
    let plain = submit("all").replace("application/json", "text/plain");
    let cases: Vec<(&str, String, &str, u16, &str)> = vec![
        ("no token", "GET /v1/submissions HTTP/1.1".into(), "", 401, "caller.unknown"),
        ("unknown token", submit("nobody"), RECORD, 401, "caller.unknown"),
        ("operation", submit("reader"), RECORD, 403, "caller.operation"),
        ("unit", submit("all"), &other_organisation, 403, "caller.unit"),
        ("no key", post("/v1/submissions", "all", &[]), RECORD, 400, "request.idempotency_key"),
        (
            "blank key",
            post("/v1/submissions", "all", &[("Idempotency-Key", "a b")]),
            RECORD,
            400,
            "request.idempotency_key",
        ),
        ("two keys", post("/v1/submissions", "all", &two_keys), RECORD, 400, "request.idempotency_key"),
        ("type", plain, RECORD, 415, "request.not_json"),
        ("size", submit("all"), &large, 413, "request.too_large"),
        ("content", submit("all"), BROKEN, 422, "content.findings"),
        ("not JSON", submit("all"), "{", 422, "content.findings"),
        ("path", format!("GET /v2 HTTP/1.1\r\n{bearer}"), "", 404, "request.no_such_resource"),
        ("method", format!("PUT /v1/submissions HTTP/1.1\r\n{bearer}"), "", 405, "request.no_such_method"),
        ("method of status", "POST /healthz HTTP/1.1".into(), "", 405, "request.no_such_method"),
    ];
    for (name, head, body, status, code) in cases {
        let answer = service.ask(&head, body).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.body);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{name}");
        let problem = answer.json();
        assert_eq!((&problem["code"], &problem["status"]), (&json!(code), &json!(status)), "{name}");
        assert!(problem["message"]["fi"].is_string() && problem["message"]["sv"].is_string(), "{name}");
        assert_eq!(status == 401, answer.header("www-authenticate").is_some(), "{name}");
        assert_eq!(status == 422, problem["findings"].is_array(), "{name}");
    }
    for path in ["?state=no", "?limit=0", "?limit=1001", "?after=x", "?before=1"] {
        let answer = service.get(&format!("/v1/submissions{path}"), "all").await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (400, json!("request.query")), "{path}");
    }
    assert_eq!(service.stop_and_count_uses().await, 0, "nothing refused was kept");
}

#[tokio::test]
async fn findings_name_the_callers_field() {
    let service = Service::start().await;
    let finding = service.submit("k", BROKEN).await.json()["findings"][0].clone();
    assert!(finding["where"]["input"].as_str().unwrap().starts_with('/'), "{finding}");
    for part in ["message", "found", "expected"] {
        for language in ["fi", "sv", "en"] {
            assert!(finding[part][language].is_string(), "{part} {language}");
        }
    }
    assert!(finding["rule"]["source"].is_string());
}

#[tokio::test]
async fn another_organisations_token_does_not_see_the_submission() {
    let service = Service::start().await;
    let path = service.submit("k", RECORD).await.header("location").unwrap().to_owned();
    assert_eq!(service.get(&path, "reader").await.status, 200);
    for (path, caller) in [(path.as_str(), "other"), ("/v1/submissions/x", "all"), ("/v1/submissions/%ff", "all")] {
        let answer = service.get(path, caller).await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (404, json!("submission.not_found")));
    }
    assert_eq!(service.get("/v1/submissions", "other").await.json()["items"], json!([]));
}

#[tokio::test]
async fn the_change_list_goes_on_from_where_it_was_left() {
    let service = Service::start().await;
    for key in ["a", "b", "c"] {
        let path = service.submit(key, RECORD).await.header("location").unwrap().to_owned();
        service.until(&path, "archived").await;
    }
    let first = service.get("/v1/submissions?limit=2", "reader").await.json();
    assert_eq!((first["items"].as_array().unwrap().len(), &first["more"]), (2, &json!(true)));
    let next = format!("/v1/submissions?state=archived&limit=2&after={}", first["next_after"]);
    let rest = service.get(&next, "reader").await.json();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["more"]), (1, &json!(false)));
    let end = service.get(&format!("/v1/submissions?after={}", rest["next_after"]), "reader").await.json();
    assert_eq!((&end["items"], &end["next_after"]), (&json!([]), &rest["next_after"]));
}

#[tokio::test]
async fn what_has_not_left_is_withdrawn_and_what_has_left_is_not() {
    let service = Service::start().await;
    let gone = service.submit("a", RECORD).await.header("location").unwrap().to_owned();
    service.until(&gone, "archived").await;
    let refused = service.delete(&gone).await;
    assert_eq!((refused.status, refused.json()["code"].clone()), (409, json!("submission.already_left")));

    service.set(Mood::Silent);
    let record = RECORD.replace(PERSONAL[0], "010190-900P").replace("1941-03-14", "1990-01-01");
    let waiting = service.submit("b", &record).await;
    assert_eq!(waiting.status, 202, "{}", waiting.body);
    let waiting = waiting.header("location").unwrap().to_owned();
    service.until(&waiting, "claimed").await;
    // Several callers at the same time, then one who comes late: it is withdrawn for each.
    let delete = || service.delete(&waiting);
    let all: [Answer; 6] = tokio::join!(delete(), delete(), delete(), delete(), delete(), delete()).into();
    for withdrawn in all.into_iter().chain([delete().await]) {
        assert_eq!((withdrawn.status, withdrawn.json()["class"].clone()), (200, json!("abandoned")));
    }
    assert_eq!(service.delete("/v1/submissions/00000000-0000-4000-8000-000000000000").await.status, 404);
}

#[tokio::test]
async fn a_validation_gives_the_verdict_and_queues_nothing() {
    let service = Service::start().await;
    for (record, valid) in [(RECORD, true), (BROKEN, false)] {
        let answer = service.ask(&post("/v1/validations", "all", &[]), record).await;
        assert_eq!((answer.status, &answer.json()["valid"]), (200, &json!(valid)));
        let findings = answer.json()["findings"].as_array().unwrap().clone();
        assert_eq!(!findings.iter().any(|f| f["severity"] == json!("error")), valid);
        // What nothing could check is told as such: silence would read as a pass.
        assert_eq!(findings.iter().any(|f| f["severity"] == json!("not_checked")), valid);
    }
    let elsewhere = RECORD.replace("1.2.246.10.99999992.10.1", "1.2.246.10.99999993.10.1");
    let answer = service.ask(&post("/v1/validations", "all", &[]), &elsewhere).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (403, json!("caller.unit")));
    assert_eq!(service.ask(&post("/v1/validations", "reader", &[]), RECORD).await.status, 403);
    assert_eq!(service.get("/v1/submissions", "all").await.json()["items"], json!([]));
}

#[tokio::test]
async fn an_idempotency_key_is_its_tokens_own() {
    let service = Service::start_with(|config| {
        let mut second = config.tokens[0].clone();
        second.name = "second".into();
        second.sha256 = crate::sidecar::vault::to_hex(
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"token-of-second").as_ref(),
        );
        config.tokens.push(second);
    })
    .await;
    let first = service.submit("k", RECORD).await;
    let other = service.ask(&post("/v1/submissions", "second", &[("Idempotency-Key", "k")]), RECORD).await;
    assert_eq!((first.status, other.status), (202, 202));
    assert_ne!(first.json()["id"], other.json()["id"]);
    assert_eq!(service.submit("k", RECORD).await.json()["id"], first.json()["id"]);
}
