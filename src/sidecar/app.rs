//! The sidecar as one running thing: store, worker and API started together and stopped together.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinHandle};

use super::api::{Cursors, Services, Tokens, router, serve};
use super::config::{Config, ConfigError};
use super::ports::{Archive, Chance, Clock, Pipeline};
use super::retention;
use super::store::{Actor, Store, StoreError};
use super::telemetry::{Metrics, WatchedCertificate};
use super::worker::{Decider, Rights, RunState, Worker};
use crate::domain::access::AccessProfile;
use crate::domain::validate::Checker;

/// What the sidecar is made of besides its store.
pub struct Parts<A, C> {
    /// The archive.
    pub archive: A,
    /// The clock.
    pub clock: C,
    /// Randomness for jitter.
    pub chance: Arc<dyn Chance>,
    /// Checks records.
    pub checker: Arc<Checker>,
    /// Builds, signs and frames.
    pub pipeline: Arc<dyn Pipeline>,
    /// Certificates whose end is shown in the metrics.
    pub certificates: Vec<WatchedCertificate>,
    /// What the access right is decided by.
    pub access: AccessProfile,
    /// Values of the profiles that are placeholders and have not been set.
    pub placeholders: Vec<String>,
}

/// Why the sidecar did not start or did not end well. All for the operator.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address to listen on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The system has no randomness to give.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
    /// Signals cannot be waited for.
    #[error("cannot wait for signals")]
    Signals(#[source] std::io::Error),
    /// Something was still under way when the time for stopping was over. It is taken up again at the next start.
    #[error("not finished after {seconds} s; what was under way is taken up at the next start")]
    DrainTimeout {
        /// How long it was waited for.
        seconds: u64,
    },
    /// A part ended that should not have.
    #[error("the {part} ended unexpectedly")]
    Ended {
        /// Which.
        part: &'static str,
    },
}

/// A sidecar that runs.
pub struct RunningApp {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    worker: JoinHandle<Result<(), StoreError>>,
    server: JoinHandle<std::io::Result<()>>,
    retention: JoinHandle<()>,
    drain_timeout: Duration,
}

/// Opens the store that the configuration names and starts.
///
/// # Errors
/// [`AppError`]; nothing runs then.
#[cfg(feature = "sqlite")]
pub async fn start<A: Archive, C: Clock>(config: &Config, parts: Parts<A, C>) -> Result<RunningApp, AppError> {
    use super::store::sqlite::SqliteStore;

    config.check_placeholders(&parts.placeholders)?;
    let key = config.store.key().map_err(StoreError::from)?;
    let (path, limits, now) = (config.store.path.clone(), config.store.limits(), parts.clock.now());
    let store = tokio::task::spawn_blocking(move || SqliteStore::open_within(&path, &key, limits, now))
        .await
        .map_err(|_| AppError::Ended { part: "store" })??;
    start_with_store(config, parts, store).await
}

/// Starts on a store that is open.
///
/// # Errors
/// [`AppError`]; nothing runs then.
pub async fn start_with_store<S: Store, A: Archive, C: Clock>(
    config: &Config,
    parts: Parts<A, C>,
    store: S,
) -> Result<RunningApp, AppError> {
    config.check_placeholders(&parts.placeholders)?;
    let wanted = config.listen.address;
    let listen = |source| AppError::Listen { address: wanted, source };
    let listener = TcpListener::bind(wanted).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;

    let (stop, stopping) = watch::channel(false);
    let instance = config.instance.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let cursors = Cursors::of_this_process().ok_or(AppError::NoRandomness)?;
    let (worker, services) = assemble(config, parts, store, (instance, cursors), stopping.clone());
    let actor = Actor { name: "retention".into(), instance: services.instance.clone() };
    let (store, clock) = (Arc::clone(&services.store), Arc::clone(&services.clock));
    let retention = retention::run(store, clock, config.store.kept_for(), actor, stopping.clone());
    let retention = tokio::spawn(retention);
    let worker = tokio::spawn(Arc::new(worker).run(stopping.clone()));
    let request_timeout = Duration::from_secs(config.limits.request_timeout_s);
    let server = tokio::spawn(serve(listener, router(Arc::new(services)), stopping, request_timeout));
    tracing::info!(%address, environment = ?config.environment, "ready");
    let drain_timeout = Duration::from_secs(config.limits.drain_timeout_s);
    Ok(RunningApp { address, stop, worker, server, retention, drain_timeout })
}

fn assemble<S: Store, A: Archive, C: Clock>(
    config: &Config,
    parts: Parts<A, C>,
    store: S,
    (instance, cursors): (String, Cursors),
    stopping: watch::Receiver<bool>,
) -> (Worker<S, A, C>, Services<S, A, C>) {
    let settings = config.worker_settings();
    let (store, archive, clock) = (Arc::new(store), Arc::new(parts.archive), Arc::new(parts.clock));
    let (metrics, wake) = (Arc::new(Metrics::new(parts.certificates)), Arc::new(Notify::new()));
    let rights = Arc::new(Rights::new(
        Arc::clone(&archive),
        Arc::clone(&clock),
        Decider { profile: parts.access, parties: config.party_book() },
        settings.evidence_age_max,
        Arc::clone(&metrics),
    ));
    let worker = Worker {
        store: Arc::clone(&store),
        archive: Arc::clone(&archive),
        clock: Arc::clone(&clock),
        chance: parts.chance,
        pipeline: Arc::clone(&parts.pipeline),
        rights: Arc::clone(&rights),
        run: RunState::default(),
        metrics: Arc::clone(&metrics),
        wake: Arc::clone(&wake),
        settings,
        instance: instance.clone(),
    };
    let services = Services {
        store,
        archive,
        clock,
        pipeline: parts.pipeline,
        checker: parts.checker,
        rights,
        metrics,
        wake,
        tokens: Tokens::new(&config.tokens),
        cursors,
        organisations: config.organisations.clone(),
        environment: config.environment,
        limits: config.limits,
        instance,
        stopping,
    };
    (worker, services)
}

impl RunningApp {
    /// Where the API listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops: no new requests and no new work; what is under way is finished, within the time the configuration gives.
    ///
    /// # Errors
    /// [`AppError::DrainTimeout`], or how a part failed.
    pub async fn shutdown(self) -> Result<(), AppError> {
        let Self { stop, mut worker, mut server, mut retention, drain_timeout, .. } = self;
        stop.send_replace(true);
        let drained = tokio::time::timeout(drain_timeout, async {
            (&mut retention).await.and((&mut worker).await.and(Ok(()))).and((&mut server).await.map(drop))
        });
        match drained.await {
            Ok(Ok(())) => {
                tracing::info!("stopped");
                Ok(())
            }
            Ok(Err(_)) => Err(AppError::Ended { part: "service" }),
            Err(_) => {
                retention.abort();
                worker.abort();
                server.abort();
                Err(AppError::DrainTimeout { seconds: drain_timeout.as_secs() })
            }
        }
    }

    /// Runs until SIGTERM or SIGINT, then stops as [`RunningApp::shutdown`] does. Also returns when a part ends by itself.
    ///
    /// # Errors
    /// [`AppError`].
    pub async fn run_until_signal(mut self) -> Result<(), AppError> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).map_err(AppError::Signals)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(AppError::Signals)?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            ended = &mut self.worker => return Err(end_of_worker(ended)),
            ended = &mut self.retention => {
                return Err(match ended {
                    // The store has come to its end, of which the worker knows the cause.
                    Ok(()) => end_of_worker((&mut self.worker).await),
                    Err(_) => AppError::Ended { part: "retention" },
                });
            }
            _ = &mut self.server => return Err(AppError::Ended { part: "API server" }),
        }
        tracing::info!("stopping: finishing what is under way");
        self.shutdown().await
    }
}

fn end_of_worker(ended: Result<Result<(), StoreError>, JoinError>) -> AppError {
    match ended {
        Ok(Err(error)) => error.into(),
        _ => AppError::Ended { part: "worker" },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(retention: JoinHandle<()>, worker: JoinHandle<Result<(), StoreError>>) -> RunningApp {
        RunningApp {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            stop: watch::Sender::new(false),
            worker,
            server: tokio::spawn(std::future::pending()),
            retention,
            drain_timeout: Duration::ZERO,
        }
    }

    #[tokio::test]
    async fn retention_that_ends_by_itself_ends_the_sidecar() {
        let panicked = tokio::spawn(async { panic!("as the test wants it") });
        let ended = running(panicked, tokio::spawn(std::future::pending())).run_until_signal().await;
        assert!(matches!(ended, Err(AppError::Ended { part: "retention" })));
        // Where the store has come to its end, that is what is told.
        let closed = tokio::spawn(async { Err(StoreError::Closed) });
        let ended = running(tokio::spawn(async {}), closed).run_until_signal().await;
        assert!(matches!(ended, Err(AppError::Store(StoreError::Closed))));
    }
}
