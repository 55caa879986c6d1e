//! Looking a database through: its pages, its rows, every sealed value and body, the use log.
//!
//! Changes nothing and may run beside the sidecar: it sees one moment of the database. Tells ids and columns, never values.

use std::path::Path;

use rusqlite::Row;

use super::Tables;
use super::bodies::{self, Part, folder_of};
use super::rows::{Waiting, open, place};
use super::use_log;
use super::visit::Visit;
use crate::domain::finding::Finding;
use crate::domain::submission::State;
use crate::sidecar::ports::Verdict;
use crate::sidecar::store::StoreError;
use crate::sidecar::vault::StoreKey;

const FAULTS_MAX: usize = 100;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Submissions looked at.
    pub submissions: u64,
    /// Of those, not settled.
    pub open: u64,
    /// Bodies opened.
    pub bodies: u64,
    /// Rows of the use log whose chain holds.
    pub use_log_rows: u64,
    /// Files that no row names; a later run removes them.
    pub orphans: u64,
    /// What is wrong, at most a hundred of them: which submission and column, or which page.
    pub faults: Vec<String>,
}

/// Looks a database through.
///
/// # Errors
/// [`StoreError`] when it cannot be opened: no file, another program's, another key, another schema, or damaged beyond opening.
pub fn check(database: &Path, key: &StoreKey) -> Result<CheckReport, StoreError> {
    let visit = Visit::open(database, key)?;
    let tables = visit.tables();
    let mut report = CheckReport::default();
    tables.db.execute_batch("BEGIN")?;
    for part in [pages, rows, every_body, log, orphans] {
        // Damage that stops one part of the check is a finding like others; the other parts are still looked at.
        if let Err(error) = part(&tables, &mut report) {
            report.fault(error.to_string());
        }
    }
    tables.db.execute_batch("ROLLBACK")?;
    Ok(report)
}

impl CheckReport {
    fn fault(&mut self, text: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(text);
        }
    }
}

fn pages(tables: &Tables<'_>, report: &mut CheckReport) -> Result<(), StoreError> {
    let mut statement = tables.db.prepare("PRAGMA integrity_check(20)")?;
    for line in statement.query_map([], |row| row.get::<_, String>(0))? {
        match line?.as_str() {
            "ok" => {}
            fault => report.fault(format!("database: {fault}")),
        }
    }
    let strangers: i64 = tables.db.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))?;
    if strangers > 0 {
        report.fault(format!("database: {strangers} rows refer to rows that are not there"));
    }
    Ok(())
}

fn rows(tables: &Tables<'_>, report: &mut CheckReport) -> Result<(), StoreError> {
    let mut statement = tables.db.prepare(
        "SELECT s.id, s.state, s.class, s.detail, s.warnings, s.verdict, s.waiting, s.damaged, s.held_bytes,
             (SELECT coalesce(sum(b.bytes), 0) FROM bodies b WHERE b.owner = s.row),
             EXISTS (SELECT 1 FROM envelopes e WHERE e.submission = s.id),
             EXISTS (SELECT 1 FROM bodies b WHERE b.owner = s.row AND b.part = 'envelope'),
             EXISTS (SELECT 1 FROM bodies b WHERE b.owner = s.row AND b.part = 'payload'), s.finished_at IS NULL,
             (SELECT count(*) FROM bodies b WHERE b.owner = s.row AND b.part IN ('package', 'document'))
         FROM submissions s ORDER BY s.row",
    )?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        report.submissions += 1;
        let id: String = row.get(0)?;
        for fault in row_faults(tables, &id, row)? {
            report.fault(format!("submission {id}: {fault}"));
        }
        report.open += u64::from(row.get_ref(2)?.as_str().is_ok_and(|class| class == "open"));
    }
    Ok(())
}

fn row_faults(tables: &Tables<'_>, id: &str, row: &Row<'_>) -> Result<Vec<&'static str>, StoreError> {
    let mut faults = Vec::new();
    let mut expect = |holds: bool, fault: &'static str| {
        if !holds {
            faults.push(fault);
        }
    };
    let (state, class): (String, String) = (row.get(1)?, row.get(2)?);
    let sealed = |at: usize| row.get::<_, Option<Vec<u8>>>(at);
    let is_open = class == "open";
    let quarantined = row.get::<_, Option<String>>(7)?.is_some();
    expect(!quarantined, "parked because a stored value was damaged");
    let detail = open::<State>(tables, place(id, "detail"), &sealed(3)?.unwrap_or_default());
    let told = detail.as_ref().is_ok_and(|detail| detail.name() == state && detail.class().as_str() == class);
    expect(told || quarantined, "detail does not open, or tells another state than its row");
    let warnings = open::<Vec<Finding>>(tables, place(id, "warnings"), &sealed(4)?.unwrap_or_default());
    expect(warnings.is_ok(), "warnings do not open");
    expect(opens::<Verdict>(tables, id, "verdict", sealed(5)?), "verdict does not open");
    expect(opens::<Waiting>(tables, id, "waiting", sealed(6)?), "waiting does not open");
    expect(row.get::<_, i64>(8)? == row.get::<_, i64>(9)?, "held_bytes is not the sum of its bodies");
    expect(row.get::<_, bool>(10)? == row.get::<_, bool>(11)?, "an envelope without its body, or a body without it");
    expect(row.get::<_, bool>(12)? || !is_open, "not settled, and its record is gone");
    let awaits_receipt = told && detail.is_ok_and(|detail| detail.awaits_receipt());
    let unfinished = is_open || awaits_receipt;
    expect(row.get::<_, bool>(13)? == unfinished || quarantined, "finished_at does not fit its state");
    let packed = row.get::<_, i64>(14)? == 2;
    expect(packed || !awaits_receipt, "waits for a receipt, and its package or document is gone");
    Ok(faults)
}

fn opens<T: serde::de::DeserializeOwned>(
    tables: &Tables<'_>,
    id: &str,
    column: &'static str,
    sealed: Option<Vec<u8>>,
) -> bool {
    sealed.is_none_or(|sealed| open::<T>(tables, place(id, column), &sealed).is_ok())
}

fn every_body(tables: &Tables<'_>, report: &mut CheckReport) -> Result<(), StoreError> {
    let mut statement =
        tables.db.prepare("SELECT s.id, b.part FROM bodies b JOIN submissions s ON s.row = b.owner ORDER BY b.row")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let (id, part): (String, String) = (row.get(0)?, row.get(1)?);
        let known = Part::ALL.into_iter().find(|known| known.name() == part);
        match known.map(|part| bodies::open(tables, &id, part)) {
            Some(Ok(_)) => report.bodies += 1,
            Some(Err(error)) => report.fault(format!("submission {id}: {part}: {}", error.with_causes())),
            None => report.fault(format!("submission {id}: a body of an unknown kind")),
        }
    }
    Ok(())
}

fn log(tables: &Tables<'_>, report: &mut CheckReport) -> Result<(), StoreError> {
    report.use_log_rows = use_log::verify(tables)?;
    Ok(())
}

fn orphans(tables: &Tables<'_>, report: &mut CheckReport) -> Result<(), StoreError> {
    let Some(path) = tables.db.path().map(Path::new) else { return Ok(()) };
    let found = bodies::orphans(&folder_of(path), tables.db)?;
    report.orphans = u64::try_from(found.len()).unwrap_or(u64::MAX);
    Ok(())
}
