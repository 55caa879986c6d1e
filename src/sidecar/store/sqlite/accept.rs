//! Accepting: the idempotency key, the document's ids, the record and the use-log row in one transaction.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::bodies::{self, Folder, Part, Sealed};
use super::plain::by_id_or_plain;
use super::rows::{COLUMNS, kind_name, millis, moment, place, seal_with, submission};
use super::use_log::{Entry, append};
use super::{Tables, chain};
use crate::domain::document::header::DocumentIds;
use crate::domain::oid::Oid;
use crate::domain::submission::{Kind, State};
use crate::domain::time::day_in_finland;
use crate::sidecar::store::{Accepted, Earlier, NewSubmission, StoreError, Submission};
use crate::sidecar::vault::Vault;

/// Node of social-care documents below an organisation, as real documents have it.
const DOCUMENT_ARC: u64 = 95;

/// An idempotency key and a body as the store knows them: as keyed digests, in the scope of an organisation.
pub(super) struct Key {
    organisation: String,
    key: Vec<u8>,
    body: Vec<u8>,
}

impl Key {
    pub(super) fn new(vault: &Vault, organisation: &Oid, idempotency_key: &str, payload: &[u8]) -> Self {
        let scope = organisation.as_str();
        let key = vault.digest("idempotency key", scope, idempotency_key.as_bytes());
        let body = vault.digest("body", scope, payload);
        Self { organisation: scope.to_owned(), key, body }
    }
}

/// A submission with all that can be sealed before its transaction: the one that writes has least to do.
pub(super) struct Prepared {
    new: NewSubmission,
    key: Key,
    payload: Sealed,
    state: State,
    detail: Vec<u8>,
    warnings: Vec<u8>,
}

impl Prepared {
    /// Blocking where the record is large: it is then on the disk.
    pub(super) fn new(vault: &Vault, folder: &Folder, new: NewSubmission) -> Result<Self, StoreError> {
        let id = new.id.as_str();
        let state = if new.awaits_signature { State::AwaitingSignature } else { State::Queued };
        Ok(Self {
            key: Key::new(vault, &new.organisation, &new.idempotency_key, &new.payload),
            payload: folder.seal(vault, Part::Payload, id, &new.payload)?,
            detail: seal_with(vault, place(id, "detail"), &state)?,
            warnings: seal_with(vault, place(id, "warnings"), &new.warnings)?,
            state,
            new,
        })
    }
}

/// Decides by the room that there is and by the key, with which the row is entered or not, before it writes anything else.
pub(super) fn accept(tables: &Tables<'_>, prepared: &Prepared, now: Timestamp) -> Result<Accepted, StoreError> {
    let Prepared { new, key, .. } = prepared;
    if let Err(differs) = stands_after(tables, new) {
        // Where that has moved since, a repeat is answered all the same.
        return earlier(tables, key)?.map(accepted_before).ok_or(differs);
    }
    if let Err(full) = tables.room.admit(tables.db, prepared.payload.bytes()) {
        // What has been accepted before takes no room.
        return earlier(tables, key)?.map(accepted_before).ok_or(full);
    }
    let mark = tables.tally.mark();
    let Some(kept) = insert(tables, prepared, now)? else {
        tables.tally.back_to(mark);
        tables.room.loosen();
        return earlier(tables, key)?.map(accepted_before).ok_or(StoreError::Damaged { what: "idempotency key" });
    };
    bodies::insert(tables, tables.db.last_insert_rowid(), Part::Payload, &prepared.payload)?;
    let entry = Entry {
        submission: Some(&new.id),
        action: "accept",
        outcome: prepared.state.name(),
        actor: &new.used_by,
        facts: &new.subject,
    };
    append(tables, &entry, now)?;
    Ok(Accepted::New(kept))
}

/// What replaces a document of this store is the next one of its chain. At another place of one's own choice the two could wait for each
/// other: the one for what it replaces, the other for the lower version.
fn stands_after(tables: &Tables<'_>, new: &NewSubmission) -> Result<(), StoreError> {
    let Some(said) = &new.replaces else { return Ok(()) };
    let mut statement = tables
        .db
        .prepare_cached("SELECT set_id, version FROM submissions WHERE organisation = ?1 AND document = ?2")?;
    let known: Option<(String, u32)> = statement
        .query_row([new.organisation.as_str(), said.document.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((set, version)) = known else { return Ok(()) };
    let set = set.parse().map_err(|_| StoreError::Damaged { what: "set_id" })?;
    let known = DocumentIds { document: said.document.clone(), set, version };
    if known == *said {
        return Ok(());
    }
    Err(StoreError::PredecessorDiffers { said: Box::new(said.clone()), known: Box::new(known) })
}

fn accepted_before(earlier: Earlier) -> Accepted {
    match earlier {
        Earlier::Same(submission) => Accepted::Replay(*submission),
        Earlier::Other => Accepted::Conflict,
    }
}

pub(super) fn earlier(tables: &Tables<'_>, key: &Key) -> Result<Option<Earlier>, StoreError> {
    let mut statement = tables
        .db
        .prepare_cached("SELECT body_digest, id FROM submissions WHERE organisation = ?1 AND key_digest = ?2")?;
    let found: Option<(Vec<u8>, String)> =
        statement.query_row(params![key.organisation, key.key], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    match found {
        None => Ok(None),
        Some((body, id)) if body == key.body => Ok(Some(Earlier::Same(Box::new(by_id_or_plain(tables, &id)?)))),
        Some(_) => Ok(Some(Earlier::Other)),
    }
}

/// The submission with this id, which must be there.
pub(super) fn by_id(tables: &Tables<'_>, id: &str) -> Result<Submission, StoreError> {
    let mut statement = tables.db.prepare_cached(&format!("SELECT {COLUMNS} FROM submissions s WHERE s.id = ?1"))?;
    let mut rows = statement.query([id])?;
    rows.next()?.map_or(Err(StoreError::NotFound), |row| submission(tables, row))
}

/// The submission of this row, which must be there.
pub(super) fn by_row(tables: &Tables<'_>, row: i64) -> Result<Submission, StoreError> {
    let mut statement = tables.db.prepare_cached(&format!("SELECT {COLUMNS} FROM submissions s WHERE s.row = ?1"))?;
    let mut rows = statement.query([row])?;
    rows.next()?.map_or(Err(StoreError::NotFound), |row| submission(tables, row))
}

/// Enters the row, unless there is one with its key; answers it as it would be read.
fn insert(tables: &Tables<'_>, prepared: &Prepared, now: Timestamp) -> Result<Option<Submission>, StoreError> {
    let Prepared { new, state, key, .. } = prepared;
    let (ids, message_number) = next_ids(tables, new, now)?;
    let due_at = (!new.awaits_signature).then_some(millis(now));
    let change = tables.tally.next_change(tables.db)?;
    let mut statement = tables.db.prepare_cached(
        "INSERT INTO submissions (id, organisation, unit, document, set_id, version, message_number, replaces, structure,
             state, class, detail, accepted_at, updated_at, due_at, change, held_bytes, warnings, run, kind, target,
             key_digest, body_digest)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)
         ON CONFLICT (organisation, key_digest) DO NOTHING",
    )?;
    let entered = statement.execute(params![
        new.id.as_str(),
        new.organisation.as_str(),
        new.unit.as_str(),
        ids.document.as_str(),
        ids.set.as_str(),
        ids.version,
        message_number,
        new.replaces.as_ref().map(|r| r.document.as_str()),
        new.structure.as_str(),
        state.name(),
        state.class().as_str(),
        prepared.detail,
        millis(now),
        due_at,
        change,
        i64::try_from(prepared.payload.bytes()).unwrap_or(i64::MAX),
        prepared.warnings,
        tables.serial.run(),
        kind_name(&new.kind),
        new.kind.target().map(Oid::as_str),
        key.key,
        key.body,
    ])?;
    if entered == 0 {
        return Ok(None);
    }
    // Of a document that replaces nothing all is known; what another waits for is in the tables.
    if new.replaces.is_some() || new.kind != Kind::Document {
        return by_id(tables, new.id.as_str()).map(Some);
    }
    Ok(Some(as_accepted(prepared, ids, message_number, change, moment(millis(now))?)))
}

fn as_accepted(
    prepared: &Prepared,
    document: DocumentIds,
    message_number: String,
    change: i64,
    now: Timestamp,
) -> Submission {
    let Prepared { new, state, .. } = prepared;
    Submission {
        id: new.id.clone(),
        organisation: new.organisation.clone(),
        unit: new.unit.clone(),
        kind: new.kind.clone(),
        has_envelope: false,
        document,
        message_number,
        replaces: None,
        structure: new.structure.clone(),
        state: state.clone(),
        accepted_at: now,
        updated_at: now,
        due_at: (!new.awaits_signature).then_some(now),
        attempts: 0,
        held_since: None,
        held_for: None,
        why: None,
        waits_for: None,
        handed_over_at: None,
        invalidated_by: None,
        from_earlier_run: false,
        damaged: None,
        change: change.unsigned_abs(),
        warnings: new.warnings.clone(),
        verdict: None,
    }
}

/// `<organisation>.95.<year>.<installation>.<restart>.<nonce>.<sequence>`, and the message number of the same parts.
fn next_ids(tables: &Tables<'_>, new: &NewSubmission, now: Timestamp) -> Result<(DocumentIds, String), StoreError> {
    let sequence = tables.tally.next_sequence(tables.db)?.unsigned_abs();
    let serial = tables.serial;
    let year = u64::from(day_in_finland(now).year().unsigned_abs());
    let document: Oid = [DOCUMENT_ARC, year, serial.installation, serial.restart, serial.nonce, sequence]
        .into_iter()
        .fold(new.document_node.clone(), |oid, arc| oid.child(arc));
    let message_number = format!("{}{:011}{:06}{sequence:08}", serial.installation, serial.restart, serial.nonce);
    let (set, version) = match (&new.kind, &new.replaces) {
        (Kind::Invalidation { target, .. }, _) => chain::place_of_invalidation(tables, &new.organisation, target)?,
        (Kind::Document, Some(replaced)) => (replaced.set.clone(), replaced.version.saturating_add(1)),
        (Kind::Document, None) => (document.clone(), 1),
    };
    Ok((DocumentIds { document, set, version }, message_number))
}
