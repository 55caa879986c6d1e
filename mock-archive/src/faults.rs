//! Faults on request: what the line and the archive's front may do to a client, by script, in the order asked for, or drawn by
//! chance from a seed.
//!
//! Decides and remembers; `server/` carries out. Has no timers of its own: a hold ends when it is released, a delay when the
//! archive's clock has come so far. Set by tests, by the program's script and by the control listener.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::oid::Oid;

mod catalogue;
mod chance;
mod kind;
mod late;
mod script;
mod spoil;
#[cfg(test)]
mod tests;

pub use catalogue::{CATALOGUE, FaultRow};
pub use chance::Chance;
pub(crate) use kind::Head;
pub use kind::MessageKind;
pub(crate) use late::Late;
pub use script::{Script, ScriptError, Step, Throttle};
pub(crate) use spoil::{block_page, soap_fault, spoil};

/// More scripted faults than any test needs.
const STEPS_MAX: usize = 10_000;
/// Faults that have happened and are kept for the report; older ones are only counted.
const HAPPENED_MAX: usize = 1_000;

/// What happens to a message, or to a connection ([`Fault::Tls`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The connection is reset when the head of the request has arrived: no byte of the message is read.
    ResetBeforeBody,
    /// The connection is reset after so many bytes of the request's body.
    ResetDuringBody(usize),
    /// The message arrives, nothing is done, the connection is reset.
    ResetBeforeStore,
    /// The message stands still here until [`Faults::release`].
    Hold(HoldAt),
    /// The message stands still here for so many milliseconds of the archive's clock.
    Delay(HoldAt, u64),
    /// The message is judged and carried out; the connection is cut without an answer.
    StoredButNeverAnswered,
    /// The connection is cut without an answer; the message is carried out after the next question for its document has been
    /// answered, which so says no. A message that is no store is carried out at once.
    StoredAfterNo,
    /// The message is judged and carried out; then this status, with `Retry-After` in seconds if given.
    StoredThenStatus(u16, Option<u32>),
    /// The message is judged and carried out; the answer's body breaks off after so many bytes.
    AnswerCutAfter(usize),
    /// The answer is sent twice on the same connection.
    AnswerTwice,
    /// The answer comes so many bytes at a time, with so many milliseconds of real time in between.
    Trickle(usize, u64),
    /// Nothing is done; this status, with `Retry-After` in seconds if given, and an empty body.
    Status(u16, Option<u32>),
    /// Nothing is done; status 200 with an HTML page that has a support id, as a gateway does.
    BlockPage,
    /// Nothing is done; a SOAP fault with status 500.
    SoapFault,
    /// Nothing is done; an acknowledgement `AR` with `OURS-OVERLOAD`.
    NotProcessed,
    /// The message is judged and carried out; the answer's body is empty.
    EmptyAnswer,
    /// The message is judged and carried out; the answer ends in the middle, though HTTP says that it is whole.
    TruncatedAnswer,
    /// The message is judged and carried out; the answer is not well-formed.
    MalformedAnswer,
    /// The message is judged and carried out; the answer says UTF-8 and is not.
    WrongCharset,
    /// The message is judged and carried out; the answer acknowledges another message.
    WrongMessageId,
    /// The message is judged and carried out; the answer is longer by so many bytes of a comment.
    OversizedAnswer(usize),
    /// The next connection's handshake goes wrong.
    Tls(TlsFault),
}

/// What goes wrong in a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsFault {
    /// The server shows a certificate of an authority that nobody knows.
    ServerUnknownIssuer,
    /// The server's certificate has expired.
    ServerExpired,
    /// The server's certificate is on the revocation list of its authority.
    ServerRevoked,
    /// The server's certificate is for another name.
    ServerWrongName,
    /// Alert: the client's certificate is not accepted.
    ClientRefused,
    /// Alert: the client's certificate has expired.
    ClientExpired,
    /// Alert: the client's certificate is revoked.
    ClientRevoked,
    /// Alert: no common ground, `handshake_failure`.
    HandshakeRefused,
}

impl Fault {
    /// Decided by the head of a request alone, before its body is taken.
    fn is_early(self) -> bool {
        matches!(
            self,
            Self::ResetBeforeBody
                | Self::ResetDuringBody(_)
                | Self::Hold(HoldAt::Arrival)
                | Self::Delay(HoldAt::Arrival, _)
        )
    }
}

/// Where a held message stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HoldAt {
    /// Arrived at the front, not yet looked at: a client that dies now leaves nothing.
    Arrival,
    /// In the archive's hands, not yet looked at: it goes on when released, also when its client has died meanwhile.
    Inside,
    /// Judged and stored, the answer not yet sent: a client that dies now leaves a stored document.
    Answer,
}

/// Too many faults in the script (10000).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {STEPS_MAX} faults waiting")]
pub struct TooManyFaults;

/// A fault that has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// Which.
    pub fault: Fault,
    /// To what kind of message; `None` for a connection.
    pub kind: Option<MessageKind>,
}

/// What the head of a request has decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planned {
    /// A fault that does not wait for the body.
    Early(Fault),
    /// Drawn by chance, not early.
    Drawn(Fault),
    /// Beyond the rate.
    Throttled(Throttle),
    /// To be looked up when the message is known.
    Open,
}

/// The script of faults; copies share it.
#[derive(Clone, Debug)]
pub struct Faults {
    state: Arc<Mutex<State>>,
    hold: watch::Sender<Option<HoldAt>>,
    releases: watch::Sender<u64>,
    held: watch::Sender<usize>,
    late: Late,
    clock: Clock,
}

#[derive(Debug, Default)]
struct State {
    steps: Vec<Pending>,
    chance: Option<Chance>,
    throttle: Option<(Throttle, VecDeque<jiff::Timestamp>)>,
    happened: VecDeque<Happened>,
    happened_count: u64,
}

/// A step and how far it has come.
#[derive(Debug)]
struct Pending {
    step: Step,
    passed: u32,
    left: Option<u32>,
}

impl State {
    fn note(&mut self, fault: Fault, kind: Option<MessageKind>) {
        if self.happened.len() == HAPPENED_MAX {
            self.happened.pop_front();
        }
        self.happened.push_back(Happened { fault, kind });
        self.happened_count += 1;
    }

    /// The first step that is for this, counted; used-up steps go.
    fn next(&mut self, kind: Option<MessageKind>, fits: impl Fn(&Step) -> bool) -> Option<Fault> {
        let mut found = None;
        for pending in self.steps.iter_mut().filter(|pending| fits(&pending.step)) {
            if pending.passed < pending.step.skip {
                pending.passed += 1;
                continue;
            }
            pending.left = pending.left.map(|left| left.saturating_sub(1));
            found = Some(pending.step.fault);
            break;
        }
        self.steps.retain(|pending| pending.left != Some(0));
        if let Some(fault) = found {
            self.note(fault, kind);
        }
        found
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self::new(Clock::system())
    }
}

impl Faults {
    /// No faults; delays and rates go by this clock.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            state: Arc::default(),
            hold: watch::Sender::new(None),
            releases: watch::Sender::new(0),
            held: watch::Sender::new(0),
            late: Late::default(),
            clock,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next store message that has no fault yet meets this one.
    ///
    /// # Errors
    /// [`TooManyFaults`] when 10000 are waiting.
    pub fn next_store(&self, fault: Fault) -> Result<(), TooManyFaults> {
        self.next(MessageKind::Store, fault)
    }

    /// The next message of this kind that has no fault yet meets this one.
    ///
    /// # Errors
    /// [`TooManyFaults`] when 10000 are waiting.
    pub fn next(&self, on: MessageKind, fault: Fault) -> Result<(), TooManyFaults> {
        self.add(Step::once(on, fault))
    }

    /// The next connection's handshake goes wrong so.
    ///
    /// # Errors
    /// [`TooManyFaults`] when 10000 are waiting.
    pub fn next_connection(&self, fault: TlsFault) -> Result<(), TooManyFaults> {
        self.next(MessageKind::Any, Fault::Tls(fault))
    }

    /// Adds a step at the end of the script.
    ///
    /// # Errors
    /// [`TooManyFaults`] when 10000 are waiting.
    pub fn add(&self, step: Step) -> Result<(), TooManyFaults> {
        let mut state = self.state();
        if state.steps.len() >= STEPS_MAX {
            return Err(TooManyFaults);
        }
        let left = step.times.filter(|times| *times > 0);
        if step.times != Some(0) {
            state.steps.push(Pending { step, passed: 0, left });
        }
        Ok(())
    }

    /// Adds a script's steps; chance and throttle take the place of those that are set.
    ///
    /// # Errors
    /// [`TooManyFaults`] when more than 10000 steps would wait; none of the script is taken then.
    pub fn play(&self, script: Script) -> Result<(), TooManyFaults> {
        if self.state().steps.len() + script.steps.len() > STEPS_MAX {
            return Err(TooManyFaults);
        }
        script.steps.into_iter().try_for_each(|step| self.add(step))?;
        let mut state = self.state();
        if script.chance.is_some() {
            state.chance = script.chance;
        }
        if let Some(throttle) = script.throttle {
            state.throttle = Some((throttle, VecDeque::new()));
        }
        Ok(())
    }

    /// Takes at most so many messages in a time, and answers more with a status; `None` ends it.
    pub fn throttle(&self, throttle: Option<Throttle>) {
        self.state().throttle = throttle.map(|throttle| (throttle, VecDeque::new()));
    }

    /// Forgets script, chance, throttle, and what has happened; releases what is held, and drops what was to be stored late.
    pub fn clear(&self) {
        *self.state() = State::default();
        self.late.clear();
        self.release();
    }

    /// How many scripted faults have not happened yet; a step without end counts as one.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let left = |pending: &Pending| usize::try_from(pending.left.unwrap_or(1)).unwrap_or(usize::MAX);
        self.state().steps.iter().map(left).sum()
    }

    /// The last thousand faults that have happened, and how many there were in all.
    #[must_use]
    pub fn happened(&self) -> (Vec<Happened>, u64) {
        let state = self.state();
        (state.happened.iter().cloned().collect(), state.happened_count)
    }

    /// Nothing is scripted, drawn, throttled or held.
    pub(crate) fn is_quiet(&self) -> bool {
        let state = self.state();
        state.steps.is_empty() && state.chance.is_none() && state.throttle.is_none() && self.hold.borrow().is_none()
    }

    /// What the head of a request decides.
    pub(crate) fn plan(&self, head: &Head<'_>) -> Planned {
        let mut state = self.state();
        if let Some((throttle, taken)) = &mut state.throttle
            && throttle.exceeded(taken, self.clock.now())
        {
            return Planned::Throttled(*throttle);
        }
        if let Some(fault) = state.next(None, |step| step.fault.is_early() && step.may_be_for(head)) {
            return Planned::Early(fault);
        }
        let drawn = state.chance.as_mut().and_then(|chance| chance.draw(head));
        match drawn {
            Some(fault) => {
                state.note(fault, None);
                if fault.is_early() { Planned::Early(fault) } else { Planned::Drawn(fault) }
            }
            None => Planned::Open,
        }
    }

    /// The scripted fault for a message that has arrived.
    pub(crate) fn take(&self, kind: MessageKind, sender: &Oid, document: Option<&Oid>) -> Option<Fault> {
        self.state().next(Some(kind), |step| {
            !step.fault.is_early() && !step.is_for_connections() && step.is_for(kind, sender, document)
        })
    }

    /// The scripted fault for a connection.
    pub(crate) fn take_for_connection(&self) -> Option<TlsFault> {
        match self.state().next(None, Step::is_for_connections) {
            Some(Fault::Tls(fault)) => Some(fault),
            _ => None,
        }
    }

    /// From now on store messages stand still until [`Self::release`].
    pub fn hold_stores(&self, at: HoldAt) {
        self.hold.send_replace(Some(at));
    }

    /// Lets every held message go, and holds no more.
    pub fn release(&self) {
        self.hold.send_replace(None);
        self.releases.send_modify(|times| *times += 1);
    }

    /// How many messages stand still now.
    #[must_use]
    pub fn held(&self) -> usize {
        *self.held.borrow()
    }

    /// Waits until at least `count` messages stand still.
    pub async fn until_held(&self, count: usize) {
        self.until(|held| held >= count).await;
    }

    /// Waits until no message stands still: all were released, or their clients went away.
    pub async fn until_none_held(&self) {
        self.until(|held| held == 0).await;
    }

    async fn until(&self, fits: impl Fn(usize) -> bool) {
        // The sender lives in self, so the wait cannot end by a closed channel.
        if let Err(closed) = self.held.subscribe().wait_for(|held| fits(*held)).await {
            tracing::error!(error = %closed, "the count of held messages is gone");
        }
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

    /// Stands still as a [`Fault::Hold`] or [`Fault::Delay`] at this place says; another fault does not stop it.
    pub(crate) async fn wait(&self, fault: Fault, here: HoldAt) {
        match fault {
            Fault::Hold(at) if at == here => {
                let mut releases = self.releases.subscribe();
                let before = *releases.borrow_and_update();
                let _standing = Standing::new(&self.held);
                if let Err(closed) = releases.wait_for(|times| *times != before).await {
                    tracing::error!(error = %closed, "the hold is gone");
                }
            }
            Fault::Delay(at, millis) if at == here => {
                // The end is set before anybody can see that it stands and moves the clock.
                let end = self.clock.after(Duration::from_millis(millis));
                let _standing = Standing::new(&self.held);
                self.clock.until(end).await;
            }
            _ => {}
        }
    }

    pub(crate) fn late(&self) -> &Late {
        &self.late
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
