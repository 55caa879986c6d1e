//! The sidecar to be killed: the program in a process of its own, or its parts in a runtime with one promise broken.
//!
//! A process is killed as `kill -9` kills; a runtime is taken down at whatever it waits for.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use asiasilta::sidecar::app::{self, Parts, RunningApp};
use asiasilta::sidecar::assembly::assemble;
use asiasilta::sidecar::config::Config;
use tokio::runtime::Runtime;

use super::breach::{Breach, Broken, BrokenMaking, take_everything_back};
use crate::sidecar_process;

/// Far more than what is under way takes to be dropped.
const TAKEN_DOWN_WITHIN: Duration = Duration::from_secs(30);

/// Which sidecar.
#[derive(Debug, Clone, Copy)]
pub(super) enum Make {
    /// The program as it is.
    Program,
    /// With one promise broken on purpose.
    Broken(Breach),
}

/// One that runs.
pub(super) struct Sidecar {
    running: Running,
    pub(super) address: SocketAddr,
}

enum Running {
    Process(sidecar_process::Sidecar),
    Inside(Runtime, RunningApp),
}

impl Sidecar {
    pub(super) async fn start(make: Make, config: &Path, log: &Path) -> Self {
        match make {
            Make::Program => {
                let process = sidecar_process::Sidecar::start(config, log).await;
                Self { address: process.address, running: Running::Process(process) }
            }
            Make::Broken(breach) => {
                let config = config.to_owned();
                tokio::task::spawn_blocking(move || Self::start_inside(breach, &config)).await.unwrap()
            }
        }
    }

    fn start_inside(breach: Breach, config: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let token = config.with_file_name("token");
        let config = Config::read(config).unwrap();
        let whole = assemble(&config).unwrap();
        let parts = Parts {
            archive: Broken::new(whole.archive, breach),
            clock: whole.clock,
            chance: whole.chance,
            checker: whole.checker,
            pipeline: Arc::new(BrokenMaking::new(whole.pipeline, breach)),
            certificates: whole.certificates,
            access: whole.access,
            placeholders: whole.placeholders,
        };
        let app = runtime.block_on(app::start(&config, parts)).unwrap();
        if breach == Breach::SendWhatIsHandedOver {
            let token = std::fs::read_to_string(token).unwrap();
            runtime.spawn(take_everything_back(app.address(), token));
        }
        Self { address: app.address(), running: Running::Inside(runtime, app) }
    }

    pub(super) async fn kill(self) {
        match self.running {
            Running::Process(process) => process.kill().await,
            Running::Inside(runtime, app) => {
                let down = move || {
                    runtime.shutdown_timeout(TAKEN_DOWN_WITHIN);
                    // Only now: while it lives, the parts are not told to stop.
                    drop(app);
                };
                tokio::task::spawn_blocking(down).await.unwrap();
            }
        }
    }
}
