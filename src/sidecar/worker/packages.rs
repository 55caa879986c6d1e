//! One alert while packages for organisers wait for their receipt, and one when none does any more.
//!
//! Looks at the store, whenever the lanes are looked at: an operator's act and an earlier run count too.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Worker;
use crate::sidecar::ports::{Archive, Clock};
use crate::sidecar::store::{Store, StoreError};

/// Whether it was told that packages wait.
#[derive(Default)]
pub(super) struct PackagesTold(AtomicBool);

impl<S: Store, A: Archive, C: Clock> Worker<S, A, C> {
    pub(super) async fn look_at_packages(&self) -> Result<(), StoreError> {
        let found = self.store.packages().await?;
        let wait = found.waiting > 0;
        let told = self.run.packages.0.swap(wait, Ordering::Relaxed);
        match (wait, told) {
            (true, false) => tracing::warn!(
                packages = found.waiting,
                "packages wait for their organisers: deliver them and enter the receipts, see `asiasilta handover list`"
            ),
            (false, true) => tracing::info!("every package that was handed over has its receipt, or was taken back"),
            _ => {}
        }
        Ok(())
    }
}
