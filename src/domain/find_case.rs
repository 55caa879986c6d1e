//! Which of the organiser's cases a record belongs to: from the decision that it names, its service task, its service and its day.
//!
//! Pure: the cases and decisions are what was read of the register. A case is found only when every other one is excluded for a
//! reason that can be told; more than one left is an answer ([`Found::Several`]), never a choice. What could not be verified
//! excludes nothing and is never found. Says nothing about rights. Rules: the case is the organiser's and is found from the case
//! document or the decision (Kela, 26.5.2020); how to choose between several is nowhere said, so all of it is ours.

mod why;

use jiff::civil::Date;

pub use why::Why;

use super::decision::{Outcome, ServiceDecision, Validity};
use super::oid::Oid;
use super::text::Text;
use super::time::PartialDate;

/// What a record tells of where it belongs.
#[derive(Debug, Clone, Copy)]
pub struct Sought<'a> {
    /// Service task (code of 1.2.246.537.6.1221).
    pub service_task: Option<&'a str>,
    /// Services (codes of 1.2.246.537.6.1222); none when the record names none.
    pub services: &'a [String],
    /// The day of the event, or of drawing up.
    pub day: Date,
    /// The decision that the caller names: OID of a version or of the original.
    pub decision: Option<&'a Oid>,
}

/// A case of a client in the register, by the newest version of its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCase {
    /// The case.
    pub case: Oid,
    /// Service task.
    pub service_task: Option<String>,
    /// Opening day, where it is known.
    pub opened: Option<PartialDate>,
    /// Whether records can be attached to it.
    pub standing: Standing,
}

/// Whether records can be attached to a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// They can.
    Open,
    /// It is closed, on this day where it is known.
    Closed(Option<PartialDate>),
    /// Its document does not hold, for this reason.
    NotVerified(Text),
}

/// A decision about the client in the register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDecision {
    /// OID of its newest version.
    pub document: Oid,
    /// OID of the original.
    pub set: Oid,
    /// Its case, from the metadata.
    pub case: Option<Oid>,
    /// What it decides.
    pub decides: Decides,
}

/// What a decision decides, as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decides {
    /// On a service.
    Service {
        /// Its code.
        service: Option<String>,
        /// When it holds.
        validity: Validity,
        /// Whether the service is granted.
        outcome: Outcome,
    },
    /// On something else than a coded service.
    SomethingElse,
    /// It was not read, or cannot be relied on.
    NotKnown,
}

impl From<&ServiceDecision> for Decides {
    fn from(decision: &ServiceDecision) -> Self {
        Self::Service {
            service: decision.service.as_ref().map(|service| service.code.clone()),
            validity: decision.validity,
            outcome: decision.granted(),
        }
    }
}

/// A case with what speaks for it, or against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The case.
    pub case: Oid,
    /// Why.
    pub reasons: Vec<Why>,
}

/// Where a record belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Here.
    One(Candidate),
    /// To one of these; which, a person must say.
    Several(Vec<Candidate>),
    /// Nowhere, for this reason.
    Nowhere(NoCase),
}

/// Why there is no case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoCase {
    /// None fits; one may be opened.
    NoneYet,
    /// The only one that fits cannot be relied on.
    NotVerified(Text),
    /// The case of the decision that the record names is closed.
    DecisionsCaseClosed,
    /// The register has no such decision about the client.
    DecisionUnknown,
    /// The decision is in no case.
    DecisionWithoutCase,
}

/// What the search came to, with the cases that were left out and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Where.
    pub found: Found,
    /// The cases that it is not, in the register's order.
    pub excluded: Vec<Candidate>,
}

/// Finds the case of a record. `cases` holds each client's cases (a joint record's case is a case of every client); `decisions`
/// those about the first client, or none while they were not read: they are needed when the record names one and when
/// [`Found::Several`] came out without them.
pub fn find_case(sought: &Sought<'_>, cases: &[Vec<KnownCase>], decisions: &[KnownDecision]) -> Answer {
    let mut field = Field { left: of_every_client(cases), excluded: Vec::new() };
    let named = match sought.decision.map(|decision| case_of(decision, decisions)).transpose() {
        Ok(named) => named,
        Err(no_case) => {
            field.exclude(|_| Some(Why::DecisionNamesNoCase));
            return Answer { found: Found::Nowhere(no_case), excluded: field.excluded };
        }
    };
    if let Some((decision, case)) = &named {
        field
            .exclude(|known| (known.case != *case).then(|| Why::OtherCaseThanDecisions { decision: decision.clone() }));
    }
    let closed = |known: &KnownCase| matches!(known.standing, Standing::Closed(_));
    let of_decision_closed = named.is_some() && !field.left.is_empty() && field.left.iter().all(closed);
    field.exclude(|known| against(sought, known));
    let supports = if field.left.len() > 1 { field.narrow(sought, decisions) } else { Vec::new() };
    let only = field.left.len() == 1;
    let named = named.map(|(decision, _)| decision);
    let mut candidates: Vec<(KnownCase, Candidate)> = field
        .left
        .into_iter()
        .map(|known| {
            let mut reasons: Vec<Why> =
                named.clone().map(|decision| Why::NamedByDecision { decision }).into_iter().collect();
            reasons.extend(for_case(sought, &known));
            reasons.extend(supports.iter().filter(|(case, _)| *case == known.case).map(|(_, why)| why.clone()));
            reasons.extend(only.then_some(Why::OnlyOneLeft));
            let candidate = Candidate { case: known.case.clone(), reasons };
            (known, candidate)
        })
        .collect();
    let found = match (candidates.pop(), candidates.is_empty()) {
        (None, _) if of_decision_closed => Found::Nowhere(NoCase::DecisionsCaseClosed),
        (None, _) => Found::Nowhere(NoCase::NoneYet),
        (Some((KnownCase { standing: Standing::NotVerified(why), .. }, _)), true) => {
            Found::Nowhere(NoCase::NotVerified(why))
        }
        (Some((_, candidate)), true) => Found::One(candidate),
        (Some(last), false) => {
            candidates.push(last);
            Found::Several(candidates.into_iter().map(|(_, candidate)| candidate).collect())
        }
    };
    Answer { found, excluded: field.excluded }
}

/// The decision's newest version and its case.
fn case_of(decision: &Oid, decisions: &[KnownDecision]) -> Result<(Oid, Oid), NoCase> {
    let is = |known: &&KnownDecision| known.document == *decision || known.set == *decision;
    let known = decisions.iter().find(is).ok_or(NoCase::DecisionUnknown)?;
    let case = known.case.clone().ok_or(NoCase::DecisionWithoutCase)?;
    Ok((known.document.clone(), case))
}

struct Field {
    left: Vec<KnownCase>,
    excluded: Vec<Candidate>,
}

impl Field {
    fn exclude(&mut self, why: impl Fn(&KnownCase) -> Option<Why>) {
        let mut left = Vec::new();
        for known in std::mem::take(&mut self.left) {
            match why(&known) {
                Some(why) => self.excluded.push(Candidate { case: known.case, reasons: vec![why] }),
                None => left.push(known),
            }
        }
        self.left = left;
    }

    /// Leaves the cases in which the record's service is, or may be, decided for its day; all of them when it surely is in none.
    /// Answers what speaks for which case.
    fn narrow(&mut self, sought: &Sought<'_>, decisions: &[KnownDecision]) -> Vec<(Oid, Why)> {
        let mut supports = Vec::new();
        let mut possible = Vec::new();
        for known in decisions {
            let Some(case) = &known.case else { continue };
            match bearing(sought, known) {
                Bearing::Supports(why) => supports.push((case.clone(), why)),
                Bearing::May => possible.push(case.clone()),
                Bearing::None => {}
            }
        }
        let left = |case: &Oid| self.left.iter().any(|known| known.case == *case);
        if supports.iter().any(|(case, _)| left(case)) {
            let in_question = |case: &Oid| supports.iter().any(|(of, _)| of == case) || possible.contains(case);
            let none = || match sought.services.first() {
                Some(service) => Why::ServiceNotDecided { service: service.clone(), day: sought.day },
                None => Why::NoDecisionInForce { day: sought.day },
            };
            self.exclude(|known| (!in_question(&known.case)).then(none));
        }
        supports
    }
}

/// What a decision says about whether its case is the record's.
enum Bearing {
    Supports(Why),
    /// Nobody can say.
    May,
    None,
}

fn bearing(sought: &Sought<'_>, known: &KnownDecision) -> Bearing {
    let (service, validity, outcome) = match &known.decides {
        Decides::Service { service, validity, outcome } => (service, validity, outcome),
        Decides::SomethingElse => return Bearing::None,
        Decides::NotKnown => return Bearing::May,
    };
    let other = service.as_ref().is_some_and(|s| !sought.services.is_empty() && !sought.services.contains(s));
    if other || *outcome == Outcome::Refused || !validity.may_cover(sought.day) {
        return Bearing::None;
    }
    let decision = known.document.clone();
    match (outcome, service, sought.services.is_empty()) {
        (Outcome::Granted, _, true) => Bearing::Supports(Why::DecisionInForce { decision, day: sought.day }),
        (Outcome::Granted, Some(service), false) => {
            Bearing::Supports(Why::ServiceDecided { decision, service: service.clone(), day: sought.day })
        }
        _ => Bearing::May,
    }
}

fn against(sought: &Sought<'_>, known: &KnownCase) -> Option<Why> {
    if let Standing::Closed(on) = known.standing {
        return Some(Why::Closed { on });
    }
    let other = known.service_task.as_deref().filter(|found| sought.service_task.is_some_and(|task| task != *found));
    if let Some(found) = other {
        return Some(Why::OtherTask { found: found.to_owned() });
    }
    let opened = known.opened.filter(|opened| sought.day < opened.earliest_day());
    opened.map(|opened| Why::OpenedLater { opened, day: sought.day })
}

fn for_case(sought: &Sought<'_>, known: &KnownCase) -> Vec<Why> {
    let mut reasons = Vec::new();
    if let (Some(task), true) = (sought.service_task, known.service_task.as_deref() == sought.service_task) {
        reasons.push(Why::TaskAgrees { task: task.to_owned() });
    }
    reasons.push(match &known.standing {
        Standing::NotVerified(why) => Why::NotVerified { why: why.clone() },
        Standing::Open | Standing::Closed(_) => Why::Open,
    });
    reasons
}

/// The cases that every client has, each once. One that stands in several documents is open before not verified before closed;
/// read of several clients, the other way round: all must agree.
fn of_every_client(cases: &[Vec<KnownCase>]) -> Vec<KnownCase> {
    let rank = |known: &KnownCase| match known.standing {
        Standing::Open => 0,
        Standing::NotVerified(_) => 1,
        Standing::Closed(_) => 2,
    };
    let mut common: Option<Vec<KnownCase>> = None;
    for of_client in cases {
        let mut once: Vec<KnownCase> = Vec::new();
        for known in of_client {
            match once.iter_mut().find(|other| other.case == known.case) {
                Some(other) if rank(known) < rank(other) => *other = known.clone(),
                Some(_) => {}
                None => once.push(known.clone()),
            }
        }
        common = Some(match common {
            None => once,
            Some(before) => {
                let both = |known: KnownCase| {
                    let other = once.iter().find(|other| other.case == known.case)?;
                    Some(if rank(other) > rank(&known) { other.clone() } else { known })
                };
                before.into_iter().filter_map(both).collect()
            }
        });
    }
    common.unwrap_or_default()
}

#[cfg(test)]
mod tests;
