//! The tables, their version, and the run's serial numbers.
//!
//! Every schema ever released stays readable: a new version is a new step in [`STEPS`], never an edit of an old one.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::Connection;

use super::checkpoint::LOG_PAGES_MAX;
use super::tally::{counter, head, prove_head, set_counter};
use super::{Serial, Tables, data_key};
use crate::sidecar::store::StoreError;
use crate::sidecar::vault::{StoreKey, Vault};

/// The first version in which the head of the use log has a proof.
const HEAD_PROVED: i64 = 8;
/// "ASLT": marks a file as ours.
pub(super) const APPLICATION_ID: i64 = 0x4153_4c54;
const INSTALLATION_MAX: u32 = 99_999_999;
const NONCE_MAX: u32 = 999_999;
/// More than a run makes. Times the milliseconds of the clock it stays below 2^53, which JSON readers keep exact.
const CHANGES_PER_MS: i64 = 1024;
/// Pages of 4 KiB that the writer keeps in memory: the ids' and digests' indexes of some hundred thousand submissions are not read anew
/// for each.
const CACHE_PAGES: u32 = 2_000;
/// More than the different statements that this program has.
const STATEMENTS_MAX: usize = 128;
/// As much as the proof of readiness writes: more than a small submission takes.
const PROOF_BYTES: u32 = 64 * 1024;

/// Step n takes the schema from version n to n + 1.
pub(super) const STEPS: &[&str] = &[
    "
    CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE submissions (
        row INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        organisation TEXT NOT NULL,
        unit TEXT NOT NULL,
        document TEXT NOT NULL UNIQUE,
        set_id TEXT NOT NULL,
        version INTEGER NOT NULL,
        message_number TEXT NOT NULL,
        replaces TEXT,
        structure TEXT NOT NULL,
        state TEXT NOT NULL,
        class TEXT NOT NULL,
        detail BLOB NOT NULL,
        accepted_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        due_at INTEGER,
        attempts INTEGER NOT NULL DEFAULT 0,
        held_since INTEGER,
        change INTEGER NOT NULL UNIQUE,
        payload BLOB NOT NULL,
        warnings BLOB NOT NULL,
        verdict BLOB
    ) STRICT;
    CREATE INDEX submissions_due ON submissions (due_at) WHERE due_at IS NOT NULL;
    CREATE INDEX submissions_chain ON submissions (set_id, version);
    CREATE INDEX submissions_state ON submissions (state, accepted_at);
    CREATE TABLE envelopes (
        submission TEXT PRIMARY KEY REFERENCES submissions (id),
        sealed_at INTEGER NOT NULL,
        soap_action TEXT NOT NULL,
        content_type TEXT NOT NULL,
        body BLOB NOT NULL,
        ground BLOB NOT NULL
    ) STRICT;
    CREATE TABLE idempotency_keys (
        organisation TEXT NOT NULL,
        key_digest BLOB NOT NULL,
        body_digest BLOB NOT NULL,
        submission TEXT NOT NULL,
        made_at INTEGER NOT NULL,
        PRIMARY KEY (organisation, key_digest)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE use_log (
        row INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        submission TEXT,
        action TEXT NOT NULL,
        outcome TEXT NOT NULL,
        detail BLOB NOT NULL,
        link BLOB NOT NULL
    ) STRICT;
    CREATE INDEX use_log_submission ON use_log (submission) WHERE submission IS NOT NULL;
    CREATE TRIGGER use_log_keeps BEFORE UPDATE ON use_log BEGIN SELECT RAISE(ABORT, 'the use log is append-only'); END;
    CREATE TRIGGER use_log_stays BEFORE DELETE ON use_log BEGIN SELECT RAISE(ABORT, 'the use log is append-only'); END;
",
    "
    ALTER TABLE submissions ADD COLUMN run INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE submissions ADD COLUMN waiting BLOB;
    ALTER TABLE submissions ADD COLUMN damaged TEXT;
    CREATE INDEX submissions_open ON submissions (accepted_at) WHERE class = 'open';
    CREATE INDEX submissions_damaged ON submissions (row) WHERE damaged IS NOT NULL;
",
    // Bodies leave the rows that change, so that a change of state does not write them again, and can be purged.
    "
    CREATE TABLE bodies (
        row INTEGER PRIMARY KEY,
        owner INTEGER NOT NULL REFERENCES submissions (row),
        part TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        sealed BLOB,
        file TEXT,
        UNIQUE (owner, part),
        CHECK ((sealed IS NULL) <> (file IS NULL))
    ) STRICT;
    CREATE INDEX bodies_file ON bodies (file) WHERE file IS NOT NULL;
    INSERT INTO bodies (owner, part, bytes, sealed)
        SELECT row, 'payload', length(payload), payload FROM submissions ORDER BY row;
    INSERT INTO bodies (owner, part, bytes, sealed)
        SELECT s.row, 'envelope', length(e.body), e.body FROM envelopes e JOIN submissions s ON s.id = e.submission;
    ALTER TABLE submissions DROP COLUMN payload;
    ALTER TABLE envelopes DROP COLUMN body;
    ALTER TABLE submissions ADD COLUMN held_bytes INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE submissions ADD COLUMN finished_at INTEGER;
    UPDATE submissions SET
        held_bytes = (SELECT coalesce(sum(b.bytes), 0) FROM bodies b WHERE b.owner = submissions.row),
        finished_at = CASE WHEN class <> 'open' THEN updated_at END;
    DROP INDEX submissions_open;
    CREATE INDEX submissions_open ON submissions (accepted_at, held_bytes) WHERE class = 'open';
    CREATE INDEX submissions_kept ON submissions (finished_at, held_bytes) WHERE finished_at IS NOT NULL AND held_bytes > 0;
",
    // `meta` has a data key from here on, which `data_key` enters: an earlier program would take it for another store's.
    "",
    // Invalidations: rows with an id of their own beside the document that they are about.
    "
    ALTER TABLE submissions ADD COLUMN kind TEXT NOT NULL DEFAULT 'document';
    ALTER TABLE submissions ADD COLUMN target TEXT;
    CREATE INDEX submissions_replaces ON submissions (replaces) WHERE replaces IS NOT NULL;
",
    // What waits is looked for by organisation: one whose line is shut is passed over, however much of it waits. Keys stand in the row of
    // what they brought, and go with it.
    "
    DROP INDEX submissions_due;
    CREATE INDEX submissions_due ON submissions (organisation, due_at) WHERE due_at IS NOT NULL;
    ALTER TABLE submissions ADD COLUMN key_digest BLOB;
    ALTER TABLE submissions ADD COLUMN body_digest BLOB;
    CREATE INDEX idempotency_keys_of ON idempotency_keys (submission);
    UPDATE submissions SET (key_digest, body_digest) =
        (SELECT k.key_digest, k.body_digest FROM idempotency_keys k WHERE k.submission = submissions.id);
    DROP TABLE idempotency_keys;
    CREATE UNIQUE INDEX submissions_key ON submissions (organisation, key_digest);
    CREATE INDEX submissions_purged ON submissions (finished_at) WHERE finished_at IS NOT NULL AND held_bytes = 0;
",
    // What is handed over has a package and its document among the bodies; its row is settled only once the organiser has confirmed.
    "
    ALTER TABLE submissions ADD COLUMN handed_over_at INTEGER;
    CREATE INDEX submissions_packages ON submissions (handed_over_at) WHERE state = 'handed_over' AND finished_at IS NULL;
",
    // The use log can be let go from its first row on, as far as it was said beforehand; its head is proved with a key.
    "
    DROP TRIGGER use_log_stays;
    CREATE TRIGGER use_log_stays BEFORE DELETE ON use_log
        WHEN OLD.row > coalesce((SELECT value FROM counters WHERE name = 'use_log_let_go'), 0)
        BEGIN SELECT RAISE(ABORT, 'the use log is append-only'); END;
",
];

/// When a commit has reached the disk.
#[derive(Debug, Clone, Copy)]
pub(super) enum Durability {
    /// When it returns.
    Full,
    /// Some time later: shows in tests that losing what was not synced is noticed.
    #[cfg(test)]
    Normal,
}

impl Durability {
    fn pragma(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            #[cfg(test)]
            Self::Normal => "NORMAL",
        }
    }
}

/// Checks that the file is a database of exactly this program's schema.
pub(super) fn check_current(db: &Connection, path: &Path) -> Result<(), StoreError> {
    check_file(db, path)?;
    let (found, known) = (schema_version(db)?, i64::try_from(STEPS.len()).unwrap_or(i64::MAX));
    if found < known { Err(StoreError::FromThePast { found, known }) } else { Ok(()) }
}

/// Checks the file, brings its schema up to date and takes the next restart number.
pub(super) fn prepare(
    db: &Connection,
    path: &Path,
    key: &StoreKey,
    durability: Durability,
    now: Timestamp,
) -> Result<(Vault, Serial), StoreError> {
    check_file(db, path)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", durability.pragma())?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "wal_autocheckpoint", LOG_PAGES_MAX)?;
    db.pragma_update(None, "cache_size", CACHE_PAGES)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    db.execute_batch("BEGIN IMMEDIATE")?;
    let outcome = bring_up_to_date(db, key).and_then(|vault| Ok((vault, next_serial(db, now)?)));
    db.execute_batch(if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    outcome
}

/// A reader sees, and cannot write.
pub(super) fn configure_reader(db: &Connection) -> Result<(), StoreError> {
    db.pragma_update(None, "query_only", true)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(())
}

fn check_file(db: &Connection, path: &Path) -> Result<(), StoreError> {
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let found: i64 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if found != APPLICATION_ID && (tables > 0 || found != 0) {
        return Err(StoreError::NotOurs { path: path.to_owned(), found });
    }
    let version = schema_version(db)?;
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    if version > known {
        return Err(StoreError::FromTheFuture { found: version, known });
    }
    Ok(())
}

fn schema_version(db: &Connection) -> Result<i64, StoreError> {
    Ok(db.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

fn bring_up_to_date(db: &Connection, key: &StoreKey) -> Result<Vault, StoreError> {
    let was = schema_version(db)?;
    migrate(db)?;
    let vault = data_key::open_or_make(db, key)?;
    if was < HEAD_PROVED {
        prove_head(db, &vault)?;
    }
    // A log that was cut is said before anything is built on it.
    head(db, &vault)?;
    Ok(vault)
}

fn migrate(db: &Connection) -> Result<(), StoreError> {
    let version = usize::try_from(schema_version(db)?).unwrap_or(0);
    for (at, step) in STEPS.iter().enumerate().skip(version) {
        db.execute_batch(step)?;
        db.pragma_update(None, "user_version", i64::try_from(at + 1).unwrap_or(i64::MAX))?;
    }
    db.pragma_update(None, "application_id", APPLICATION_ID)?;
    Ok(())
}

/// The seconds of the clock make the number larger than any that a backup can hold; the stored one keeps it growing when the
/// clock was set back.
fn next_serial(db: &Connection, now: Timestamp) -> Result<Serial, StoreError> {
    let installation = match counter(db, "installation")? {
        0 => i64::from(uuid::Uuid::new_v4().as_fields().0 % INSTALLATION_MAX + 1),
        known => known,
    };
    let restart = now.as_second().max(counter(db, "restart")?.saturating_add(1)).max(1);
    set_counter(db, "installation", installation)?;
    set_counter(db, "restart", restart)?;
    set_counter(db, "sequence", 0)?;
    // Above every number that an earlier run gave out, also one that this file knows nothing of.
    let change = now.as_millisecond().saturating_mul(CHANGES_PER_MS).max(counter(db, "change")?);
    set_counter(db, "change", change)?;
    let nonce = u64::from(uuid::Uuid::new_v4().as_fields().0 % NONCE_MAX + 1);
    Ok(Serial { installation: installation.unsigned_abs(), restart: restart.unsigned_abs(), nonce })
}

/// Writes something of a size, as proof that the disk takes it.
pub(super) fn write_proof(tables: &Tables<'_>) -> Result<(), StoreError> {
    let sql = "INSERT INTO meta (name, value) VALUES ('proof', zeroblob(?1)) ON CONFLICT (name) DO NOTHING";
    tables.db.execute(sql, [PROOF_BYTES])?;
    Ok(())
}

pub(super) fn drop_proof(tables: &Tables<'_>) -> Result<(), StoreError> {
    tables.db.execute("DELETE FROM meta WHERE name = 'proof'", [])?;
    Ok(())
}
