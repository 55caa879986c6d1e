//! Reasons in sentences: what stands against it, and what would make it pass.

use jiff::civil::Date;

use super::{AgreementGap, Reason};
use crate::domain::access::party::{Fact, PartyRole, Phase};
use crate::domain::access::roles::Act;
use crate::domain::text::Text;

impl Reason {
    /// What stands against it.
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
            Self::NotStarted { from } => dated(
                *from,
                ("rekisterinkäyttöoikeus alkaa", "åtkomsträtten till registret börjar"),
                "the register access right begins on",
            ),
            Self::DrawnUpBeforeStart { from } => dated(
                *from,
                (
                    "asiakirja on laadittu ennen rekisterinkäyttöoikeuden alkua",
                    "handlingen har upprättats före åtkomsträtten till registret började",
                ),
                "the document was drawn up before the register access right began on",
            ),
            Self::Ended { since } => dated(
                *since,
                ("rekisterinkäyttöoikeus päättyi", "åtkomsträtten till registret upphörde"),
                "the register access right ended on",
            ),
            Self::TaskMismatch { asked, granted } => Text::made(
                format!("asiakirjan palvelutehtävä on {asked}, oikeus on annettu palvelutehtävään {granted}"),
                format!("handlingens serviceuppgift är {asked}, rätten gäller serviceuppgift {granted}"),
                format!("the document's service task is {asked}, the right is for service task {granted}"),
            ),
            Self::RoleNotAllowed { role, service_task, service_process, act } => {
                role_not_allowed(role.as_deref(), service_task.as_deref(), service_process.as_deref(), *act)
            }
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
            Self::PhaseMismatch { organiser, producer, .. } => {
                let (o, p) = (phase(*organiser), phase(*producer));
                Text::made(
                    format!("palvelunjärjestäjä: {}; palveluntuottaja: {}: vaiheet eivät sovi yhteen", o.fi, p.fi),
                    format!("tjänsteanordnaren: {}; tjänsteproducenten: {}: faserna passar inte ihop", o.sv, p.sv),
                    format!("organiser: {}; producer: {}: the phases do not go together", o.en, p.en),
                )
            }
            Self::NotJoined { party, .. } => not_joined(*party),
            Self::NoAgreement { gap } => no_agreement(*gap),
            Self::NotStated { facts } => missing(facts),
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

    /// What would make it pass, and from which day where one is known.
    pub fn remedy(&self) -> Text {
        if let Some(from) = self.passes_on() {
            return dated(from, ("menee läpi itsestään", "går igenom av sig själv"), "passes by itself from");
        }
        match self {
            Self::NoRelationship => Text::fixed(
                "palvelunjärjestäjä tallentaa asiakkuusasiakirjan, joka nimeää yksikön ja alkupäivän",
                "tjänsteanordnaren sparar en klientrelationshandling som nämner enheten och startdagen",
                "the organiser stores a relationship document that names the unit and its first day",
            ),
            Self::UnitNotNamed => Text::fixed(
                "palvelunjärjestäjä lisää yksikön ja alkupäivän asiakkuusasiakirjan uuteen versioon",
                "tjänsteanordnaren lägger till enheten och startdagen i en ny version av klientrelationshandlingen",
                "the organiser adds the unit and its first day in a new version of the relationship document",
            ),
            Self::DrawnUpBeforeStart { .. } | Self::NotStarted { .. } => Text::fixed(
                "palvelunjärjestäjä korjaa yksikön alkupäivän, jos oikeuden piti kattaa laatimispäivä",
                "tjänsteanordnaren rättar enhetens startdag, om rätten skulle täcka dagen då handlingen upprättades",
                "the organiser corrects the unit's first day, if the right was to cover the day the document was drawn up",
            ),
            Self::Ended { .. } => Text::fixed(
                "palvelunjärjestäjä jatkaa yksikön oikeutta asiakkuusasiakirjan uudessa versiossa, jos palvelu jatkuu",
                "tjänsteanordnaren förlänger enhetens rätt i en ny version av klientrelationshandlingen, om servicen fortsätter",
                "the organiser prolongs the unit's right in a new version of the relationship document, if the service goes on",
            ),
            Self::TaskMismatch { .. } => Text::fixed(
                "korjaa asiakirjan palvelutehtävä, tai palvelunjärjestäjä nimeää yksikön myös tähän palvelutehtävään",
                "rätta handlingens serviceuppgift, eller så nämner tjänsteanordnaren enheten också för denna serviceuppgift",
                "correct the document's service task, or the organiser names the unit for this service task too",
            ),
            Self::RoleNotAllowed { .. } => Text::fixed(
                "työntekijä, jonka rooli sallii tämän, tekee sen; tai tarkista tietueen rooli",
                "en anställd vars roll tillåter detta gör det; eller kontrollera rollen i posten",
                "a worker whose role permits this does it; or check the role in the record",
            ),
            Self::RegisterOwnerMismatch { .. } => Text::fixed(
                "korjaa tietueen palvelunjärjestäjä",
                "rätta tjänsteanordnaren i posten",
                "correct the organiser in the record",
            ),
            Self::UnknownCase => Text::fixed(
                "palvelunjärjestäjä tallentaa asia-asiakirjan, tai korjaa tietueen asiatunnus",
                "tjänsteanordnaren sparar ärendehandlingen, eller rätta ärendekoden i posten",
                "the organiser stores the case document, or correct the case in the record",
            ),
            Self::PhaseMismatch { .. } | Self::NotJoined { .. } => Text::fixed(
                "osapuoli liittyy tai siirtyy sopivaan vaiheeseen; siihen asti tiedot luovutetaan palvelunjärjestäjälle muulla sovitulla tavalla",
                "parten ansluter sig eller går över till en fas som passar; till dess överlämnas uppgifterna till tjänsteanordnaren på annat avtalat sätt",
                "the party joins, or moves to a phase that fits; until then the data are handed over to the organiser another way that is agreed",
            ),
            Self::NoAgreement { .. } => Text::fixed(
                "osapuolet sopivat palvelun tuottamisesta kirjallisesti, ja sopimus merkitään asetuksiin",
                "parterna avtalar skriftligt om produktionen av servicen, och avtalet antecknas i konfigurationen",
                "the parties agree in writing on producing the service, and the agreement is entered in the configuration",
            ),
            Self::NotStated { .. } => Text::fixed(
                "osapuolten tilanne merkitään asetuksiin",
                "parternas situation antecknas i konfigurationen",
                "how the parties stand is entered in the configuration",
            ),
            Self::NoProfessionalLink => Text::fixed(
                "anna asiayhteys, jonka voimassaolo kattaa päivän",
                "ange ett sakligt samband vars giltighet täcker dagen",
                "give a tie whose period covers the day",
            ),
            Self::SelfPay => Text::fixed(
                "tallenna asiakirja tuottajan omaan rekisteriin",
                "spara handlingen i producentens eget register",
                "store the document in the producer's own register",
            ),
            Self::EvidenceTooOld => Text::fixed(
                "asiakkuusasiakirja haetaan uudelleen",
                "klientrelationshandlingen hämtas på nytt",
                "the relationship document is fetched again",
            ),
        }
    }
}

fn not_joined(party: PartyRole) -> Text {
    match party {
        PartyRole::Organiser => Text::fixed(
            "palvelunjärjestäjä ei ole liittynyt asiakastiedon arkistoon",
            "tjänsteanordnaren har inte anslutit sig till Klientdataarkivet",
            "the organiser has not joined the archive",
        ),
        PartyRole::Producer => Text::fixed(
            "palveluntuottaja ei ole liittynyt asiakastiedon arkistoon",
            "tjänsteproducenten har inte anslutit sig till Klientdataarkivet",
            "the producer has not joined the archive",
        ),
    }
}

fn no_agreement(gap: AgreementGap) -> Text {
    match gap {
        AgreementGap::None => Text::fixed(
            "osapuolten välillä ei ole sopimusta palvelun tuottamisesta",
            "parterna har inget avtal om produktionen av servicen",
            "the parties have no agreement on producing the service",
        ),
        AgreementGap::Begins { from } => {
            dated(from, ("osapuolten sopimus alkaa", "parternas avtal börjar"), "the parties' agreement begins on")
        }
        AgreementGap::Ended { since } => {
            dated(since, ("osapuolten sopimus päättyi", "parternas avtal upphörde"), "the parties' agreement ended on")
        }
    }
}

fn phase(phase: Phase) -> Text {
    match phase {
        Phase::NotStated => Text::fixed("vaihe ei tiedossa", "fasen okänd", "phase not stated"),
        Phase::Phase1 => Text::fixed("vaihe 1", "fas 1", "phase 1"),
        Phase::Phase1Partial => Text::fixed(
            "vaihe 1, rekisterinkäyttöoikeus osittaistoteutuksena",
            "fas 1, åtkomsträtt till register som partiell implementering",
            "phase 1, register access right as a partial implementation",
        ),
        Phase::Phase2 => Text::fixed("vaihe 2", "fas 2", "phase 2"),
        Phase::Phase2Without => Text::fixed(
            "vaihe 2, rekisterinkäyttöoikeus ei käytössä",
            "fas 2, åtkomsträtt till register inte i bruk",
            "phase 2, register access right not in use",
        ),
    }
}

fn role_not_allowed(role: Option<&str>, task: Option<&str>, process: Option<&str>, act: Act) -> Text {
    let or_none = |code: Option<&str>| code.unwrap_or("-").to_owned();
    let (role, task, process) = (or_none(role), or_none(task), or_none(process));
    let (fi, sv, en) = match act {
        Act::Read => ("lukea", "läsa", "read"),
        Act::Write => ("tallentaa", "spara", "store"),
    };
    Text::made(
        format!("rooli {role} ei saa {fi} palvelutehtävässä {task}, palveluprosessissa {process}"),
        format!("rollen {role} får inte {sv} i serviceuppgift {task}, serviceprocess {process}"),
        format!("role {role} may not {en} in service task {task}, service process {process}"),
    )
}

/// What nobody has stated.
pub(in crate::domain::access) fn missing(facts: &[Fact]) -> Text {
    let names = |pick: fn(&(&'static str, &'static str, &'static str)) -> &'static str| {
        facts.iter().map(|fact| pick(&fact_name(*fact))).collect::<Vec<_>>().join(", ")
    };
    Text::made(
        format!("asetuksista puuttuu: {}", names(|n| n.0)),
        format!("i konfigurationen saknas: {}", names(|n| n.1)),
        format!("the configuration does not state: {}", names(|n| n.2)),
    )
}

fn fact_name(fact: Fact) -> (&'static str, &'static str, &'static str) {
    match fact {
        Fact::OrganiserJoined => {
            ("palvelunjärjestäjän liittyminen", "tjänsteanordnarens anslutning", "whether the organiser has joined")
        }
        Fact::ProducerJoined => {
            ("palveluntuottajan liittyminen", "tjänsteproducentens anslutning", "whether the producer has joined")
        }
        Fact::Phases => ("osapuolten vaiheet", "parternas faser", "the parties' phases"),
        Fact::Agreement => ("osapuolten sopimus", "parternas avtal", "the parties' agreement"),
    }
}

fn dated(day: Date, (fi, sv): (&str, &str), en: &str) -> Text {
    Text::made(format!("{fi} {}", finnish(day)), format!("{sv} {}", finnish(day)), format!("{en} {day}"))
}

fn finnish(day: Date) -> String {
    format!("{}.{}.{}", day.day(), day.month(), day.year())
}
