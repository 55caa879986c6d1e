//! Who may do what (docs/wire.md §8): the own register, and the register access right.
//!
//! Days are handed in; the clock is not asked here.

use jiff::civil::Date;

use crate::finding::{Findings, Rule};
use crate::hl7_time::instant;
use crate::intake::content::ProducerRow;
use crate::intake::document::ArchiveDocument;
use crate::intake::frame::Frame;
use crate::oid::Oid;
use crate::person::PersonId;
use crate::registers::{CLIENT_DOCUMENT, Registers};
use crate::rules::message::{OWN_REGISTER, REGISTER_ACCESS};

/// On what ground a message works in a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    OwnRegister,
    RegisterAccess,
}

/// The ground, when custodian and use situation fit each other.
pub(crate) fn ground(frame: &Frame, custodian: &Oid) -> Result<Ground, Rule> {
    match (frame.sender == *custodian, frame.use_situation.as_str()) {
        (true, OWN_REGISTER) => Ok(Ground::OwnRegister),
        (false, REGISTER_ACCESS) => Ok(Ground::RegisterAccess),
        _ => Err(Rule::AccessUse),
    }
}

/// The days between which a row has to be in force: started by the one, not ended before the other.
#[derive(Clone, Copy)]
pub(crate) struct Needed {
    pub(crate) started_by: Date,
    pub(crate) not_ended_before: Date,
}

/// Is there a row for `unit` in force? A row that comes closer to it gives the reason when there is none.
pub(crate) fn granted(rows: &[ProducerRow], unit: &Oid, needed: Needed) -> Result<(), Rule> {
    let mut reason = Rule::AccessUnit;
    for row in rows.iter().filter(|row| row.unit == *unit) {
        let started = row.start.earliest <= needed.started_by;
        let ended = row.end.is_some_and(|end| end.latest < needed.not_ended_before);
        match (started, ended) {
            (true, false) => return Ok(()),
            (false, _) => reason = Rule::AccessStarted,
            (true, true) if reason == Rule::AccessUnit => reason = Rule::AccessEnded,
            (true, true) => {}
        }
    }
    Err(reason)
}

/// Does the newest relationship document of each client grant the unit what is needed?
pub(crate) fn granted_for<'a>(
    registers: &Registers,
    clients: impl IntoIterator<Item = &'a PersonId>,
    custodian: &Oid,
    unit: &Oid,
    needed: Needed,
) -> Result<(), Rule> {
    for client in clients {
        let relationship = registers.relationship(client, custodian).ok_or(Rule::AccessRelationship)?;
        granted(&relationship.rows, unit, needed)?;
    }
    Ok(())
}

/// Checks the right to store a document.
pub(crate) fn check_store(frame: &Frame, document: &ArchiveDocument, registers: &Registers, today: Date) -> Findings {
    let mut found = Findings::default();
    match ground(frame, &document.custodian) {
        Err(rule) => found.add(rule, "controlActProcess/reasonCode"),
        Ok(Ground::OwnRegister) => {
            check_case(document, registers, [Rule::CaseKnownOwn, Rule::CaseClientOwn], &mut found)
        }
        Ok(Ground::RegisterAccess) => {
            let group = document.social.group.code.as_str();
            found.require(group == CLIENT_DOCUMENT, Rule::AccessGroup, "localSocialHeader/documentGroup");
            let same_unit = document.unit.as_ref() == Some(&frame.worker.unit);
            found.require(same_unit, Rule::AccessDocumentUnit, "encompassingEncounter/encounterParticipant");
            let clients = document.clients.iter().map(|client| &client.id);
            let needed = Needed { started_by: today, not_ended_before: drawn_up(document).unwrap_or(today) };
            if let Err(rule) = granted_for(registers, clients, &document.custodian, &frame.worker.unit, needed) {
                found.add(rule, "authorOrPerformer/representedOrganization");
            }
            check_case(document, registers, [Rule::CaseKnown, Rule::CaseClient], &mut found);
        }
    }
    found
}

/// The day on which the document was drawn up, in Finland.
fn drawn_up(document: &ArchiveDocument) -> Option<Date> {
    Some(instant(&document.effective_time)?.to_zoned(crate::clock::helsinki()).date())
}

fn check_case(
    document: &ArchiveDocument,
    registers: &Registers,
    [unknown, of_others]: [Rule; 2],
    found: &mut Findings,
) {
    let (CLIENT_DOCUMENT, Some(case)) = (document.social.group.code.as_str(), &document.case) else {
        return;
    };
    match registers.case(&document.custodian, case) {
        None => found.add(unknown, "componentOf/encompassingEncounter/id"),
        Some(clients) => {
            let belong = document.clients.iter().all(|client| clients.contains(&client.id));
            found.require(belong, of_others, "recordTarget");
        }
    }
}
