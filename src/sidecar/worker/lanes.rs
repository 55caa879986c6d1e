//! Alerts about stuck lanes: one when a version chain can go on only by a person's decision, one when it goes on.
//!
//! Looks at the store, not at events, so that nothing that parks or frees a lane is missed: an operator's act, a damaged value, an
//! earlier run. Many at once are told in one line.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::oid::Oid;
use crate::sidecar::ports::{Archive, Clock};
use crate::sidecar::store::{Store, StoreError, StuckLane};

use super::Worker;

/// How often the store is looked at while a lane is stuck or may have become so.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// And otherwise.
const LOOK_IDLE: Duration = Duration::from_secs(60);
/// Lanes told of by name in one look; more are told by their number.
const NAMED_MAX: usize = 5;
/// Lanes that are remembered; beyond, only their number is known.
const KNOWN_MAX: u32 = 100;

/// What was last seen.
#[derive(Default)]
pub(super) struct Lanes(Mutex<Known>);

#[derive(Default)]
struct Known {
    stuck: BTreeSet<(Oid, Oid)>,
    /// More than are remembered.
    beyond: bool,
    total: u64,
    looked_at: Option<Duration>,
    may_have_changed: bool,
}

impl Lanes {
    fn known(&self) -> MutexGuard<'_, Known> {
        // Each look replaces it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something was parked.
    pub(super) fn note_parked(&self) {
        self.known().may_have_changed = true;
    }

    /// When to look next, by true time.
    pub(super) fn next_look(&self) -> Duration {
        let known = self.known();
        let soon = known.may_have_changed || known.beyond || !known.stuck.is_empty();
        known.looked_at.map_or(Duration::ZERO, |at| at.saturating_add(if soon { LOOK_EVERY } else { LOOK_IDLE }))
    }
}

impl<S: Store, A: Archive, C: Clock> Worker<S, A, C> {
    /// Looks at the lanes, when it is time to.
    pub(super) async fn look_at_lanes(&self) -> Result<(), StoreError> {
        let (lanes, now) = (&self.run.lanes, self.clock.elapsed());
        if lanes.next_look() > now {
            return Ok(());
        }
        // Also of a look that fails.
        let first = lanes.known().looked_at.replace(now).is_none();
        self.look_at_packages().await?;
        let found = self.store.stuck(KNOWN_MAX).await?;
        self.metrics.lanes_stuck(found.total);
        let mut known = lanes.known();
        known.may_have_changed = false;
        let beyond = found.total > u64::from(KNOWN_MAX);
        let stuck: BTreeSet<_> = found.lanes.iter().map(|l| (l.organisation.clone(), l.set.clone())).collect();
        let before = std::mem::replace(&mut known.stuck, stuck.clone());
        let was_beyond = std::mem::replace(&mut known.beyond, beyond);
        let total_before = std::mem::replace(&mut known.total, found.total);
        drop(known);
        if first || beyond || was_beyond {
            self.tell_numbers(found.total, total_before, first || beyond != was_beyond);
        } else {
            let new = |lane: &&StuckLane| !before.contains(&(lane.organisation.clone(), lane.set.clone()));
            self.tell_stuck(&found.lanes.iter().filter(new).collect::<Vec<_>>());
            self.tell_cleared(&before.difference(&stuck).collect::<Vec<_>>());
        }
        Ok(())
    }

    /// Beyond those that are remembered only their number tells what is new; also an unchanged one, where it is `anew` that it does.
    fn tell_numbers(&self, now: u64, before: u64, anew: bool) {
        let (grown, shrunk) = (now.saturating_sub(before), before.saturating_sub(now));
        if now > 0 && (anew || grown > 0) {
            tracing::warn!(lanes = now, "lanes are stuck: a person decides, see `asiasilta outbox list`");
        }
        if shrunk > 0 {
            tracing::info!(lanes = shrunk, "lanes go on");
        }
        self.metrics.count_lanes("stuck", usize::try_from(grown).unwrap_or(usize::MAX));
        self.metrics.count_lanes("cleared", usize::try_from(shrunk).unwrap_or(usize::MAX));
    }

    fn tell_stuck(&self, lanes: &[&StuckLane]) {
        self.metrics.count_lanes("stuck", lanes.len());
        if lanes.len() <= NAMED_MAX {
            for lane in lanes {
                tracing::warn!(
                    submission = %lane.submission, set = %lane.set, code = lane.code,
                    "a lane is stuck: a person decides"
                );
            }
            return;
        }
        let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
        for lane in lanes {
            *codes.entry(&lane.code).or_default() += 1;
        }
        let codes: Vec<_> = codes.into_iter().map(|(code, count)| format!("{code} {count}")).collect();
        tracing::warn!(lanes = lanes.len(), codes = codes.join(", "), "lanes are stuck: a person decides");
    }

    fn tell_cleared(&self, lanes: &[&(Oid, Oid)]) {
        self.metrics.count_lanes("cleared", lanes.len());
        match lanes {
            few if few.len() <= NAMED_MAX => {
                few.iter().for_each(|(_, set)| tracing::info!(%set, "a lane goes on"));
            }
            many => tracing::info!(lanes = many.len(), "lanes go on"),
        }
    }
}
