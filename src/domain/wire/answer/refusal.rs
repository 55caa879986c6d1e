//! What a refusal is about, by the profile's detail codes, and who must act on it.

use super::{Actor, Detail, Severity};
use crate::domain::profile::WireProfile;
use crate::domain::text::Text;

/// What the archive refuses for (`docs/wire.md` 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The document id is taken by other bytes: perhaps by this document, from an earlier send.
    DuplicateId,
    /// No right to the register.
    AccessRight,
    /// The message is not whole or contradicts itself.
    Integrity,
    /// Not a test person, in the test environment.
    NotTestPerson,
    /// The case is not known.
    UnknownCase,
    /// The signature does not hold.
    Signature,
    /// The content does not follow its structure.
    Content,
    /// The version does not follow the one before.
    Version,
    /// The archive has too much to do.
    Overload,
    /// The document is not in the register.
    UnknownDocument,
    /// The case was closed before the document was drawn up.
    CaseClosed,
    /// An organisation has not joined.
    NotJoined,
    /// An organisation is not in a phase that allows it.
    Phase,
    /// The worker's role does not allow it.
    Role,
    /// A code that the profile does not know, or none: a person reads the archive's words.
    Other,
}

impl Refusal {
    /// Every refusal that the profile has a code for, in the order in which they are looked for.
    pub const KNOWN: [Self; 14] = [
        Self::DuplicateId,
        Self::AccessRight,
        Self::Integrity,
        Self::NotTestPerson,
        Self::UnknownCase,
        Self::Signature,
        Self::Content,
        Self::Version,
        Self::Overload,
        Self::UnknownDocument,
        Self::CaseClosed,
        Self::NotJoined,
        Self::Phase,
        Self::Role,
    ];

    /// What the errors among these details say: a taken id before all else, then the first code that is known.
    pub fn of(profile: &WireProfile, details: &[Detail]) -> Self {
        let errors = || details.iter().filter(|d| d.severity == Severity::Error).filter_map(|d| d.code.as_deref());
        if errors().any(|code| Self::DuplicateId.detail_code(profile) == Some(code)) {
            return Self::DuplicateId;
        }
        let known = |code| Self::KNOWN.into_iter().find(|known| known.detail_code(profile) == Some(code));
        errors().find_map(known).unwrap_or(Self::Other)
    }

    /// The archive's code for it, by the profile.
    pub fn detail_code(self, profile: &WireProfile) -> Option<&str> {
        let detail = &profile.detail;
        let setting = match self {
            Self::DuplicateId => &detail.duplicate_id,
            Self::AccessRight => &detail.access_right,
            Self::Integrity => &detail.integrity,
            Self::NotTestPerson => &detail.not_test_person,
            Self::UnknownCase => &detail.unknown_case,
            Self::Signature => &detail.signature,
            Self::Content => &detail.content,
            Self::Version => &detail.version,
            Self::Overload => &detail.overload,
            Self::UnknownDocument => &detail.unknown_document,
            Self::CaseClosed => &detail.case_closed,
            Self::NotJoined => &detail.not_joined,
            Self::Phase => &detail.phase,
            Self::Role => &detail.role,
            Self::Other => return None,
        };
        Some(&setting.value)
    }

    /// Who must act.
    pub fn actor(self) -> Actor {
        match self {
            Self::DuplicateId | Self::Integrity => Actor::Us,
            Self::Signature | Self::NotJoined | Self::Phase => Actor::Operator,
            Self::Overload => Actor::NobodyYet,
            Self::AccessRight
            | Self::NotTestPerson
            | Self::UnknownCase
            | Self::Content
            | Self::Version
            | Self::UnknownDocument
            | Self::CaseClosed
            | Self::Role
            | Self::Other => Actor::Caller,
        }
    }

    /// What it means, for whoever must act.
    pub fn meaning(self) -> Text {
        match self {
            Self::DuplicateId => Text::fixed(
                "arkistossa on jo tällä tunnuksella toinen asiakirja",
                "arkivet har redan en annan handling med detta id",
                "the archive has another document with this id already",
            ),
            Self::AccessRight => Text::fixed(
                "ei käyttöoikeutta rekisteriin: järjestäjän asiakkuusasiakirja ei nimeä yksikköä tälle päivälle",
                "ingen åtkomsträtt till registret: ordnarens klientrelationshandling anger inte enheten för denna dag",
                "no access right to the register: the organiser's relationship document does not name the unit for this day",
            ),
            Self::Integrity => Text::fixed(
                "sanoma ei ole eheä tai on ristiriidassa itsensä kanssa",
                "meddelandet är inte helt eller motsäger sig självt",
                "the message is not whole or contradicts itself",
            ),
            Self::NotTestPerson => Text::fixed(
                "testiympäristössä saa käsitellä vain testihenkilöitä (900-sarja)",
                "i testmiljön får bara testpersoner behandlas (serie 900)",
                "the test environment takes test persons only (900 series)",
            ),
            Self::UnknownCase => Text::fixed(
                "asiaa ei ole järjestäjän rekisterissä tai se ei ole tämän asiakkaan",
                "ärendet finns inte i ordnarens register eller är inte klientens",
                "the case is not in the organiser's register, or is not this client's",
            ),
            Self::Signature => Text::fixed(
                "allekirjoitus ei pidä tai allekirjoittajaan ei luoteta: tarkista allekirjoitusvarmenne",
                "signaturen håller inte eller undertecknaren är inte betrodd: kontrollera signeringscertifikatet",
                "the signature does not hold or its signer is not trusted: check the signing certificate",
            ),
            Self::Content => Text::fixed(
                "sisältö ei noudata asiakirjarakennettaan",
                "innehållet följer inte handlingens struktur",
                "the content does not follow its structure",
            ),
            Self::Version => Text::fixed(
                "versio ei jatka edellistä versiota tai edellinen on mitätöity",
                "versionen följer inte på den föregående, eller den föregående är makulerad",
                "the version does not follow the one before, or that one is invalidated",
            ),
            Self::Overload => {
                Text::fixed("arkisto on kuormittunut", "arkivet är överbelastat", "the archive is overloaded")
            }
            Self::UnknownDocument => Text::fixed(
                "asiakirjaa ei ole rekisterissä",
                "handlingen finns inte i registret",
                "the document is not in the register",
            ),
            Self::CaseClosed => Text::fixed(
                "asia on suljettu ennen asiakirjan laatimispäivää",
                "ärendet har avslutats före den dag då handlingen upprättades",
                "the case was closed before the day on which the document was drawn up",
            ),
            Self::NotJoined => Text::fixed(
                "organisaatio ei ole liittynyt arkistoon",
                "organisationen har inte anslutit sig till arkivet",
                "an organisation has not joined the archive",
            ),
            Self::Phase => Text::fixed(
                "organisaation käyttöönottovaihe ei salli tätä",
                "organisationens införandefas tillåter inte detta",
                "an organisation's phase does not allow it",
            ),
            Self::Role => Text::fixed(
                "työntekijän rooli ei salli tätä tässä palvelutehtävässä ja palveluprosessissa",
                "arbetstagarens roll tillåter inte detta i denna serviceuppgift och serviceprocess",
                "the worker's role does not allow it in this service task and service process",
            ),
            Self::Other => Text::fixed(
                "arkiston oma syy: lue arkiston viesti",
                "arkivets egen orsak: läs arkivets meddelande",
                "a reason of the archive's own: read its words",
            ),
        }
    }
}
