//! What was read, as callers see it: provenance of each document, typed views of decisions and cases, the content itself.
//!
//! Content whose signature does not hold is not shown, only why.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::request::Forms;
use crate::domain::access::Evidence;
use crate::domain::case::{CaseDocument, Closing};
use crate::domain::code::Code;
use crate::domain::decision::{DecisionMaker, Outcome, ServiceDecision};
use crate::domain::document::read::ReadAuthor;
use crate::domain::find_case::{Answer, Candidate, Found, NoCase};
use crate::domain::oid::Oid;
use crate::domain::organisation::Unit;
use crate::domain::signature::SignatureKind;
use crate::domain::submission::Cause;
use crate::domain::wire::answer::EntryStatus;
use crate::sidecar::find_case::{no_case, reasons};
use crate::sidecar::ports::{Inside, Listed, Opened, SignedBy};

type Shown = Map<String, Value>;

/// A document: what the archive knows of it, who wrote and signed it, and what was fetched.
pub(super) fn document(listed: &Listed) -> Shown {
    let about = &listed.about;
    let opened = opened(listed);
    let shown = json!({
        "document_id": about.ids.document,
        "set_id": about.ids.set,
        "version": about.ids.version,
        "status": match about.status {
            EntryStatus::Completed => "valid",
            EntryStatus::Nullified => "invalidated",
        },
        "register": about.custodian,
        "organiser": about.organiser,
        "unit": about.unit.as_ref().or_else(|| opened?.unit.as_ref()).map(unit),
        "author": opened.and_then(|o| o.author.as_ref()).map(author),
        "drawn_up": about.drawn_up.map(|at| at.rfc3339()),
        "stored": about.stored.map(|at| at.rfc3339()),
        "case": about.case,
        "group": about.group.as_ref().map(code),
        "specific_type": about.specific_type.as_ref().map(code),
        "structure": about.structure,
        "service_task": about.service_task.as_ref().map(code),
        "service_process": about.service_process.as_ref().map(code),
    });
    let Value::Object(mut shown) = shown else { return Map::new() };
    if let Some(fetched) = fetched(&listed.inside) {
        shown.insert("fetched".to_owned(), fetched);
    }
    shown
}

/// A service decision, with what it decides once its content is there.
pub(super) fn decision(listed: &Listed, safety_ban: Option<bool>) -> Shown {
    let mut shown = document(listed);
    let content = opened(listed).and_then(|opened| opened.content.as_object());
    let view = listed.about.structure.as_ref().zip(content);
    let view = view.and_then(|(structure, content)| ServiceDecision::from_content(structure, content));
    shown.insert("decision".to_owned(), view.as_ref().map_or(Value::Null, decided));
    shown.insert("safety_ban".to_owned(), json!(safety_ban));
    shown
}

fn decided(decision: &ServiceDecision) -> Value {
    json!({
        "id": decision.id,
        "decided_on": decision.decided_on.map(|day| day.to_string()),
        "outcome": decision.outcome.as_ref().map(code),
        "granted": match decision.granted() {
            Outcome::Granted => Some(true),
            Outcome::Refused => Some(false),
            Outcome::NotKnown => None,
        },
        "service_task": decision.service_task.as_ref().map(code),
        "service": decision.service.as_ref().map(code),
        "arrangement": decision.arrangement.as_ref().map(code),
        "valid_from": decision.validity.from.map(|day| day.to_string()),
        "valid_until": decision.validity.until.map(|day| day.to_string()),
        "decision_maker": decision.decision_maker.as_ref().map(decision_maker),
        "unreadable": decision.unreadable,
    })
}

fn decision_maker(maker: &DecisionMaker) -> Value {
    json!({
        "family": maker.family,
        "given": maker.given,
        "title": maker.title,
        "unit": maker.unit.as_ref().map(unit),
    })
}

/// A case. What does not verify is neither open nor closed.
pub(super) fn case(listed: &Listed) -> Shown {
    let mut shown = document(listed);
    // The content is the case's own; here its typed view stands for it.
    shown.remove("fetched");
    let content = opened(listed).and_then(|opened| opened.content.as_object());
    let view = content.map(CaseDocument::from_content).unwrap_or_default();
    let (open, closed) = match view.closing {
        Closing::Open => (Some(true), None),
        Closing::Closed(day) => (Some(false), Some(day.to_string())),
        Closing::NotKnown => (None, None),
    };
    shown.insert("open".to_owned(), json!(open));
    shown.insert("verified".to_owned(), json!(open.is_some()));
    if let Inside::NotVerified(why) | Inside::NotFetched(why) = &listed.inside {
        shown.insert("why".to_owned(), json!(why));
    }
    shown.insert("opened".to_owned(), json!(view.opened.map(|day| day.to_string())));
    shown.insert("closed".to_owned(), json!(closed));
    shown.insert("name".to_owned(), json!(view.name.as_ref().map(code)));
    shown.insert("other_name".to_owned(), json!(view.other_name));
    shown.insert("state".to_owned(), json!(view.state.as_ref().map(code)));
    shown.insert("joint".to_owned(), json!(view.joint));
    shown
}

/// What was fetched of a document; `None` when nothing was asked for.
fn fetched(inside: &Inside) -> Option<Value> {
    Some(match inside {
        Inside::NotAsked => return None,
        Inside::Opened(opened) => json!({
            "signature": "valid",
            "signatures": opened.signatures.iter().map(signature).collect::<Vec<_>>(),
            "content": opened.content,
        }),
        Inside::NotVerified(why) => json!({ "signature": "not_valid", "why": why }),
        Inside::NotFetched(why) => json!({ "signature": "not_checked", "why": why }),
    })
}

/// The forms of a document that were asked for, in place of its content alone.
pub(super) fn forms(listed: &Listed, forms: Forms, shown: &mut Shown) {
    let (Some(opened), Some(fetched)) = (opened(listed), shown.get_mut("fetched").and_then(Value::as_object_mut))
    else {
        return;
    };
    if !forms.content {
        fetched.remove("content");
    }
    if forms.display {
        fetched.insert("display".to_owned(), json!(opened.display));
    }
    if forms.document {
        fetched.insert("document".to_owned(), json!(STANDARD.encode(&opened.xml)));
    }
}

/// A relationship document: whether the unit has a right, and its rows; those of one unit alone when `rows_of` says so.
pub(super) fn relationship(evidence: &Evidence, rows_of: Option<&Oid>, against: &[Cause]) -> Value {
    let relationship = &evidence.relationship;
    let grants = relationship.grants.iter().filter(|grant| rows_of.is_none_or(|unit| grant.unit == *unit));
    let rows = grants.map(|grant| {
        json!({
            "unit": grant.unit,
            "service_task": grant.service_task,
            "subcontractor": grant.below.is_some(),
            "start": grant.start.to_string(),
            "end": grant.end.map(|day| day.to_string()),
            "row": grant.row,
        })
    });
    json!({
        "document_id": evidence.document.document,
        "set_id": evidence.document.set,
        "version": evidence.document.version,
        "register": evidence.organiser,
        "read_at": evidence.fetched_at.to_string(),
        "signature": "valid",
        "relationship": relationship.id,
        "safety_ban": relationship.safety_ban,
        "may_read": against.is_empty(),
        "reasons": against,
        "units": rows.collect::<Vec<_>>(),
        "unreadable_rows": relationship.unreadable_rows,
    })
}

/// Which case a record belongs to.
pub(super) fn found_case(answer: &Answer) -> Value {
    let list = |candidates: &[Candidate]| candidates.iter().map(candidate).collect::<Vec<_>>();
    let (verdict, case, why, candidates) = match &answer.found {
        Found::One(found) => ("one", Some(&found.case), None, list(std::slice::from_ref(found))),
        Found::Several(several) => ("several", None, None, list(several)),
        Found::Nowhere(why) => ("none", None, Some(why), Vec::new()),
    };
    json!({
        "verdict": verdict,
        "case": case,
        "why": why.map(|why: &NoCase| no_case(why)),
        "candidates": candidates,
        "excluded": list(&answer.excluded),
    })
}

fn candidate(candidate: &Candidate) -> Value {
    json!({ "case": candidate.case, "reasons": reasons(candidate) })
}

fn opened(listed: &Listed) -> Option<&Opened> {
    match &listed.inside {
        Inside::Opened(opened) => Some(opened),
        Inside::NotAsked | Inside::NotVerified(_) | Inside::NotFetched(_) => None,
    }
}

fn author(author: &ReadAuthor) -> Value {
    json!({
        "name": author.name.as_ref().map(|name| name.reveal_full()),
        "registration_number": author.registration_number.as_ref().map(|number| number.reveal()),
    })
}

fn signature(signed: &SignedBy) -> Value {
    json!({
        "kind": signed.kind.map(|kind| match kind {
            SignatureKind::Professional => "professional",
            SignatureKind::System => "system",
        }),
        "signed_at": signed.at.map(|at| at.to_string()),
        "signer": signed.serial,
        "organisation": signed.organisation,
    })
}

fn unit(unit: &Unit) -> Value {
    json!({ "oid": unit.oid, "name": unit.name })
}

fn code(code: &Code) -> Value {
    json!({ "code": code.code, "system": code.system, "display": code.display })
}
