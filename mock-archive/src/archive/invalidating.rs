//! Invalidating a document or one of its versions (docs/wire.md §5.1). Called by `archive.rs` for an invalidation.

use std::collections::BTreeSet;

use crate::answers::AckCode;
use crate::archive::{Archive, Arrival, Reply};
use crate::finding::{Findings, Rule};
use crate::intake::frame::{Frame, Invalidation};
use crate::ledger::Verdict;
use crate::oid::Oid;
use crate::registers::{Registers, Stored};
use crate::rules::{access, message, persons};

impl Archive {
    pub(super) fn answer_invalidation(
        &self,
        frame: &Frame,
        invalidation: &Invalidation,
        arrival: &Arrival<'_>,
    ) -> (Verdict, Reply) {
        let mut findings = arrival.findings.clone();
        findings.extend(message::check_invalidation(invalidation));
        findings.extend(persons::check_ids(&invalidation.clients, "recordTarget"));
        let mut registers = self.registers();
        let meant = match versions(invalidation, &registers) {
            Ok(meant) => meant,
            Err(error) => return (Verdict::NotProcessed, Reply::unreadable(&error)),
        };
        if !findings.refuse() {
            findings.extend(self.judge_invalidation(frame, invalidation, &meant));
        }
        if findings.refuse() {
            let (findings, _) = findings.split();
            let reply = self.acknowledge(arrival, &frame.id, AckCode::Ae, &findings);
            return (Verdict::Refused(findings.iter().map(|finding| finding.rule).collect()), reply);
        }
        let ids: Vec<Oid> = meant.iter().map(|version| version.id.clone()).collect();
        let now = self.clock.now();
        let changed: std::io::Result<Vec<bool>> = ids.iter().map(|id| registers.invalidate(id, now)).collect();
        match changed {
            Ok(changed) => {
                let changed = changed.into_iter().filter(|changed| *changed).count();
                (Verdict::Invalidated(changed), self.acknowledge(arrival, &frame.id, AckCode::Aa, &[]))
            }
            Err(error) => (Verdict::NotProcessed, Reply::unreadable(&error)),
        }
    }

    fn judge_invalidation(&self, frame: &Frame, invalidation: &Invalidation, versions: &[Stored]) -> Findings {
        let mut found = Findings::default();
        if versions.is_empty() {
            // Who may not work in the register at all hears that, and not what is in it.
            match access::ground(frame, &invalidation.custodian) {
                Ok(_) => found.add(Rule::InvalidationDocument, "clinicalDocument/setId"),
                Err(rule) => found.add(rule, "controlActProcess/reasonCode"),
            }
            return found;
        }
        found.extend(access::check_invalidation(frame, invalidation, versions, &self.roles));
        let named: BTreeSet<_> = invalidation.clients.iter().collect();
        // The newest of them speaks for all.
        let fits = versions.last().is_some_and(|version| {
            let clients: BTreeSet<_> = version.clients.iter().map(|client| &client.id).collect();
            clients == named && version.group.code == invalidation.group
        });
        found.require(fits, Rule::InvalidationMetadata, "clinicalDocument");
        found
    }
}

/// The versions that are meant: of that set, in that register, one or all.
fn versions(invalidation: &Invalidation, registers: &Registers) -> std::io::Result<Vec<Stored>> {
    let meant = registers
        .versions(&invalidation.set_id)?
        .into_iter()
        .map(|held| held.document)
        .filter(|document| document.custodian == invalidation.custodian)
        .filter(|document| invalidation.id.as_ref().is_none_or(|id| document.id == *id))
        .collect();
    Ok(meant)
}
