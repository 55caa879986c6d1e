//! The sentence behind each reason: publication, place, words, and how sure it is that it says so.

use serde::Serialize;

use super::{AgreementGap, Reason};
use crate::domain::access::party::{Fact, Phase};
use crate::domain::profile::Certainty;

/// Where a reason comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ground {
    /// The publication.
    pub source: &'static str,
    /// The place in it.
    pub clause: &'static str,
    /// Its words, in its language; empty where the rule follows from more than one sentence or is ours.
    pub words: &'static str,
    /// How sure it is.
    pub certainty: Certainty,
}

const SLIDES: &str = "Kela, Tjänsteproducentens åtkomsträtt till register vid behandling av klientuppgifter, 26.5.2020";
const PAGE: &str = "kanta.fi, Åtkomsträtt till register inom socialvården, 28.10.2020";
const RELATIONSHIP: &str = "THL Sosmeta 1505.1.2023.6.1, asiakkuusasiakirja";

const fn verified(source: &'static str, clause: &'static str, words: &'static str) -> Ground {
    Ground { source, clause, words, certainty: Certainty::Verified }
}

const fn inferred(source: &'static str, clause: &'static str) -> Ground {
    Ground { source, clause, words: "", certainty: Certainty::Inferred }
}

const CONDITIONS: &str = "Förutsättningar för åtkomsträtt till register";

const RIGHT_BY_RELATIONSHIP: Ground = verified(
    SLIDES,
    "Vad är åtkomsträtt till register?",
    "Tjänsteanordnaren skapar åtkomsträtt till registret för tjänsteproducenten med hjälp av klientens klientrelationshandling.",
);
const JOINED: Ground = verified(
    SLIDES,
    "Vad krävs för åtkomsträtt till register?",
    "Tjänsteanordnaren och tjänsteproducenten har anslutit sig som användare av Klientdataarkivet för socialvården.",
);
const IN_USE: Ground = verified(
    PAGE,
    CONDITIONS,
    "Båda parterna använder Klientdataarkivet för socialvården och funktionen Åtkomsträtt till register.",
);
const PARTIAL: Ground = verified(
    PAGE,
    CONDITIONS,
    "Det är möjligt att tjänsteanordnarens klientdatasystem har funktioner enligt fas 2 och tjänsteproducentens system funktioner enligt fas 1, och dessutom börjar tjänsteproducenten använda Åtkomsträtt till register som partiell implementering.",
);
const NOT_WITH_ORGANISER_IN_1: Ground = verified(
    PAGE,
    CONDITIONS,
    "Om tjänsteproducentens klientdatasystem har funktioner enligt fas 2 medan anordnaren har funktioner enligt fas 1 kan Åtkomsträtt till register inte implementeras.",
);
const AGREED: Ground = verified(
    PAGE,
    CONDITIONS,
    "Mellan tjänsteanordnaren och tjänsteproducenten har det upprättats ett avtal om produktion av tjänsten och om arrangemangen i samband med det.",
);

impl Reason {
    /// The sentence behind it.
    pub fn ground(&self) -> Ground {
        match self {
            Self::NoRelationship => RIGHT_BY_RELATIONSHIP,
            Self::UnitNotNamed => verified(RELATIONSHIP, "palveluntuottaja.palveluyksikon_nimi", ""),
            Self::NotStarted { .. } => verified(RELATIONSHIP, "palveluntuottaja.asiakkuuden_alkamispvm", ""),
            Self::DrawnUpBeforeStart { .. } => {
                inferred(RELATIONSHIP, "palveluntuottaja.asiakkuuden_alkamispvm; option drawn_up_before_start")
            }
            Self::Ended { .. } => inferred(RELATIONSHIP, "palveluntuottaja.asiakkuuden_paattymispvm"),
            Self::TaskMismatch { .. } => {
                inferred(RELATIONSHIP, "sosiaalihuollon_palvelutehtava.palvelutehtava; option reach")
            }
            Self::RoleNotAllowed { .. } => verified(
                PAGE,
                CONDITIONS,
                "Åtkomsträttigheterna har fastställts i enlighet med föreskriften om åtkomsträttigheter i både tjänsteanordnarens och tjänsteproducentens klientdatasystem.",
            ),
            Self::RegisterOwnerMismatch { .. } => verified(
                PAGE,
                "Köptjänster",
                "I köptjänstsituationer ska de handlingar som tjänsteproducenten upprättat arkiveras i tjänsteanordnarens klientregister inom socialvården.",
            ),
            Self::UnknownCase => {
                verified(PAGE, CONDITIONS, "Handlingarna kan fogas till ett ärende som tjänsteanordnaren skapat.")
            }
            Self::PhaseMismatch { organiser, producer, .. } => of_phases(*organiser, *producer),
            Self::NotJoined { .. } => JOINED,
            Self::NoAgreement { gap: AgreementGap::None | AgreementGap::Begins { .. } } => AGREED,
            Self::NoAgreement { gap: AgreementGap::Ended { .. } } => AGREED,
            Self::NotStated { .. } => inferred("asiasilta", "option unstated"),
            Self::NoProfessionalLink => verified(
                PAGE,
                CONDITIONS,
                "Den sakliga anknytningen mellan den anställda som producerar servicen och klienten ska kunna verifieras tekniskt.",
            ),
            Self::SelfPay => inferred("vasso.fi, kysymykset: mikä taho hallinnoi", "rekisterinpitäjä"),
            Self::EvidenceTooOld => Ground {
                source: "asiasilta",
                clause: "option evidence_age_max_s",
                words: "",
                certainty: Certainty::Placeholder,
            },
        }
    }
}

/// The sentence that asks for a fact.
pub(in crate::domain::access) fn of_fact(fact: Fact) -> Ground {
    match fact {
        Fact::OrganiserJoined | Fact::ProducerJoined => JOINED,
        Fact::Phases => IN_USE,
        Fact::Agreement => AGREED,
    }
}

fn of_phases(organiser: Phase, producer: Phase) -> Ground {
    match (organiser, producer) {
        (Phase::Phase2Without, _) | (_, Phase::Phase2Without) => IN_USE,
        (Phase::Phase1 | Phase::Phase1Partial, Phase::Phase2) => NOT_WITH_ORGANISER_IN_1,
        (Phase::Phase1 | Phase::Phase1Partial, _) => {
            inferred(PAGE, "Förutsättningar för åtkomsträtt till register; option both_phase_1")
        }
        _ => PARTIAL,
    }
}
