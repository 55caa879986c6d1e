//! Messages that were cut off and wait inside until somebody has been told that their documents are not there.
//!
//! Keeps the gates alone; the messages wait in tasks of `server/`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::oid::Oid;

/// The gates, by document; copies share them.
#[derive(Clone, Default)]
pub(crate) struct Late(Arc<Mutex<HashMap<Oid, Vec<Gate>>>>);

struct Gate {
    open: oneshot::Sender<()>,
    done: oneshot::Receiver<()>,
}

/// What a waiting message holds: it waits for the one and says the other.
pub(crate) struct Waiting {
    pub(crate) opened: oneshot::Receiver<()>,
    pub(crate) done: oneshot::Sender<()>,
}

impl Late {
    fn gates(&self) -> MutexGuard<'_, HashMap<Oid, Vec<Gate>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message for this document waits from now on.
    pub(crate) fn wait(&self, document: Oid) -> Waiting {
        let (open, opened) = oneshot::channel();
        let (done, is_done) = oneshot::channel();
        self.gates().entry(document).or_default().push(Gate { open, done: is_done });
        Waiting { opened, done }
    }

    /// Lets what waits for this document go, and waits until it has been carried out.
    pub(crate) async fn admit(&self, document: &Oid) {
        let gates = self.gates().remove(document).unwrap_or_default();
        for gate in gates {
            // Either end may be gone with its task; then there is nothing to wait for.
            if gate.open.send(()).is_ok() && gate.done.await.is_err() {
                tracing::debug!("a late message was dropped");
            }
        }
    }

    /// Drops what waits.
    pub(crate) fn clear(&self) {
        self.gates().clear();
    }
}

impl std::fmt::Debug for Late {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Late(..)")
    }
}
