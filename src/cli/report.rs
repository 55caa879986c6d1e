//! Findings on paper: as text that points into the input like a compiler does, or as JSON.
//!
//! Shows no person's values: the quoted line is masked (see [`mask`]) unless the caller asks for the values.

pub(super) mod mask;

use asiasilta::domain::finding::{Finding, Severity};
use asiasilta::domain::source::{Lines, json};
use asiasilta::domain::text::Text;
use clap::ValueEnum;
use serde_json::{Value, json};

/// Characters of a quoted line before and after the place, at most.
const BEFORE_MAX: usize = 40;
const AFTER_MAX: usize = 60;

/// How findings are told.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// The language of findings.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Spoken {
    /// Finnish.
    Fi,
    /// Swedish.
    Sv,
    /// English.
    En,
}

impl Spoken {
    /// The text in this language.
    pub(super) fn of(self, text: &Text) -> &str {
        match self {
            Self::Fi => &text.fi,
            Self::Sv => &text.sv,
            Self::En => &text.en,
        }
    }
}

/// What came of one input.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Valid,
    Findings,
    Unreadable,
}

impl Outcome {
    /// By findings that were made of something readable.
    pub(super) fn of(findings: &[Finding]) -> Self {
        if findings.iter().any(Finding::is_error) { Self::Findings } else { Self::Valid }
    }

    /// The process's exit status.
    pub(super) fn exit(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Findings => 1,
            Self::Unreadable => 2,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Findings => "findings",
            Self::Unreadable => "unreadable",
        }
    }

    fn text(self) -> Text {
        match self {
            Self::Valid => Text::fixed("kelpaa", "giltig", "valid"),
            Self::Findings => Text::fixed("ei kelpaa", "inte giltig", "not valid"),
            Self::Unreadable => Text::fixed("ei luettavissa", "går inte att läsa", "unreadable"),
        }
    }
}

/// Findings about one input, with the input to point into.
pub(super) struct Report<'a> {
    pub(super) file: &'a str,
    /// What the input is, in the words of [`super::validate`].
    pub(super) kind: Text,
    pub(super) outcome: Outcome,
    pub(super) findings: &'a [Finding],
    pub(super) bytes: &'a [u8],
    pub(super) language: mask::Language,
}

/// How to tell it.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    pub(super) spoken: Spoken,
    pub(super) show_values: bool,
}

impl Report<'_> {
    /// As an object: file, kind, outcome, findings.
    pub(super) fn to_json(&self) -> Value {
        let findings = serde_json::to_value(self.findings).unwrap_or_default();
        json!({ "file": self.file, "kind": self.kind.en, "outcome": self.outcome.name(), "findings": findings })
    }

    /// As text, the verdict last.
    pub(super) fn to_text(&self, manner: Manner) -> String {
        let lines = Lines::of_bytes(self.bytes);
        let mut out = String::new();
        for finding in self.findings {
            self.finding(finding, &lines, manner, &mut out);
        }
        let (kind, outcome) = (manner.spoken.of(&self.kind), self.outcome.text());
        out + &format!("{}: {kind}: {}{}\n", self.file, manner.spoken.of(&outcome), self.counts(manner.spoken))
    }

    fn counts(&self, spoken: Spoken) -> String {
        let mut out = String::new();
        for severity in [Severity::Error, Severity::Warning, Severity::NotChecked] {
            let n = self.findings.iter().filter(|f| f.severity == severity).count();
            if n > 0 {
                out += &format!(", {}: {n}", spoken.of(&label(severity)));
            }
        }
        out
    }

    fn finding(&self, finding: &Finding, lines: &Lines<'_>, manner: Manner, out: &mut String) {
        let severity = label(finding.severity);
        let (severity, message) = (manner.spoken.of(&severity), manner.spoken.of(&finding.message));
        *out += &format!("{severity}[{}]: {message}\n", finding.code);
        let place = &finding.place;
        let gutter = place.line.map_or(1, |line| line.to_string().len());
        let blank = " ".repeat(gutter);
        if let (Some(line), Some(column)) = (place.line, place.column) {
            *out += &format!("{blank}--> {}:{line}:{column}\n{blank} |\n", self.file);
            let (text, caret) = self.excerpt(lines.line(line), column, manner.show_values);
            *out += &format!("{line} | {text}\n{blank} | {}^\n", " ".repeat(caret));
        }
        if !place.input.is_empty() && self.language != mask::Language::Json {
            *out += &format!("{blank} = content: {}\n", place.input);
        }
        *out += &format!("{blank} = rule: {}\n", rule(finding));
        if let Some(hint) = &finding.hint {
            *out += &format!("{blank} = hint: {}\n", manner.spoken.of(hint));
        }
        out.push('\n');
    }

    /// The part of a line around a column, and how many characters of it stand before the column.
    fn excerpt(&self, line: &str, column: u32, show_values: bool) -> (String, usize) {
        let at = usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1);
        let masked = if show_values { line.to_owned() } else { mask::line(line, self.language) };
        let from = at.saturating_sub(BEFORE_MAX);
        // Nothing of an input may drive the terminal.
        let plain = masked.chars().map(|c| if c.is_control() { ' ' } else { c });
        let mut text: String = plain.skip(from).take(BEFORE_MAX.min(at) + AFTER_MAX).collect();
        let indent = if from == 0 { text.len() - text.trim_start().len() } else { 0 };
        let indent = indent.min(at);
        text = text.get(indent..).unwrap_or_default().trim_end().to_owned();
        match from {
            0 => (text, at - indent),
            _ => (format!("…{text}"), at - from + 1),
        }
    }
}

/// Gives findings about a JSON text their lines and columns, but for those that have them.
pub(super) fn place_in_json(findings: &mut [Finding], bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let lines = Lines::new(text);
    let pointers: Vec<String> = findings.iter().map(|f| f.place.input.clone()).collect();
    let offsets = json::offsets(text, pointers.iter().map(String::as_str));
    for finding in findings.iter_mut().filter(|f| f.place.line.is_none()) {
        let position = lines.position(offsets.get(finding.place.input.as_str()).copied().unwrap_or(0));
        finding.place.line = Some(position.line);
        finding.place.column = Some(position.column);
    }
}

fn label(severity: Severity) -> Text {
    match severity {
        Severity::Error => Text::fixed("virhe", "fel", "error"),
        Severity::Warning => Text::fixed("varoitus", "varning", "warning"),
        Severity::NotChecked => Text::fixed("ei tarkistettu", "inte kontrollerat", "not checked"),
    }
}

fn rule(finding: &Finding) -> String {
    let rule = &finding.rule;
    if rule.clause.is_empty() { rule.source.clone() } else { format!("{}, {}", rule.source, rule.clause) }
}
