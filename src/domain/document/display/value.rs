//! One field's value as a reader sees it: the name of a code, a day as `5.10.2026`, yes or no.

use jiff::civil::Date;
use serde_json::Value;

use super::occurrences;
use crate::domain::code::Language;
use crate::domain::oid::Oid;
use crate::domain::person::IDENTITY_CODE_ROOT;
use crate::domain::structure::{Field, Representation};
use crate::domain::time::{Instant, PartialDate};

/// The value's text; the items of a list parted by commas. `None` when there is nothing to show.
pub(super) fn text(field: &Field, value: &Value, language: Language) -> Option<String> {
    let texts: Vec<String> = occurrences(value).filter_map(|one| one_text(field, one, language)).collect();
    let separator = if texts.iter().any(|t| t.contains('\n')) { "\n" } else { ", " };
    (!texts.is_empty()).then(|| texts.join(separator))
}

fn one_text(field: &Field, value: &Value, language: Language) -> Option<String> {
    let member = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let text = match field.representation() {
        Representation::Group => None,
        Representation::Text | Representation::Phrase | Representation::Signature => value.as_str().map(str::to_owned),
        Representation::Code => member("display"),
        Representation::Identifier => member("value").and_then(|id| identifier(field, id)),
        Representation::PartialDate => value.as_str().map(partial_date),
        Representation::Moment => value.as_str().map(|text| moment(text, language)),
        Representation::Switch => value.as_bool().map(|yes| switch(yes, language).to_owned()),
        Representation::Number => value.as_number().map(number),
        Representation::Quantity => {
            let amount = value.get("value").and_then(Value::as_number).map(number);
            amount.map(|a| [Some(a), member("code")].into_iter().flatten().collect::<Vec<_>>().join(" "))
        }
    };
    text.filter(|t| !t.trim().is_empty())
}

/// A day as it is written in Finland: `5.10.2026`.
pub(super) fn day(date: Date) -> String {
    format!("{}.{}.{}", date.day(), date.month(), date.year())
}

fn partial_date(text: &str) -> String {
    match text.parse() {
        Ok(PartialDate::Year(year)) => year.to_string(),
        Ok(PartialDate::Month(year, month)) => format!("{month}.{year}"),
        Ok(PartialDate::Day(date)) => day(date),
        Err(_) => text.to_owned(),
    }
}

/// A moment in Finnish time, or a day.
fn moment(text: &str, language: Language) -> String {
    let Ok(instant) = text.parse::<Instant>() else { return partial_date(text) };
    let there = Instant::in_finland(instant.timestamp()).rfc3339();
    let clock = there.get(11..16).unwrap_or_default().replace(':', ".");
    let clock = clock.strip_prefix('0').unwrap_or(&clock);
    let word = if language == Language::Sv { "kl." } else { "klo" };
    format!("{} {word} {clock}", day(instant.day()))
}

fn switch(yes: bool, language: Language) -> &'static str {
    match (language, yes) {
        (Language::Fi, true) => "Kyllä",
        (Language::Fi, false) => "Ei",
        (Language::Sv, true) => "Ja",
        (Language::Sv, false) => "Nej",
    }
}

fn number(number: &serde_json::Number) -> String {
    number.to_string().replace('.', ",")
}

/// Object identifiers say nothing to a client; identity codes are shown as archived display forms do, without their last part.
fn identifier(field: &Field, id: String) -> Option<String> {
    if field.system().is_some_and(|s| s.as_str() == IDENTITY_CODE_ROOT) {
        let birth: String = id.chars().take(6).collect();
        return Some(format!("{birth}*****"));
    }
    let is_oid = id.parse::<Oid>().is_ok_and(|oid| oid.arcs().count() > 3);
    (!is_oid).then_some(id)
}
