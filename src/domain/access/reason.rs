//! Why there is no register access right, in words for the one who asks and facts for the one who retries.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::domain::oid::Oid;
use crate::domain::text::Text;

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
    /// The relationship document is of another register.
    RegisterOwnerMismatch {
        /// Its owner.
        found: Oid,
    },
    /// The case is not known in the organiser's register.
    UnknownCase,
    /// The tie between worker and client is missing or does not cover the day.
    NoProfessionalLink,
    /// The client pays: the producer is the register owner itself.
    SelfPay,
    /// The relationship document was read too long ago to decide on.
    EvidenceTooOld,
}

impl Reason {
    /// Whether the organiser, or time alone, can make it pass while the record stays as it is.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::NoRelationship
                | Self::UnitNotNamed
                | Self::NotStarted { .. }
                | Self::UnknownCase
                | Self::EvidenceTooOld
        )
    }

    /// The day on which it passes by itself, when that is known.
    pub fn passes_on(&self) -> Option<Date> {
        match self {
            Self::NotStarted { from } => Some(*from),
            _ => None,
        }
    }

    /// Stable name, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoRelationship => "no_relationship",
            Self::UnitNotNamed => "unit_not_named",
            Self::NotStarted { .. } => "not_started",
            Self::Ended { .. } => "ended",
            Self::TaskMismatch { .. } => "task_mismatch",
            Self::RegisterOwnerMismatch { .. } => "register_owner_mismatch",
            Self::UnknownCase => "unknown_case",
            Self::NoProfessionalLink => "no_professional_link",
            Self::SelfPay => "self_pay",
            Self::EvidenceTooOld => "evidence_too_old",
        }
    }

    /// Of several rows of one unit, the reason of the nearest one is told: named at all, then of the right task, then begun.
    pub(super) fn nearness(&self) -> u8 {
        match self {
            Self::TaskMismatch { .. } => 1,
            Self::Ended { .. } => 2,
            Self::NotStarted { .. } => 3,
            _ => 0,
        }
    }

    /// The sentence.
    pub fn text(&self) -> Text {
        match self {
            Self::NoRelationship => Text::fixed(
                "palvelunjärjestäjän rekisterissä ei ole asiakkaan asiakkuusasiakirjaa",
                "i tjänsteanordnarens register finns ingen klientrelationshandling för klienten",
                "the organiser's register has no relationship document for the client",
            ),
            Self::UnitNotNamed => Text::fixed(
                "asiakkuusasiakirja ei nimeä palveluyksikköä",
                "klientrelationshandlingen nämner inte serviceenheten",
                "the relationship document does not name the unit",
            ),
            Self::NotStarted { from } => Text::made(
                format!("rekisterinkäyttöoikeus alkaa {}", finnish(*from)),
                format!("åtkomsträtten till registret börjar {}", finnish(*from)),
                format!("the register access right begins on {from}"),
            ),
            Self::Ended { since } => Text::made(
                format!("rekisterinkäyttöoikeus päättyi {}", finnish(*since)),
                format!("åtkomsträtten till registret upphörde {}", finnish(*since)),
                format!("the register access right ended on {since}"),
            ),
            Self::TaskMismatch { asked, granted } => Text::made(
                format!("asiakirjan palvelutehtävä on {asked}, oikeus on annettu palvelutehtävään {granted}"),
                format!("handlingens serviceuppgift är {asked}, rätten gäller serviceuppgift {granted}"),
                format!("the document's service task is {asked}, the right is for service task {granted}"),
            ),
            Self::RegisterOwnerMismatch { found } => Text::made(
                format!("asiakkuusasiakirjan rekisterinpitäjä on {found}"),
                format!("klientrelationshandlingens registeransvariga är {found}"),
                format!("the relationship document is in the register of {found}"),
            ),
            Self::UnknownCase => Text::fixed(
                "asiaa ei ole palvelunjärjestäjän rekisterissä",
                "ärendet finns inte i tjänsteanordnarens register",
                "the case is not known in the organiser's register",
            ),
            Self::NoProfessionalLink => Text::fixed(
                "asiayhteys työntekijän ja asiakkaan välillä puuttuu tai ei kata päivää",
                "det sakliga sambandet mellan den anställda och klienten saknas eller täcker inte dagen",
                "the tie between worker and client is missing or does not cover the day",
            ),
            Self::SelfPay => Text::fixed(
                "asiakas maksaa palvelun itse: asiakirja kuuluu tuottajan omaan rekisteriin",
                "klienten betalar servicen själv: handlingen hör till producentens eget register",
                "the client pays for the service: the document belongs in the producer's own register",
            ),
            Self::EvidenceTooOld => Text::fixed(
                "asiakkuusasiakirja on haettu liian kauan sitten",
                "klientrelationshandlingen hämtades för länge sedan",
                "the relationship document was fetched too long ago",
            ),
        }
    }
}

fn finnish(day: Date) -> String {
    format!("{}.{}.{}", day.day(), day.month(), day.year())
}
