//! What the use log says about a record's use: who, whose, where and on what ground, as the law on client data asks.
//!
//! Makes the values; the store keeps them, sealed and chained, in the transaction that they belong to.

use serde_json::{Value, json};

use super::ports::Asker;
use crate::domain::document::invalidation::order::InvalidationOrder;
use crate::domain::oid::Oid;
use crate::domain::person::Worker;
use crate::domain::record::{LinkKind, LocalRecord, ProfessionalLink};

/// The subject of a submission.
pub fn of_record(record: &LocalRecord) -> Value {
    let clients: Vec<_> = record.clients.iter().filter_map(|c| c.id()).collect();
    json!({
        "clients": clients.iter().map(|id| json!({ "root": id.root(), "id": id.reveal() })).collect::<Vec<_>>(),
        "worker": worker(&record.acting_worker),
        "author": worker(&record.author),
        "unit": record.unit.oid,
        "organiser": record.organiser.oid,
        "structure": record.structure,
        "service_task": record.service_task.as_ref().map(|t| &t.code),
        "service_process": record.service_process.as_ref().map(|p| &p.code),
        "link": link(&record.professional_link),
    })
}

/// The subject of an invalidation.
pub fn of_invalidation(order: &InvalidationOrder, target: &Oid) -> Value {
    let clients = order.clients.iter().filter_map(|c| c.id());
    json!({
        "clients": clients.map(|id| json!({ "root": id.root(), "id": id.reveal() })).collect::<Vec<_>>(),
        "worker": worker(&order.acting_worker),
        "unit": order.unit.oid,
        "organiser": order.organiser.oid,
        "link": link(&order.professional_link),
        "document": target,
        "extent": order.extent,
        "reason": order.reason,
    })
}

/// The subject of a search.
pub fn of_search(asker: &Asker) -> Value {
    json!({
        "clients": [{ "root": asker.client.root(), "id": asker.client.reveal() }],
        "worker": worker(&asker.worker),
        "unit": asker.unit.oid,
        "organiser": asker.organiser.oid,
        "link": link(&asker.link),
    })
}

/// The subject of a question about the right, of every client that it is about.
pub fn of_question(askers: &[Asker]) -> Value {
    let mut subject = askers.first().map(of_search).unwrap_or_default();
    let clients = askers.iter().map(|a| json!({ "root": a.client.root(), "id": a.client.reveal() })).collect();
    if let Some(subject) = subject.as_object_mut() {
        subject.insert("clients".into(), Value::Array(clients));
    }
    subject
}

fn worker(worker: &Worker) -> Value {
    json!({
        "name": worker.name.reveal_full(),
        "identity_code": worker.identity_code.reveal(),
        "registration_number": worker.registration_number.reveal(),
    })
}

/// The name that the log keeps for good, the record's own.
fn kind(kind: LinkKind) -> &'static str {
    match kind {
        LinkKind::ResponsibleWorker => "responsible_worker",
        LinkKind::Assignment => "assignment",
        LinkKind::Appointment => "appointment",
        LinkKind::Shift => "shift",
        LinkKind::CaseHandling => "case_handling",
    }
}

fn link(link: &ProfessionalLink) -> Value {
    json!({
        "kind": kind(link.kind),
        "reference": link.reference,
        "start": link.period.start.to_string(),
        "end": link.period.end.map(|day| day.to_string()),
        "asserted_by": link.asserted_by,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_tie_is_logged_by_the_name_that_the_record_has_for_it() {
        for name in ["responsible_worker", "assignment", "appointment", "shift", "case_handling"] {
            assert_eq!(kind(serde_json::from_value(json!(name)).unwrap()), name);
        }
    }
}
