//! The archive of a simulated world: loses answers, stores what it has refused, hears late, throttles, and writes everything down.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;

use super::dice::{Dice, Points, SimClock};
use crate::domain::access::{Authority, Evidence};
use crate::domain::document::header::DocumentIds;
use crate::domain::find_case::{KnownCase, KnownDecision};
use crate::domain::oid::Oid;
use crate::domain::submission::Cause;
use crate::domain::text::Text;
use crate::domain::wire::answer::Entry;
use crate::sidecar::ports::{
    Archive, ArchiveFault, Asker, CasesWanted, Clock, Contents, Digest, Ground, HeldBytes, Holding, Listed, Outbound,
    Outcome, Page, PageWanted, Presence, Wanted,
};
use crate::sidecar::worker::tests::invalidations::entry;
use crate::sidecar::worker::tests::{CASE, case, evidence};

/// How the archive and the way to it behave now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weather {
    Calm,
    /// Of a hundred exchanges, so many go wrong somehow.
    Flaky(u64),
    /// Nothing gets through.
    Down,
    /// Answers 503 with Retry-After.
    Overloaded,
}

/// What the simulated organiser has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    None,
    NotYet,
    Given,
}

/// What becomes of one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Well,
    /// Nothing leaves.
    Unreachable,
    /// Lost before it arrives.
    LostOnTheWay,
    /// It arrives, the answer does not.
    AnswerLost,
    /// The sender has given up when it arrives.
    Late,
    /// "Come back later", and yet it is taken.
    SaidNoAndStored,
    /// "Come back later", and it is not taken.
    Throttled,
    /// An answer that is about something else.
    WrongIds,
}

/// Everything that arrived and what was wrong with it.
#[derive(Default)]
pub(super) struct Ledger {
    /// What it is told to, in the order in which it was stored.
    pub(super) stored: Vec<(String, Vec<u8>)>,
    /// What somebody else has stored under an id of ours.
    others: BTreeMap<String, Vec<u8>>,
    /// Bytes of the first arrival.
    arrived: BTreeMap<String, Vec<u8>>,
    asked: BTreeSet<String>,
    pub(super) nullified: BTreeSet<String>,
    /// When the sender last let go of it, by true time.
    let_go: BTreeMap<String, Duration>,
    under_way: BTreeSet<String>,
    pub(super) violations: Vec<String>,
    pub(super) seen: BTreeMap<&'static str, u64>,
}

impl Ledger {
    pub(super) fn note(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    /// Messages of invalidations of a document that may have arrived.
    fn messages_about(&self, document: &str) -> Vec<String> {
        let known = self.let_go.keys().chain(&self.under_way);
        let about = known.filter(|message| message.split_once('/').is_some_and(|(target, _)| target == document));
        about.cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// An invalidation is there, for the first time.
    fn nullify(&mut self, message: &str, target: &str, body: &[u8]) -> Outcome {
        if !self.has(target) {
            return Outcome::Rejected(Vec::new());
        }
        self.note("invalidation");
        self.nullified.insert(target.to_owned());
        self.stored.push((message.to_owned(), body.to_vec()));
        Outcome::Archived(Vec::new())
    }

    fn has(&self, document: &str) -> bool {
        self.others.contains_key(document) || self.stored.iter().any(|(id, _)| id == document)
    }

    /// What it has under an id, and whether that is what it was sent.
    fn holding(&self, document: &Oid) -> Option<(Holding, bool)> {
        let id = document.as_str();
        let others = self.others.get(id);
        let body = others.or_else(|| self.stored.iter().find(|(stored, _)| stored == id).map(|(_, body)| body))?;
        let said: Value = serde_json::from_slice(body).unwrap();
        let version = u32::try_from(said["version"].as_u64().unwrap()).unwrap();
        let ids =
            DocumentIds { document: document.clone(), set: said["set"].as_str().unwrap().parse().unwrap(), version };
        Some((Holding { ids, bytes: HeldBytes::Known(Digest::of(body)) }, others.is_none()))
    }
}

/// Shared by the worker's side and the messages that are on their way, which outlive the process that sent them.
struct Inner {
    ledger: Mutex<Ledger>,
    dice: Arc<Dice>,
    clock: Arc<SimClock>,
    reconcile_after: Duration,
    weather: Mutex<Weather>,
    right: Mutex<Right>,
    /// Bytes that it has already are refused as a duplicate, not acknowledged again.
    refuses_repeats: bool,
}

pub(super) struct SimArchive {
    inner: Arc<Inner>,
    points: Arc<Points>,
    /// Answers a question before sending again by itself: the promise broken on purpose.
    pub(super) skips_questions: bool,
    /// Other bytes than were sent pass for the same: another promise broken on purpose.
    pub(super) withholds_bytes: bool,
}

pub(super) fn passing(code: &str) -> Cause {
    Cause::new(code, Text::same("x"))
}

impl SimArchive {
    pub(super) fn new(
        dice: &Arc<Dice>,
        clock: &Arc<SimClock>,
        points: &Arc<Points>,
        reconcile_after: Duration,
    ) -> Self {
        let inner = Inner {
            ledger: Mutex::default(),
            dice: Arc::clone(dice),
            clock: Arc::clone(clock),
            reconcile_after,
            weather: Mutex::new(Weather::Calm),
            right: Mutex::new(Right::Given),
            refuses_repeats: dice.percent(30),
        };
        Self { inner: Arc::new(inner), points: Arc::clone(points), skips_questions: false, withholds_bytes: false }
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.inner.ledger.lock().unwrap()
    }

    pub(super) fn set(&self, weather: Weather) {
        *self.inner.weather.lock().unwrap() = weather;
    }

    pub(super) fn grant(&self, right: Right) {
        *self.inner.right.lock().unwrap() = right;
    }

    /// A question that is no send: fails as the weather has it.
    async fn read(&self) -> Result<(), ArchiveFault> {
        self.points.pass().await;
        tokio::time::sleep(self.inner.dice.millis_up_to(Duration::from_millis(500))).await;
        let fate = self.inner.fate();
        self.points.pass().await;
        fate.as_question(&self.inner.dice)
    }
}

impl Fate {
    fn as_question(self, dice: &Dice) -> Result<(), ArchiveFault> {
        match self {
            Self::Well | Self::Late | Self::SaidNoAndStored => Ok(()),
            Self::Unreachable => Err(ArchiveFault::Passing { retry_after: None, why: passing("archive.unreachable") }),
            Self::LostOnTheWay | Self::AnswerLost => {
                Err(ArchiveFault::Passing { retry_after: None, why: passing("archive.timed_out") })
            }
            Self::Throttled => Err(ArchiveFault::Passing {
                retry_after: Some(Duration::from_secs(dice.between(1, 120))),
                why: passing("archive.not_processed"),
            }),
            Self::WrongIds => Err(ArchiveFault::Lasting { why: passing("archive.refused") }),
        }
    }
}

impl Inner {
    fn fate(&self) -> Fate {
        let bad = match *self.weather.lock().unwrap() {
            Weather::Calm => 0,
            Weather::Flaky(percent) => percent,
            Weather::Down => return Fate::Unreachable,
            Weather::Overloaded => return Fate::Throttled,
        };
        if !self.dice.percent(bad) {
            return Fate::Well;
        }
        let all = [
            Fate::Unreachable,
            Fate::LostOnTheWay,
            Fate::AnswerLost,
            Fate::AnswerLost,
            Fate::Late,
            Fate::Late,
            Fate::SaidNoAndStored,
            Fate::Throttled,
            Fate::WrongIds,
        ];
        *self.dice.pick(&all).unwrap()
    }

    /// A message is there. What is wrong with that is written down before anything is recognised as a repetition.
    fn arrive(&self, document: &str, body: &[u8]) -> Outcome {
        let mut ledger = self.ledger.lock().unwrap();
        if let Some(before) = ledger.arrived.get(document) {
            let same = before == body;
            if !ledger.asked.contains(document) {
                ledger.violations.push(format!("{document} arrived again without a question between"));
            }
            if !same {
                ledger.violations.push(format!("{document} arrived again with other bytes"));
            }
            ledger.note("second arrival");
        }
        ledger.asked.remove(document);
        ledger.arrived.entry(document.to_owned()).or_insert_with(|| body.to_vec());
        if ledger.has(document) {
            ledger.note("repetition");
            // What is invalid already is taken again.
            return if self.refuses_repeats && !document.contains('/') {
                Outcome::Duplicate(Vec::new())
            } else {
                Outcome::Archived(Vec::new())
            };
        }
        if let Some((target, _)) = document.split_once('/') {
            return ledger.nullify(document, target, body);
        }
        // By the document alone, so that its fate is the same each time.
        match document.bytes().fold(0u32, |sum, b| sum.wrapping_mul(31).wrapping_add(b.into())) % 12 {
            0 => Outcome::Rejected(Vec::new()),
            1 => Outcome::Duplicate(Vec::new()),
            2 => {
                ledger.note("id taken by other bytes");
                let mut others: Value = serde_json::from_slice(body).unwrap();
                others["nonce"] = Value::Null;
                ledger.others.insert(document.to_owned(), others.to_string().into_bytes());
                Outcome::Duplicate(Vec::new())
            }
            _ => {
                ledger.stored.push((document.to_owned(), body.to_vec()));
                Outcome::Archived(Vec::new())
            }
        }
    }

    /// Carries one message: it goes on when its sender is gone. Everything that arrives does so within `reconcile_after`.
    async fn carry(self: Arc<Self>, document: String, body: Vec<u8>, sender: oneshot::Sender<Outcome>) {
        let fate = self.fate();
        let way = if self.dice.percent(10) { self.reconcile_after } else { Duration::from_millis(400) };
        let way = self.dice.millis_up_to(way);
        let gone = Outcome::Unknown { retry_after: None, why: passing("archive.timed_out") };
        self.ledger.lock().unwrap().note(match fate {
            Fate::Well => "send: well",
            Fate::Unreachable => "send: unreachable",
            Fate::LostOnTheWay => "send: lost on the way",
            Fate::AnswerLost => "send: answer lost",
            Fate::Late => "send: late",
            Fate::SaidNoAndStored => "send: stored after a no",
            Fate::Throttled => "send: throttled",
            Fate::WrongIds => "send: wrong ids",
        });
        let later = Some(Duration::from_secs(self.dice.between(1, 120)));
        let answer = match fate {
            Fate::Unreachable => Outcome::TryLater { retry_after: None, why: passing("archive.unreachable") },
            Fate::LostOnTheWay => gone,
            Fate::Late => {
                drop(sender.send(gone));
                tokio::time::sleep(way).await;
                self.arrive(&document, &body);
                return;
            }
            Fate::Well => {
                tokio::time::sleep(way).await;
                self.arrive(&document, &body)
            }
            Fate::AnswerLost | Fate::WrongIds => {
                tokio::time::sleep(way).await;
                self.arrive(&document, &body);
                gone
            }
            Fate::SaidNoAndStored => {
                tokio::time::sleep(way).await;
                self.arrive(&document, &body);
                Outcome::TryLater { retry_after: later, why: passing("archive.not_processed") }
            }
            Fate::Throttled => Outcome::TryLater { retry_after: later, why: passing("archive.not_processed") },
        };
        // The way back; nobody may be there any more.
        tokio::time::sleep(self.dice.millis_up_to(Duration::from_millis(200))).await;
        drop(sender.send(answer));
    }
}

/// While it lives, the worker has hold of a document that is on its way.
struct Hold<'a>(&'a Inner, String);

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let now = self.0.clock.elapsed();
        let mut ledger = self.0.ledger.lock().unwrap();
        ledger.under_way.remove(&self.1);
        ledger.let_go.insert(self.1.clone(), now);
    }
}

impl Archive for SimArchive {
    async fn relationship(&self, _: &Asker) -> Result<Option<Evidence>, ArchiveFault> {
        self.read().await?;
        let begins = match *self.inner.right.lock().unwrap() {
            Right::None => return Ok(None),
            Right::NotYet => "2026-10-07",
            Right::Given => "2026-01-01",
        };
        Ok(Some(Evidence { fetched_at: self.inner.clock.now(), ..evidence(begins) }))
    }

    async fn cases(&self, _: &Asker, _: &Authority, _: &CasesWanted) -> Result<Vec<KnownCase>, ArchiveFault> {
        self.read().await?;
        Ok(vec![case(CASE, true)])
    }

    async fn decisions(&self, _: &Asker, _: &Authority, _: Contents) -> Result<Vec<KnownDecision>, ArchiveFault> {
        panic!("no record here names a decision")
    }

    async fn search(&self, _: &Asker, _: &Authority, _: &Wanted, _: &PageWanted) -> Result<Page, ArchiveFault> {
        panic!("the worker searches nothing page by page")
    }

    async fn document(&self, _: &Asker, _: &Authority, _: &Oid) -> Result<Option<Listed>, ArchiveFault> {
        panic!("the worker reads no document")
    }

    async fn presence(&self, _: &Asker, _: &Ground, wanted: &Oid) -> Result<Presence, ArchiveFault> {
        if self.skips_questions {
            return Ok(Presence::Absent);
        }
        self.points.pass().await;
        tokio::time::sleep(self.inner.dice.millis_up_to(Duration::from_millis(500))).await;
        let (fate, document) = (self.inner.fate(), wanted.to_string());
        let stored = {
            let mut ledger = self.ledger();
            let early = ledger
                .let_go
                .get(&document)
                .is_some_and(|at| self.inner.clock.elapsed().saturating_sub(*at) < self.inner.reconcile_after);
            if early || ledger.under_way.contains(&document) {
                let (at, now) = (ledger.let_go.get(&document).copied(), self.inner.clock.elapsed());
                let least = self.inner.reconcile_after;
                ledger.violations.push(format!(
                    "{document} was asked for too early: let go at {at:?}, asked for at {now:?}, not before {least:?}"
                ));
            }
            if !matches!(fate, Fate::Unreachable | Fate::LostOnTheWay | Fate::Throttled) {
                ledger.note("question");
                ledger.asked.insert(document.clone());
            }
            ledger.holding(wanted)
        };
        self.points.pass().await;
        fate.as_question(&self.inner.dice)?;
        let Some((holding, is_ours)) = stored else { return Ok(Presence::Absent) };
        // Where the right has ended, the bytes are not given; or it is the promise that is broken on purpose.
        let given = if is_ours { !self.inner.dice.percent(10) } else { !self.withholds_bytes };
        let bytes = if given { holding.bytes } else { HeldBytes::NotGiven };
        Ok(Presence::Stored(Holding { bytes, ..holding }))
    }

    /// A question for every invalidation of the document.
    async fn entry(&self, _: &Asker, document: &Oid) -> Result<Option<Entry>, ArchiveFault> {
        self.points.pass().await;
        tokio::time::sleep(self.inner.dice.millis_up_to(Duration::from_millis(500))).await;
        let (fate, about) = (self.inner.fate(), document.to_string());
        let (stored, gone, may_have_left) = {
            let mut ledger = self.ledger();
            let messages = ledger.messages_about(&about);
            let may_have_left = !messages.is_empty();
            if !self.skips_questions && !matches!(fate, Fate::Unreachable | Fate::LostOnTheWay | Fate::Throttled) {
                ledger.note("question");
                ledger.asked.extend(messages);
            }
            (ledger.has(&about), ledger.nullified.contains(&about), may_have_left)
        };
        self.points.pass().await;
        if self.skips_questions && may_have_left {
            return Ok(stored.then(|| entry(document, false)));
        }
        fate.as_question(&self.inner.dice)?;
        Ok(stored.then(|| entry(document, gone)))
    }

    async fn send(&self, outbound: &Outbound) -> Outcome {
        self.points.pass().await;
        let (document, body) = (outbound.soap_action.clone(), outbound.body.clone());
        let hold = Hold(&self.inner, document.clone());
        self.ledger().under_way.insert(document.clone());
        let (answer, wait) = oneshot::channel();
        tokio::spawn(Arc::clone(&self.inner).carry(document, body, answer));
        let outcome = wait.await.unwrap();
        drop(hold);
        self.points.pass().await;
        outcome
    }
}
