//! A decision told in full: the verdict, each reason with its source and what would make it pass, and what the verdict stands on
//! that nobody has confirmed.
//!
//! Called by `asiasilta access explain` and `POST /v1/access/check`. Names no client: places in the list that was asked stand
//! for them.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::options::{Options, PartialDays, Reach, Unstated, WriteTime};
use super::party::{Fact, Parties};
use super::permit::PermitRecord;
use super::reason::{Ground, Reason, missing, of_fact};
use super::{AccessProfile, Evidence, JointDenial, Permit, Request, Rules, decide_joint};
use crate::domain::person::PersonId;
use crate::domain::profile::Certainty;
use crate::domain::text::Text;
use crate::domain::time::day_in_finland;

/// A decision told in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Whether it is permitted.
    pub permitted: bool,
    /// On what ground it is judged.
    pub ground: GroundKind,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// By which row of which document; the first client's of a joint case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permit: Option<PermitRecord>,
    /// The last day of the right, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_on: Option<Date>,
    /// Whether that day is near.
    pub ending_soon: bool,
    /// Everything that stands against it.
    pub reasons: Vec<Explained>,
    /// Whether it can come to pass while the request stays as it is.
    pub may_pass: bool,
    /// The day from which it passes by itself, when every reason has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passes_on: Option<Date>,
    /// What the verdict stands on that is inferred, a placeholder or not stated.
    pub assumed: Vec<Assumption>,
}

/// On what ground a use of a register is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroundKind {
    /// The organisation's own register: nobody's permit is needed.
    OwnRegister,
    /// The register access right.
    RegisterAccess,
}

impl Explanation {
    /// What is done in one's own register.
    pub fn own_register(now: Timestamp) -> Self {
        Self {
            permitted: true,
            ground: GroundKind::OwnRegister,
            decided_at: now,
            permit: None,
            ends_on: None,
            ending_soon: false,
            reasons: Vec::new(),
            may_pass: true,
            passes_on: None,
            assumed: Vec::new(),
        }
    }
}

/// One reason, told in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// `access.` and the reason's code.
    pub code: String,
    /// Place of the client, from 1, in a joint case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<usize>,
    /// What stands against it.
    pub message: Text,
    /// What would make it pass.
    pub remedy: Text,
    /// The day from which it passes by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passes_on: Option<Date>,
    /// The sentence behind it.
    pub source: Ground,
}

/// Something that nobody has confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assumption {
    /// `not_stated.` and the fact, or `option.` and its key.
    pub code: String,
    /// In words.
    pub message: Text,
    /// How sure it is.
    pub certainty: Certainty,
    /// Where it is from.
    pub source: String,
}

/// Decides for all clients and tells everything about it.
pub fn explain(
    request: &Request<'_>,
    clients: &[(&PersonId, Option<&Evidence>)],
    parties: &Parties,
    profile: &AccessProfile,
    now: Timestamp,
) -> Explanation {
    let rules = profile.rules();
    let verdict = decide_joint(request, clients, parties, &rules, now);
    let assumed = assumptions(request, clients, parties, profile, &verdict, now);
    let today = day_in_finland(now);
    match verdict {
        Ok(permit) => Explanation {
            permitted: true,
            ground: GroundKind::RegisterAccess,
            decided_at: now,
            ends_on: permit.ends_on(),
            ending_soon: permit.ends_within(rules.options.ending_soon_days, today).is_some(),
            permit: Some(permit.record().clone()),
            reasons: Vec::new(),
            may_pass: true,
            passes_on: None,
            assumed,
        },
        Err(denial) => Explanation {
            permitted: false,
            ground: GroundKind::RegisterAccess,
            decided_at: now,
            permit: None,
            ends_on: None,
            ending_soon: false,
            may_pass: denial.may_pass().is_some(),
            passes_on: denial.passes_on(),
            reasons: explained(&denial),
            assumed,
        },
    }
}

fn explained(denial: &JointDenial) -> Vec<Explained> {
    let joint = denial.clients > 1;
    let of_client = |(place, denial): &(usize, super::Denial)| {
        let client = joint.then_some(place.saturating_add(1));
        denial.reasons.iter().map(|reason| reason.explained(client)).collect::<Vec<_>>()
    };
    denial.denied.iter().flat_map(of_client).collect()
}

impl Reason {
    /// Told in full, for this client of a joint case.
    pub fn explained(&self, client: Option<usize>) -> Explained {
        Explained {
            code: format!("access.{}", self.code()),
            client,
            message: self.text(),
            remedy: self.remedy(),
            passes_on: self.passes_on(),
            source: self.ground(),
        }
    }
}

fn assumptions(
    request: &Request<'_>,
    clients: &[(&PersonId, Option<&Evidence>)],
    parties: &Parties,
    profile: &AccessProfile,
    verdict: &Result<Permit, JointDenial>,
    now: Timestamp,
) -> Vec<Assumption> {
    let rules = profile.rules();
    let mut assumed = Vec::new();
    if rules.options.unstated == Unstated::Permit {
        let facts = parties.unstated(&rules.options, day_in_finland(now));
        assumed.extend(facts.into_iter().map(not_stated));
    }
    let unsure = |key: &str| {
        let (certainty, source) = profile.setting(key)?;
        matches!(certainty, Certainty::Inferred | Certainty::Placeholder).then(|| (certainty, source.to_owned()))
    };
    for (key, options) in alternatives(&rules.options) {
        let Some((certainty, source)) = unsure(key) else { continue };
        let other = decide_joint(request, clients, parties, &Rules { options, roles: rules.roles.clone() }, now);
        if outcome(&other) != outcome(verdict) {
            assumed.push(Assumption { code: format!("option.{key}"), message: depends_on(key), certainty, source });
        }
    }
    if let Some((certainty, source)) = unsure("roles") {
        assumed.push(Assumption { code: "option.roles".into(), message: ROLES, certainty, source });
    }
    assumed
}

/// What two verdicts are compared by: the same reasons, or both permitted with the same remarks.
fn outcome(verdict: &Result<Permit, JointDenial>) -> Result<&[super::Remark], &JointDenial> {
    verdict.as_ref().map(|permit| permit.record().remarks.as_slice())
}

/// The options with one of them turned each.
fn alternatives(now: &Options) -> Vec<(&'static str, Options)> {
    let reach = if now.reach == Reach::Task { Reach::Register } else { Reach::Task };
    let write_time = if now.write_time == WriteTime::DrawnUp { WriteTime::Sent } else { WriteTime::DrawnUp };
    let partial = if now.partial_days == PartialDays::Careful { PartialDays::Generous } else { PartialDays::Careful };
    let reads = if now.reads_after_end_days == 0 { 365 } else { 0 };
    vec![
        ("end_day_inclusive", Options { end_day_inclusive: !now.end_day_inclusive, ..*now }),
        ("reads_after_end_days", Options { reads_after_end_days: reads, ..*now }),
        ("reach", Options { reach, ..*now }),
        ("write_time", Options { write_time, ..*now }),
        ("drawn_up_before_start", Options { drawn_up_before_start: !now.drawn_up_before_start, ..*now }),
        ("partial_days", Options { partial_days: partial, ..*now }),
        (
            "subcontractor_within_producer",
            Options { subcontractor_within_producer: !now.subcontractor_within_producer, ..*now },
        ),
        ("relationship_end_counts", Options { relationship_end_counts: !now.relationship_end_counts, ..*now }),
        ("both_phase_1", Options { both_phase_1: !now.both_phase_1, ..*now }),
    ]
}

fn not_stated(fact: Fact) -> Assumption {
    let name = match fact {
        Fact::OrganiserJoined => "organiser_joined",
        Fact::ProducerJoined => "producer_joined",
        Fact::Phases => "phases",
        Fact::Agreement => "agreement",
    };
    let ground = of_fact(fact);
    Assumption {
        code: format!("not_stated.{name}"),
        message: missing(&[fact]),
        certainty: Certainty::Placeholder,
        source: format!("{}, {}", ground.source, ground.clause),
    }
}

fn depends_on(key: &str) -> Text {
    Text::made(
        format!("tulos riippuu valinnasta {key}, jota lähteet eivät ratkaise"),
        format!("utslaget beror på valet {key}, som källorna inte avgör"),
        format!("the verdict depends on the option {key}, which the sources do not settle"),
    )
}

const ROLES: Text = Text::fixed(
    "roolien taulukkoon ei ole viety määräyksen arvoja",
    "föreskriftens värden har inte förts in i rolltabellen",
    "the regulation's values are not entered in the table of roles",
);
