//! Whatever comes in, the judge answers.

use proptest::prelude::*;

use super::*;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|n| json!(n)),
        any::<f64>().prop_map(|n| json!(n)),
        "\\PC{0,20}".prop_map(Value::String),
        Just(json!("2026-02-30")),
        Just(json!("urn:oid:1.2.246.21")),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec(("[a-z_/~]{0,12}", inner), 0..5).prop_map(|m| m.into_iter().collect()),
        ]
    })
}

/// The example with this value at a place, or so many steps above it.
fn with_anything(name: &str, place: &prop::sample::Index, up: usize, value: Value) -> Value {
    let mut places = Vec::new();
    leaves("", &example(name), &mut places);
    let mut at = place.get(&places).as_str();
    for _ in 0..up {
        at = at.rsplit_once('/').map_or("", |(parent, _)| parent);
    }
    let mut changed = example(name);
    *changed.pointer_mut(at).unwrap() = value;
    changed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(checker(Environment::Test).record(&bytes, now()).is_err());
    }

    #[test]
    fn an_example_with_anything_anywhere_never_panics(
        name in prop::sample::select(vec![ENTRY, RELATIONSHIP, CASE, DECISION]),
        place in any::<prop::sample::Index>(),
        up in 0usize..4,
        value in any_json(),
    ) {
        let changed = with_anything(name, &place, up, value);
        if let Err(findings) = judge(&changed) {
            prop_assert!(findings.iter().any(Finding::is_error));
            prop_assert!(findings.len() <= FINDINGS_MAX);
            prop_assert!(findings.iter().all(|f| f.code != "internal.schema_disagrees"));
        }
    }

    #[test]
    fn a_structure_takes_a_content_as_it_was_read_exactly_where_it_takes_its_value(
        name in prop::sample::select(vec![ENTRY, RELATIONSHIP, CASE, DECISION]),
        place in any::<prop::sample::Index>(),
        up in 0usize..4,
        value in any_json(),
    ) {
        let oid: Oid = example(name)["structure"].as_str().unwrap().parse().unwrap();
        let structure = checker(Environment::Test).structures().find(&oid).unwrap();
        for record in [example(name), with_anything(name, &place, up, value)] {
            let Some(content) = record.get("content") else { continue };
            let read = json::read_text(&content.to_string()).unwrap();
            prop_assert_eq!(structure.takes(&read), structure.validator().map(|v| v.is_valid(content)));
        }
    }
}
