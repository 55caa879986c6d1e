//! The archive of these tests: it does as it is told, remembers everything and can stand still at any await.

use std::collections::{HashMap, VecDeque};

use super::*;

/// How the archive behaves at one send.
#[derive(Clone, Copy)]
pub(super) enum Behaviour {
    Store,
    StoreAndStaySilent,
    LoseOnTheWay,
    Reject,
    Overloaded,
    /// Whoever reads the answer panics.
    Panic,
    /// Refused: the archive has a document with this id.
    Duplicate,
    /// 503 with Retry-After.
    Unavailable,
}

#[derive(Default)]
pub(super) struct Ledger {
    /// Every arrival, before any de-duplication.
    pub(super) arrivals: Vec<(String, Vec<u8>)>,
    pub(super) stored: Vec<String>,
    /// Of documents that it holds otherwise than they arrived.
    pub(super) held: HashMap<String, Holding>,
    pub(super) asked: Vec<String>,
    /// Documents that were invalidated, in their order, and those whose entry was asked for.
    pub(super) invalidated: Vec<String>,
    pub(super) questions: Vec<String>,
    pub(super) script: HashMap<String, VecDeque<Behaviour>>,
    /// Second arrivals that no question came before, and resends with other bytes.
    pub(super) violations: Vec<String>,
    pub(super) relationship: Option<Evidence>,
    /// Of clients that have other ones.
    pub(super) relationship_of: HashMap<String, Evidence>,
    pub(super) cases: Vec<KnownCase>,
    /// Nothing can be read either.
    pub(super) down: bool,
    pub(super) reads: usize,
    /// The client about whom whoever reads panics, and how many times somebody did.
    pub(super) panics_about: Option<String>,
    pub(super) panicked: usize,
    /// How the next questions for a document fail.
    pub(super) question_faults: VecDeque<ArchiveFault>,
    /// Of clients that have other ones.
    pub(super) cases_of: HashMap<String, Vec<KnownCase>>,
    pub(super) case_searches: usize,
    pub(super) decisions: Vec<KnownDecision>,
}

impl Ledger {
    /// What is held under an id: as it arrived, or as it was set.
    pub(super) fn holding(&self, document: &Oid) -> Option<Holding> {
        let id = document.to_string();
        if let Some(held) = self.held.get(&id) {
            return Some(held.clone());
        }
        if !self.stored.contains(&id) {
            return None;
        }
        let Some((_, body)) = self.arrivals.iter().rfind(|(arrived, _)| *arrived == id) else {
            let ids = DocumentIds { document: document.clone(), set: document.clone(), version: 1 };
            return Some(Holding { ids, bytes: HeldBytes::NotGiven });
        };
        // Document, case, number, place: as the pipeline of these tests writes them.
        let place = std::str::from_utf8(body).unwrap().splitn(4, ' ').nth(3).unwrap();
        let (set, version, _): (Oid, u32, Value) = serde_json::from_str(place).unwrap();
        let ids = DocumentIds { document: document.clone(), set, version };
        Some(Holding { ids, bytes: HeldBytes::Known(Digest::of(body)) })
    }
}

/// An archive that does as it is told and remembers everything; at its `freeze_at`-th await it never wakes again.
pub(super) struct FakeArchive {
    pub(super) ledger: Mutex<Ledger>,
    pub(super) clock: Arc<VirtualClock>,
    pub(super) awaits: AtomicUsize,
    pub(super) freeze_at: AtomicUsize,
    pub(super) frozen: Notify,
}

impl FakeArchive {
    async fn point(&self) {
        if self.awaits.fetch_add(1, Ordering::SeqCst) + 1 == self.freeze_at.load(Ordering::SeqCst) {
            self.frozen.notify_one();
            std::future::pending::<()>().await;
        }
        tokio::task::yield_now().await;
    }

    pub(super) fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap()
    }

    fn arrive(&self, document: &str, outbound: &Outbound) -> Behaviour {
        let mut ledger = self.ledger();
        let behaviour = ledger.script.get_mut(document).and_then(VecDeque::pop_front).unwrap_or(Behaviour::Store);
        if matches!(behaviour, Behaviour::LoseOnTheWay) {
            return behaviour;
        }
        let before: Vec<_> = ledger.arrivals.iter().filter(|(id, _)| id == document).map(|(_, b)| b.clone()).collect();
        let asked = ledger.asked.iter().any(|id| id == document);
        if !before.is_empty() && !asked {
            ledger.violations.push(format!("{document} came again without a question"));
        }
        if before.iter().any(|body| *body != outbound.body) {
            ledger.violations.push(format!("{document} came again with other bytes"));
        }
        ledger.asked.retain(|id| id != document);
        ledger.arrivals.push((document.to_owned(), outbound.body.clone()));
        if matches!(behaviour, Behaviour::Store | Behaviour::StoreAndStaySilent) {
            match document.strip_prefix(INVALIDATES) {
                Some(of) => ledger.invalidated.push(of.split(' ').next().unwrap().to_owned()),
                None => ledger.stored.push(document.to_owned()),
            }
        }
        behaviour
    }
}

impl Archive for FakeArchive {
    async fn relationship(&self, asker: &Asker) -> Result<Option<Evidence>, ArchiveFault> {
        self.point().await;
        let (found, down, panics) = {
            let mut ledger = self.ledger();
            ledger.reads += 1;
            let own = ledger.relationship_of.get(asker.client.reveal()).cloned();
            let panics = ledger.panics_about.as_deref() == Some(asker.client.reveal());
            ledger.panicked += usize::from(panics);
            (own.or_else(|| ledger.relationship.clone()), ledger.down, panics)
        };
        assert!(!panics, "as the test wants it");
        if down {
            return Err(ArchiveFault::Passing { retry_after: None, why: unreachable() });
        }
        Ok(found.map(|evidence| Evidence { fetched_at: self.clock.now(), ..evidence }))
    }

    async fn cases(&self, asker: &Asker, _: &Authority, _: &CasesWanted) -> Result<Vec<KnownCase>, ArchiveFault> {
        self.point().await;
        let mut ledger = self.ledger();
        ledger.case_searches += 1;
        let others = ledger.cases_of.get(asker.client.reveal()).cloned();
        Ok(others.unwrap_or_else(|| ledger.cases.clone()))
    }

    async fn decisions(&self, _: &Asker, _: &Authority, _: Contents) -> Result<Vec<KnownDecision>, ArchiveFault> {
        self.point().await;
        Ok(self.ledger().decisions.clone())
    }

    async fn search(&self, _: &Asker, _: &Authority, _: &Wanted, _: &PageWanted) -> Result<Page, ArchiveFault> {
        panic!("the worker searches nothing page by page")
    }

    async fn document(&self, _: &Asker, _: &Authority, _: &Oid) -> Result<Option<Listed>, ArchiveFault> {
        panic!("the worker reads no document")
    }

    async fn presence(&self, _: &Asker, _: &Ground, document: &Oid) -> Result<Presence, ArchiveFault> {
        self.point().await;
        let held = {
            let mut ledger = self.ledger();
            if let Some(fault) = ledger.question_faults.pop_front() {
                return Err(fault);
            }
            ledger.asked.push(document.to_string());
            ledger.holding(document)
        };
        self.point().await;
        Ok(held.map_or(Presence::Absent, Presence::Stored))
    }

    async fn entry(&self, _: &Asker, document: &Oid) -> Result<Option<Entry>, ArchiveFault> {
        self.point().await;
        let found = {
            let mut ledger = self.ledger();
            let asked = ledger.arrivals.iter().map(|(id, _)| id).filter(|id| is_of(id, document)).cloned();
            let asked: Vec<String> = asked.collect();
            ledger.asked.extend(asked);
            ledger.questions.push(document.to_string());
            if ledger.down {
                return Err(ArchiveFault::Passing { retry_after: None, why: unreachable() });
            }
            let gone = ledger.invalidated.contains(&document.to_string());
            ledger.stored.contains(&document.to_string()).then(|| invalidations::entry(document, gone))
        };
        self.point().await;
        Ok(found)
    }

    async fn send(&self, outbound: &Outbound) -> Outcome {
        self.point().await;
        let behaviour = self.arrive(&outbound.soap_action, outbound);
        self.point().await;
        match behaviour {
            Behaviour::Panic => panic!("as the test wants it"),
            Behaviour::Store => Outcome::Archived(Vec::new()),
            Behaviour::Reject => Outcome::Rejected(Vec::new()),
            Behaviour::Duplicate => Outcome::Duplicate(Vec::new()),
            Behaviour::Unavailable => Outcome::Unknown { retry_after: Some(Duration::from_secs(200)), why: cause() },
            Behaviour::Overloaded => Outcome::TryLater { retry_after: Some(Duration::from_secs(100)), why: cause() },
            Behaviour::StoreAndStaySilent | Behaviour::LoseOnTheWay => {
                Outcome::Unknown { retry_after: None, why: cause() }
            }
        }
    }
}

/// How the message of an invalidation is told from a document's.
pub(super) const INVALIDATES: &str = "invalidates ";

/// Whether a message is an invalidation of the document.
pub(super) fn is_of(message: &str, document: &Oid) -> bool {
    message.strip_prefix(INVALIDATES).and_then(|of| of.split(' ').next()) == Some(document.as_str())
}
