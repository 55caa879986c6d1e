//! Handing over another way than the archive: for what, after what, with which case, and how the package is made.
//!
//! What the worker (by itself, where the configuration says so) and the operator's calls share. How the parties stand is the
//! domain's to judge, the package the pipeline's to make, keeping it the store's.

use std::sync::Arc;

use jiff::Timestamp;

use super::ports::{HandoverBodies, HandoverPreparation, Pace, Pipeline, PrepareFault};
use super::store::{Claimed, Predecessor, Submission};
use super::worker::in_its_place;
use crate::domain::access::{Denial, Reason};
use crate::domain::oid::Oid;
use crate::domain::record::{CaseReference, LocalRecord};
use crate::domain::submission::{Cause, Class};
use crate::domain::text::Text;

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
    /// A [`Cause`] when there is no case to put into the document, or what it follows has gone neither way.
    pub(crate) fn try_new(
        claimed: &Claimed,
        record: &LocalRecord,
        named: Option<&Oid>,
        against: &Denial,
    ) -> Result<Self, Cause> {
        if claimed.submission.waits_for.is_some() {
            return Err(predecessor_open());
        }
        check_predecessor(claimed.predecessor.as_ref())?;
        // What was handed over once is as it is.
        let case = match (&claimed.handed_over, &record.case) {
            (Some(_), _) | (None, CaseReference::None) => None,
            (None, CaseReference::Known(case)) => Some(case.clone()),
            (None, CaseReference::Find) => Some(named.cloned().ok_or_else(case_not_named)?),
        };
        Ok(Self {
            submission: claimed.submission.clone(),
            payload: in_its_place(&claimed.submission, record, &claimed.payload)?.into_owned(),
            kept: claimed.handed_over.clone(),
            organiser: record.organiser.oid.clone(),
            case,
            why: codes(against),
        })
    }

    /// Makes document and package, on a thread where blocking harms nobody.
    ///
    /// # Errors
    /// [`PrepareFault`].
    pub(crate) async fn carry_out(
        self,
        pipeline: &Arc<dyn Pipeline>,
        now: Timestamp,
    ) -> Result<HandoverBodies, PrepareFault> {
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
        match pace {
            Pace::Instant => make(),
            Pace::Blocks => tokio::task::spawn_blocking(make).await.map_err(|_| PrepareFault::Lasting(not_made()))?,
        }
    }
}

/// The reasons' codes, each once.
pub(crate) fn codes(against: &Denial) -> Vec<String> {
    let mut codes: Vec<String> = against.reasons.iter().map(|r| format!("access.{}", r.code())).collect();
    codes.dedup();
    codes
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
    match predecessor.map(|of| of.class) {
        None | Some(Class::Archived | Class::HandedOver) => Ok(()),
        Some(Class::Open) => Err(predecessor_open()),
        Some(Class::Rejected | Class::Abandoned) => Err(predecessor_went_nowhere()),
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

/// Said while a document waits for one before it that was handed over.
pub(crate) fn predecessor_handed_over() -> Cause {
    let text = Text::fixed(
        "asiakirja, jonka tämä korvaa, on luovutettu muuta tietä: palauta se arkistoitavaksi ensin tai luovuta tämäkin",
        "handlingen som denna ersätter har överlämnats på annat sätt: ta tillbaka den först eller överlämna även denna",
        "the document that this one replaces was handed over another way: take that one back first, or hand this one over too",
    );
    Cause::new("version.predecessor_handed_over", text)
}

fn not_made() -> Cause {
    let text = Text::fixed(
        "luovutuspaketin muodostaminen kaatui: ohjelmavirhe",
        "överlämningspaketet kunde inte byggas: programfel",
        "making the package failed: a fault in this program",
    );
    Cause::new("handover.not_made", text)
}
