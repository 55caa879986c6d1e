//! Readings: what they answer, page by page, and what of them stands in the use log.

use super::*;

#[tokio::test]
async fn searches_answer_by_the_right_and_each_is_in_the_use_log() {
    let service = Service::start().await;
    let (cases, decisions) = (post("/v1/cases/search", "all", &[]), post("/v1/decisions/search", "all", &[]));
    let found = service.ask(&cases, &search(PERSONAL[0])).await;
    assert_eq!((found.status, &found.json()["cases"][0]["case"]), (200, &json!(CASE)), "{}", found.body);
    assert_eq!(found.header("cache-control"), Some("no-store"));
    let found = service.ask(&decisions, &search(PERSONAL[0])).await.json();
    assert_eq!(found["decisions"][0]["case"], CASE);
    assert_eq!((&found["safety_ban"], &found["next"]), (&json!(true), &Value::Null));

    let denied = service.ask(&decisions, &search("010190-900P")).await;
    assert_eq!((denied.status, &denied.json()["code"]), (403, &json!("access.denied")));
    assert_eq!(denied.json()["reasons"][0]["code"], "access.no_relationship");
    service.set(Mood::Down);
    let down = service.ask(&decisions, &search(PERSONAL[0])).await;
    assert_eq!((down.status, down.header("retry-after")), (503, Some("7")));
    service.set(Mood::Refusing);
    assert_eq!(service.ask(&cases, &search(PERSONAL[0])).await.status, 502);
    // Each as begun and as ended.
    assert_eq!(service.stop_and_count_uses().await, 10);
}

#[tokio::test]
async fn a_search_that_is_cut_off_or_answered_too_late_is_in_the_use_log_with_its_end() {
    let service = Service::start_with(|config| config.limits.request_timeout_s = 2).await;
    service.set(Mood::Silent);
    let (head, body) = (post("/v1/cases/search", "all", &[]), search(PERSONAL[0]));
    let slow = service.ask(&head, &body).await;
    assert_eq!((slow.status, &slow.json()["reasons"][0]["code"]), (503, &json!("archive.too_slow")));
    let mut gone = TcpStream::connect(service.app.address()).unwrap();
    let request = format!("{head}\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    gone.write_all(request.as_bytes()).unwrap();
    service.use_log_until(3).await;
    drop(gone);
    assert_eq!(service.use_log_until(4).await, ["begun", "archive.unavailable", "begun", "cut_off"]);
}

#[tokio::test]
async fn a_search_that_is_not_understood_or_not_of_a_test_person_is_refused_without_repeating_it() {
    let service = Service::start().await;
    let head = post("/v1/cases/search", "all", &[]);
    let real = search(PERSONAL[0]).replace(PERSONAL[0], REAL_LOOKING);
    for (body, code) in [
        (search(PERSONAL[0]).replace("\"client\"", "\"clients\""), "json.shape"),
        (search(PERSONAL[0]).replace(PERSONAL[0], "140341-912X"), "json.shape"),
        (search(PERSONAL[0]).replace("\"identity_code\":\"1", "\"identity_code\":1,\"x\":\"1"), "json.shape"),
        (real, "person.not_artificial"),
        (search(PERSONAL[0]).replace("TEST-IAKKAAT", &"x".repeat(101)), "json.shape"),
        (
            search(PERSONAL[0]).replace("\"reference\":\"", &format!("\"reference\":\"{}", "x".repeat(200))),
            "value.too_long",
        ),
        (
            search(PERSONAL[0]).replace("\"reference\":\"", &format!("\"reference\":\"{REAL_LOOKING} ")),
            "person.not_artificial",
        ),
    ] {
        let answer = service.ask(&head, &body).await;
        assert_eq!((answer.status, &answer.json()["findings"][0]["code"]), (422, &json!(code)), "{}", answer.body);
        for personal in PERSONAL.into_iter().chain(["140341", REAL_LOOKING]) {
            assert!(!answer.body.contains(personal));
        }
    }
    let large = search(PERSONAL[0]).replace('}', &format!("}}{}", " ".repeat(64 << 10)));
    assert_eq!(service.ask(&head, &large).await.status, 413);
    let reader = service.ask(&post("/v1/cases/search", "reader", &[]), &search(PERSONAL[0])).await;
    assert_eq!(reader.status, 403);
    let elsewhere = search(PERSONAL[0]).replace("1.2.246.10.99999992.10.1", "1.2.246.10.99999992.10.9");
    assert_eq!(service.ask(&head, &elsewhere).await.json()["code"], "caller.unit");
}

/// A search with these members besides.
fn asking(more: Value) -> String {
    let mut search: Value = serde_json::from_str(&search(PERSONAL[0])).unwrap();
    search.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    search.to_string()
}

impl Service {
    async fn read(&self, path: &str, more: Value) -> Answer {
        self.ask(&post(path, "all", &[]), &asking(more)).await
    }

    /// The last entry's action, outcome and sealed subject of the use log.
    fn uses(&self) -> Vec<(String, String)> {
        let db = rusqlite::Connection::open(self.folder.path().join("s.db")).unwrap();
        let mut statement = db.prepare("SELECT action, outcome FROM use_log ORDER BY row").unwrap();
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    }
}

fn ids(answer: &Value, name: &str) -> Vec<String> {
    answer[name].as_array().unwrap().iter().map(|d| d["document_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_search_goes_on_page_by_page_where_its_cursor_leads_and_ends() {
    let service = Service::start().await;
    for (path, name) in
        [("/v1/decisions/search", "decisions"), ("/v1/cases/search", "cases"), ("/v1/documents/search", "documents")]
    {
        let first = service.read(path, json!({ "page_size": 2 })).await.json();
        assert_eq!(ids(&first, name), ["1.2.9", "1.2.10"], "{first}");
        let cursor = first["next"].as_str().unwrap();
        // The size of the next page is the caller's again.
        let rest = service.read(path, json!({ "page_size": 1, "cursor": cursor })).await.json();
        assert_eq!((ids(&rest, name), &rest["next"]), (vec!["1.2.11".to_owned()], &Value::Null));
        let other = service.read(path, json!({ "cursor": cursor, "case": "1.2.3" })).await;
        assert_eq!((other.status, &other.json()["code"]), (410, &json!("search.cursor_gone")));
    }
}

#[tokio::test]
async fn a_page_larger_than_the_limit_and_a_member_of_another_call_are_refused() {
    let service = Service::start().await;
    for (path, more) in [
        ("/v1/decisions/search", json!({ "page_size": 0 })),
        ("/v1/decisions/search", json!({ "page_size": 201 })),
        ("/v1/decisions/search", json!({ "stored_after": "2026-01-01T00:00:00Z" })),
        ("/v1/decisions/search", json!({ "types": vec!["1"; 21] })),
        ("/v1/cases/search", json!({ "contents": "fetch" })),
        ("/v1/documents/search", json!({ "group": "99" })),
        ("/v1/documents/fetch", json!({})),
        ("/v1/cases/find", json!({})),
        ("/v1/relationships/search", json!({ "page_size": 2 })),
    ] {
        let answer = service.read(path, more).await;
        assert_eq!((answer.status, &answer.json()["findings"][0]["code"]), (422, &json!("json.shape")), "{path}");
    }
    assert_eq!(service.stop_and_count_uses().await, 0, "what is not understood is no reading");
}

#[tokio::test]
async fn contents_are_fetched_only_when_asked_for_and_decisions_come_with_their_view() {
    let service = Service::start().await;
    let plain = service.read("/v1/decisions/search", json!({})).await.json()["decisions"][0].clone();
    assert!(plain.get("fetched").is_none() && plain["decision"].is_null() && plain["safety_ban"] == json!(true));
    let fetched = service.read("/v1/decisions/search", json!({ "contents": "fetch" })).await.json();
    let decision = &fetched["decisions"][0];
    assert_eq!(decision["fetched"]["signature"], "valid");
    assert_eq!(decision["fetched"]["content"]["paatos"]["paatos"]["paatospaivamaara"], "2026-01-14");
    assert_eq!(decision["decision"]["decided_on"], "2026-01-14");
    assert_eq!((&decision["register"], &decision["status"]), (&json!("1.2.246.10.99999991.10.0"), &json!("valid")));
    assert_eq!(decision["stored"], "2026-01-15T12:00:00+02:00");
    let case = service.read("/v1/cases/search", json!({})).await.json()["cases"][0].clone();
    assert_eq!((&case["open"], &case["verified"], &case["opened"]), (&json!(true), &json!(true), &json!("2026-01-12")));
}

#[tokio::test]
async fn a_document_is_answered_in_the_forms_that_were_asked_for() {
    let service = Service::start().await;
    let read = |more: Value| service.read("/v1/documents/fetch", more);
    let plain = read(json!({ "document_id": "1.2.9" })).await.json();
    assert_eq!((&plain["fetched"]["content"], plain["fetched"].get("display")), (&json!({ "k": 1 }), None));
    let forms = json!({ "document_id": "1.2.9", "forms": ["display", "document"] });
    let fetched = read(forms).await.json()["fetched"].clone();
    assert_eq!((&fetched["display"], &fetched["document"]), (&json!("<p/>"), &json!("PHgvPg==")));
    assert!(fetched.get("content").is_none());
    let absent = read(json!({ "document_id": "1.2.99" })).await;
    assert_eq!((absent.status, &absent.json()["code"]), (404, &json!("document.not_found")));
}

#[tokio::test]
async fn the_relationship_is_shown_without_a_right_as_far_as_it_names_the_unit() {
    let service = Service::start().await;
    let answer = service.read("/v1/relationships/search", json!({})).await.json();
    let relationship = &answer["relationships"][0];
    assert_eq!((&relationship["may_read"], &relationship["safety_ban"]), (&json!(true), &json!(true)));
    assert_eq!(relationship["units"].as_array().unwrap().len(), 2);
    let other_task = service.read("/v1/relationships/search", json!({ "service_task": "OTHER" })).await.json();
    let relationship = &other_task["relationships"][0];
    assert_eq!(
        (&relationship["may_read"], &relationship["reasons"][0]["code"]),
        (&json!(false), &json!("access.task_mismatch"))
    );
    assert_eq!(relationship["units"].as_array().unwrap().len(), 1);
    assert_eq!(relationship["units"][0]["unit"], "1.2.246.10.99999992.10.1");
    let nobody = service.ask(&post("/v1/relationships/search", "all", &[]), &search("010190-900P")).await.json();
    assert_eq!(nobody["relationships"], json!([]));
}

#[tokio::test]
async fn a_case_is_found_by_its_decision_or_the_candidates_are_told_with_their_reasons() {
    let service = Service::start().await;
    service.set(Mood::GrantingTwoCases);
    let find = |more: Value| service.read("/v1/cases/find", more);
    let found = find(json!({ "day": "2026-09-01", "decision": "1.2.9" })).await.json();
    assert_eq!((&found["verdict"], &found["case"]), (&json!("one"), &json!(CASE)));
    assert_eq!(found["candidates"][0]["reasons"][0]["code"], "case.named_by_decision");
    assert_eq!(found["excluded"][0]["case"], "1.2.6");
    let by_service = find(json!({ "day": "2026-09-01", "services": ["46"] })).await.json();
    assert_eq!((&by_service["verdict"], &by_service["case"]), (&json!("one"), &json!(CASE)));
    let several = find(json!({ "day": "2026-09-01", "services": ["2"] })).await.json();
    assert_eq!((&several["verdict"], &several["case"]), (&json!("several"), &Value::Null));
    assert_eq!(several["candidates"].as_array().unwrap().len(), 2);
    assert!(several["candidates"][0]["reasons"][0]["message"]["sv"].is_string());
    let none = find(json!({ "day": "2026-09-01", "decision": "1.2.77" })).await.json();
    assert_eq!((&none["verdict"], &none["why"]["code"]), (&json!("none"), &json!("case.decision_unknown")));
}

#[tokio::test]
async fn every_reading_is_in_the_use_log_as_begun_and_as_ended() {
    let service = Service::start().await;
    let paths = [
        "decisions/search",
        "cases/search",
        "documents/search",
        "documents/fetch",
        "relationships/search",
        "cases/find",
    ];
    for path in paths {
        let more = match path {
            "documents/fetch" => json!({ "document_id": "1.2.9" }),
            "cases/find" => json!({ "day": "2026-09-01" }),
            _ => json!({}),
        };
        assert_eq!(service.read(&format!("/v1/{path}"), more).await.status, 200, "{path}");
    }
    let expected: Vec<(String, String)> = paths
        .iter()
        .flat_map(|path| ["begun", "permitted"].map(|outcome| (path.replace('/', "."), outcome.to_owned())))
        .collect();
    assert_eq!(service.uses(), expected);
    assert_eq!(service.stop_and_count_uses().await, 12);
}
