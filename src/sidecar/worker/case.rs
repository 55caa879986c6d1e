//! Which case a record belongs to, before it is signed: found, or the caller's own checked against the organiser's register.

use std::collections::BTreeSet;

use crate::domain::access::{Authority, Denial, Reason};
use crate::domain::oid::Oid;
use crate::domain::record::{CaseReference, LocalRecord};
use crate::domain::submission::Cause;
use crate::domain::text::Text;
use crate::sidecar::ports::{Archive, Asker, CaseEntry, CaseStatus, CasesWanted, Clock};

use super::journey::{Stop, cause_of};
use super::right::Rights;

/// Candidates named in a cause.
const NAMED_MAX: usize = 5;

/// The case of a record, an open one of every client of it in the organiser's register: the caller's, or the only one that
/// fits. The look-up is part of storing the document and stands on the same authority: a tie that held when it was drawn up
/// may have ended since.
pub(super) async fn resolve<A: Archive, C: Clock>(
    rights: &Rights<A, C>,
    askers: &[Asker],
    authority: &Authority,
    record: &LocalRecord,
) -> Result<Option<Oid>, Stop> {
    match (&record.case, authority) {
        (CaseReference::None, _) => Ok(None),
        // The owner answers for the cases of its own register, and its case documents name a case before there is one.
        (CaseReference::Known(case), Authority::OwnRegister) => Ok(Some(case.clone())),
        (CaseReference::Known(case), Authority::RegisterAccess(_)) => {
            for asker in askers {
                check(rights.case(asker, authority, case).await.map_err(Stop::from)?)?;
            }
            Ok(Some(case.clone()))
        }
        (CaseReference::Find, _) => find(rights, askers, authority, record).await.map(Some),
    }
}

fn check(status: Option<CaseStatus>) -> Result<(), Stop> {
    match status {
        Some(CaseStatus::Open) => Ok(()),
        Some(CaseStatus::Closed) => Err(Stop::Park(closed())),
        Some(CaseStatus::NotVerified(why)) => Err(Stop::Park(not_verified(&why))),
        None => Err(Stop::Hold { until: None, why: cause_of(&Denial { reasons: vec![Reason::UnknownCase] }) }),
    }
}

async fn find<A: Archive, C: Clock>(
    rights: &Rights<A, C>,
    askers: &[Asker],
    authority: &Authority,
    record: &LocalRecord,
) -> Result<Oid, Stop> {
    let service_task = record.service_task.as_ref().map(|t| t.code.clone());
    let wanted = CasesWanted { service_task, decision: record.decision.clone(), case: None };
    let mut common: Option<BTreeSet<Oid>> = None;
    let mut doubt = None;
    for asker in askers {
        let found = rights.cases(asker, authority, &wanted).await.map_err(Stop::from)?;
        doubt = doubt.or_else(|| found.iter().find_map(unverified));
        let open: BTreeSet<Oid> = found.into_iter().filter(|c| c.status == CaseStatus::Open).map(|c| c.case).collect();
        common = Some(match common {
            None => open,
            Some(before) => before.intersection(&open).cloned().collect(),
        });
    }
    let mut open = common.unwrap_or_default();
    match (open.len(), doubt) {
        (1, _) => open.pop_first().ok_or_else(|| Stop::Park(no_case_yet())),
        (0, Some(why)) => Err(Stop::Park(not_verified(&why))),
        (0, None) => Err(Stop::Hold { until: None, why: no_case_yet() }),
        _ => Err(Stop::Park(several_cases(&open))),
    }
}

fn unverified(entry: &CaseEntry) -> Option<Text> {
    match &entry.status {
        CaseStatus::NotVerified(why) => Some(why.clone()),
        CaseStatus::Open | CaseStatus::Closed => None,
    }
}

fn closed() -> Cause {
    let text = Text::fixed(
        "asia on päätetty palvelunjärjestäjän rekisterissä",
        "ärendet är avslutat i tjänsteanordnarens register",
        "the case is closed in the organiser's register",
    );
    Cause::new("case.closed", text)
}

fn not_verified(why: &Text) -> Cause {
    let text = Text::made(
        format!("asia-asiakirjaan ei voi luottaa: {}", why.fi),
        format!("ärendehandlingen kan inte litas på: {}", why.sv),
        format!("the case document cannot be relied on: {}", why.en),
    );
    Cause::new("case.not_verified", text)
}

fn no_case_yet() -> Cause {
    let text = Text::fixed(
        "palvelunjärjestäjän rekisterissä ei vielä ole avointa asiaa, johon asiakirja kuuluisi",
        "i tjänsteanordnarens register finns ännu inget öppet ärende som handlingen hör till",
        "the organiser's register has no open case yet that the document would belong to",
    );
    Cause::new("case.none_yet", text)
}

fn several_cases(cases: &BTreeSet<Oid>) -> Cause {
    let count = cases.len();
    let names: Vec<&str> = cases.iter().take(NAMED_MAX).map(Oid::as_str).collect();
    let names = names.join(", ");
    let text = Text::made(
        format!("avoimia asioita on {count}: {names}; lähetä asiakirja uudelleen oikealla asiatunnuksella"),
        format!("det finns {count} öppna ärenden: {names}; skicka handlingen på nytt med rätt ärendekod"),
        format!("there are {count} open cases: {names}; submit the document again with the right case"),
    );
    Cause::new("case.ambiguous", text)
}
