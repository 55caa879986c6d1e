//! Which case a record belongs to, before it is signed.

use crate::domain::access::Authority;
use crate::domain::oid::Oid;
use crate::domain::record::{CaseReference, LocalRecord};
use crate::domain::submission::Cause;
use crate::domain::text::Text;
use crate::sidecar::ports::{Archive, Asker, CaseEntry, CasesWanted};

use super::journey::Stop;

/// Candidates named in a cause.
const NAMED_MAX: usize = 5;

/// The case of a record: the caller's, or the one open case in the organiser's register that fits. The look-up is part of
/// storing the document and stands on the same authority: a tie that held when it was drawn up may have ended since.
pub(super) async fn resolve<A: Archive>(
    archive: &A,
    asker: &Asker,
    authority: &Authority,
    record: &LocalRecord,
) -> Result<Option<Oid>, Stop> {
    match &record.case {
        CaseReference::Known(case) => Ok(Some(case.clone())),
        CaseReference::None => Ok(None),
        CaseReference::Find => {
            let wanted = CasesWanted {
                service_task: record.service_task.as_ref().map(|t| t.code.clone()),
                decision: record.decision.clone(),
            };
            let found = archive.cases(asker, authority, &wanted).await.map_err(Stop::from)?;
            only_open_one(&found).map(Some)
        }
    }
}

fn only_open_one(found: &[CaseEntry]) -> Result<Oid, Stop> {
    let mut open: Vec<&Oid> = found.iter().filter(|c| c.open).map(|c| &c.case).collect();
    open.sort();
    open.dedup();
    match open.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(Stop::Hold { until: None, why: no_case_yet() }),
        several => Err(Stop::Park(several_cases(several))),
    }
}

fn no_case_yet() -> Cause {
    let text = Text::fixed(
        "palvelunjärjestäjän rekisterissä ei vielä ole avointa asiaa, johon asiakirja kuuluisi",
        "i tjänsteanordnarens register finns ännu inget öppet ärende som handlingen hör till",
        "the organiser's register has no open case yet that the document would belong to",
    );
    Cause::new("case.none_yet", text)
}

fn several_cases(cases: &[&Oid]) -> Cause {
    let count = cases.len();
    let names: Vec<&str> = cases.iter().take(NAMED_MAX).map(|c| c.as_str()).collect();
    let names = names.join(", ");
    let text = Text::made(
        format!("avoimia asioita on {count}: {names}; lähetä asiakirja uudelleen oikealla asiatunnuksella"),
        format!("det finns {count} öppna ärenden: {names}; skicka handlingen på nytt med rätt ärendekod"),
        format!("there are {count} open cases: {names}; submit the document again with the right case"),
    );
    Cause::new("case.ambiguous", text)
}
