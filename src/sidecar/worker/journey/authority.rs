//! The right to send a record: a permit for every client of it, or the reasons of every client who does not permit.
//!
//! Whether one client permits says [`crate::sidecar::worker::right`].

use jiff::civil::Date;
use serde_json::{Value, json};

use super::cause::{no_client, pipeline_failed};
use super::{Stop, asker, cause_of, use_of};
use crate::domain::access::{Authority, Denial, JointDenial, Operation, Reason};
use crate::domain::record::LocalRecord;
use crate::domain::submission::Cause;
use crate::domain::text::Text;
use crate::domain::time::start_of_day_in_finland;
use crate::sidecar::ports::{Archive, ArchiveFault, Clock, Ground};
use crate::sidecar::store::{Store, Submission};
use crate::sidecar::worker::Worker;
use crate::sidecar::worker::right::{RightsFault, Wish};

impl From<RightsFault> for Stop {
    fn from(fault: RightsFault) -> Self {
        match fault {
            RightsFault::Archive(fault) => fault.into(),
            RightsFault::Denied(denial) => denied(denial.may_pass(), cause_of(&denial)),
        }
    }
}

impl<S: Store, A: Archive, C: Clock> Worker<S, A, C> {
    /// A permit for every client of the record, and the one that joins them.
    pub(super) async fn authority(
        &self,
        submission: &Submission,
        record: &LocalRecord,
        reads: &mut Vec<Value>,
    ) -> Result<(Authority, Ground), Stop> {
        let wish = Wish {
            operation: Operation::Write { drawn_up: record.drawn_up.day() },
            service_task: record.service_task.as_ref().map(|t| t.code.as_str()),
            service_process: record.service_process.as_ref().map(|p| p.code.as_str()),
            purchase: Some(record.purchase),
        };
        let (mut joint, mut permits, mut refused) = (None, Vec::new(), Vec::new());
        for (place, client) in record.clients.iter().filter_map(|c| c.id()).enumerate() {
            let asker = asker(submission, record, client);
            let remembered = self.rights.evidence_version(&asker).is_some();
            let decided = self.rights.authority(&asker, wish).await;
            if !matches!(decided, Ok(Authority::OwnRegister)) {
                let outcome = decided.as_ref().map_or_else(rights_code, |_| "permitted".to_owned());
                let version = self.rights.evidence_version(&asker);
                reads.push(use_of("relationship", &asker, &outcome, json!(version)));
                match &decided {
                    Err(RightsFault::Archive(fault)) => self.line_after(&submission.organisation, Err(fault)),
                    // What is remembered says nothing about the line of now.
                    _ if remembered => {}
                    _ => self.line_after(&submission.organisation, Ok(())),
                }
            }
            let authority = match decided {
                // The others are looked at all the same: whoever reads the reasons needs every client's.
                Err(RightsFault::Denied(denial)) => {
                    refused.push((place, denial));
                    continue;
                }
                decided => decided?,
            };
            if let Authority::RegisterAccess(permit) = &authority {
                permits.push(permit.record().clone());
            }
            joint = Some(joined(joint, authority)?);
        }
        if !refused.is_empty() {
            return Err(refusal(record.clients.len(), refused));
        }
        let joint = joint.ok_or_else(|| Stop::Park(no_client()))?;
        let ground = if permits.is_empty() { Ground::OwnRegister } else { Ground::RegisterAccess(permits) };
        Ok((joint, ground))
    }
}

/// The authority for a further client, joined with that for the clients before.
fn joined(before: Option<Authority>, authority: Authority) -> Result<Authority, Stop> {
    match (before, authority) {
        (Some(Authority::RegisterAccess(before)), Authority::RegisterAccess(permit)) => {
            before.joined(permit).map(Authority::RegisterAccess).ok_or_else(|| Stop::Park(pipeline_failed()))
        }
        (_, authority) => Ok(authority),
    }
}

/// A refusal for a record's only client, or for those of several who do not permit.
fn refusal(clients: usize, refused: Vec<(usize, Denial)>) -> Stop {
    match refused.as_slice() {
        [(_, denial)] if clients == 1 => denied(denial.may_pass(), cause_of(denial)),
        _ => {
            let joint = JointDenial { clients, denied: refused };
            denied(joint.may_pass(), joint_cause_of(&joint))
        }
    }
}

fn denied(may_pass: Option<Option<Date>>, why: Cause) -> Stop {
    match may_pass {
        Some(on) => Stop::Hold { until: on.and_then(start_of_day_in_finland), why },
        None => Stop::Park(why),
    }
}

/// Every reason of every client who does not permit, by the client's place.
fn joint_cause_of(denial: &JointDenial) -> Cause {
    let of = denial.clients;
    let of_client = |(place, denial): &(usize, Denial)| {
        let (place, why) = (place.saturating_add(1), cause_of(denial).message);
        Text::made(
            format!("asiakas {place}/{of}: {}", why.fi),
            format!("klient {place}/{of}: {}", why.sv),
            format!("client {place} of {of}: {}", why.en),
        )
    };
    let code = denial.denied.iter().find_map(|(_, denial)| denial.reasons.first()).map_or("denied", Reason::code);
    cause(code, &denial.denied.iter().map(of_client).collect::<Vec<_>>())
}

fn cause(code: &str, texts: &[Text]) -> Cause {
    let join = |pick: fn(&Text) -> &str| texts.iter().map(pick).collect::<Vec<_>>().join("; ");
    Cause::new(format!("access.{code}"), Text::made(join(|t| &t.fi), join(|t| &t.sv), join(|t| &t.en)))
}

fn rights_code(fault: &RightsFault) -> String {
    match fault {
        RightsFault::Denied(denial) => cause_of(denial).code,
        RightsFault::Archive(ArchiveFault::Passing { why, .. } | ArchiveFault::Lasting { why }) => why.code.clone(),
    }
}
