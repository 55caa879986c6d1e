//! The stream under HTTP, which a fault can make slow, send its answer twice, or reset. Knows bytes, no messages.
//!
//! `server/message.rs` sets the [`Line`] of a connection for the answer that follows; hyper writes through [`Wire`].

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;

/// What a connection is to do with what follows; copies are of the same connection.
#[derive(Clone, Default)]
pub(super) struct Line(Arc<Mutex<Orders>>);

#[derive(Default)]
struct Orders {
    reset: bool,
    trickle: Option<(usize, Duration)>,
    /// What was written since the order to repeat it, held back until it leaves twice.
    repeat: Option<Vec<u8>>,
}

impl Line {
    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next message has nothing of the last one's orders.
    pub(super) fn clear(&self) {
        *self.orders() = Orders::default();
    }

    /// When the connection ends, it ends with a reset.
    pub(super) fn reset(&self) {
        self.orders().reset = true;
    }

    /// What is written goes so many bytes at a time, with a pause after each.
    pub(super) fn trickle(&self, bytes: usize, pause: Duration) {
        self.orders().trickle = Some((bytes.max(1), pause));
    }

    /// What is written next is written twice.
    pub(super) fn repeat(&self) {
        self.orders().repeat = Some(Vec::new());
    }

    /// Takes bytes that are to leave twice. Both answers leave as one: a client must not have time to send the next message between
    /// them. An answer is in memory already, so this needs no limit of its own.
    fn hold_back(&self, bytes: &[u8]) -> bool {
        let mut orders = self.orders();
        let held = orders.repeat.as_mut().map(|held| held.extend_from_slice(bytes));
        held.is_some()
    }
}

/// A TLS stream that follows the orders of its line.
pub(super) struct Wire {
    stream: TlsStream<TcpStream>,
    line: Line,
    pause: Option<Pin<Box<Sleep>>>,
    /// What leaves twice, and how much of it is written.
    twice: Option<(Vec<u8>, usize)>,
}

impl Wire {
    pub(super) fn new(stream: TlsStream<TcpStream>, line: Line) -> Self {
        Self { stream, line, pause: None, twice: None }
    }

    fn poll_twice(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some((bytes, written)) = &mut self.twice {
            let rest = bytes.get(*written..).unwrap_or_default();
            if rest.is_empty() {
                self.twice = None;
                return Poll::Ready(Ok(()));
            }
            let now = ready!(Pin::new(&mut self.stream).poll_write(context, rest))?;
            if now == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *written += now;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        if self.line.hold_back(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let trickle = self.line.orders().trickle;
        let now = trickle.map_or(bytes, |(some, _)| bytes.get(..some).unwrap_or(bytes));
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, now))?;
        if let Some((_, pause)) = trickle {
            // What trickles has to leave before the pause, not after it.
            drop(Pin::new(&mut self.stream).poll_flush(context));
            self.pause = Some(Box::pin(tokio::time::sleep(pause)));
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let held = {
            let mut orders = self.line.orders();
            orders.repeat.take_if(|held| !held.is_empty())
        };
        if let Some(answer) = held {
            self.twice = Some((answer.repeat(2), 0));
        }
        ready!(self.poll_twice(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.line.orders().reset {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let reset = self.line.orders().reset;
        if reset && let Err(error) = self.stream.get_ref().0.set_zero_linger() {
            tracing::debug!(error = %error, "a connection is closed without a reset");
        }
    }
}
