//! Evidence and permits: reads the relationship document, keeps it a short while, and asks the domain to decide.
//!
//! Also used by the API's searches. Keeps in the same way that a client has an open case. Decides nothing itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::access::{self, Authority, Denial, Evidence, Operation, Request, decide};
use crate::domain::find_case::Standing;
use crate::domain::oid::Oid;
use crate::domain::person::PersonId;
use crate::domain::record::PurchaseKind;
use crate::sidecar::ports::{Archive, ArchiveFault, Asker, CasesWanted, Clock};

/// Clients whose evidence is kept at the same time.
const KEPT_MAX: usize = 1024;

/// What a right is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish<'a> {
    pub(crate) operation: Operation,
    pub(crate) service_task: Option<&'a str>,
    pub(crate) purchase: Option<PurchaseKind>,
}

/// Why there is no authority.
#[derive(Debug)]
pub enum RightsFault {
    /// There is no right.
    Denied(Denial),
    /// The evidence could not be read.
    Archive(ArchiveFault),
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
    options: access::Options,
    evidence_age_max: Duration,
    kept: Mutex<HashMap<Key, Evidence>>,
    /// Open cases that were read of a client, and when.
    open_cases: Mutex<HashMap<(Key, Oid), Timestamp>>,
}

impl<A: Archive, C: Clock> Rights<A, C> {
    /// Rights by evidence of at most this age.
    pub fn new(archive: Arc<A>, clock: Arc<C>, options: access::Options, evidence_age_max: Duration) -> Self {
        Self { archive, clock, options, evidence_age_max, kept: Mutex::default(), open_cases: Mutex::default() }
    }

    /// The authority for a wish; in its own register an organisation needs nobody's permit.
    pub(crate) async fn authority(&self, asker: &Asker, wish: Wish<'_>) -> Result<Authority, RightsFault> {
        if asker.organisation == asker.organiser.oid && wish.purchase != Some(PurchaseKind::SelfPay) {
            return Ok(Authority::OwnRegister);
        }
        let evidence = self.evidence(asker).await.map_err(RightsFault::Archive)?;
        let request = Request {
            operation: wish.operation,
            organiser: &asker.organiser.oid,
            unit: &asker.unit.oid,
            client: &asker.client,
            service_task: wish.service_task,
            link: Some(&asker.link),
            purchase: wish.purchase,
        };
        decide(&request, evidence.as_ref(), &self.options, self.clock.now())
            .map(Authority::RegisterAccess)
            .map_err(RightsFault::Denied)
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
