//! The one thread that writes: whatever is queued becomes one transaction. A piece of work that may fail half-way has a savepoint
//! of its own; one that refuses before it writes has none, and should it fail later after all, its transaction fails with it.
//!
//! A caller is answered after the commit that made its work durable, never before. The queue is bounded; a caller waits for
//! a place in it. Callers who were answered together come back one by one: the next transaction waits for as many as the last
//! one held, for a part of the time that a commit takes, so that the first of them does not have a disk sync to itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use super::checkpoint::Checkpoints;
use super::{Around, Tables};
use crate::sidecar::store::StoreError;

const QUEUE_MAX: usize = 1024;
const BATCH_MAX: usize = 256;
/// The longest that a transaction waits for more work.
const GATHER_MAX: Duration = Duration::from_millis(3);
/// What part of the last commit's time it waits.
const GATHER_PART: u32 = 3;
/// Pieces of work after which a checkpoint is asked for: some megabytes of log.
const CHECKPOINT_EVERY: usize = 256;
/// And how long after the last one.
const CHECKPOINT_AFTER: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Work>>>,
    thread: Option<JoinHandle<()>>,
    /// Whether the last transaction did not commit, or a piece of its work met an error of the database.
    failed: Arc<AtomicBool>,
}

/// What is left of a piece of work that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failing {
    /// It may have written something, which is taken back. Costs a copy of every page that it touches.
    HalfWay,
    /// It has written nothing.
    BeforeItWrites,
}

/// A piece of work: run inside the transaction, answered after it.
trait Work: Send {
    /// How it fails, if it fails.
    fn failing(&self) -> Failing;
    /// Does it; whether its savepoint is to be kept.
    fn run(&mut self, tables: &Tables<'_>) -> bool;
    /// Why the disk or the database refused it; nothing when it was its own rules.
    fn trouble(&self) -> Option<&StoreError>;
    /// Answers the caller: with the work's own result, or with why the transaction did not commit.
    fn answer(self: Box<Self>, commit_failure: Option<&StoreError>);
}

struct Task<T, F> {
    failing: Failing,
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, F: FnOnce(&Tables<'_>) -> Result<T, StoreError> + Send> Work for Task<T, F> {
    fn failing(&self) -> Failing {
        self.failing
    }

    fn run(&mut self, tables: &Tables<'_>) -> bool {
        self.result = self.work.take().map(|work| work(tables));
        matches!(self.result, Some(Ok(_)))
    }

    fn trouble(&self) -> Option<&StoreError> {
        self.result.as_ref()?.as_ref().err().filter(|error| error.is_of_the_disk())
    }

    fn answer(self: Box<Self>, commit_failure: Option<&StoreError>) {
        let result = match (self.result, commit_failure) {
            (Some(Err(error)), _) => Err(error),
            (_, Some(failure)) => Err(failure.repeated()),
            (Some(ok), None) => ok,
            (None, None) => Err(StoreError::Closed),
        };
        if self.caller.send(result).is_err() {
            tracing::debug!("the caller of a store transaction went away before its answer");
        }
    }
}

impl Writer {
    pub(super) fn start(db: Connection, around: Around, checkpoints: Checkpoints) -> Result<Self, StoreError> {
        let (queue, work) = mpsc::channel(QUEUE_MAX);
        let failed = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&failed);
        let no_thread = |error| StoreError::Database { text: format!("no thread to write with: {error}") };
        // Drives the queue and its timer on the writer's own thread; nothing else runs on it.
        let alone = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(no_thread)?;
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || alone.block_on(serve(&around.tables(&db), work, &seen, &checkpoints)))
            .map_err(no_thread)?;
        Ok(Self { queue: Some(queue), thread: Some(thread), failed })
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Ends when the thread has.
    pub(super) async fn closed(&self) {
        if let Some(queue) = &self.queue {
            queue.closed().await;
        }
    }

    /// [`Writer::run`] from a thread that may wait.
    pub(super) fn run_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tables<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (caller, answer) = oneshot::channel();
        let task = Box::new(Task { failing: Failing::HalfWay, work: Some(work), result: None, caller });
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        queue.blocking_send(task).map_err(|_| StoreError::Closed)?;
        answer.blocking_recv().map_err(|_| StoreError::Closed)?
    }

    /// Runs a piece of work that may fail half-way.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tables<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.queue_up(Failing::HalfWay, work).await
    }

    /// Runs a piece of work that makes up its mind before it writes anything.
    pub(super) async fn run_decided<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tables<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.queue_up(Failing::BeforeItWrites, work).await
    }

    async fn queue_up<T: Send + 'static>(
        &self,
        failing: Failing,
        work: impl FnOnce(&Tables<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (caller, answer) = oneshot::channel();
        let task = Box::new(Task { failing, work: Some(work), result: None, caller });
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        queue.send(task).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Closing the queue ends the thread once it has served what was in it.
        self.queue = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the store's writer thread had panicked");
        }
    }
}

/// How the last transaction went, which the next one is gathered by.
#[derive(Default)]
struct Pace {
    pieces: usize,
    commit: Duration,
}

impl Pace {
    /// Takes what is queued, and waits a little for as many as there were before.
    async fn gather(&self, first: Box<dyn Work>, queue: &mut mpsc::Receiver<Box<dyn Work>>) -> Vec<Box<dyn Work>> {
        let mut batch = vec![first];
        let until = Instant::now() + (self.commit / GATHER_PART).min(GATHER_MAX);
        while batch.len() < BATCH_MAX {
            if let Ok(next) = queue.try_recv() {
                batch.push(next);
                continue;
            }
            if batch.len() >= self.pieces {
                break;
            }
            let Ok(Some(next)) = timeout_at(until, queue.recv()).await else { break };
            batch.push(next);
        }
        batch
    }
}

async fn serve(
    tables: &Tables<'_>,
    mut queue: mpsc::Receiver<Box<dyn Work>>,
    failed: &AtomicBool,
    checkpoints: &Checkpoints,
) {
    let (mut pace, mut in_log) = (Pace::default(), 0);
    loop {
        if in_log >= CHECKPOINT_EVERY {
            checkpoints.ask();
            in_log = 0;
        }
        let next = match in_log {
            0 => queue.recv().await,
            _ => match timeout(CHECKPOINT_AFTER, queue.recv()).await {
                Ok(next) => next,
                Err(_) => {
                    in_log = CHECKPOINT_EVERY;
                    continue;
                }
            },
        };
        let Some(first) = next else { return };
        let mut batch = pace.gather(first, &mut queue).await;
        in_log += batch.len();
        let begun = Instant::now();
        let failure = commit(tables, &mut batch).err();
        pace = Pace { pieces: batch.len(), commit: begun.elapsed() };
        if let Some(error) = &failure {
            tables.room.loosen();
            tracing::error!(store.error = error.with_causes(), "a store transaction did not commit");
        }
        failed.store(failure.is_some() || batch.iter().any(|work| work.trouble().is_some()), Ordering::Relaxed);
        let mut troubles = failure.iter().chain(batch.iter().filter_map(|work| work.trouble()));
        let damaged = troubles.any(|trouble| matches!(trouble, StoreError::Corrupt { .. }));
        batch.into_iter().for_each(|work| work.answer(failure.as_ref()));
        if damaged {
            // Nothing more is promised on a file that is damaged; whoever waits for the end of the queue ends the process.
            tracing::error!("the database file is damaged; the store closes");
            return;
        }
    }
}

fn commit(tables: &Tables<'_>, batch: &mut [Box<dyn Work>]) -> Result<(), StoreError> {
    tables.room.look_at_disk_again();
    tell(tables, "BEGIN IMMEDIATE")?;
    let outcome =
        run_all(tables, batch).and_then(|()| tables.tally.write(tables.db)).and_then(|()| tell(tables, "COMMIT"));
    if outcome.is_err() {
        tables.tally.forget();
        if !tables.db.is_autocommit() {
            tell(tables, "ROLLBACK")?;
        }
    }
    outcome
}

fn tell(tables: &Tables<'_>, sql: &str) -> Result<(), StoreError> {
    tables.db.prepare_cached(sql)?.execute([])?;
    Ok(())
}

fn run_all(tables: &Tables<'_>, batch: &mut [Box<dyn Work>]) -> Result<(), StoreError> {
    for work in batch {
        match work.failing() {
            Failing::HalfWay => in_a_savepoint(tables, &mut **work)?,
            Failing::BeforeItWrites => {
                let before = tables.db.total_changes();
                let kept = work.run(tables);
                if !kept && tables.db.total_changes() != before {
                    let text = || "a piece of work failed after it had begun to write".to_owned();
                    let trouble = work.trouble().map(StoreError::repeated);
                    return Err(trouble.unwrap_or_else(|| StoreError::Database { text: text() }));
                }
            }
        }
        // A full disk or an I/O error ends the whole transaction by itself, and with it the batch.
        if let Some(trouble) = work.trouble().filter(|_| tables.db.is_autocommit()) {
            return Err(trouble.repeated());
        }
    }
    Ok(())
}

fn in_a_savepoint(tables: &Tables<'_>, work: &mut dyn Work) -> Result<(), StoreError> {
    tell(tables, "SAVEPOINT work")?;
    let mark = tables.tally.mark();
    let keep = work.run(tables);
    if tables.db.is_autocommit() {
        return Ok(());
    }
    if !keep {
        tables.room.loosen();
        tables.tally.back_to(mark);
        tell(tables, "ROLLBACK TO work")?;
    }
    tell(tables, "RELEASE work")
}
