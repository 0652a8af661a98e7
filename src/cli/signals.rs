//! Ctrl-C and SIGTERM: the first drains, the second cancels.

use crate::cli::screen::Screen;
use crate::engine::stop::{Level, Stopper};

/// Hears every signal and asks for a stop, without a word.
pub async fn listen_silently(stopper: &Stopper) {
    let Ok(mut signals) = Signals::new() else { return std::future::pending().await };
    loop {
        signals.next().await;
        stopper.further();
    }
}

/// Listens until it is dropped. Never returns.
pub async fn listen(stopper: &Stopper, screen: &Screen) {
    let Ok(mut signals) = Signals::new() else {
        tracing::warn!("signals cannot be heard; an interrupt will end the program at once");
        return std::future::pending().await;
    };
    loop {
        signals.next().await;
        match stopper.further() {
            Level::Draining => screen.note(
                "interrupted: calls in flight are finished, nothing new is sent; \
                 interrupt again to give them up",
            ),
            _ => screen.note("interrupted again: calls in flight are given up"),
        }
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
