//! Handing over another way than the archive: for what, after what, with which case, and how the package is made.
//!
//! What the worker (by itself, where the configuration says so) and the operator's calls share. How the parties stand is the
//! domain's to judge, the package the pipeline's to make, keeping it the store's.

use std::sync::Arc;

use jiff::Timestamp;

use super::ports::{HandoverPreparation, Pace, Pipeline, PrepareFault};
use super::store::{Claimed, Handover, Predecessor, SignedPlace, Submission};
use super::worker::in_its_place;
use crate::domain::access::{Denial, Reason};
use crate::domain::handover::PREDECESSOR_HANDED_OVER;
use crate::domain::oid::Oid;
use crate::domain::record::{CaseReference, LocalRecord};
use crate::domain::submission::{Cause, Class, Kind};
use crate::domain::text::Text;

/// What keeps a document from the archive.
pub(crate) enum Against {
    /// How the parties stand.
    Parties(Denial),
    /// What it replaces is at the organiser and not in the archive: there is no place for it there.
    Chain,
}

impl Against {
    /// What keeps a submission from the archive, where how the parties stand is known.
    pub(crate) fn of(claimed: &Claimed, parties: Option<Denial>) -> Option<Self> {
        let gone_before = |of: &Predecessor| of.was_handed_over && !matches!(of.class, Class::Archived | Class::Open);
        let chain = claimed.predecessor.as_ref().is_some_and(gone_before).then_some(Self::Chain);
        parties.map(Self::Parties).or(chain)
    }

    /// The reasons' codes, each once.
    pub(crate) fn codes(&self) -> Vec<String> {
        match self {
            Self::Parties(denial) => {
                let mut codes: Vec<String> = denial.reasons.iter().map(|r| format!("access.{}", r.code())).collect();
                codes.dedup();
                codes
            }
            Self::Chain => vec![PREDECESSOR_HANDED_OVER.to_owned()],
        }
    }

    /// Every reason in one sentence, under the first one's name.
    pub(crate) fn cause(&self) -> Cause {
        match self {
            Self::Parties(denial) => cause_of(denial),
            Self::Chain => predecessor_handed_over(),
        }
    }
}

/// What is handed over, and why.
pub(crate) struct Order {
    submission: Submission,
    payload: Vec<u8>,
    kept: Option<Vec<u8>>,
    organiser: Oid,
    case: Option<Oid>,
    why: Vec<String>,
}

impl Order {
    /// An order for a submission as the store has it. `named` is the case that a person names, for a record whose case is to be
    /// found: where the archive is no option, nobody can look for it.
    ///
    /// # Errors
    /// A [`Cause`] when it is an invalidation, there is no case to put into the document, one is named for nothing, or what it
    /// follows has gone neither way.
    pub(crate) fn try_new(
        claimed: &Claimed,
        record: &LocalRecord,
        named: Option<&Oid>,
        against: &Against,
    ) -> Result<Self, Cause> {
        if claimed.submission.waits_for.is_some() {
            return Err(predecessor_open());
        }
        check_predecessor(claimed.predecessor.as_ref())?;
        // What was handed over once is as it is.
        let case = match (&claimed.handed_over, &record.case, named) {
            (Some(_), _, None) | (None, CaseReference::None, None) => None,
            (None, CaseReference::Known(case), None) => Some(case.clone()),
            (None, CaseReference::Known(case), Some(named)) if case == named => Some(case.clone()),
            (None, CaseReference::Find, named) => Some(named.cloned().ok_or_else(case_not_named)?),
            (_, _, Some(_)) => return Err(case_not_used()),
        };
        Ok(Self {
            submission: claimed.submission.clone(),
            payload: in_its_place(&claimed.submission, record, &claimed.payload)?.into_owned(),
            kept: claimed.handed_over.clone(),
            organiser: record.organiser.oid.clone(),
            case,
            why: against.codes(),
        })
    }

    /// The case that goes into the document, where that is settled here.
    pub(crate) fn case(&self) -> Option<&Oid> {
        self.case.as_ref()
    }

    /// Makes document and package, on a thread where blocking harms nobody.
    ///
    /// # Errors
    /// [`PrepareFault`].
    pub(crate) async fn carry_out(
        self,
        pipeline: &Arc<dyn Pipeline>,
        now: Timestamp,
    ) -> Result<Handover, PrepareFault> {
        let place = SignedPlace::of(&self.submission);
        let (maker, pace) = (Arc::clone(pipeline), pipeline.pace());
        let make = move || {
            maker.hand_over(&HandoverPreparation {
                package: self.submission.id.as_str(),
                organiser: &self.organiser,
                payload: &self.payload,
                ids: &self.submission.document,
                created: now,
                case: self.case.as_ref(),
                why: &self.why,
                kept: self.kept.as_deref(),
            })
        };
        let bodies = match pace {
            Pace::Instant => make(),
            Pace::Blocks => tokio::task::spawn_blocking(make).await.map_err(|_| PrepareFault::Lasting(not_made()))?,
        };
        Ok(Handover { bodies: bodies?, place })
    }
}

/// Whether a submission is one that can go another way at all.
///
/// # Errors
/// A [`Cause`] for an invalidation.
pub(crate) fn check_kind(submission: &Submission) -> Result<(), Cause> {
    if submission.kind == Kind::Document { Ok(()) } else { Err(no_document()) }
}

/// Whether what was handed over can be archived in the place that its bytes say.
///
/// # Errors
/// A [`Cause`] when what it replaces has gone nowhere since.
pub(crate) fn check_way_back(claimed: &Claimed) -> Result<(), Cause> {
    match claimed.predecessor.as_ref().map(|of| of.class) {
        Some(Class::Rejected | Class::Abandoned) => Err(place_lost()),
        Some(Class::Open | Class::Archived | Class::HandedOver) | None => Ok(()),
    }
}

/// Every reason in one sentence, under the first one's name.
pub(crate) fn cause_of(against: &Denial) -> Cause {
    let code = against.reasons.first().map_or("denied", Reason::code);
    let texts: Vec<Text> = against.reasons.iter().map(Reason::text).collect();
    let join = |pick: fn(&Text) -> &str| texts.iter().map(pick).collect::<Vec<_>>().join("; ");
    Cause::new(format!("access.{code}"), Text::made(join(|t| &t.fi), join(|t| &t.sv), join(|t| &t.en)))
}

/// A document goes the other way after the one that it replaces, which may have gone either way.
fn check_predecessor(predecessor: Option<&Predecessor>) -> Result<(), Cause> {
    let Some(of) = predecessor else { return Ok(()) };
    match of.class {
        Class::Archived | Class::HandedOver => Ok(()),
        Class::Open => Err(predecessor_open()),
        // The organiser has it all the same.
        Class::Rejected | Class::Abandoned if of.was_handed_over => Ok(()),
        Class::Rejected | Class::Abandoned => Err(predecessor_went_nowhere()),
    }
}

fn predecessor_open() -> Cause {
    let text = Text::fixed(
        "asiakirja, jonka tämä korvaa, on vielä kesken: luovuta tai ratkaise se ensin",
        "handlingen som denna ersätter är ännu öppen: överlämna eller avgör den först",
        "the document that this one replaces is still open: hand that one over, or settle it, first",
    );
    Cause::new("handover.predecessor_open", text)
}

fn predecessor_went_nowhere() -> Cause {
    let text = Text::fixed(
        "asiakirja, jonka tämä korvaa, ei päätynyt arkistoon eikä sitä luovutettu: vapauta tämä ensin sen paikalle",
        "handlingen som denna ersätter kom inte till arkivet och överlämnades inte: släpp denna först på dess plats",
        "the document that this one replaces was neither archived nor handed over: release this one in its place first",
    );
    Cause::new("handover.predecessor_went_nowhere", text)
}

/// Said of a record whose case is to be found in an archive that is no option.
pub(crate) fn case_not_named() -> Cause {
    let text = Text::fixed(
        "arkisto ei ole käytettävissä, joten asiaa ei voi hakea: anna luovutuksessa palvelunjärjestäjän ilmoittama asiatunnus",
        "arkivet kan inte användas, så ärendet kan inte sökas: ange vid överlämningen den ärendekod som tjänsteanordnaren uppger",
        "the archive is no option, so that the case cannot be looked for: name the organiser's case when handing over",
    );
    Cause::new("handover.case_not_named", text)
}

/// Said of a case that a person names and that goes nowhere.
fn case_not_used() -> Cause {
    let text = Text::fixed(
        "asiatunnusta ei käytetä: tietue nimeää oman asiansa, on ilman asiaa tai on jo luovutettu kerran; jätä case pois",
        "ärendekoden används inte: posten anger sitt eget ärende, är utan ärende eller har redan överlämnats; utelämna case",
        "the case is not used: the record names its own, has none, or was handed over before; leave case out",
    );
    Cause::new("handover.case_not_used", text)
}

/// Said of an invalidation that somebody would hand over or take back.
fn no_document() -> Cause {
    let text = Text::fixed(
        "mitätöintiä ei luovuteta eikä palauteta: ilmoita siitä palvelunjärjestäjälle sovittua kanavaa pitkin",
        "en makulering överlämnas inte och tas inte tillbaka: meddela tjänsteanordnaren via den avtalade kanalen",
        "an invalidation is neither handed over nor taken back: tell the organiser of it by the agreed channel",
    );
    Cause::new("handover.no_document", text)
}

/// Said of what was handed over in a place in its chain that the archive has not got.
pub(crate) fn place_lost() -> Cause {
    let text = Text::fixed(
        "asiakirja, jonka tämä korvaa, ei päätynyt arkistoon, ja luovutetun asiakirjan paikka on lukittu: jätä tämä luovutetuksi (luovuta tarvittaessa uudelleen) ja lähetä sisältö halutessasi uutena tietueena",
        "handlingen som denna ersätter kom inte till arkivet, och en överlämnad handlings plats är låst: låt denna förbli överlämnad (överlämna den vid behov på nytt) och skicka vid behov innehållet som en ny post",
        "the document that this one replaces did not reach the archive, and the place of what was handed over is fixed: leave this one handed over (hand it over again where it has come back), and submit its content as a new record if it is wanted in the archive",
    );
    Cause::new("handover.place_lost", text)
}

/// Said of what was handed over and is to count no longer.
pub(crate) fn invalidation_open() -> Cause {
    let text = Text::fixed(
        "asiakirjan mitätöinti on kesken: asiakirjaa ei arkistoida; luovu mitätöinnistä, jos asiakirja on sittenkin voimassa",
        "en makulering av handlingen är öppen: handlingen arkiveras inte; ge upp makuleringen om handlingen ändå gäller",
        "an invalidation of the document is open: the document is not archived; give the invalidation up if the document counts after all",
    );
    Cause::new("handover.invalidation_open", text)
}

/// Said when another has moved it in its chain while its document was being signed.
pub(crate) fn moved() -> Cause {
    let text = Text::fixed(
        "asiakirjan paikka versioketjussa muuttui samalla hetkellä: luovuta uudelleen",
        "handlingens plats i versionskedjan ändrades i samma stund: överlämna på nytt",
        "its place in its version chain changed at the same moment: hand it over again",
    );
    Cause::new("handover.moved", text)
}

/// Said of what has no package because nothing of it was ever handed over.
pub(crate) fn never_handed_over() -> Text {
    Text::fixed(
        "lähetystä ei ole luovutettu muuta tietä: pakettia ei ole",
        "försändelsen har inte överlämnats på annat sätt: det finns inget paket",
        "the submission was never handed over another way: there is no package",
    )
}

/// Said where the organiser has given no key.
pub(crate) fn no_channel() -> Cause {
    let text = Text::fixed(
        "palvelunjärjestäjälle ei ole määritetty luovutuksen avainta: lisää asetuksiin organisers.hand_over",
        "tjänsteanordnaren har ingen nyckel för överlämning i konfigurationen: lägg till organisers.hand_over",
        "the configuration has no key to hand over to the organiser with: add organisers.hand_over",
    );
    Cause::new("handover.no_channel", text)
}

/// Said of an operator's order to hand over what can be archived.
pub(crate) fn archive_is_an_option() -> Text {
    Text::fixed(
        "osapuolten tilanne ei estä arkistointia: asiakirja kuuluu arkistoon eikä muuhun kanavaan",
        "parternas läge hindrar inte arkivering: handlingen hör till arkivet och inte till någon annan kanal",
        "nothing in how the parties stand keeps it from the archive: the document belongs there, not in another channel",
    )
}

/// Said of an order to take back while the archive is still no option.
pub(crate) fn archive_is_no_option() -> Text {
    Text::fixed(
        "asiakirjaa ei voi vielä arkistoida: osapuolten tilanne estää sen",
        "handlingen kan inte arkiveras ännu: parternas läge hindrar det",
        "the document cannot be archived yet: how the parties stand keeps it from that",
    )
}

/// Said of what retention has purged since its receipt.
pub(crate) fn purged() -> Text {
    Text::fixed(
        "luovutettu asiakirja on poistettu säilytysajan päätyttyä",
        "den överlämnade handlingen har gallrats efter förvaringstiden",
        "what was handed over has been purged, its time being over",
    )
}

/// Said of a document whose predecessor is at the organiser and not in the archive.
pub(crate) fn predecessor_handed_over() -> Cause {
    let text = Text::fixed(
        "asiakirja, jonka tämä korvaa, on luovutettu muuta tietä: palauta se arkistoitavaksi ensin tai luovuta tämäkin",
        "handlingen som denna ersätter har överlämnats på annat sätt: ta tillbaka den först eller överlämna även denna",
        "the document that this one replaces was handed over another way: take that one back first, or hand this one over too",
    );
    Cause::new(PREDECESSOR_HANDED_OVER, text)
}

fn not_made() -> Cause {
    let text = Text::fixed(
        "luovutuspaketin muodostaminen kaatui: ohjelmavirhe",
        "överlämningspaketet kunde inte byggas: programfel",
        "making the package failed: a fault in this program",
    );
    Cause::new("handover.not_made", text)
}
