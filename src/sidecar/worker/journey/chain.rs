//! The version chain: what a replacement must agree with, and the record of one that has moved in its chain.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::Stop;
use super::cause::{predecessor_differs, predecessor_never_arrived, unreadable};
use crate::domain::record::LocalRecord;
use crate::domain::submission::{Cause, Class};
use crate::sidecar::handover::place_lost;
use crate::sidecar::store::{Predecessor, PredecessorRecord, Submission};

/// What replaces a document of this store belongs to its chain, its unit and its client.
pub(super) fn check_predecessor(submission: &Submission, record: &LocalRecord, of: &Predecessor) -> Result<(), Stop> {
    if matches!(of.class, Class::Rejected | Class::Abandoned) {
        let fixed = submission.handed_over_at.is_some();
        return Err(Stop::Park(if fixed { place_lost() } else { predecessor_never_arrived() }));
    }
    let chained = of.document.set == submission.document.set
        && of.document.version.checked_add(1) == Some(submission.document.version);
    let before = match &of.record {
        PredecessorRecord::Kept(record) => serde_json::from_slice::<LocalRecord>(record).ok(),
        PredecessorRecord::Purged | PredecessorRecord::Damaged => None,
    };
    let clients = |record: &LocalRecord| record.clients.iter().filter_map(|c| c.id()).collect::<Vec<_>>();
    let same_client = before.is_none_or(|before| {
        let known = clients(&before);
        clients(record).iter().any(|client| known.contains(client))
    });
    if chained && of.unit == submission.unit && same_client {
        return Ok(());
    }
    Err(Stop::Park(predecessor_differs()))
}

/// The record with the place in the chain that the submission has now: a person may have let it take the place of a predecessor
/// that never arrived. What the caller said stays what is stored.
pub(in crate::sidecar) fn in_its_place<'a>(
    submission: &Submission,
    record: &LocalRecord,
    payload: &'a [u8],
) -> Result<Cow<'a, [u8]>, Cause> {
    let Some(said) = &record.replaces else { return Ok(Cow::Borrowed(payload)) };
    let ids = &submission.document;
    let stayed = submission.replaces.as_ref() == Some(&said.document)
        && said.set == ids.set
        && said.version.checked_add(1) == Some(ids.version);
    if stayed {
        return Ok(Cow::Borrowed(payload));
    }
    let mut moved: Value = serde_json::from_slice(payload).map_err(|_| unreadable())?;
    let fields = moved.as_object_mut().ok_or_else(unreadable)?;
    match &submission.replaces {
        None => drop(fields.remove("replaces")),
        Some(document) => {
            let place = json!({ "document": document, "set": ids.set, "version": ids.version.saturating_sub(1),
                "reason": said.reason });
            fields.insert("replaces".into(), place);
        }
    }
    serde_json::to_vec(&moved).map(Cow::Owned).map_err(|_| unreadable())
}
