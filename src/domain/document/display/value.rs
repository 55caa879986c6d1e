//! One field's value as a reader sees it: the name of a code, a day as `5.10.2026`, yes or no.

use jiff::civil::Date;
use serde_json::Value;

use super::{IdentityCodes, Page, occurrences};
use crate::domain::code::Language;
use crate::domain::oid::Oid;
use crate::domain::person::{IDENTITY_CODE_ROOT, PersonalIdentityCode};
use crate::domain::structure::{Field, Representation};
use crate::domain::time::{Instant, PartialDate};

/// UCUM's unit of plain numbers, which says nothing to readers.
const UNITY: &str = "1";

impl Page {
    /// The texts of a value: one for each item of a list; none when there is nothing to show.
    pub(super) fn texts(self, field: &Field, value: &Value) -> Vec<String> {
        occurrences(value).filter_map(|one| self.text(field, one)).collect()
    }

    fn text(self, field: &Field, value: &Value) -> Option<String> {
        let member = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let text = match field.representation() {
            Representation::Group => None,
            Representation::Text | Representation::Phrase | Representation::Signature => {
                value.as_str().map(|text| text.trim_end().to_owned())
            }
            Representation::Code => member("display"),
            Representation::Identifier => {
                member("value").and_then(|id| self.identifier(field, value.get("system"), id))
            }
            Representation::PartialDate => value.as_str().map(partial_date),
            Representation::Moment => value.as_str().map(|text| moment(text, self.language)),
            Representation::Switch => value.as_bool().map(|yes| switch(yes, self.language).to_owned()),
            Representation::Number => value.as_number().map(number),
            Representation::Quantity => {
                let amount = value.get("value").and_then(Value::as_number).map(number);
                let unit = member("code").filter(|unit| unit != UNITY);
                amount.map(|a| [Some(a), unit].into_iter().flatten().collect::<Vec<_>>().join(" "))
            }
        };
        text.filter(|t| !t.trim().is_empty())
    }

    /// Object identifiers say nothing to a client; identity codes are shown as archived display forms do, without their
    /// last part, whoever says that they are some: the structure, the content or their own form.
    fn identifier(self, field: &Field, system: Option<&Value>, id: String) -> Option<String> {
        let said = system.and_then(Value::as_str).map(|s| s.strip_prefix("urn:oid:").unwrap_or(s));
        let is_code = field.system().is_some_and(|s| s.as_str() == IDENTITY_CODE_ROOT)
            || said == Some(IDENTITY_CODE_ROOT)
            || id.parse::<PersonalIdentityCode>().is_ok();
        if is_code {
            return Some(match self.identity_codes {
                IdentityCodes::Masked => id.chars().take(6).chain("*****".chars()).collect(),
                IdentityCodes::Whole => id,
            });
        }
        let is_oid = id.strip_prefix("urn:oid:").unwrap_or(&id).parse::<Oid>().is_ok_and(|oid| oid.arcs().count() > 3);
        (!is_oid).then_some(id)
    }
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
