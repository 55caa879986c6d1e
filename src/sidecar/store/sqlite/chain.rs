//! Version chains: a document's submissions, and taking the place of a predecessor that never arrived, which closes the gap.

use rusqlite::{OptionalExtension, params};

use super::Tables;
use super::accept::by_id;
use super::plain::in_chain;
use crate::domain::document::header::DocumentIds;
use crate::domain::oid::Oid;
use crate::domain::submission::{Class, Event, IllegalTransition};
use crate::sidecar::store::progress::{ChainPlace, never_arrived};
use crate::sidecar::store::{StoreError, Submission};

/// As long as a chain of versions gets.
const CHAIN_MAX: usize = 10_000;

/// Moves a submission to the place of its missing predecessor, and what follows it after it. Nothing of those has left: they
/// wait for this one.
pub(super) fn take_place(tables: &Tables<'_>, of: Submission) -> Result<Submission, StoreError> {
    let illegal = IllegalTransition { state: of.state.name(), event: Event::TakePlace.name() };
    let mut place = None;
    let mut before = submission_of(tables, &of.organisation, of.replaces.as_ref())?;
    for _ in 0..CHAIN_MAX {
        let Some(missing) = before.take().filter(|before| never_arrived(before.state.class())) else { break };
        let its = ChainPlace::of_missing(&missing, &of.document.document);
        before = submission_of(tables, &of.organisation, its.replaces.as_ref())?;
        place = Some(its);
    }
    let place = place.ok_or(illegal)?;
    put(tables, of.id.as_str(), &place)?;
    let moved = by_id(tables, of.id.as_str())?;
    close_up(tables, &moved)?;
    move_invalidations(tables, &of, &moved)?;
    Ok(moved)
}

fn close_up(tables: &Tables<'_>, first: &Submission) -> Result<(), StoreError> {
    let mut above = vec![first.document.clone()];
    for _ in 0..CHAIN_MAX {
        let Some(document) = above.pop() else { return Ok(()) };
        for follower in followers(tables, &first.organisation, &document)? {
            put(tables, &follower, &ChainPlace::after(&document))?;
            above.push(in_chain(tables, &follower)?.document);
        }
    }
    Ok(())
}

/// The chain's invalidations follow their documents, and keep their turn: behind all that was accepted before them, and first where
/// nothing of that is left in the chain.
fn move_invalidations(tables: &Tables<'_>, before: &Submission, moved: &Submission) -> Result<(), StoreError> {
    let (of, from, to) = (moved.organisation.as_str(), before.document.set.as_str(), moved.document.set.as_str());
    let mut statement = tables.db.prepare_cached(
        "UPDATE submissions SET set_id = coalesce((SELECT t.set_id FROM submissions t
                 WHERE t.document = submissions.target AND t.organisation = submissions.organisation), set_id)
             WHERE organisation = ?1 AND set_id = ?2 AND kind <> 'document' AND class = 'open'",
    )?;
    statement.execute([of, from])?;
    let mut statement = tables.db.prepare_cached(
        "UPDATE submissions SET version = coalesce((SELECT max(p.version) FROM submissions p
                 WHERE p.set_id = submissions.set_id AND p.organisation = submissions.organisation
                     AND p.kind = 'document' AND p.class IN ('open', 'archived') AND p.row < submissions.row), 1)
             WHERE organisation = ?1 AND set_id IN (?2, ?3) AND kind <> 'document' AND class = 'open'",
    )?;
    statement.execute([of, from, to])?;
    Ok(())
}

/// A document with every other of its chain, by version.
pub(super) fn chain_of(tables: &Tables<'_>, of: &Oid, document: &Oid) -> Result<Vec<Submission>, StoreError> {
    let mut statement = tables.db.prepare_cached(
        "SELECT c.id FROM submissions d JOIN submissions c ON c.set_id = d.set_id AND c.organisation = d.organisation
             WHERE d.organisation = ?1 AND d.document = ?2 AND d.kind = 'document' AND c.kind = 'document'
             ORDER BY c.version, c.row LIMIT ?3",
    )?;
    let most = i64::try_from(CHAIN_MAX).unwrap_or(i64::MAX);
    let found = statement.query_map(params![of.as_str(), document.as_str(), most], |row| row.get::<_, String>(0))?;
    found.map(|id| in_chain(tables, &id?)).collect()
}

/// Where an invalidation stands: in its document's chain, after all that was accepted of it so far. Of a document that is not from
/// here, and that nothing here replaces, it stands alone.
pub(super) fn place_of_invalidation(tables: &Tables<'_>, of: &Oid, target: &Oid) -> Result<(Oid, u32), StoreError> {
    let mut statement = tables.db.prepare_cached(
        "SELECT c.set_id, max(c.version) FROM submissions c WHERE c.organisation = ?1 AND c.kind = 'document'
             AND c.set_id = coalesce(
                 (SELECT d.set_id FROM submissions d WHERE d.organisation = ?1 AND d.document = ?2 AND d.kind = 'document'),
                 (SELECT d.set_id FROM submissions d WHERE d.organisation = ?1 AND d.kind = 'document'
                     AND (d.set_id = ?2 OR d.replaces = ?2) ORDER BY d.row LIMIT 1))",
    )?;
    let found: (Option<String>, Option<u32>) =
        statement.query_row([of.as_str(), target.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(set), Some(version)) = found else { return Ok((target.clone(), 1)) };
    let set = set.parse().map_err(|_| StoreError::Damaged { what: "identifier" })?;
    Ok((set, version))
}

/// The submission of a document of this organisation.
pub(super) fn submission_of(
    tables: &Tables<'_>,
    of: &Oid,
    document: Option<&Oid>,
) -> Result<Option<Submission>, StoreError> {
    let Some(document) = document else { return Ok(None) };
    let mut statement =
        tables.db.prepare_cached("SELECT id FROM submissions WHERE organisation = ?1 AND document = ?2")?;
    let id: Option<String> = statement.query_row([of.as_str(), document.as_str()], |row| row.get(0)).optional()?;
    id.map(|id| in_chain(tables, &id)).transpose()
}

/// What follows a document and can still move: the place of what was handed over is in its bytes.
fn followers(tables: &Tables<'_>, of: &Oid, document: &DocumentIds) -> Result<Vec<String>, StoreError> {
    let mut statement = tables.db.prepare_cached(
        "SELECT id FROM submissions WHERE organisation = ?1 AND replaces = ?2 AND class = ?3
             AND handed_over_at IS NULL",
    )?;
    let open = Class::Open.as_str();
    let found = statement.query_map([of.as_str(), document.document.as_str(), open], |row| row.get(0))?;
    Ok(found.collect::<Result<_, _>>()?)
}

fn put(tables: &Tables<'_>, id: &str, place: &ChainPlace) -> Result<(), StoreError> {
    let mut statement = tables
        .db
        .prepare_cached("UPDATE submissions SET replaces = ?2, set_id = ?3, version = ?4, change = ?5 WHERE id = ?1")?;
    let change = tables.tally.next_change(tables.db)?;
    let replaces = place.replaces.as_ref().map(Oid::as_str);
    statement.execute(params![id, replaces, place.set.as_str(), place.version, change])?;
    Ok(())
}
