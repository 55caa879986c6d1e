//! Who may do what (docs/wire.md §8): joined or not, the own register, the register access right, the role.
//!
//! Days are handed in; the clock is not asked here. Who asks the registers fails when they cannot be read.

use std::io;

use jiff::civil::Date;

use crate::finding::{Findings, Rule};
use crate::hl7_time::instant;
use crate::intake::content::ProducerRow;
use crate::intake::document::{ArchiveDocument, Code, ServiceProcess};
use crate::intake::frame::{Frame, Invalidation};
use crate::joining::Standings;
use crate::oid::Oid;
use crate::person::PersonId;
use crate::registers::{CLIENT_DOCUMENT, Registers, Stored};
use crate::roles::{Act, Roles};
use crate::rules::message::{OWN_REGISTER, REGISTER_ACCESS};

/// Why something is not done.
pub(crate) enum Refusal {
    /// A rule is against it.
    Rule(Rule),
    /// The registers cannot be read, so nothing can be said.
    Unreadable(io::Error),
}

impl From<Rule> for Refusal {
    fn from(rule: Rule) -> Self {
        Self::Rule(rule)
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

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

/// Do the phases of organiser and producer allow a register access right?
pub(crate) fn phases(standings: &Standings, organiser: &Oid, producer: &Oid) -> Result<(), Rule> {
    if !standings.opens_its_register(organiser) {
        return Err(Rule::OrganisationOrganiserPhase);
    }
    if standings.works_in_registers(producer) { Ok(()) } else { Err(Rule::OrganisationProducerPhase) }
}

/// The days between which a row has to be in force: started by the one, not ended before the other.
#[derive(Clone, Copy)]
pub(crate) struct Needed {
    pub(crate) started_by: Date,
    pub(crate) not_ended_before: Date,
}

impl Needed {
    fn by(self, row: &ProducerRow) -> Result<(), Rule> {
        if row.start.earliest > self.started_by {
            return Err(Rule::AccessStarted);
        }
        let ended = row.end.is_some_and(|end| end.latest < self.not_ended_before);
        if ended { Err(Rule::AccessEnded) } else { Ok(()) }
    }
}

/// Is there a row for `unit` in force? A row that comes closer to it gives the reason when there is none.
pub(crate) fn granted(rows: &[ProducerRow], unit: &Oid, needed: Needed) -> Result<(), Rule> {
    let mut reason = Rule::AccessUnit;
    for row in rows.iter().filter(|row| row.unit == *unit) {
        match needed.by(row) {
            Ok(()) => return Ok(()),
            Err(Rule::AccessEnded) if reason == Rule::AccessStarted => {}
            Err(rule) => reason = rule,
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
) -> Result<(), Refusal> {
    for client in clients {
        let relationship = registers.relationship(client, custodian)?.ok_or(Rule::AccessRelationship)?;
        granted(&relationship.rows, unit, needed)?;
    }
    Ok(())
}

/// What the archive knows when it judges a right.
#[derive(Clone, Copy)]
pub(crate) struct Circumstances<'a> {
    pub(crate) registers: &'a Registers,
    pub(crate) standings: &'a Standings,
    pub(crate) roles: &'a Roles,
    pub(crate) today: Date,
}

/// Checks the right to store a document.
pub(crate) fn check_store(frame: &Frame, document: &ArchiveDocument, known: Circumstances<'_>) -> io::Result<Findings> {
    let mut found = Findings::default();
    match ground(frame, &document.custodian) {
        Err(rule) => found.add(rule, "controlActProcess/reasonCode"),
        Ok(Ground::OwnRegister) => {
            let weights = [Rule::CaseKnownOwn, Rule::CaseClientOwn, Rule::CaseClosedOwn];
            check_case(document, known.registers, weights, &mut found)?;
        }
        Ok(Ground::RegisterAccess) => {
            if let Err(rule) = phases(known.standings, &document.custodian, &frame.sender) {
                found.add(rule, "custodian");
            }
            let group = document.social.group.code.as_str();
            found.require(group == CLIENT_DOCUMENT, Rule::AccessGroup, "localSocialHeader/documentGroup");
            let same_unit = document.unit.as_ref().is_some_and(|unit| unit.id == frame.worker.unit);
            found.require(same_unit, Rule::AccessDocumentUnit, "encompassingEncounter/encounterParticipant");
            check_right(frame, document, known, &mut found)?;
            check_case(document, known.registers, [Rule::CaseKnown, Rule::CaseClient, Rule::CaseClosed], &mut found)?;
        }
    }
    let social = &document.social;
    let permitted =
        role_may(frame, Act::Write, social.service_task.as_ref(), social.service_process.as_ref(), known.roles);
    found.require(permitted, Rule::AccessRole, "authorOrPerformer/assignedPerson/code");
    Ok(found)
}

fn check_right(
    frame: &Frame,
    document: &ArchiveDocument,
    known: Circumstances<'_>,
    found: &mut Findings,
) -> io::Result<()> {
    let clients = || document.clients.iter().map(|client| &client.id);
    let needed = Needed { started_by: known.today, not_ended_before: drawn_up(document).unwrap_or(known.today) };
    let unit = &frame.worker.unit;
    match granted_for(known.registers, clients(), &document.custodian, unit, needed) {
        Ok(()) => {}
        Err(Refusal::Rule(rule)) => {
            found.add(rule, "authorOrPerformer/representedOrganization");
            return Ok(());
        }
        Err(Refusal::Unreadable(error)) => return Err(error),
    }
    let Some(task) = &document.social.service_task else { return Ok(()) };
    let mut names_task = true;
    for client in clients() {
        let relationship = known.registers.relationship(client, &document.custodian)?;
        names_task &= relationship.is_some_and(|relationship| {
            relationship.rows.iter().any(|row| {
                let fits = row.service_task.as_ref().is_none_or(|code| *code == task.code);
                row.unit == *unit && needed.by(row).is_ok() && fits
            })
        });
    }
    found.require(names_task, Rule::AccessServiceTask, "localSocialHeader/functionCode");
    Ok(())
}

/// May the worker's role do that with a document of this task and process?
fn role_may(frame: &Frame, act: Act, task: Option<&Code>, process: Option<&ServiceProcess>, roles: &Roles) -> bool {
    let task = task.map(|task| task.code.as_str());
    let process = process.map(|process| process.code.code.as_str());
    roles.permit(act, frame.worker.role.as_deref(), task, process)
}

/// May the worker's role do that with a stored document?
pub(crate) fn role_may_with(frame: &Frame, act: Act, document: &Stored, roles: &Roles) -> bool {
    role_may(frame, act, document.service_task.as_ref(), document.service_process.as_ref(), roles)
}

/// Checks the right to invalidate these versions: in the own register any, elsewhere what the sender has stored. The phases
/// and the days of the right play no part: a record on the wrong client must not stay there because the right is over.
pub(crate) fn check_invalidation(
    frame: &Frame,
    invalidation: &Invalidation,
    versions: &[Stored],
    roles: &Roles,
) -> Findings {
    let mut found = Findings::default();
    match ground(frame, &invalidation.custodian) {
        Err(rule) => found.add(rule, "controlActProcess/reasonCode"),
        Ok(Ground::OwnRegister) => {}
        Ok(Ground::RegisterAccess) => {
            let own = versions.iter().all(|version| version.sender == frame.sender);
            found.require(own, Rule::AccessInvalidation, "sender/device/id");
        }
    }
    let permitted = versions.iter().all(|version| role_may_with(frame, Act::Write, version, roles));
    found.require(permitted, Rule::AccessRole, "authorOrPerformer/assignedPerson/code");
    found
}

/// The day on which the document was drawn up, in Finland.
fn drawn_up(document: &ArchiveDocument) -> Option<Date> {
    Some(instant(&document.effective_time)?.to_zoned(crate::clock::helsinki()).date())
}

fn check_case(
    document: &ArchiveDocument,
    registers: &Registers,
    [unknown, of_others, closed]: [Rule; 3],
    found: &mut Findings,
) -> io::Result<()> {
    let (CLIENT_DOCUMENT, Some(case)) = (document.social.group.code.as_str(), &document.case) else {
        return Ok(());
    };
    let Some(known) = registers.case(&document.custodian, case)? else {
        found.add(unknown, "componentOf/encompassingEncounter/id");
        return Ok(());
    };
    let belong = document.clients.iter().all(|client| known.is_of(&client.id));
    found.require(belong, of_others, "recordTarget");
    let too_late = known.case_closed.zip(drawn_up(document)).is_some_and(|(closed, drawn_up)| drawn_up > closed.latest);
    found.require(!too_late, closed, "componentOf/encompassingEncounter/id");
    Ok(())
}
