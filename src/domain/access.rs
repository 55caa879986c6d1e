//! The register access right (rekisterinkäyttöoikeus, åtkomsträtt till register): may this unit work in the organiser's
//! register for this client, and if not, why.
//!
//! Pure: evidence, parties, rules and moment are arguments. A [`Permit`] has no public constructor; it comes from [`decide`]
//! only. Rules: Kela, "Tjänsteproducentens åtkomsträtt till register" (26.5.2020) and kanta.fi, register access right
//! (28.10.2020); what these leave open is in [`Options`], what the access-rights regulation says in a [`RoleTable`], both data
//! with their certainty ([`AccessProfile`]). The sentence behind each refusal is in [`Reason::ground`].

mod denial;
mod evidence;
mod explain;
mod options;
mod party;
mod permit;
mod profile;
mod question;
mod reason;
mod roles;
mod row;

use jiff::Timestamp;
use jiff::civil::Date;

pub use denial::{Denial, JointDenial};
pub use evidence::{Evidence, Validity, newest};
pub use explain::{Assumption, Explained, Explanation, GroundKind, explain};
pub use options::{Options, PartialDays, Reach, Unstated, WriteTime};
pub use party::{Agreement, Fact, Joining, Parties, Party, PartyRole, Phase, PhaseChange};
pub use permit::{Authority, Permit, PermitRecord, Remark};
pub use profile::{AccessProfile, AccessProfileFault};
pub use question::{AskedClient, AskedOperation, Question};
pub use reason::{AgreementGap, Ground, Reason};
pub use roles::{Act, Names, RoleRule, RoleTable};

use super::oid::Oid;
use super::person::PersonId;
use super::record::{ProfessionalLink, PurchaseKind};
use super::time::day_in_finland;

/// What is to be done in the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Search or fetch.
    Read,
    /// Store a document drawn up on this day (in Finland).
    Write {
        /// The day.
        drawn_up: Date,
    },
}

impl Operation {
    /// What the role table calls it.
    pub fn act(self) -> Act {
        match self {
            Self::Read => Act::Read,
            Self::Write { .. } => Act::Write,
        }
    }
}

/// How the case that a document names stands in the organiser's register, as far as the caller has looked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CaseStanding {
    /// Nobody has looked yet, or no case is needed.
    #[default]
    NotAsked,
    /// The register has it.
    Known,
    /// The register does not have it.
    Unknown,
}

/// Who wants to do what, where.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What.
    pub operation: Operation,
    /// Owner of the register.
    pub organiser: &'a Oid,
    /// The producer's unit.
    pub unit: &'a Oid,
    /// Whose documents.
    pub client: &'a PersonId,
    /// Service task of the document, where it is known (code in 1.2.246.537.6.1221).
    pub service_task: Option<&'a str>,
    /// Service process of the document, where it is known (code in 1.2.246.537.6.1277).
    pub service_process: Option<&'a str>,
    /// The acting worker's role, where the caller says it.
    pub role: Option<&'a str>,
    /// What ties the acting worker to the client.
    pub link: Option<&'a ProfessionalLink>,
    /// How the service is bought; `None` in searches.
    pub purchase: Option<PurchaseKind>,
    /// The case that the document names.
    pub case: CaseStanding,
}

impl<'a> Request<'a> {
    /// A request that says no more than what, where and whose.
    pub fn bare(operation: Operation, organiser: &'a Oid, unit: &'a Oid, client: &'a PersonId) -> Self {
        Self {
            operation,
            organiser,
            unit,
            client,
            service_task: None,
            service_process: None,
            role: None,
            link: None,
            purchase: None,
            case: CaseStanding::NotAsked,
        }
    }
}

/// By what is decided: choices where the sources are silent, and what roles may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Choices.
    pub options: Options,
    /// Role, service task and service process.
    pub roles: RoleTable,
}

/// Decides on the newest, non-invalidated version of the relationship document ([`newest`]).
///
/// A write needs, by default, a right that has begun by `now` and had not ended on the day the document was drawn up; sending
/// later, or having drawn it up before the start, is remarked. A read needs a right that holds today. Days are days in Finland.
///
/// # Errors
/// A [`Denial`] with every reason that stands against it. Of several rows of the unit that do not permit, the reasons of the
/// one that comes nearest are told.
pub fn decide(
    request: &Request<'_>,
    evidence: Option<&Evidence>,
    parties: &Parties,
    rules: &Rules,
    now: Timestamp,
) -> Result<Permit, Denial> {
    let today = day_in_finland(now);
    let mut reasons = about_the_request(request, &rules.options, today);
    parties.judge(request.operation, &rules.options, today, &mut reasons);
    let Some(evidence) = evidence else {
        reasons.insert(0, Reason::NoRelationship);
        if !rules.roles.allows(request.role, request.service_task, request.service_process, request.operation.act()) {
            reasons.push(not_allowed(request));
        }
        return Err(Denial { reasons });
    };
    evidence.judge(request.organiser, rules.options.evidence_age_max_s, now, &mut reasons);
    let rows = row::Rows::of(request, &evidence.relationship, &rules.options, today);
    let tasks = permit::Tasks::of(request, &rows, rules);
    if tasks.is_none() {
        reasons.push(not_allowed(request));
    }
    match (rows.best(), tasks) {
        (Ok(row), Some(tasks)) if reasons.is_empty() => {
            Ok(Permit::granted(request, evidence, &row, rows.ends_on(), tasks, &rules.options, now))
        }
        (Ok(_), _) => Err(Denial { reasons }),
        (Err(against), _) => {
            reasons.extend(against);
            Err(Denial { reasons })
        }
    }
}

/// Decides for every client of a joint case: each must permit. `request.client` is not looked at.
///
/// # Errors
/// A [`JointDenial`] that tells every client who does not permit, by the place in `clients`, with all reasons. Without clients
/// nothing is permitted.
pub fn decide_joint(
    request: &Request<'_>,
    clients: &[(&PersonId, Option<&Evidence>)],
    parties: &Parties,
    rules: &Rules,
    now: Timestamp,
) -> Result<Permit, JointDenial> {
    let (mut joint, mut denied) = (None::<Permit>, Vec::new());
    for (place, (client, evidence)) in clients.iter().enumerate() {
        match decide(&Request { client, ..*request }, *evidence, parties, rules, now) {
            Ok(permit) => {
                joint = Some(match joint {
                    None => permit,
                    // Both are for the same operation of the same unit: they always join.
                    Some(before) => before.clone().joined(permit).unwrap_or(before),
                });
            }
            Err(denial) => denied.push((place, denial)),
        }
    }
    match joint {
        Some(permit) if denied.is_empty() => Ok(permit),
        _ => Err(JointDenial { clients: clients.len(), denied }),
    }
}

fn about_the_request(request: &Request<'_>, options: &Options, today: Date) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if request.purchase == Some(PurchaseKind::SelfPay) {
        reasons.push(Reason::SelfPay);
    }
    if request.case == CaseStanding::Unknown {
        reasons.push(Reason::UnknownCase);
    }
    let on = options.judged_day(request.operation, today);
    let linked = |l: &ProfessionalLink| l.period.start.date() <= on && l.period.end.is_none_or(|end| on <= end.date());
    if !request.link.is_some_and(linked) {
        reasons.push(Reason::NoProfessionalLink);
    }
    reasons
}

fn not_allowed(request: &Request<'_>) -> Reason {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Reason::RoleNotAllowed {
        role: owned(request.role),
        service_task: owned(request.service_task),
        service_process: owned(request.service_process),
        act: request.operation.act(),
    }
}

#[cfg(test)]
mod tests;
