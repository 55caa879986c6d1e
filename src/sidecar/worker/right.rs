//! Evidence and permits: reads the relationship document, keeps it a short while, and asks the domain to decide.
//!
//! Also used by the API's searches. Keeps in the same way that a client has an open case. Decides nothing itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::domain::access::{
    AccessProfile, Authority, CaseStanding, Denial, Evidence, Operation, Parties, Permit, Request, Rules, decide,
};
use crate::domain::find_case::Standing;
use crate::domain::oid::Oid;
use crate::domain::person::PersonId;
use crate::domain::record::{LocalRecord, PurchaseKind};
use crate::domain::time::day_in_finland;
use crate::sidecar::config::PartyBook;
use crate::sidecar::ports::{Archive, ArchiveFault, Asker, CasesWanted, Clock};
use crate::sidecar::telemetry::Metrics;

/// Clients whose evidence is kept at the same time.
const KEPT_MAX: usize = 1024;

/// What a right is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish<'a> {
    pub(crate) operation: Operation,
    pub(crate) service_task: Option<&'a str>,
    pub(crate) service_process: Option<&'a str>,
    pub(crate) purchase: Option<PurchaseKind>,
}

impl<'a> Wish<'a> {
    /// To read, of a service task where one is named.
    pub(crate) fn read(service_task: Option<&'a str>) -> Self {
        Self { operation: Operation::Read, service_task, service_process: None, purchase: None }
    }

    /// The request that it is for an asker.
    pub(crate) fn request(self, asker: &'a Asker) -> Request<'a> {
        Request {
            operation: self.operation,
            organiser: &asker.organiser.oid,
            unit: &asker.unit.oid,
            client: &asker.client,
            service_task: self.service_task,
            service_process: self.service_process,
            role: asker.worker.role.as_deref(),
            link: Some(&asker.link),
            purchase: self.purchase,
            case: CaseStanding::NotAsked,
        }
    }
}

/// Why there is no authority.
#[derive(Debug)]
pub enum RightsFault {
    /// There is no right.
    Denied(Denial),
    /// The evidence could not be read.
    Archive(ArchiveFault),
}

/// By what rights are decided.
pub struct Decider {
    /// Options and roles, with their certainty.
    pub profile: AccessProfile,
    /// How organisers and producers stand.
    pub parties: PartyBook,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    client: PersonId,
    organiser: Oid,
    unit: Oid,
}

/// Finds out who may do what.
pub struct Rights<A, C> {
    archive: Arc<A>,
    clock: Arc<C>,
    decider: Decider,
    rules: Rules,
    evidence_age_max: Duration,
    metrics: Arc<Metrics>,
    kept: Mutex<HashMap<Key, Evidence>>,
    /// Open cases that were read of a client, and when.
    open_cases: Mutex<HashMap<(Key, Oid), Timestamp>>,
    /// Ends of rights that were warned of.
    warned: Mutex<HashMap<(Oid, Oid), Date>>,
}

impl<A: Archive, C: Clock> Rights<A, C> {
    /// Rights by evidence of at most this age.
    pub fn new(
        archive: Arc<A>,
        clock: Arc<C>,
        decider: Decider,
        evidence_age_max: Duration,
        metrics: Arc<Metrics>,
    ) -> Self {
        let rules = decider.profile.rules();
        Self {
            archive,
            clock,
            decider,
            rules,
            evidence_age_max,
            metrics,
            kept: Mutex::default(),
            open_cases: Mutex::default(),
            warned: Mutex::default(),
        }
    }

    /// By what it decides.
    pub(crate) fn profile(&self) -> &AccessProfile {
        &self.decider.profile
    }

    /// How organiser and producer stand.
    pub(crate) fn parties(&self, asker: &Asker) -> Parties {
        self.decider.parties.parties(&asker.organiser.oid, &asker.organisation)
    }

    /// What keeps a record from the archive as such, in how the parties stand: nothing of a client is read to know it. `None` when
    /// nothing does, and in the producer's own register.
    pub(crate) fn kept_from_archive(&self, organisation: &Oid, record: &LocalRecord) -> Option<Denial> {
        let organiser = &record.organiser.oid;
        if organisation == organiser || record.purchase == PurchaseKind::SelfPay {
            return None;
        }
        let operation = Operation::Write { drawn_up: record.drawn_up.day() };
        let parties = self.decider.parties.parties(organiser, organisation);
        parties.kept_from_archive(operation, &self.rules.options, day_in_finland(self.clock.now()))
    }

    /// Whether what cannot be archived goes to this organiser another way by itself.
    pub(crate) fn hands_over_by_itself(&self, organiser: &Oid) -> bool {
        self.decider.parties.hands_over_by_itself(organiser)
    }

    /// The authority for a wish; in its own register an organisation needs nobody's permit.
    pub(crate) async fn authority(&self, asker: &Asker, wish: Wish<'_>) -> Result<Authority, RightsFault> {
        if asker.organisation == asker.organiser.oid && wish.purchase != Some(PurchaseKind::SelfPay) {
            return Ok(Authority::OwnRegister);
        }
        let evidence = self.evidence(asker).await.map_err(RightsFault::Archive)?;
        let (request, parties) = (wish.request(asker), self.parties(asker));
        let permit = decide(&request, evidence.as_ref(), &parties, &self.rules, self.clock.now())
            .map_err(RightsFault::Denied)?;
        self.warn_of_end(&permit);
        Ok(Authority::RegisterAccess(permit))
    }

    /// Says once in a run that a right is about to end, by document and unit: no person is named.
    fn warn_of_end(&self, permit: &Permit) {
        let today = day_in_finland(self.clock.now());
        let Some(end) = permit.ends_within(self.rules.options.ending_soon_days, today) else { return };
        let record = permit.record();
        let key = (record.relationship_document.clone(), record.unit.clone());
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.get(&key) == Some(&end) {
            return;
        }
        // Days that are over are of no more use; when there are too many all the same, some are said again.
        if warned.len() >= KEPT_MAX {
            warned.retain(|_, end| *end >= today);
        }
        if warned.len() >= KEPT_MAX {
            warned.clear();
        }
        warned.insert(key, end);
        self.metrics.count_right_ending();
        tracing::warn!(
            organiser = %record.organiser, unit = %record.unit, relationship.document = %record.relationship_document,
            last_day = %end, "a register access right is about to end"
        );
    }

    /// Which version of the relationship document a decision of just now stood on, and when it was read.
    pub(crate) fn evidence_version(&self, asker: &Asker) -> Option<(Oid, Timestamp)> {
        self.kept(&key(asker)).map(|evidence| (evidence.document.document, evidence.fetched_at))
    }

    /// The newest relationship document, read now or a short while ago.
    pub(crate) async fn evidence(&self, asker: &Asker) -> Result<Option<Evidence>, ArchiveFault> {
        let key = key(asker);
        if let Some(evidence) = self.kept(&key) {
            return Ok(Some(evidence));
        }
        let found = self.archive.relationship(asker).await?;
        if let Some(evidence) = &found {
            self.keep(key, evidence.clone());
        }
        Ok(found)
    }

    fn kept(&self, key: &Key) -> Option<Evidence> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key).filter(|evidence| self.is_fresh(evidence)).cloned()
    }

    fn keep(&self, key: Key, evidence: Evidence) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.retain(|_, evidence| self.is_fresh(evidence));
        }
        if kept.len() < KEPT_MAX {
            kept.insert(key, evidence);
        }
    }

    /// The archive, for whoever has an authority.
    pub(crate) fn archive(&self) -> &A {
        &self.archive
    }

    /// How a case of the client stands; `None` when the client has no such case in the register. That it is open is believed
    /// as long as a relationship document is; anything else may change at any time and is asked anew.
    pub(crate) async fn case(
        &self,
        asker: &Asker,
        authority: &Authority,
        case: &Oid,
    ) -> Result<Option<Standing>, ArchiveFault> {
        let key = (key(asker), case.clone());
        if self.open_cases().get(&key).is_some_and(|at| self.is_young(*at)) {
            return Ok(Some(Standing::Open));
        }
        let wanted = CasesWanted { case: Some(case.clone()), ..CasesWanted::default() };
        let found = self.archive.cases(asker, authority, &wanted).await?;
        let mut found: Vec<Standing> = found.into_iter().filter(|e| e.case == *case).map(|e| e.standing).collect();
        // Open before not verified before closed.
        found.sort_by_key(|status| match status {
            Standing::Open => 0,
            Standing::NotVerified(_) => 1,
            Standing::Closed(_) => 2,
        });
        let status = found.into_iter().next();
        if status == Some(Standing::Open) {
            self.keep_open(key);
        }
        Ok(status)
    }

    fn keep_open(&self, key: (Key, Oid)) {
        let mut kept = self.open_cases();
        if kept.len() >= KEPT_MAX {
            kept.retain(|_, at| self.is_young(*at));
        }
        if kept.len() < KEPT_MAX {
            kept.insert(key, self.clock.now());
        }
    }

    fn open_cases(&self) -> MutexGuard<'_, HashMap<(Key, Oid), Timestamp>> {
        self.open_cases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_fresh(&self, evidence: &Evidence) -> bool {
        self.is_young(evidence.fetched_at)
    }

    /// Also not from the future: after the clock was set back, everything is read anew.
    fn is_young(&self, read_at: Timestamp) -> bool {
        let age = self.clock.now().duration_since(read_at);
        Duration::try_from(age).is_ok_and(|age| age <= self.evidence_age_max)
    }
}

fn key(asker: &Asker) -> Key {
    Key { client: asker.client.clone(), organiser: asker.organiser.oid.clone(), unit: asker.unit.oid.clone() }
}
