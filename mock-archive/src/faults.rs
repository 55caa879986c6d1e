//! Faults on request: what the line and the archive's front may do to a client, scripted, in the order asked for.
//!
//! No randomness and no timers: a hold ends when it is released. Read by `server.rs`; set by tests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// More scripted faults than any test needs.
const QUEUE_MAX: usize = 10_000;

/// What happens to a store message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The document is judged and, if it is good, stored; the connection is cut without an answer.
    StoredButNeverAnswered,
    /// The message arrives, nothing is stored, the connection is cut.
    ResetBeforeStore,
    /// Nothing is stored; this status, with `Retry-After` in seconds if given, and an empty body.
    Status(u16, Option<u32>),
    /// The document is judged and stored; the answer's body breaks off after so many bytes.
    AnswerCutAfter(usize),
    /// Nothing is stored; status 200 with an HTML page, as a gateway does.
    BlockPage,
    /// Nothing is stored; an acknowledgement `AR` with `OURS-OVERLOAD`.
    NotProcessed,
}

/// Where a held store message stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldAt {
    /// Arrived at the front, not yet looked at: a client that dies now leaves nothing.
    Arrival,
    /// In the archive's hands, not yet looked at: it goes on when released, also when its client has died meanwhile.
    Inside,
    /// Judged and stored, the answer not yet sent: a client that dies now leaves a stored document.
    Answer,
}

/// Too many faults in the queue (10000).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {QUEUE_MAX} faults waiting")]
pub struct TooManyFaults;

/// The script of faults; copies share it.
#[derive(Clone, Debug)]
pub struct Faults {
    queue: Arc<Mutex<VecDeque<Fault>>>,
    hold: watch::Sender<Option<HoldAt>>,
    held: watch::Sender<usize>,
}

impl Default for Faults {
    fn default() -> Self {
        Self { queue: Arc::default(), hold: watch::Sender::new(None), held: watch::Sender::new(0) }
    }
}

impl Faults {
    fn queue(&self) -> MutexGuard<'_, VecDeque<Fault>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next store message that has no fault yet meets this one.
    ///
    /// # Errors
    /// [`TooManyFaults`] when 10000 are waiting.
    pub fn next_store(&self, fault: Fault) -> Result<(), TooManyFaults> {
        let mut queue = self.queue();
        if queue.len() == QUEUE_MAX {
            return Err(TooManyFaults);
        }
        queue.push_back(fault);
        Ok(())
    }

    /// How many scripted faults have not happened yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue().len()
    }

    pub(crate) fn take(&self) -> Option<Fault> {
        self.queue().pop_front()
    }

    /// From now on store messages stand still until [`Self::release`].
    pub fn hold_stores(&self, at: HoldAt) {
        self.hold.send_replace(Some(at));
    }

    /// Lets every held message go, and holds no more.
    pub fn release(&self) {
        self.hold.send_replace(None);
    }

    /// How many store messages stand still now.
    #[must_use]
    pub fn held(&self) -> usize {
        *self.held.borrow()
    }

    /// Waits until at least `count` store messages stand still.
    pub async fn until_held(&self, count: usize) {
        self.until(|held| held >= count).await;
    }

    /// Waits until no store message stands still: all were released, or their clients went away.
    pub async fn until_none_held(&self) {
        self.until(|held| held == 0).await;
    }

    async fn until(&self, fits: impl Fn(usize) -> bool) {
        // The sender lives in self, so the wait cannot end by a closed channel.
        if let Err(closed) = self.held.subscribe().wait_for(|held| fits(*held)).await {
            tracing::error!(error = %closed, "the count of held messages is gone");
        }
    }

    /// Whether messages are held at this place now.
    pub(crate) fn holds(&self, at: HoldAt) -> bool {
        *self.hold.borrow() == Some(at)
    }

    /// Stands still while messages are held at this place. Dropping the future counts as leaving.
    pub(crate) async fn pass(&self, at: HoldAt) {
        let mut hold = self.hold.subscribe();
        if *hold.borrow_and_update() != Some(at) {
            return;
        }
        let _standing = Standing::new(&self.held);
        if let Err(closed) = hold.wait_for(|hold| *hold != Some(at)).await {
            tracing::error!(error = %closed, "the hold is gone");
        }
    }
}

/// One message that stands still, counted while it lives.
struct Standing<'a>(&'a watch::Sender<usize>);

impl<'a> Standing<'a> {
    fn new(held: &'a watch::Sender<usize>) -> Self {
        held.send_modify(|held| *held += 1);
        Self(held)
    }
}

impl Drop for Standing<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|held| *held = held.saturating_sub(1));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a full queue is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn faults_come_in_their_order_and_are_bounded() {
        let faults = Faults::default();
        faults.next_store(Fault::BlockPage).unwrap();
        faults.next_store(Fault::Status(503, Some(2))).unwrap();
        assert_eq!(faults.take(), Some(Fault::BlockPage));
        assert_eq!(faults.take(), Some(Fault::Status(503, Some(2))));
        assert_eq!(faults.take(), None);
        for _ in 0..QUEUE_MAX {
            faults.next_store(Fault::BlockPage).unwrap();
        }
        assert_eq!(faults.next_store(Fault::BlockPage), Err(TooManyFaults));
    }

    #[tokio::test]
    async fn a_held_message_goes_on_when_released_and_not_before() {
        let faults = Faults::default();
        faults.pass(HoldAt::Arrival).await;
        faults.hold_stores(HoldAt::Answer);
        faults.pass(HoldAt::Arrival).await;
        let passing = tokio::spawn({
            let faults = faults.clone();
            async move { faults.pass(HoldAt::Answer).await }
        });
        faults.until_held(1).await;
        assert!(!passing.is_finished());
        faults.release();
        passing.await.unwrap();
        assert_eq!(faults.held(), 0);
    }

    #[tokio::test]
    async fn a_message_whose_client_went_away_is_held_no_more() {
        let faults = Faults::default();
        faults.hold_stores(HoldAt::Arrival);
        let passing = tokio::spawn({
            let faults = faults.clone();
            async move { faults.pass(HoldAt::Arrival).await }
        });
        faults.until_held(1).await;
        passing.abort();
        faults.until_none_held().await;
    }
}
