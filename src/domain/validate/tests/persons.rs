//! What findings may not say, and whom the test environment does not take.

use super::*;

#[test]
fn a_real_persons_code_is_refused_anywhere_in_the_test_environment_only() {
    let real = with_check("140341-123");
    let text = format!("{IN_ENTRY}/asiakaskertomusmerkinta/tapahtuma/kuvaus");
    let said = Some(json!(format!("Naapuri ({real}) kävi.")));
    refuses(ENTRY, &[(&text, said.clone())], &[("person.not_artificial", &text)]);
    let value = with(ENTRY, &[(&text, said)]);
    checker(Environment::Production).record(value.to_string().as_bytes(), now()).unwrap();
    let key = format!("/content/{real}");
    let findings = faults(&with(ENTRY, &[(&key, Some(json!(1)))]));
    assert!(findings.contains(&("person.not_artificial".into(), "/content/…".into())), "{findings:?}");
    refuses(
        ENTRY,
        &[("/author/identity_code", Some(json!(real)))],
        &[("person.not_artificial", "/author/identity_code")],
    );
}

#[test]
fn no_finding_repeats_a_persons_data() {
    let real = with_check("140341-123");
    let canaries = [
        "Kanarialintunen",
        "140341-912X",
        "Kanarialintunen kertoi, että 0401234567 ei vastaa",
        "1.1.1941",
        "kanarialintunen",
        real.as_str(),
    ];
    let parts = ["anarialintunen", "140341", "0401234567", "1.1.1941", "vastaa"];
    let mut refused = 0;
    for name in [ENTRY, RELATIONSHIP, CASE, DECISION] {
        let mut places = Vec::new();
        leaves("", &example(name), &mut places);
        for place in places {
            for canary in canaries {
                let (parent, _) = place.rsplit_once('/').unwrap();
                let as_value = vec![(place.as_str(), Some(json!(canary)))];
                let as_key = format!("{parent}/{}", canary.to_uppercase());
                let in_object = example(name).pointer(parent).unwrap().is_object();
                let as_key = in_object.then(|| vec![(as_key.as_str(), Some(json!(canary)))]);
                for changes in [Some(as_value), as_key].into_iter().flatten() {
                    let Err(findings) = judge(&with(name, &changes)) else { continue };
                    let said = serde_json::to_string(&findings).unwrap();
                    refused += 1;
                    assert!(parts.iter().all(|p| !said.to_lowercase().contains(p)), "{place}: {canary}: {said}");
                }
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}
