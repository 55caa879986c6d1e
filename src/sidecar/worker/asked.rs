//! Which submissions of an earlier run the archive was asked for in this run and does not have: asked once, not at each recheck.
//!
//! In memory only. Nobody else sends for this store while this process has it, so that what is not there does not come to be there
//! unless it leaves here; but what an earlier process has sent may still be on its way, and is not remembered until that is over.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::sidecar::store::SubmissionId;

/// Submissions that are remembered; beyond, all are asked for again.
const REMEMBERED_MAX: usize = 10_000;

#[derive(Default)]
pub(super) struct NotThere(Mutex<HashSet<SubmissionId>>);

impl NotThere {
    pub(super) fn has(&self, submission: &SubmissionId) -> bool {
        self.lock().contains(submission)
    }

    pub(super) fn remember(&self, submission: &SubmissionId) {
        let mut known = self.lock();
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(submission.clone());
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<SubmissionId>> {
        // Each change leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
