//! Codes: of the field's own system in any version, and in the set where the set is known wholly.

use serde_json::Value;

use super::Look;
use crate::domain::code_set::Membership;
use crate::domain::finding::{Finding, Rule};
use crate::domain::oid::Oid;
use crate::domain::structure::Field;
use crate::domain::text::Text;
use crate::domain::validate::findings::{one_of, seen};

/// Adds what is wrong with a code beyond its form.
pub(super) fn check(look: &mut Look<'_>, field: &Field, pointer: &str, value: &Value) {
    // Lists of the structure's own have no OID; the schema has judged them.
    let Some(root) = field.system() else { return };
    let member = |name: &str| value.get(name).filter(|v| v.is_string());
    if let Some(told) = member("system") {
        let system = told.as_str().and_then(|urn| urn.strip_prefix("urn:oid:")).and_then(|oid| oid.parse::<Oid>().ok());
        if system.is_none_or(|system| !system.is_within(root)) {
            let at = format!("/content{pointer}/system");
            let rule = Rule::new(look.source(), "classificationOid");
            let expected = Text::same(format!("urn:oid:{root}"));
            look.add(pointer, Finding::error("value.code_system", at, seen(told), expected, rule));
        }
    }
    let Some(told) = member("code") else { return };
    if look.code_sets.membership(root, told.as_str().unwrap_or_default()) == Membership::Absent {
        let set = look.code_sets.find(root);
        let words: Vec<_> = set.into_iter().flat_map(|s| s.values()).map(|v| v.code.clone()).collect();
        let at = format!("/content{pointer}/code");
        let rule = Rule::new(set.map(|s| s.name().to_owned()).unwrap_or_default(), root.as_str());
        look.add(pointer, Finding::error("content.code_not_in_set", at, seen(told), one_of(&words), rule));
    }
}
