//! How organiser and producer stand to the archive and to each other: joined, phase, partial implementation, agreement.
//!
//! The archive's messages tell none of it: it is stated by whoever runs the program, and what is not stated is told apart from
//! what is not so. The phase matrix is in [`Parties`].

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Operation;
use super::denial::Denial;
use super::options::{Options, Unstated};
use super::reason::{AgreementGap, Reason};

/// Whether a party has joined the archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Joining {
    /// Nobody has stated it.
    #[default]
    NotStated,
    /// It has not.
    NotJoined,
    /// It has, from this day on; [`Date::MIN`] when the day does not matter.
    From(Date),
}

/// Which functions of the archive a party's system has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nobody has stated it.
    #[default]
    NotStated,
    /// Phase 1.
    #[serde(rename = "phase_1")]
    Phase1,
    /// Phase 1, with the register access right as a partial implementation.
    #[serde(rename = "phase_1_partial")]
    Phase1Partial,
    /// Phase 2.
    #[serde(rename = "phase_2")]
    Phase2,
    /// Phase 2, the register access right not taken into use.
    #[serde(rename = "phase_2_without")]
    Phase2Without,
}

/// A planned change of phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhaseChange {
    /// First day.
    pub on: Date,
    /// What it changes to.
    pub to: Phase,
}

/// An organiser or a producer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Party {
    /// Whether it has joined.
    pub joining: Joining,
    /// Its phase until a change.
    pub phase: Phase,
    /// A change of phase that is known.
    pub change: Option<PhaseChange>,
}

impl Party {
    fn phase_on(&self, day: Date) -> Phase {
        self.change.filter(|change| change.on <= day).map_or(self.phase, |change| change.to)
    }
}

/// The written agreement between organiser and producer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Agreement {
    /// Nobody has stated it.
    #[default]
    NotStated,
    /// There is none.
    None,
    /// There is one.
    Period {
        /// First day, where there is one to know.
        from: Option<Date>,
        /// Last day; absent while it goes on.
        to: Option<Date>,
    },
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyRole {
    /// The owner of the register.
    Organiser,
    /// The producer of the service.
    Producer,
}

/// A fact about the parties that a decision needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// Whether the organiser has joined.
    OrganiserJoined,
    /// Whether the producer has joined.
    ProducerJoined,
    /// The parties' phases.
    Phases,
    /// The agreement.
    Agreement,
}

/// Both parties and what is agreed between them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parties {
    /// The owner of the register.
    pub organiser: Party,
    /// The producer of the service.
    pub producer: Party,
    /// Their agreement.
    pub agreement: Agreement,
}

/// Whether two phases go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    Yes,
    No,
    NotStated,
}

impl Parties {
    /// Facts that nobody has stated and that nothing stated makes needless.
    pub fn unstated(&self, options: &Options, today: Date) -> Vec<Fact> {
        let mut facts = Vec::new();
        if self.organiser.joining == Joining::NotStated {
            facts.push(Fact::OrganiserJoined);
        }
        if self.producer.joining == Joining::NotStated {
            facts.push(Fact::ProducerJoined);
        }
        if self.fit(options, today) == Fit::NotStated {
            facts.push(Fact::Phases);
        }
        if self.agreement == Agreement::NotStated {
            facts.push(Fact::Agreement);
        }
        facts
    }

    /// What keeps the parties from the archive as such, whoever the client: nothing of anybody's is read to know it. `None` when
    /// nothing does.
    pub fn kept_from_archive(&self, operation: Operation, options: &Options, today: Date) -> Option<Denial> {
        let mut reasons = Vec::new();
        self.judge(operation, options, today, &mut reasons);
        reasons.retain(Reason::is_of_parties);
        (!reasons.is_empty()).then_some(Denial { reasons })
    }

    /// Joining and phases count on the day of sending or reading, which is when the archive looks; the agreement must have
    /// begun by then and, as a right, not have ended on the day that the document is judged by.
    pub(super) fn judge(&self, operation: Operation, options: &Options, today: Date, reasons: &mut Vec<Reason>) {
        for (party, role) in [(&self.organiser, PartyRole::Organiser), (&self.producer, PartyRole::Producer)] {
            match party.joining {
                Joining::NotJoined => reasons.push(Reason::NotJoined { party: role, from: None }),
                Joining::From(day) if today < day => {
                    reasons.push(Reason::NotJoined { party: role, from: Some(day) });
                }
                Joining::NotStated | Joining::From(_) => {}
            }
        }
        if self.fit(options, today) == Fit::No {
            reasons.push(Reason::PhaseMismatch {
                organiser: self.organiser.phase_on(today),
                producer: self.producer.phase_on(today),
                from: self.fits_from(options, today),
            });
        }
        if let Some(gap) = self.agreement_gap(options.judged_day(operation, today), today) {
            reasons.push(Reason::NoAgreement { gap });
        }
        if options.unstated == Unstated::Deny {
            let facts = self.unstated(options, today);
            if !facts.is_empty() {
                reasons.push(Reason::NotStated { facts });
            }
        }
    }

    fn agreement_gap(&self, judged: Date, today: Date) -> Option<AgreementGap> {
        match self.agreement {
            Agreement::NotStated => None,
            Agreement::None => Some(AgreementGap::None),
            Agreement::Period { to: Some(to), .. } if judged > to => Some(AgreementGap::Ended { since: to }),
            Agreement::Period { from: Some(from), .. } if today < from => Some(AgreementGap::Begins { from }),
            Agreement::Period { .. } => None,
        }
    }

    fn fit(&self, options: &Options, day: Date) -> Fit {
        matrix(self.organiser.phase_on(day), self.producer.phase_on(day), options.both_phase_1)
    }

    /// The first day of a known change on which the phases go together, where today's do not.
    fn fits_from(&self, options: &Options, today: Date) -> Option<Date> {
        let changes = [self.organiser.change, self.producer.change];
        // A change that has been is what today's phases say already.
        let days = changes.into_iter().flatten().map(|change| change.on.max(today));
        days.filter(|day| self.fit(options, *day) == Fit::Yes).min()
    }
}

/// The phase matrix: kanta.fi, register access right (28.10.2020), conditions; two parties in phase 1 are not told there.
fn matrix(organiser: Phase, producer: Phase, both_phase_1: bool) -> Fit {
    match (organiser, producer) {
        (Phase::Phase2Without, _) | (_, Phase::Phase1 | Phase::Phase2Without) => Fit::No,
        (Phase::Phase2, Phase::Phase2 | Phase::Phase1Partial) => Fit::Yes,
        (Phase::Phase1 | Phase::Phase1Partial, Phase::Phase2) => Fit::No,
        (Phase::Phase1 | Phase::Phase1Partial, Phase::Phase1Partial) if both_phase_1 => Fit::Yes,
        (Phase::Phase1 | Phase::Phase1Partial, Phase::NotStated) if both_phase_1 => Fit::NotStated,
        (Phase::Phase1 | Phase::Phase1Partial, Phase::Phase1Partial | Phase::NotStated) => Fit::No,
        (Phase::Phase2, Phase::NotStated) => Fit::NotStated,
        (Phase::NotStated, Phase::NotStated | Phase::Phase1Partial | Phase::Phase2) => Fit::NotStated,
    }
}
