//! The proof sheet: what the sidecar says it accepted against what the archive's own ledger says it has.

use std::collections::BTreeSet;
use std::error::Error;

use asiasilta::demo::{RECORDS, Stage};

use super::play::{Outcome, text_at};

/// What is expected of the example records.
const ARCHIVED: usize = 5;
const HELD: usize = 2;

/// Prints the sheet and tells whether everything came out so.
pub(super) fn print(stage: &Stage, outcome: &Outcome) -> Result<bool, Box<dyn Error>> {
    let of_class = |class: &str| outcome.accepted.iter().filter(|(_, s)| text_at(s, "/class") == class).count();
    let classes = ["archived", "rejected", "handed_over", "abandoned", "open"].map(of_class);
    let [archived, rejected, handed_over, abandoned, open] = classes;
    let accepted = outcome.accepted.len();
    let held = outcome.accepted.iter().filter(|(_, s)| text_at(s, "/state") == "held").count();
    println!("\n7. Proof sheet");
    println!("   submitted  {:>3}   refused with findings {}", RECORDS.len(), outcome.refused.len());
    println!(
        "   accepted   {accepted:>3} = archived {archived} + rejected {rejected} + handed over {handed_over} + abandoned {abandoned} + open {open} (held {held})"
    );

    let ledger = stage.mock.ledger();
    let in_archive: BTreeSet<String> = ledger.archived_ids().iter().map(ToString::to_string).collect();
    let said: Vec<&str> = outcome
        .accepted
        .iter()
        .filter(|(_, s)| text_at(s, "/class") == "archived")
        .map(|(_, s)| text_at(s, "/document_id"))
        .collect();
    let agreeing = said.iter().filter(|id| in_archive.contains(**id)).count();
    let others = outcome
        .accepted
        .iter()
        .filter(|(_, s)| text_at(s, "/class") != "archived")
        .filter(|(_, s)| in_archive.contains(text_at(s, "/document_id")))
        .count();
    let once = ledger.stored_once();
    let asked = ledger.assert_no_unasked_second_arrival();

    let checks = [
        ("accepted = archived + rejected + handed over + abandoned + open", accepted == classes.iter().sum::<usize>()),
        (
            "every record was either accepted or refused with findings",
            accepted + outcome.refused.len() == RECORDS.len(),
        ),
        ("the archive's ledger has every document that the sidecar calls archived", agreeing == archived),
        ("and none that it does not", others == 0),
        ("each document is there once", once.is_ok()),
        ("nothing arrived twice without a question before", asked.is_ok()),
        ("the case was found through the service decision", outcome.case_found),
        (
            "five archived, two held, one refused: as the examples are made",
            (archived, held, outcome.refused.as_slice()) == (ARCHIVED, HELD, &["90-broken-field"][..]),
        ),
        ("the organiser read one back and its signature holds", outcome.read_back),
    ];
    for (what, holds) in checks {
        println!("   [{}] {what}", if holds { "ok" } else { "NO" });
    }
    Ok(checks.iter().all(|(_, holds)| *holds))
}
