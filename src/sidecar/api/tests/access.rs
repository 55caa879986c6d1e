//! `POST /v1/access/check`.

use super::*;

fn question(client: &str) -> Value {
    let mut question: Value = serde_json::from_str(&search(client)).unwrap();
    question.as_object_mut().unwrap().remove("client");
    question["clients"] = json!([{ "identity_code": client }]);
    question["operation"] = json!({ "write": { "drawn_up": "2026-09-02T10:00:00+03:00" } });
    question
}

async fn check(service: &Service, question: &str) -> Answer {
    service.ask(&post("/v1/access/check", "all", &[]), question).await
}

#[tokio::test]
async fn a_record_and_a_bare_question_are_told_the_verdict_and_what_it_stands_on() {
    let service = Service::start().await;
    for asked in [RECORD.to_owned(), question(PERSONAL[0]).to_string()] {
        let answer = check(&service, &asked).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let told = answer.json();
        assert_eq!((&told["permitted"], &told["permit"]["row"]), (&json!(true), &json!("/0")), "{told}");
        let assumed: Vec<_> = told["assumed"].as_array().unwrap().iter().map(|a| a["code"].as_str().unwrap()).collect();
        for code in ["not_stated.organiser_joined", "not_stated.agreement", "option.roles"] {
            assert!(assumed.contains(&code), "{assumed:?}");
        }
    }
    assert_eq!(service.stop_and_count_uses().await, 4);
}

#[tokio::test]
async fn a_denial_tells_every_reason_its_source_and_what_would_mend_it() {
    let service = Service::start().await;
    let mut asked = question("140341-900S");
    asked["clients"] = json!([{ "identity_code": PERSONAL[0] }, { "identity_code": "010190-900P" }]);
    asked["purchase"] = json!("self_pay");
    let told = check(&service, &asked.to_string()).await.json();
    assert_eq!((&told["permitted"], &told["may_pass"]), (&json!(false), &json!(false)));
    let reasons = told["reasons"].as_array().unwrap();
    let codes: Vec<_> = reasons.iter().map(|r| (r["client"].as_u64().unwrap(), r["code"].as_str().unwrap())).collect();
    assert_eq!(codes, [(1, "access.self_pay"), (2, "access.no_relationship"), (2, "access.self_pay")]);
    for reason in reasons {
        for language in ["fi", "sv", "en"] {
            assert!(reason["message"][language].is_string() && reason["remedy"][language].is_string());
        }
        assert!(!reason["source"]["source"].as_str().unwrap().is_empty());
        assert!(reason["source"]["certainty"].is_string());
    }
    assert!(PERSONAL.iter().all(|personal| !told.to_string().contains(personal)));
}

#[tokio::test]
async fn a_case_that_the_register_does_not_have_is_a_reason() {
    let service = Service::start().await;
    let mut asked = question(PERSONAL[0]);
    asked["case"] = json!(CASE);
    assert_eq!(check(&service, &asked.to_string()).await.json()["permitted"], json!(true));
    asked["case"] = json!("1.2.246.10.99999991.95.2026.404");
    let told = check(&service, &asked.to_string()).await.json();
    assert_eq!((&told["reasons"][0]["code"], &told["may_pass"]), (&json!("access.unknown_case"), &json!(true)));
}

#[tokio::test]
async fn how_the_configuration_says_that_parties_stand_counts() {
    let stated = "oid = \"1.2.246.10.99999991.10.0\"\nparty = { joined = false, phase = 1 }\nagreements = []";
    let service = Service::start_with(|config| config.organisers = vec![toml::from_str(stated).unwrap()]).await;
    let told = check(&service, &question(PERSONAL[0]).to_string()).await.json();
    let codes: Vec<_> = told["reasons"].as_array().unwrap().iter().map(|r| r["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["access.not_joined", "access.phase_mismatch", "access.no_agreement"]);
    assert!(told["reasons"][0]["source"]["words"].as_str().unwrap().contains("har anslutit sig"));
}

#[tokio::test]
async fn a_check_is_refused_as_a_search_is() {
    let service = Service::start().await;
    let asked = question(PERSONAL[0]);
    let status = |caller: &'static str| post("/v1/access/check", caller, &[]);
    assert_eq!(service.ask(&status("reader"), &asked.to_string()).await.status, 403);
    assert_eq!(service.ask(&status("other"), &asked.to_string()).await.status, 403);
    assert_eq!(check(&service, "{").await.status, 422);
    assert_eq!(check(&service, BROKEN).await.status, 422);
    let mut none = asked.clone();
    none["clients"] = json!([]);
    assert_eq!(check(&service, &none.to_string()).await.status, 422);
    let mut real = asked.clone();
    real["clients"] = json!([{ "identity_code": REAL_LOOKING }]);
    assert_eq!(check(&service, &real.to_string()).await.status, 422);
    service.set(Mood::Down);
    assert_eq!(check(&service, &asked.to_string()).await.status, 503);
}
