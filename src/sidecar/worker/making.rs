//! Whether documents, invalidations and packages can be made: told once for each cause when they cannot for now, once when they can again.
//!
//! What cannot be made for good parks its own submission and is told as its lane is.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::Worker;
use super::journey::Stop;
use crate::domain::oid::Oid;
use crate::sidecar::ports::{Archive, Clock, PrepareFault};
use crate::sidecar::store::Store;

/// What is made: one may fail while another does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Made {
    Document,
    Invalidation,
    Package,
}

impl Made {
    fn name(self) -> &'static str {
        match self {
            Self::Document => "documents",
            Self::Invalidation => "invalidations",
            Self::Package => "packages",
        }
    }
}

/// For whom what could not be made, and the codes of the causes that were told.
#[derive(Default)]
pub(super) struct Making(Mutex<BTreeSet<(Oid, Made, String)>>);

/// Causes that are told of; there are few.
const TOLD_MAX: usize = 100;

impl<S: Store, A: Archive, C: Clock> Worker<S, A, C> {
    /// Keeps account of what the pipeline came to.
    pub(super) fn after_making<T>(
        &self,
        organisation: &Oid,
        what: Made,
        made: Result<T, PrepareFault>,
    ) -> Result<T, Stop> {
        let mut told = self.run.making.0.lock().unwrap_or_else(PoisonError::into_inner);
        match made {
            Ok(made) => {
                let before = told.len();
                told.retain(|(of, which, _)| of != organisation || *which != what);
                if told.len() < before {
                    tracing::info!(%organisation, "{} can be made again", what.name());
                }
                Ok(made)
            }
            Err(PrepareFault::Passing(why)) => {
                if told.len() < TOLD_MAX && told.insert((organisation.clone(), what, why.code.clone())) {
                    let (code, said) = (&why.code, why.message.en.as_ref());
                    tracing::warn!(%organisation, code, why = said, "{} cannot be made now", what.name());
                }
                Err(Stop::Later { asked: None, why })
            }
            Err(PrepareFault::Lasting(why)) => Err(Stop::Park(why)),
        }
    }
}
