//! Which case a record belongs to, asked of the organiser's register: the cases of every client, and decisions only where they are
//! needed. The domain decides; the worker and the API ask.

use std::borrow::Cow;

use super::ports::{Archive, ArchiveFault, Asker, CasesWanted, Contents};
use crate::domain::access::Authority;
use crate::domain::find_case::{Answer, Candidate, Found, NoCase, Sought, find_case};
use crate::domain::submission::{CaseChoice, Cause};
use crate::domain::text::Text;

/// Candidates named in a cause.
const NAMED_MAX: usize = 10;

/// What was read of the register on the way, by the names of the use log.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Reads(Vec<&'static str>);

impl Reads {
    /// Notes a read that is about to be made.
    pub(crate) fn note(&mut self, read: &'static str) {
        if !self.0.contains(&read) {
            self.0.push(read);
        }
    }

    /// Each once, in their order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().copied()
    }
}

/// Looks for the case. `askers` are one for each client of the record; decisions are read of the first alone.
pub(crate) async fn look_for<A: Archive>(
    archive: &A,
    askers: &[Asker],
    authority: &Authority,
    sought: &Sought<'_>,
    reads: &mut Reads,
) -> Result<Answer, ArchiveFault> {
    let wanted = CasesWanted { service_task: sought.service_task.map(str::to_owned), case: None };
    let mut cases = Vec::with_capacity(askers.len());
    for asker in askers {
        reads.note("cases");
        cases.push(archive.cases(asker, authority, &wanted).await?);
    }
    let Some(first) = askers.first() else { return Ok(find_case(sought, &cases, &[])) };
    let mut decisions = Vec::new();
    if sought.decision.is_some() {
        reads.note("decisions");
        decisions = archive.decisions(first, authority, Contents::Omit).await?;
    }
    let answer = find_case(sought, &cases, &decisions);
    match answer.found {
        // What the decisions decide is read only where it can still tell cases apart.
        Found::Several(_) => {
            reads.note("decisions");
            let decisions = archive.decisions(first, authority, Contents::Fetch).await?;
            Ok(find_case(sought, &cases, &decisions))
        }
        Found::One(_) | Found::Nowhere(_) => Ok(answer),
    }
}

/// What speaks for a candidate or against it, under its names.
pub(crate) fn reasons(candidate: &Candidate) -> Vec<Cause> {
    candidate.reasons.iter().map(|why| Cause::new(format!("case.{}", why.code()), why.text())).collect()
}

/// Several cases fit: all of them with their reasons.
pub(crate) fn several(candidates: &[Candidate]) -> Cause {
    let count = candidates.len();
    let names: Vec<&str> = candidates.iter().take(NAMED_MAX).map(|c| c.case.as_str()).collect();
    let names = names.join(", ");
    let text = Text::made(
        format!("sopivia asioita on {count}: {names}; lähetä asiakirja uudelleen oikealla asiatunnuksella"),
        format!("det finns {count} ärenden som passar: {names}; skicka handlingen på nytt med rätt ärendekod"),
        format!("there are {count} cases that fit: {names}; submit the document again with the right case"),
    );
    let choice = |c: &Candidate| CaseChoice { case: c.case.clone(), reasons: reasons(c) };
    Cause::new("case.ambiguous", text).with_candidates(candidates.iter().take(NAMED_MAX).map(choice).collect())
}

/// Why there is no case.
pub(crate) fn no_case(why: &NoCase) -> Cause {
    let (code, text) = match why {
        NoCase::NoneYet => (
            "case.none_yet",
            Text::fixed(
                "palvelunjärjestäjän rekisterissä ei vielä ole avointa asiaa, johon asiakirja kuuluisi",
                "i tjänsteanordnarens register finns ännu inget öppet ärende som handlingen hör till",
                "the organiser's register has no open case yet that the document would belong to",
            ),
        ),
        NoCase::NotVerified(why) => ("case.not_verified", not_verified(why)),
        NoCase::DecisionsCaseClosed => (
            "case.closed",
            Text::fixed(
                "päätöksen asia on päätetty palvelunjärjestäjän rekisterissä",
                "beslutets ärende är avslutat i tjänsteanordnarens register",
                "the decision's case is closed in the organiser's register",
            ),
        ),
        NoCase::DecisionUnknown => (
            "case.decision_unknown",
            Text::fixed(
                "asiakkaalla ei ole palvelunjärjestäjän rekisterissä päätöstä, jonka asiakirja nimeää",
                "klienten har i tjänsteanordnarens register inte det beslut som handlingen anger",
                "the client has no such decision in the organiser's register as the document names",
            ),
        ),
        NoCase::DecisionWithoutCase => (
            "case.decision_without_case",
            Text::fixed(
                "päätös, jonka asiakirja nimeää, ei ole missään asiassa",
                "beslutet som handlingen anger hör inte till något ärende",
                "the decision that the document names is in no case",
            ),
        ),
    };
    Cause::new(code, text)
}

/// Why a case is not relied on.
pub(crate) fn not_verified(why: &Text) -> Text {
    let say = |before: &str, why: &Cow<'_, str>| format!("{before}: {why}");
    Text::made(
        say("asia-asiakirjaan ei voi luottaa", &why.fi),
        say("ärendehandlingen kan inte litas på", &why.sv),
        say("the case document cannot be relied on", &why.en),
    )
}
