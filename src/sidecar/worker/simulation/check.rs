//! What must hold when a world has come to rest, whatever has happened in it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::world::World;
use crate::domain::submission::Class;
use crate::sidecar::store::{Store, Submission};

impl World {
    /// Every promise, or what was broken.
    pub(super) async fn check(&self) -> Result<(), String> {
        let (store, ledger) = (self.store(), self.archive.ledger().stored.clone());
        let all = store.all();
        self.everything_promised_is_somewhere(&all)?;
        self.every_place_is_kept()?;
        if let Some(violation) = self.archive.ledger().violations.first() {
            return Err(violation.clone());
        }
        let at: BTreeMap<&str, (usize, &[u8])> =
            ledger.iter().enumerate().map(|(n, (id, body))| (id.as_str(), (n, body.as_slice()))).collect();
        for s in &all {
            let stored = at.get(message(s).as_str());
            self.what_was_handed_over_is_kept(s, stored.map(|(_, body)| *body))?;
            match (s.state.class(), stored) {
                // Invalidated already, by another message.
                (Class::Archived, None) if self.is_invalidated(s) => {}
                (Class::Archived, None) => return Err(format!("{} is archived and not in the archive", s.id)),
                (Class::Archived, Some((_, body))) => {
                    let envelope = store.envelope(&s.id).ok_or_else(|| format!("{} has no envelope", s.id))?;
                    if envelope.outbound.body != *body {
                        return Err(format!("{}: the archive has other bytes", s.id));
                    }
                }
                // A person may give up on an answer.
                (Class::Abandoned, _) | (_, None) => {}
                (class, Some(_)) => return Err(format!("{} is {} and in the archive", s.id, class.as_str())),
            }
        }
        in_order(&ledger, &all)?;
        invalidations_in_their_turn(&at, &all)?;
        self.only_what_was_ordered_is_invalidated(&all)?;
        store.verify_use_log().await.map_err(|error| error.to_string())?;
        self.the_log_ends_as_the_store_does(&all).await
    }

    /// accepted = archived ∪ rejected ∪ handed over ∪ abandoned ∪ open, and here nothing is open any more.
    fn everything_promised_is_somewhere(&self, all: &[Submission]) -> Result<(), String> {
        let kept: BTreeSet<_> = all.iter().map(|s| s.id.as_str()).collect();
        let promised: BTreeSet<_> = self.promised.iter().map(|s| s.id.as_str()).collect();
        if kept != promised {
            return Err(format!("{} were promised, {} are kept", promised.len(), kept.len()));
        }
        match all.iter().find(|s| s.state.class() == Class::Open) {
            Some(open) => Err(format!("{} is still {}", open.id, open.state.name())),
            None => Ok(()),
        }
    }

    /// Its package and its document are there, and the archive has those bytes or none.
    fn what_was_handed_over_is_kept(&self, s: &Submission, archived: Option<&[u8]>) -> Result<(), String> {
        if s.handed_over_at.is_none() {
            return if s.state.class() == Class::HandedOver { Err(format!("{} has no package", s.id)) } else { Ok(()) };
        }
        let kept = self.store().handed_over(&s.id).ok_or_else(|| format!("{} has lost its package", s.id))?;
        self.archive.ledger().note("handed over");
        match archived {
            None => Ok(()),
            Some(body) if body == kept.document.as_slice() => {
                self.archive.ledger().note("handed over and archived");
                Ok(())
            }
            Some(_) => Err(format!("{}: the archive has not what was handed over", s.id)),
        }
    }

    fn is_invalidated(&self, s: &Submission) -> bool {
        s.kind.target().is_some_and(|target| self.archive.ledger().nullified.contains(target.as_str()))
    }

    fn only_what_was_ordered_is_invalidated(&self, all: &[Submission]) -> Result<(), String> {
        let ordered: BTreeSet<String> = all.iter().filter_map(|s| s.kind.target()).map(ToString::to_string).collect();
        let ledger = self.archive.ledger();
        match ledger.nullified.iter().find(|document| !ordered.contains(*document)) {
            Some(document) => Err(format!("{document} was invalidated and nobody ordered it")),
            None => Ok(()),
        }
    }

    async fn the_log_ends_as_the_store_does(&self, all: &[Submission]) -> Result<(), String> {
        for s in all {
            let scope =
                crate::sidecar::store::Scope { organisation: s.organisation.clone(), units: vec![s.unit.clone()] };
            let found = self.store().find(&s.id, &scope).await.map_err(|error| error.to_string())?;
            let last = found.and_then(|(_, way)| way.last().map(|entry| entry.state.clone()));
            if last.as_deref() != Some(s.state.name()) {
                return Err(format!("{} is {}, the use log says {last:?}", s.id, s.state.name()));
            }
        }
        Ok(())
    }
}

/// What a submission's message is known by in the archive.
fn message(s: &Submission) -> String {
    match s.kind.target() {
        Some(target) => format!("{target}/{}", s.message_number),
        None => s.document.document.to_string(),
    }
}

/// An invalidation comes after what was accepted of its chain before it, and before what was accepted later.
fn invalidations_in_their_turn(at: &BTreeMap<&str, (usize, &[u8])>, all: &[Submission]) -> Result<(), String> {
    let came = |s: &Submission| {
        let archived = s.state.class() == Class::Archived;
        at.get(message(s).as_str()).filter(|_| archived).map(|(n, _)| *n)
    };
    for (i, invalidation) in all.iter().enumerate().filter(|(_, s)| s.kind.target().is_some()) {
        let Some(its) = came(invalidation) else { continue };
        for (n, s) in all.iter().enumerate() {
            let of_chain = s.organisation == invalidation.organisation && s.document.set == invalidation.document.set;
            // What went another way comes when a person takes it back, whatever has happened to its chain meanwhile.
            let in_turn = of_chain && n != i && s.handed_over_at.is_none();
            let Some(when) = came(s).filter(|_| in_turn) else { continue };
            // A later one that took an earlier place only afterwards had to wait all the same.
            let too_late = n < i && when > its;
            let too_early = n > i && s.document.version > invalidation.document.version && when < its;
            if too_late || too_early {
                return Err(format!("{} and {} have changed their turns", message(s), message(invalidation)));
            }
        }
    }
    Ok(())
}

/// A version comes into the archive after the one that it replaces.
fn in_order(ledger: &[(String, Vec<u8>)], all: &[Submission]) -> Result<(), String> {
    let ours: BTreeSet<_> = all.iter().map(|s| s.document.document.as_str()).collect();
    let mut before: BTreeSet<&str> = BTreeSet::new();
    let mut places: BTreeSet<(String, u64)> = BTreeSet::new();
    for (id, body) in ledger.iter().filter(|(id, _)| !id.contains('/')) {
        let said: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let replaces = said.get("replaces").and_then(Value::as_str);
        if let Some(replaced) = replaces
            && ours.contains(replaced)
            && !before.contains(replaced)
        {
            return Err(format!("{id} came before {replaced}, which it replaces"));
        }
        let place = (said["set"].to_string(), said["version"].as_u64().unwrap_or_default());
        if said["version"] == 1 && !places.insert(place) {
            return Err(format!("{id} is a second original of its set"));
        }
        before.insert(id);
    }
    Ok(())
}
