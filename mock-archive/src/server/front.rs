//! The front: listens, requires a client certificate, and hands each connection to `connection.rs`.
//!
//! Goes down and up again on the same port. Knows nothing of messages.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Semaphore, watch};

use crate::server::StartError;
use crate::server::connection::{self, Inner};

const BACKLOG: u32 = 128;

/// What the front is asked to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Up,
    Down,
    Stopped,
}

/// What the front has become.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reached {
    Phase(Phase),
    /// It ended, because the port was not to be had.
    Failed(String),
}

/// A listening front.
pub(super) struct Front {
    address: SocketAddr,
    wanted: watch::Sender<Phase>,
    reached: watch::Receiver<Reached>,
    task: tokio::task::JoinHandle<()>,
}

impl Front {
    pub(super) fn start(address: SocketAddr, inner: Inner) -> Result<Self, StartError> {
        let listener = bound(address)?.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        let wanted = watch::Sender::new(Phase::Up);
        let (reached_sender, reached) = watch::channel(Reached::Phase(Phase::Up));
        let loop_ = Loop {
            address,
            places: Arc::new(Semaphore::new(inner.limits.connections_max)),
            inner: Arc::new(inner),
            wanted: wanted.subscribe(),
            reached: reached_sender,
        };
        let task = tokio::spawn(loop_.run(listener));
        Ok(Self { address, wanted, reached, task })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) async fn down(&self) {
        if let Err(error) = self.go(Phase::Down).await {
            tracing::warn!(error = %error, "the front did not go down cleanly");
        }
    }

    pub(super) async fn up(&self) -> std::io::Result<()> {
        self.go(Phase::Up).await
    }

    pub(super) async fn shutdown(&self) {
        if let Err(error) = self.go(Phase::Stopped).await {
            tracing::warn!(error = %error, "the front did not stop cleanly");
        }
    }

    async fn go(&self, phase: Phase) -> std::io::Result<()> {
        self.wanted.send_replace(phase);
        let mut reached = self.reached.clone();
        let there = reached.wait_for(|now| *now == Reached::Phase(phase) || matches!(now, Reached::Failed(_))).await;
        match there.as_deref() {
            Ok(Reached::Phase(_)) => Ok(()),
            Ok(Reached::Failed(error)) => Err(std::io::Error::other(error.clone())),
            // The loop has ended: it is stopped, whatever was asked.
            Err(_) if phase == Phase::Up => Err(std::io::Error::other("the front is stopped")),
            Err(_) => Ok(()),
        }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.wanted.send_replace(Phase::Stopped);
        self.task.abort();
    }
}

/// The accept loop's things.
struct Loop {
    address: SocketAddr,
    inner: Arc<Inner>,
    places: Arc<Semaphore>,
    wanted: watch::Receiver<Phase>,
    reached: watch::Sender<Reached>,
}

impl Loop {
    async fn run(mut self, listener: TcpListener) {
        let mut listener = Some(listener);
        loop {
            self.listen(listener.take()).await;
            match self.rest().await {
                Some(Ok(next)) => listener = Some(next),
                Some(Err(error)) => {
                    self.reached.send_replace(Reached::Failed(error.to_string()));
                    return;
                }
                None => {
                    self.reached.send_replace(Reached::Phase(Phase::Stopped));
                    return;
                }
            }
        }
    }

    /// Accepts until something else is wanted.
    async fn listen(&mut self, listener: Option<TcpListener>) {
        let Some(listener) = listener else { return };
        self.reached.send_replace(Reached::Phase(Phase::Up));
        while *self.wanted.borrow_and_update() == Phase::Up {
            tokio::select! {
                changed = self.wanted.changed() => if changed.is_err() { return },
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => self.serve(stream),
                    Err(error) => tracing::warn!(error = %error, "cannot accept"),
                },
            }
        }
    }

    fn serve(&self, stream: tokio::net::TcpStream) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            tracing::warn!("too many connections, one refused");
            return;
        };
        let (inner, mut wanted) = (Arc::clone(&self.inner), self.wanted.clone());
        tokio::spawn(async move {
            let _place = place;
            tokio::select! {
                () = connection::serve(stream, inner) => {}
                // An error means that the front is gone, which breaks the connection as well.
                _ = wanted.wait_for(|phase| *phase != Phase::Up) => {}
            }
        });
    }

    /// Holds the port without listening until the front is wanted again; `None` when it is stopped.
    async fn rest(&mut self) -> Option<std::io::Result<TcpListener>> {
        let wanted = *self.wanted.borrow_and_update();
        if wanted == Phase::Stopped {
            return None;
        }
        let socket = match bound(self.address) {
            Ok(socket) => socket,
            Err(error) => return Some(Err(error)),
        };
        self.reached.send_replace(Reached::Phase(Phase::Down));
        let next = self.wanted.wait_for(|phase| *phase != Phase::Down).await.map(|phase| *phase);
        match next {
            Ok(Phase::Up) => Some(socket.listen(BACKLOG)),
            _ => None,
        }
    }
}

fn bound(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
