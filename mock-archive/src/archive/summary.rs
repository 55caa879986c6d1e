//! The summary (kooste) that the archive itself makes of a client's documents in a register (docs/wire.md §7.1).
//!
//! What it holds in the real archive is not known; ours counts the documents that the asker may read and lists them with
//! day, kind and unit. Identifiers are not shown. Called by `lookup.rs`, which has selected the documents.

use std::fmt::Write;

use crate::answers::{self, Summary, escape};
use crate::archive::{Archive, Arrival, Reply};
use crate::hl7_time::instant;
use crate::intake::document::Code;
use crate::intake::frame::Frame;
use crate::intake::query::Query;
use crate::ledger::Verdict;
use crate::registers::{Held, Stored};

/// A summary is to be read by a person.
const ROWS_MAX: usize = 500;

impl Archive {
    pub(super) fn answer_summary(
        &self,
        frame: &Frame,
        query: &Query,
        selected: &[Held],
        arrival: &Arrival<'_>,
    ) -> (Verdict, Reply) {
        let client = selected
            .iter()
            .rev()
            .find_map(|held| held.document.clients.iter().find(|client| Some(&client.id) == query.client.as_ref()));
        let xhtml = xhtml(selected);
        let summary = client.map(|client| Summary { custodian: &query.custodian, client, xhtml: &xhtml });
        let text = answers::summary(&self.sheet(arrival), frame, &query.id, summary.as_ref());
        let action = answers::answer_to(frame.interaction);
        let reply = Reply::envelope(200, arrival.manner.soap, action, text);
        (Verdict::Answered(usize::from(summary.is_some())), reply)
    }
}

fn xhtml(selected: &[Held]) -> String {
    let mut rows = String::new();
    for held in selected.iter().rev().take(ROWS_MAX) {
        let document = &held.document;
        let unit = document.unit.as_ref().map(|unit| unit.name.as_str()).unwrap_or_default();
        let cells = [day(document), kind(document), unit.to_owned()].map(|cell| format!("<td>{}</td>", escape(&cell)));
        if write!(rows, "<tr>{}</tr>", cells.concat()).is_err() {
            // Writing into a String does not fail.
            tracing::error!("a summary could not be written completely");
        }
    }
    format!(
        "<div xmlns=\"http://www.w3.org/1999/xhtml\" class=\"soc-summary\"><h1>Kooste</h1><p>Asiakirjoja: {}</p>\
         <table><tr><th>Päivä</th><th>Asiakirja</th><th>Palveluyksikkö</th></tr>{rows}</table></div>",
        selected.len()
    )
}

fn day(document: &Stored) -> String {
    let moment = instant(&document.effective_time);
    moment.map(|at| at.to_zoned(crate::clock::helsinki()).strftime("%-d.%-m.%Y").to_string()).unwrap_or_default()
}

fn kind(document: &Stored) -> String {
    let name = |code: &Code| code.rest.iter().find(|(name, _)| name == "displayName").map(|(_, value)| value.clone());
    let specific = document.specific_type.as_ref().and_then(name);
    specific.or_else(|| name(&document.group)).unwrap_or_default()
}
