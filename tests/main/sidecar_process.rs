//! The sidecar as its own process, as an operator starts it. Every line that it writes to standard error goes into a log file.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

pub(crate) struct Sidecar {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Sidecar {
    /// Starts it and waits until it listens.
    pub(crate) async fn start(config: &Path, log: &Path) -> Self {
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_asiasilta"))
            .args(["serve", "--config"])
            .arg(config)
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().expect("the sidecar says where it listens");
        Self { child, address: line.strip_prefix("listening on http://").unwrap().parse().unwrap() }
    }

    /// Ends it as a power cut does.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}
