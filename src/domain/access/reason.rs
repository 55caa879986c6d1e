//! Why there is no register access right, in words for the one who asks and facts for the one who retries.
//!
//! The sentences are in `words`, the sources behind them in `ground`.

mod ground;
mod words;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use ground::Ground;
pub(super) use ground::of_fact;
pub(super) use words::missing;

use super::party::{Fact, PartyRole, Phase};
use super::roles::Act;
use crate::domain::oid::Oid;

/// One reason against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// The organiser has no relationship document for the client.
    NoRelationship,
    /// The relationship document does not name the unit.
    UnitNotNamed,
    /// The unit's right begins later.
    NotStarted {
        /// First day.
        from: Date,
    },
    /// The document was drawn up before the unit's right began, and the options do not let it be stored afterwards.
    DrawnUpBeforeStart {
        /// First day.
        from: Date,
    },
    /// The unit's right has ended.
    Ended {
        /// Last day.
        since: Date,
    },
    /// The unit is named under another service task.
    TaskMismatch {
        /// The document's.
        asked: String,
        /// The row's.
        granted: String,
    },
    /// The worker's role may not do it.
    RoleNotAllowed {
        /// The role, where one was said.
        role: Option<String>,
        /// The document's service task.
        service_task: Option<String>,
        /// The document's service process.
        service_process: Option<String>,
        /// What was to be done.
        act: Act,
    },
    /// The relationship document is of another register.
    RegisterOwnerMismatch {
        /// Its owner.
        found: Oid,
    },
    /// The case is not known in the organiser's register.
    UnknownCase,
    /// The parties' phases do not go together.
    PhaseMismatch {
        /// The organiser's.
        organiser: Phase,
        /// The producer's.
        producer: Phase,
        /// The first day on which they are known to do.
        from: Option<Date>,
    },
    /// A party has not joined the archive.
    NotJoined {
        /// Which.
        party: PartyRole,
        /// When it joins, where that is known.
        from: Option<Date>,
    },
    /// There is no agreement between the parties that covers the day.
    NoAgreement {
        /// What is missing.
        gap: AgreementGap,
    },
    /// Nobody has stated how the parties stand, and the options do not let that pass.
    NotStated {
        /// What is missing.
        facts: Vec<Fact>,
    },
    /// The tie between worker and client is missing or does not cover the day.
    NoProfessionalLink,
    /// The client pays: the producer is the register owner itself.
    SelfPay,
    /// The relationship document was read too long ago to decide on.
    EvidenceTooOld,
}

/// How an agreement fails to cover a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgreementGap {
    /// There is none.
    None,
    /// It begins later.
    Begins {
        /// First day.
        from: Date,
    },
    /// It has ended.
    Ended {
        /// Last day.
        since: Date,
    },
}

impl Reason {
    /// Every reason's code, in the order of [`Reason`].
    pub const CODES: [&'static str; 16] = [
        "no_relationship",
        "unit_not_named",
        "not_started",
        "drawn_up_before_start",
        "ended",
        "task_mismatch",
        "role_not_allowed",
        "register_owner_mismatch",
        "unknown_case",
        "phase_mismatch",
        "not_joined",
        "no_agreement",
        "not_stated",
        "no_professional_link",
        "self_pay",
        "evidence_too_old",
    ];

    /// Whether the organiser, or time alone, can make it pass while the record stays as it is.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::NoRelationship
                | Self::UnitNotNamed
                | Self::NotStarted { .. }
                | Self::UnknownCase
                | Self::EvidenceTooOld
                | Self::PhaseMismatch { .. }
                | Self::NotJoined { .. }
                | Self::NoAgreement { gap: AgreementGap::Begins { .. } }
        )
    }

    /// The day on which it passes by itself, when that is known.
    pub fn passes_on(&self) -> Option<Date> {
        match self {
            Self::NotStarted { from } | Self::NoAgreement { gap: AgreementGap::Begins { from } } => Some(*from),
            Self::NotJoined { from, .. } | Self::PhaseMismatch { from, .. } => *from,
            _ => None,
        }
    }

    /// Whether it lies in how the parties stand to the archive and to each other: then the data go to the organiser another way.
    pub fn is_of_parties(&self) -> bool {
        matches!(self, Self::NotJoined { .. } | Self::PhaseMismatch { .. } | Self::NoAgreement { .. })
    }

    /// Stable name, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoRelationship => "no_relationship",
            Self::UnitNotNamed => "unit_not_named",
            Self::NotStarted { .. } => "not_started",
            Self::DrawnUpBeforeStart { .. } => "drawn_up_before_start",
            Self::Ended { .. } => "ended",
            Self::TaskMismatch { .. } => "task_mismatch",
            Self::RoleNotAllowed { .. } => "role_not_allowed",
            Self::RegisterOwnerMismatch { .. } => "register_owner_mismatch",
            Self::UnknownCase => "unknown_case",
            Self::PhaseMismatch { .. } => "phase_mismatch",
            Self::NotJoined { .. } => "not_joined",
            Self::NoAgreement { .. } => "no_agreement",
            Self::NotStated { .. } => "not_stated",
            Self::NoProfessionalLink => "no_professional_link",
            Self::SelfPay => "self_pay",
            Self::EvidenceTooOld => "evidence_too_old",
        }
    }
}
