//! Evidence and permits: reads the relationship document, keeps it a short while, and asks the domain to decide.
//!
//! Also used by the API's searches. Decides nothing itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::access::{self, Authority, Denial, Evidence, Operation, Request, decide};
use crate::domain::oid::Oid;
use crate::domain::person::PersonId;
use crate::domain::record::PurchaseKind;
use crate::sidecar::ports::{Archive, ArchiveFault, Asker, Clock};

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

fn key(asker: &Asker) -> Key {
    Key { client: asker.client.clone(), organiser: asker.organiser.oid.clone(), unit: asker.unit.oid.clone() }
}

/// Finds out who may do what.
pub struct Rights<A, C> {
    archive: Arc<A>,
    clock: Arc<C>,
    options: access::Options,
    evidence_age_max: Duration,
    kept: Mutex<HashMap<Key, Evidence>>,
}

impl<A: Archive, C: Clock> Rights<A, C> {
    /// Rights by evidence of at most this age.
    pub fn new(archive: Arc<A>, clock: Arc<C>, options: access::Options, evidence_age_max: Duration) -> Self {
        Self { archive, clock, options, evidence_age_max, kept: Mutex::default() }
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

    async fn evidence(&self, asker: &Asker) -> Result<Option<Evidence>, ArchiveFault> {
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

    /// Also not from the future: after the clock was set back, evidence is read anew.
    fn is_fresh(&self, evidence: &Evidence) -> bool {
        let age = self.clock.now().duration_since(evidence.fetched_at);
        Duration::try_from(age).is_ok_and(|age| age <= self.evidence_age_max)
    }
}
