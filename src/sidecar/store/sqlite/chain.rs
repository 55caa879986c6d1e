//! Taking the place of a predecessor that never arrived: the chain closes over the gap.

use rusqlite::{OptionalExtension, params};

use super::Tables;
use super::accept::by_id;
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
    let mut before = replaced(tables, &of.organisation, of.replaces.as_ref())?;
    for _ in 0..CHAIN_MAX {
        let Some(missing) = before.take().filter(|before| never_arrived(before.state.class())) else { break };
        let its = ChainPlace::of_missing(&missing, &of.document.document);
        before = replaced(tables, &of.organisation, its.replaces.as_ref())?;
        place = Some(its);
    }
    let place = place.ok_or(illegal)?;
    put(tables, of.id.as_str(), &place)?;
    let moved = by_id(tables, of.id.as_str())?;
    close_up(tables, &moved)?;
    Ok(moved)
}

fn close_up(tables: &Tables<'_>, first: &Submission) -> Result<(), StoreError> {
    let mut above = vec![first.document.clone()];
    for _ in 0..CHAIN_MAX {
        let Some(document) = above.pop() else { return Ok(()) };
        for follower in followers(tables, &first.organisation, &document)? {
            put(tables, &follower, &ChainPlace::after(&document))?;
            above.push(by_id(tables, &follower)?.document);
        }
    }
    Ok(())
}

fn replaced(tables: &Tables<'_>, of: &Oid, document: Option<&Oid>) -> Result<Option<Submission>, StoreError> {
    let Some(document) = document else { return Ok(None) };
    let mut statement =
        tables.db.prepare_cached("SELECT id FROM submissions WHERE organisation = ?1 AND document = ?2")?;
    let id: Option<String> = statement.query_row([of.as_str(), document.as_str()], |row| row.get(0)).optional()?;
    id.map(|id| by_id(tables, &id)).transpose()
}

fn followers(tables: &Tables<'_>, of: &Oid, document: &DocumentIds) -> Result<Vec<String>, StoreError> {
    let mut statement = tables
        .db
        .prepare_cached("SELECT id FROM submissions WHERE organisation = ?1 AND replaces = ?2 AND class = ?3")?;
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
