//! Which case a record belongs to, before it is signed: found, or the caller's own checked against the organiser's register.

use crate::domain::access::{Authority, Denial, Reason};
use crate::domain::content::codes_of;
use crate::domain::find_case::{Found, NoCase, Sought, Standing};
use crate::domain::oid::Oid;
use crate::domain::record::{CaseReference, LocalRecord};
use crate::domain::submission::Cause;
use crate::domain::text::Text;
use crate::sidecar::find_case::{Reads, look_for, no_case, not_verified, several};
use crate::sidecar::ports::{Archive, Asker, Clock};

use super::journey::{Stop, cause_of};
use super::right::Rights;

/// Social services.
const SERVICES: &str = "1.2.246.537.6.1222";

/// The case of a record, an open one of every client of it in the organiser's register: the caller's, or the only one that
/// fits. The look-up is part of storing the document and stands on the same authority: a tie that held when it was drawn up
/// may have ended since.
pub(super) async fn resolve<A: Archive, C: Clock>(
    rights: &Rights<A, C>,
    askers: &[Asker],
    authority: &Authority,
    record: &LocalRecord,
    reads: &mut Reads,
) -> Result<Option<Oid>, Stop> {
    match (&record.case, authority) {
        (CaseReference::None, _) => Ok(None),
        // The owner answers for the cases of its own register, and its case documents name a case before there is one.
        (CaseReference::Known(case), Authority::OwnRegister) => Ok(Some(case.clone())),
        (CaseReference::Known(case), Authority::RegisterAccess(_)) => {
            reads.note("cases");
            for asker in askers {
                check(rights.case(asker, authority, case).await.map_err(Stop::from)?)?;
            }
            Ok(Some(case.clone()))
        }
        (CaseReference::Find, _) => find(rights, askers, authority, record, reads).await.map(Some),
    }
}

fn check(standing: Option<Standing>) -> Result<(), Stop> {
    match standing {
        Some(Standing::Open) => Ok(()),
        Some(Standing::Closed(_)) => Err(Stop::Park(closed())),
        Some(Standing::NotVerified(why)) => Err(Stop::Park(Cause::new("case.not_verified", not_verified(&why)))),
        None => Err(Stop::Hold { until: None, why: cause_of(&Denial { reasons: vec![Reason::UnknownCase] }) }),
    }
}

async fn find<A: Archive, C: Clock>(
    rights: &Rights<A, C>,
    askers: &[Asker],
    authority: &Authority,
    record: &LocalRecord,
    reads: &mut Reads,
) -> Result<Oid, Stop> {
    let services = codes_of(&record.content, &Oid::fixed(SERVICES));
    let sought = Sought {
        service_task: record.service_task.as_ref().map(|task| task.code.as_str()),
        services: &services,
        day: record.event_day.map_or_else(|| record.drawn_up.day(), |day| day.date()),
        decision: record.decision.as_ref(),
    };
    let answer = look_for(rights.archive(), askers, authority, &sought, reads).await.map_err(Stop::from)?;
    match answer.found {
        Found::One(found) => Ok(found.case),
        Found::Several(candidates) => Err(Stop::Park(several(&candidates))),
        // A case may be opened, a decision archived or put into its case.
        Found::Nowhere(why @ (NoCase::NoneYet | NoCase::DecisionUnknown | NoCase::DecisionWithoutCase)) => {
            Err(Stop::Hold { until: None, why: no_case(&why) })
        }
        Found::Nowhere(why @ (NoCase::NotVerified(_) | NoCase::DecisionsCaseClosed)) => Err(Stop::Park(no_case(&why))),
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
