//! What no schema says: each rule between fields, kept and broken.

use super::*;

#[test]
fn a_client_has_an_identity_code_or_a_temporary_id() {
    let at = format!("{IN_ENTRY}/asiakas/0");
    let temporary = json!({"root": "1.2.246.10.99999991.22.2026", "value": "140341-999X"});
    let in_content = json!({"value": "140341-999X"});
    takes(
        ENTRY,
        &[
            ("/clients/0/identity_code", None),
            ("/clients/0/temporary_id", Some(temporary)),
            (&format!("{at}/henkilotunnus"), None),
            (&format!("{at}/tilapainen_yksilointitunnus"), Some(in_content)),
        ],
    );
    refuses(
        ENTRY,
        &[("/clients/0/identity_code", None)],
        &[("content.client_differs", &at), ("client.no_id", "/clients/0/identity_code")],
    );
}

#[test]
fn the_birth_date_agrees_with_the_identity_code_and_with_the_content() {
    refuses(
        ENTRY,
        &[("/clients/0/birth_date", Some(json!("1941-03-15")))],
        &[("client.birth_date", "/clients/0/birth_date")],
    );
    let at = "/content/asiakkuusasiakirja/asiakas/syntymaaika";
    takes(RELATIONSHIP, &[(at, Some(json!("1941-03")))]);
    refuses(RELATIONSHIP, &[(at, Some(json!("1941-04")))], &[("content.birth_date_differs", at)]);
}

#[test]
fn the_contents_clients_are_the_records_clients() {
    let other = example("records/91-unit-not-named.json")["clients"][0].clone();
    let other_code = other["identity_code"].as_str().unwrap().to_owned();
    let at = format!("{IN_ENTRY}/asiakas");
    refuses(ENTRY, &[("/clients/-", Some(other.clone()))], &[("content.client_missing", &at)]);
    let code = format!("{at}/0/henkilotunnus/value");
    refuses(ENTRY, &[(&code, Some(json!(other_code)))], &[("content.client_differs", &format!("{at}/0"))]);
    let both = json!({"sukunimi": "Mallikas", "etunimet": "Eino", "henkilotunnus": {"value": other_code}});
    takes(ENTRY, &[("/clients/-", Some(other)), (&format!("{at}/-"), Some(both))]);
    let again = example(ENTRY)["clients"][0].clone();
    refuses(
        ENTRY,
        &[("/clients/-", Some(again))],
        &[("content.client_missing", &at), ("client.repeated", "/clients/1")],
    );
}

#[test]
fn a_bare_boolean_is_no_professional_link() {
    let findings =
        refuses(ENTRY, &[("/professional_link", Some(json!(true)))], &[("link.bare_boolean", "/professional_link")]);
    assert!(findings[0].hint.as_ref().unwrap().en.contains("who asserts it"));
    refuses(ENTRY, &[("/professional_link", Some(json!("yes")))], &[("value.wrong_type", "/professional_link")]);
}

#[test]
fn the_links_period_covers_the_day_of_drawing_up() {
    let period = "/professional_link/period";
    let start = |s: &str| Some(json!({ "start": s }));
    takes(ENTRY, &[(period, start("2026-09-14"))]);
    refuses(ENTRY, &[(period, start("2026-09-15"))], &[("link.period_misses", period)]);
    let ended = Some(json!({"start": "2026-09-01", "end": "2026-09-13"}));
    refuses(ENTRY, &[(period, ended)], &[("link.period_misses", period)]);
    let reversed = Some(json!({"start": "2026-09-15", "end": "2026-09-14"}));
    refuses(ENTRY, &[(period, reversed)], &[("link.period_reversed", "/professional_link/period/end")]);
}

#[test]
fn what_the_client_pays_for_stays_in_the_producers_own_register() {
    let findings = refuses(ENTRY, &[("/purchase", Some(json!("self_pay")))], &[("purchase.self_pay", "/purchase")]);
    assert!(findings[0].hint.as_ref().unwrap().en.contains("own register"));
    takes(ENTRY, &[("/purchase", Some(json!("service_voucher")))]);
}

#[test]
fn a_producers_unit_is_not_the_organiser() {
    let organiser = example(ENTRY)["organiser"]["oid"].clone();
    refuses(ENTRY, &[("/unit/oid", Some(organiser))], &[("unit.is_organiser", "/unit/oid")]);
}

#[test]
fn only_a_relationship_document_has_no_case() {
    refuses(ENTRY, &[("/case", Some(json!("none")))], &[("case.only_relationship_has_none", "/case")]);
    takes(ENTRY, &[("/case", Some(json!("1.2.246.10.99999991.14.2026.1")))]);
    for other in ["find", "1.2.246.10.99999991.14.2026.1"] {
        refuses(RELATIONSHIP, &[("/case", Some(json!(other)))], &[("case.relationship_has_none", "/case")]);
    }
    for other in ["find", "none"] {
        refuses(CASE, &[("/case", Some(json!(other)))], &[("case.oid_needed", "/case")]);
    }
}

#[test]
fn a_case_document_tells_the_same_case_twice() {
    let at = "/content/asia_asiakirja/asian_tiedot/asiatunnus/value";
    refuses(CASE, &[(at, Some(json!("1.2.246.10.99999991.14.2026.9")))], &[("content.case_differs", at)]);
}

#[test]
fn task_and_process_are_asked_for_where_the_header_has_them() {
    refuses(ENTRY, &[("/service_task", None)], &[("service_task.missing", "/service_task")]);
    refuses(CASE, &[("/service_task", None)], &[("service_task.missing", "/service_task")]);
    refuses(ENTRY, &[("/service_process", None)], &[("service_process.missing", "/service_process")]);
    assert!(example(RELATIONSHIP).get("service_task").is_none() && example(CASE).get("service_process").is_none());
}

#[test]
fn a_record_from_the_future_is_refused_past_the_clocks_tolerance() {
    let link = ("/professional_link/period", Some(json!({"start": "2026-09-01"})));
    let at = |s: &str| [("/drawn_up", Some(json!(s))), link.clone()];
    takes(ENTRY, &at("2026-11-20T14:05:00+02:00"));
    refuses(ENTRY, &at("2026-11-20T14:05:01+02:00"), &[("drawn_up.future", "/drawn_up")]);
}

#[test]
fn a_replaced_version_and_its_original_fit_together() {
    let of = |document: &str, version: u32| {
        Some(json!({"document": document, "set": "1.2.246.10.1.95.1", "version": version, "reason": "Kirjoitusvirhe."}))
    };
    takes(ENTRY, &[("/replaces", of("1.2.246.10.1.95.1", 1))]);
    takes(ENTRY, &[("/replaces", of("1.2.246.10.1.95.2", 2))]);
    refuses(ENTRY, &[("/replaces", of("1.2.246.10.1.95.1", 2))], &[("replaces.version", "/replaces/version")]);
    refuses(ENTRY, &[("/replaces", of("1.2.246.10.1.95.2", 1))], &[("replaces.version", "/replaces/version")]);
}

#[test]
fn another_service_task_in_the_content_is_a_warning() {
    let at = format!("{IN_ENTRY}/asiakaskertomusmerkinta/palvelutehtava/code");
    let checked = takes(ENTRY, &[(&at, Some(json!("24")))]);
    let said: Vec<_> = checked.warnings().iter().map(|w| (w.code.as_str(), w.place.input.as_str())).collect();
    assert_eq!(said, [("content.service_task_differs", at.as_str())]);
    let task = "/content/asiakkuusasiakirja/sosiaalihuollon_palvelutehtava/0/palvelutehtava/code";
    assert!(takes(RELATIONSHIP, &[(task, Some(json!("24")))]).warnings().is_empty());
}

#[test]
fn a_minors_document_says_what_guardians_may_be_given_and_nobody_elses_does() {
    let told = |code: &str, grounds: Option<&str>| {
        let mut told = json!({"decision": {"code": code, "display": "Luovuttaminen huoltajille"}});
        grounds.into_iter().for_each(|grounds| told["grounds"] = json!(grounds));
        ("/guardian_disclosure", Some(told))
    };
    let at = "/guardian_disclosure";
    refuses(ENTRY, &[told("1", None)], &[("guardian_disclosure.no_minor", at)]);
    let child = with_check("140310A912");
    let code = format!("{IN_ENTRY}/asiakas/0/henkilotunnus/value");
    let mut minor = vec![
        ("/clients/0/identity_code", Some(json!(child))),
        ("/clients/0/birth_date", Some(json!("2010-03-14"))),
        (code.as_str(), Some(json!(child))),
    ];
    let birth = format!("{IN_ENTRY}/asiakas/0/syntymaaika");
    if example(ENTRY).pointer(&birth).is_some() {
        minor.push((birth.as_str(), Some(json!("2010-03-14"))));
    }
    let checked = takes(ENTRY, &minor);
    let said: Vec<_> = checked.warnings().iter().map(|w| (w.code.as_str(), w.place.input.as_str())).collect();
    assert_eq!(said, [("guardian_disclosure.missing", at)]);
    let with = |told| [minor.clone(), vec![told]].concat();
    assert!(takes(ENTRY, &with(told("1", None))).warnings().is_empty());
    assert!(takes(ENTRY, &with(told("2", Some("Alaikäisen oma pyyntö.")))).warnings().is_empty());
    let without_denial = [("guardian_disclosure.grounds_without_denial", "/guardian_disclosure/grounds")];
    refuses(ENTRY, &with(told("1", Some("Alaikäisen oma pyyntö."))), &without_denial);
}

#[test]
fn a_calling_name_that_is_no_given_name_is_a_warning() {
    let at = "/clients/0/name/calling";
    assert!(takes(ENTRY, &[(at, Some(json!("Kyllikki")))]).warnings().is_empty());
    let double = ("/clients/0/name/given", Some(json!(["Aino-Kyllikki"])));
    assert!(takes(ENTRY, &[double, (at, Some(json!("Kyllikki")))]).warnings().is_empty());
    let checked = takes(ENTRY, &[(at, Some(json!("Kylli")))]);
    let said: Vec<_> = checked.warnings().iter().map(|w| (w.code.as_str(), w.place.input.as_str())).collect();
    assert_eq!(said, [("client.calling_name", at)]);
}

#[test]
fn a_relationship_document_has_one_client() {
    let other = example("records/91-unit-not-named.json")["clients"][0].clone();
    let found = faults(&with(RELATIONSHIP, &[("/clients/-", Some(other))]));
    assert!(found.contains(&("client.relationship_has_one".into(), "/clients".into())), "{found:?}");
}

#[test]
fn a_cases_days_and_its_clients_fit_together() {
    let at = "/content/asia_asiakirja/asian_tiedot";
    let closed = format!("{at}/paattymispaiva");
    takes(CASE, &[(&closed, Some(json!("2026-01-12")))]);
    takes(CASE, &[(&closed, Some(json!("2026")))]);
    refuses(CASE, &[(&closed, Some(json!("2026-01-11")))], &[("case.period_reversed", &closed)]);
    let other = example("records/91-unit-not-named.json")["clients"][0].clone();
    let said = json!({"sukunimi": "Mallikas", "etunimet": "Eino",
        "henkilotunnus": {"value": other["identity_code"]}, "syntymaaika": other["birth_date"]});
    let joint = format!("{at}/yhteinen_asia");
    let both = [("/clients/-", Some(other)), ("/content/asia_asiakirja/asiakas/-", Some(said))];
    refuses(CASE, &both, &[("case.not_joint", &joint)]);
    takes(CASE, &[both.to_vec(), vec![(joint.as_str(), Some(json!(true)))]].concat());
}

#[test]
fn record_and_content_agree_on_a_safety_ban() {
    let at = "/content/asiakkuusasiakirja/asiakas/turvakielto";
    refuses(RELATIONSHIP, &[(at, Some(json!(true)))], &[("content.safety_ban_differs", at)]);
    takes(RELATIONSHIP, &[(at, Some(json!(true))), ("/clients/0/safety_ban", Some(json!(true)))]);
}

#[test]
fn characters_that_a_document_cannot_have_are_refused_where_they_stand() {
    let text = format!("{IN_ENTRY}/asiakaskertomusmerkinta/tapahtuma/kuvaus");
    for bad in ["a\u{1}b", "a\u{fffe}", "a\u{202e}b"] {
        refuses(ENTRY, &[(&text, Some(json!(bad)))], &[("value.characters", &text)]);
    }
    refuses(ENTRY, &[("/clients/0/name/family", Some(json!("   ")))], &[("value.pattern", "/clients/0/name/family")]);
}
