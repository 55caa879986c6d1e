//! One message from its arrival to what is sent back: the archive judges it, a fault bends its way.

use std::sync::Arc;

use hyper::body::Bytes;
use tokio::sync::oneshot;

use crate::archive::{Archive, Arrival, Reply};
use crate::faults::{Fault, Faults, HoldAt, MessageKind, Planned, block_page, soap_fault, spoil};
use crate::intake::soap::HttpMessage;
use crate::oid::Oid;

/// A message as it came in.
pub(super) struct Message {
    pub(super) peer: Oid,
    pub(super) content_type: String,
    pub(super) soap_action: Option<String>,
    pub(super) body: Bytes,
    /// A store message, as far as the request's head tells.
    pub(super) is_store: bool,
}

/// What is sent back.
pub(super) struct Sent {
    /// `None`: nothing, the connection ends with a reset.
    pub(super) reply: Option<Reply>,
    pub(super) retry_after_secs: Option<u32>,
    /// What happens to it on its way, if anything.
    pub(super) fault: Option<Fault>,
}

impl Sent {
    fn nothing() -> Self {
        Self { reply: None, retry_after_secs: None, fault: None }
    }

    fn whole(reply: Reply) -> Self {
        Self { reply: Some(reply), retry_after_secs: None, fault: None }
    }

    fn status(status: u16, retry_after_secs: Option<u32>) -> Self {
        let reply = Reply { status, content_type: String::new(), body: Vec::new() };
        Self { reply: Some(reply), retry_after_secs, fault: None }
    }
}

/// Attends to a message on a task of its own, which does not end with the connection.
pub(super) async fn attend_aside(
    message: Message,
    planned: Planned,
    archive: Arc<Archive>,
    faults: Faults,
) -> Option<Sent> {
    let (answer, answered) = oneshot::channel();
    tokio::spawn(async move {
        let mut answer = Some(answer);
        if message.is_store {
            faults.pass(HoldAt::Inside).await;
        }
        let sent = attend(message, planned, &archive, &faults, &mut answer).await;
        if answer.is_some_and(|answer| answer.send(sent).is_err()) {
            tracing::debug!("an answer that nobody waits for");
        }
    });
    answered.await.ok()
}

/// Attends to a message; `early` is used when the client hears before the message is carried out.
pub(super) async fn attend(
    message: Message,
    planned: Planned,
    archive: &Archive,
    faults: &Faults,
    early: &mut Option<oneshot::Sender<Sent>>,
) -> Sent {
    let http = HttpMessage {
        content_type: &message.content_type,
        soap_action: message.soap_action.as_deref(),
        body: &message.body,
    };
    let arrival = archive.arrive(&message.peer, &http);
    let (kind, document) = (arrival.message_kind(), arrival.document_id().cloned());
    let fault = match planned {
        Planned::Throttled(throttle) => {
            archive.lose(&arrival);
            return Sent::status(throttle.status, throttle.retry_after_secs);
        }
        Planned::Drawn(fault) => Some(fault),
        Planned::Early(_) => None,
        Planned::Open => faults.take(kind, &message.peer, document.as_ref()),
    };
    let asked_for = document.clone();
    let sent = match fault {
        Some(Fault::StoredAfterNo) if matches!(kind, MessageKind::FirstVersion | MessageKind::NewVersion) => {
            settle_late(arrival, document, archive, faults, early).await
        }
        Some(fault) => {
            faults.wait(fault, HoldAt::Inside).await;
            bent(fault, arrival, archive, &message.content_type)
        }
        None => Sent::whole(archive.settle(arrival)),
    };
    if let (MessageKind::Question, Some(asked_for)) = (kind, &asked_for) {
        faults.late().admit(asked_for).await;
    }
    sent
}

/// The fault's way: what is done, and what is said.
fn bent(fault: Fault, arrival: Arrival<'_>, archive: &Archive, content_type: &str) -> Sent {
    let lost = |sent| {
        archive.lose(&arrival);
        sent
    };
    match fault {
        Fault::ResetBeforeStore => lost(Sent::nothing()),
        Fault::Status(status, retry_after_secs) => lost(Sent::status(status, retry_after_secs)),
        Fault::BlockPage => lost(Sent::whole(block_page())),
        Fault::SoapFault => lost(Sent::whole(soap_fault(content_type))),
        Fault::NotProcessed => Sent::whole(archive.turn_away(&arrival)),
        Fault::StoredButNeverAnswered | Fault::StoredAfterNo => {
            drop(archive.settle(arrival));
            Sent::nothing()
        }
        Fault::StoredThenStatus(status, retry_after_secs) => {
            drop(archive.settle(arrival));
            Sent::status(status, retry_after_secs)
        }
        other => {
            let reply = spoil(other, archive.settle(arrival));
            Sent { reply: Some(reply), retry_after_secs: None, fault: Some(other) }
        }
    }
}

/// The client hears nothing now; the message is carried out when somebody was told that its document is not there.
async fn settle_late(
    arrival: Arrival<'_>,
    document: Option<Oid>,
    archive: &Archive,
    faults: &Faults,
    early: &mut Option<oneshot::Sender<Sent>>,
) -> Sent {
    let Some(document) = document else {
        drop(archive.settle(arrival));
        return Sent::nothing();
    };
    let waiting = faults.late().wait(document);
    if early.take().is_some_and(|early| early.send(Sent::nothing()).is_err()) {
        tracing::debug!("a client that does not wait for its reset");
    }
    if waiting.opened.await.is_ok() {
        drop(archive.settle(arrival));
        if waiting.done.send(()).is_err() {
            tracing::debug!("the question before a late message is gone");
        }
    }
    Sent::nothing()
}
