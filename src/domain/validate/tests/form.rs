//! What the schemas say: each wrong form with its own field, its pointer and its name.

use super::*;

#[test]
fn bytes_that_are_no_json_object_within_limits_are_refused_with_their_place() {
    let judge = |bytes: &[u8]| checker(Environment::Test).record(bytes, now()).err().unwrap();
    for (bytes, code, input, place) in [
        (&b"\xff"[..], "json.not_utf8", "", None),
        (b"", "json.syntax", "", Some((1, 1))),
        ("{\n \"ä\": ]}".as_bytes(), "json.syntax", "", Some((2, 7))),
        (b"{} x", "json.syntax", "", Some((1, 4))),
        (br#"{"clients":[{"name":1,"name":2}]}"#, "json.repeated_key", "/clients/0/name", None),
        (br#"{"drawn_up":{"$serde_json::private::Number":"1"}}"#, "json.reserved_key", "", None),
        (br#"{"x":{"$serde_json::private::RawValue":"{}"}}"#, "json.reserved_key", "", None),
        (br#"{"drawn_up":{"\u0024serde_json::private::Number":"1"}}"#, "json.reserved_key", "", None),
        (br#"{"Canary Person":1,"Canary Person":2}"#, "json.repeated_key", "/…", None),
    ] {
        let findings = judge(bytes);
        let found = &findings[0];
        assert_eq!((found.code.as_str(), found.place.input.as_str()), (code, input));
        assert_eq!(found.place.line.zip(found.place.column), place);
    }
    let deep = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
    assert_eq!(judge(deep(DEPTH_MAX).as_bytes())[0].code, "value.wrong_type");
    assert_eq!(judge(deep(DEPTH_MAX + 1).as_bytes())[0].code, "json.too_deep");
    assert_eq!(judge(deep(100_000).as_bytes())[0].code, "json.too_deep");
    assert_eq!(judge(&vec![b' '; BYTES_MAX + 1])[0].code, "json.too_large");
    let many = |n: usize| format!("[{}0]", "0,".repeat(n - 1));
    assert_eq!(judge(many(VALUES_MAX - 1).as_bytes())[0].code, "value.wrong_type");
    assert_eq!(judge(many(VALUES_MAX).as_bytes())[0].code, "json.too_many_values");
    assert_eq!(judge(b"7")[0].code, "value.wrong_type");
}

#[test]
fn every_kind_of_wrong_form_is_told_with_its_own_field() {
    let cases: Vec<(&str, Option<Value>, &str, &str)> = vec![
        ("/language", Some(json!("en")), "value.not_listed", ""),
        ("/purchase", Some(json!(7)), "value.not_listed", ""),
        ("/clients", Some(json!([])), "list.too_short", ""),
        ("/unit/name", Some(json!("")), "value.empty", ""),
        ("/unit/name", Some(json!("x".repeat(301))), "value.too_long", ""),
        ("/unit/oid", Some(json!("1.2.x")), "value.oid", ""),
        ("/unit/oid", None, "field.missing", ""),
        ("/unit/nmae", Some(json!("x")), "field.unknown", ""),
        ("/unit", Some(json!("x")), "value.wrong_type", ""),
        ("/drawn_up", Some(json!("2026-09-14")), "value.instant", ""),
        ("/event_day", Some(json!("2026-02-30")), "value.day", ""),
        ("/event_day", Some(json!(5)), "value.wrong_type", ""),
        ("/decision", Some(json!("x")), "value.oid", ""),
        ("/case", Some(json!("etsi")), "value.case_reference", ""),
        ("/service_task", Some(json!({"code": "1"})), "field.missing", "/display"),
        ("/service_task", Some(json!("1")), "value.wrong_type", ""),
        ("/special_content", Some(json!("E")), "value.wrong_type", ""),
        ("/content", Some(json!([])), "value.wrong_type", ""),
        ("/author/registration_number", Some(json!("x")), "value.registration_number", ""),
        ("/author/name/given/0", Some(json!("")), "value.empty", ""),
        ("/clients/0/identity_code", Some(json!("140341-912X")), "value.check_character", ""),
        (
            "/replaces",
            Some(json!({"document": "1.2.3", "set": "1.2.3", "version": 0, "reason": "x"})),
            "number.out_of_range",
            "/version",
        ),
    ];
    for (pointer, value, code, below) in cases {
        refuses(ENTRY, &[(pointer, value)], &[(code, &format!("{pointer}{below}"))]);
    }
    let many = Value::Array(vec![example(ENTRY)["clients"][0].clone(); 51]);
    let findings = judge(&with(ENTRY, &[("/clients", Some(many))])).err().unwrap();
    assert_eq!(findings[0].code, "list.too_long");
}

#[test]
fn an_unknown_field_is_answered_with_the_known_ones() {
    let findings = refuses(ENTRY, &[("/unit/nmae", Some(json!("x")))], &[("field.unknown", "/unit/nmae")]);
    assert_eq!(findings[0].expected.en, "one of: oid, name");
    let at = format!("{IN_ENTRY}/laatija/sukunmi");
    let findings = refuses(ENTRY, &[(&at, Some(json!("x")))], &[("field.unknown", &at)]);
    assert!(findings[0].expected.en.contains("sukunimi, etunimet"), "{}", findings[0].expected.en);
    assert!(findings[0].message.sv.starts_with("Upprättare: "), "{}", findings[0].message.sv);
}

#[test]
fn every_kind_of_wrong_content_is_told_by_pointer_and_by_name() {
    let cases: Vec<(String, Option<Value>, &str, &str, &str)> = vec![
        ("/laatija/sukunimi".into(), None, "field.missing", "", "Laatija › Sukunimi"),
        ("/laatija/sukunimi".into(), Some(json!("")), "value.empty", "", "Laatija › Sukunimi"),
        ("/laatija/sukunimi".into(), Some(json!(1)), "value.wrong_type", "", "Laatija › Sukunimi"),
        (
            "/laatija/palveluyksikko/system".into(),
            Some(json!("urn:oid:1.2.3")),
            "value.code_system",
            "",
            "Laatija › Palveluyksikkö",
        ),
        ("/laatija/palveluyksikko/code".into(), Some(json!("koti")), "value.oid", "", "Laatija › Palveluyksikkö"),
        (
            "/asiakas/0/henkilotunnus/value".into(),
            Some(json!("140341-912X")),
            "value.check_character",
            "",
            "Asiakas › Henkilötunnus",
        ),
        (
            "/asiakas/0/henkilotunnus/system".into(),
            Some(json!("1.2.246.21")),
            "content.identity_code_system",
            "",
            "Asiakas › Henkilötunnus",
        ),
        ("/asiakas/0/henkilotunnus".into(), None, "content.client_no_id", "/asiakas/0", "Asiakas"),
        ("/asiakas".into(), Some(json!([])), "list.too_short", "", "Asiakas"),
        ("/asiakas".into(), None, "field.missing", "", "Asiakas"),
        ("/paivamaara".into(), Some(json!("2026-02-30")), "value.partial_date", "", "Päivämäärä"),
        ("/paivamaara".into(), Some(json!("eilen")), "value.partial_date", "", "Päivämäärä"),
        (
            "/asiakaskertomusmerkinta/tapahtuma/ajanjakso/alkamishetki".into(),
            Some(json!("2026-02-30T10:00:00+02:00")),
            "value.instant",
            "",
            "Asiakaskertomusmerkintä › Tapahtuma › Ajanjakso › Alkamishetki",
        ),
        (
            "/asiakaskertomusmerkinta/tapahtuma/kuvaus".into(),
            Some(json!(null)),
            "value.wrong_type",
            "",
            "Asiakaskertomusmerkintä › Tapahtuma › Kuvaus",
        ),
    ];
    for (pointer, value, code, at, name) in cases {
        let pointer = format!("{IN_ENTRY}{pointer}");
        let at = if at.is_empty() { pointer.clone() } else { format!("{IN_ENTRY}{at}") };
        let findings = refuses(ENTRY, &[(&pointer, value)], &[(code, &at)]);
        assert!(findings[0].message.fi.starts_with(&format!("{name}: {at} – ")), "{}", findings[0].message.fi);
    }
}

#[test]
fn a_fixed_list_and_the_root_key_are_told_too() {
    let language = json!({"system": "urn:oid:1.2.246.537.5.40175", "code": "xx", "display": "x"});
    let at = "/content/asiakkuusasiakirja/asiakas/asiointikieli";
    let code = format!("{at}/code");
    refuses(RELATIONSHIP, &[(at, Some(language))], &[("value.not_listed", &code)]);
    let expected = [("field.unknown", "/content/…"), ("field.missing", IN_ENTRY)];
    let content = json!({"toinen": {}});
    let findings = judge(&with(ENTRY, &[("/content", Some(content))])).err().unwrap();
    let mut said: Vec<_> = findings.iter().map(|f| (f.code.as_str(), f.place.input.as_str())).collect();
    said.sort_by_key(|(code, _)| std::cmp::Reverse(*code));
    assert_eq!(said, expected);
}

#[test]
fn an_optional_field_may_be_null() {
    takes(ENTRY, &[("/decision", Some(json!(null))), ("/replaces", Some(json!(null)))]);
    takes(RELATIONSHIP, &[("/service_task", Some(json!(null)))]);
}
