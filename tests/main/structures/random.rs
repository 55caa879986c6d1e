//! Structures that nobody has published: the dialect's features thrown together at random.

use asiasilta::domain::round_trip::RoundTripFault;
use asiasilta::domain::structure::Extent;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{made, registry_of, template, travel};

/// Names as users might see them, with what XML, HTML and JSON treat apart.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-ZÄÖ][a-zäöå]{2,10}",
        Just("A & B <c> \"d\" ]]>".to_owned()),
        Just(String::new()),
        Just("  Väli ".to_owned())
    ]
}

fn texts(fi: &str, sv: &str) -> Value {
    json!([{"lang": "fi", "value": fi}, {"lang": "sv", "value": sv}])
}

fn code(system: Value, codes: Option<Vec<&str>>) -> Value {
    let mut code = json!({"type": "string"});
    if let Some(codes) = codes {
        code["enum"] = json!(codes);
    }
    json!({"type": "object", "additionalProperties": false, "required": ["system", "code", "display"],
        "properties": {"system": system, "code": code, "display": {"type": "string", "minLength": 1}}})
}

/// A leaf's schema node and its representation.
fn leaf() -> impl Strategy<Value = (Value, &'static str, Option<&'static str>)> {
    let date = "^-?[0-9]{4}(-(0[1-9]|1[0-2])(-(0[0-9]|[1-2][0-9]|3[0-1]))?)?$";
    let plain = |node: Value, kind: &'static str| Just((node, kind, None));
    let oid =
        |root: &str| json!({"type": "string", "pattern": format!("^urn:oid:{}(\\.\\d+)*$", root.replace('.', "\\."))});
    let identifier = json!({"type": "object", "additionalProperties": false, "required": ["value"],
        "properties": {"system": {"type": "string"}, "value": {"type": "string", "minLength": 1}}});
    prop_oneof![
        (0u64..3).prop_map(|n| (json!({"type": "string", "minLength": n}), "Teksti", None)),
        plain(json!({"type": "string", "minLength": 90, "maxLength": 120}), "Nimi"),
        prop::sample::select(vec![
            "^[0-9]{5}$",
            "^FI[0-9]{2}( [0-9]{4}){3} [0-9]{2}$",
            "^(a|b)+c?$",
            "^[^a-z]{3}$",
            "^.{4}$"
        ])
        .prop_map(|p| (json!({"type": "string", "pattern": p}), "Teksti", None)),
        plain(json!({"type": "string", "pattern": date}), "Pvm"),
        plain(json!({"type": "string"}), "Hetki"),
        plain(json!({"type": "string", "enum": ["Rivi 1 & <2>\nRivi 2, \"lainaus\""]}), "Fraasi"),
        plain(json!({"type": "string"}), "Allekirjoitus"),
        plain(json!({"type": "boolean"}), "Kytkin"),
        (0i64..50).prop_map(|n| (json!({"type": "number", "minimum": n}), "Numero", None)),
        plain(json!({"type": "integer", "exclusiveMinimum": 3, "maximum": 9}), "Lkm"),
        plain(
            json!({"type": "object", "additionalProperties": false, "required": ["value", "code"],
            "properties": {"value": {"type": "number"}, "code": {"type": "string"}}}),
            "Määrä"
        ),
        plain(identifier.clone(), "Tunnus"),
        Just((identifier, "Tunnus", Some("1.2.246.21"))),
        Just((code(oid("1.2.246.537.6.1222"), None), "Koodi", Some("1.2.246.537.6.1222"))),
        Just((code(oid("1.2.246.537.6.202"), None), "Koodi", Some("1.2.246.537.6.202"))),
        Just((code(oid("1.2.246.537.6.7777"), Some(vec!["x", "y"])), "Koodi", Some("1.2.246.537.6.7777"))),
        plain(code(json!({"type": "string", "enum": ["koe/oma_lista"]}), Some(vec!["1", "1.1"])), "Koodi"),
        plain(code(json!({"type": "string"}), None), "Koodi"),
        // A kind that came after the program was written.
        plain(json!({"type": "string"}), "Uudenlainen"),
    ]
}

/// What the dialect says around a field: names, flags, a condition, a place in the order, a list of how many at least.
fn dressed(node: impl Strategy<Value = (Value, &'static str, Option<&'static str>)>) -> impl Strategy<Value = Value> {
    let flags = (any::<[bool; 3]>(), prop::option::of(0u64..9), prop::option::of(0u64..3));
    (node, name(), name(), flags).prop_map(
        |((mut node, kind, system), fi, sv, ([hidden, untitled, condition], row, list))| {
            let mut meta =
                json!({"name": texts(&fi, &sv), "hiddenField": hidden && kind == "Otsikko", "hiddenTitle": untitled});
            if kind != "Otsikko" || hidden {
                meta["representation"] = texts(kind, kind);
            }
            if let Some(row) = row {
                meta["rowNumber"] = json!(row);
            }
            if condition {
                meta["conditionalRequired"] = json!(true);
                meta["implementationNote"] = texts("Ehdollisesti pakollinen: jos <x>", "");
            }
            if let Some(system) = system {
                let key = if kind == "Tunnus" { "systemUri" } else { "classificationOid" };
                meta[key] = json!([{"lang": "", "value": system}]);
            }
            node["sosmeta"] = meta.clone();
            match list {
                Some(at_least) => json!({"type": "array", "minItems": at_least, "items": node, "sosmeta": meta}),
                None => node,
            }
        },
    )
}

fn group(fields: Vec<(Value, bool)>) -> Value {
    let keyed = |(index, (node, required)): (usize, (Value, bool))| {
        (format!("kentta_{}", (b'a' + u8::try_from(index).unwrap()) as char), node, required)
    };
    let fields: Vec<_> = fields.into_iter().enumerate().map(keyed).collect();
    let required: Vec<_> = fields.iter().filter(|f| f.2).map(|f| f.0.clone()).collect();
    let properties: Map<_, _> = fields.into_iter().map(|(key, node, _)| (key, node)).collect();
    json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties})
}

fn structure() -> impl Strategy<Value = Value> {
    let field = dressed(leaf()).prop_recursive(4, 40, 6, |inner| {
        let fields = prop::collection::vec((inner, any::<bool>()), 0..6);
        dressed(fields.prop_map(|fields| (group(fields), "Otsikko", None)))
    });
    prop::collection::vec(field, 0..6).prop_map(|fields| {
        let keyed = fields.into_iter().enumerate().map(|(i, node)| (format!("osa_{}", "abcdef".split_at(i).1), node));
        made(Value::Object(keyed.collect()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_structure_of_the_dialect_goes_all_the_way_and_comes_back_equal(structure in structure()) {
        for extent in [Extent::Minimal, Extent::Full] {
            let registry = registry_of(&structure.to_string());
            let record = template(&registry, extent).record().clone();
            let back = travel(registry, &record);
            prop_assert!(back.is_ok(), "{extent:?}: {back:?}\n{structure}");
        }
    }

    #[test]
    fn any_structure_of_the_dialect_misses_each_required_field(structure in structure()) {
        let registry = || registry_of(&structure.to_string());
        let record = template(&registry(), Extent::Full).record().clone();
        let keys: Vec<String> = record["content"]["koe"].as_object().unwrap().keys().cloned().collect();
        for key in keys {
            let mut broken = record.clone();
            broken["content"]["koe"].as_object_mut().unwrap().shift_remove(&key);
            let Err(RoundTripFault::Refused(findings)) = travel(registry(), &broken) else { panic!("{key} is not missed") };
            let said: Vec<_> = findings.iter().map(|f| (f.code.as_str(), f.place.input.as_str())).collect();
            let place = format!("/content/koe/{key}");
            prop_assert_eq!(said, vec![("field.missing", place.as_str())]);
        }
    }
}
