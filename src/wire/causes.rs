//! Why a call was not made, read from the chain of errors below it.

use std::error::Error;
use std::io;

/// The last error of a chain: reqwest's own words say less, and hold the whole URL.
pub(super) fn innermost(why: &dyn Error) -> String {
    let mut cause = why.source();
    let mut text = None;
    while let Some(error) = cause {
        text = Some(error.to_string());
        cause = error.source();
    }
    text.unwrap_or_else(|| "the request failed".to_owned())
}

/// Whether it took too long.
pub(super) fn is_late(why: &dyn Error) -> bool {
    let mut cause = why.source();
    while let Some(error) = cause {
        if error.downcast_ref().is_some_and(|why: &io::Error| why.kind() == io::ErrorKind::TimedOut)
        {
            return true;
        }
        cause = error.source();
    }
    innermost(why).contains("timed out")
}

/// Whether TLS is at fault: a certificate, or a server that does not speak it.
pub(super) fn is_tls(why: &dyn Error) -> bool {
    let mut cause = why.source();
    while let Some(error) = cause {
        if error.is::<rustls::Error>() || error.downcast_ref().is_some_and(wraps_tls) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Whether what came is no HTTP, or more of a head than anybody sends.
pub(super) fn is_no_http(why: &dyn Error) -> bool {
    let mut cause = why.source();
    while let Some(error) = cause {
        if error.downcast_ref().is_some_and(hyper::Error::is_parse) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// An I/O error's source is the source of what it wraps, so what it wraps is looked at itself; it
/// may be one more I/O error.
fn wraps_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| {
        inner.is::<rustls::Error>() || inner.downcast_ref().is_some_and(wraps_tls)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client hands out around the error of its connection.
    #[derive(Debug, thiserror::Error)]
    #[error("sending failed")]
    struct Outer(#[source] io::Error);

    #[test]
    fn a_fault_of_tls_is_seen_however_often_it_is_wrapped() {
        let tls = || io::Error::other(rustls::Error::HandshakeNotComplete);
        assert!(is_tls(&Outer(tls())));
        assert!(is_tls(&Outer(io::Error::other(tls()))));
        assert!(is_tls(&Outer(io::Error::other(io::Error::other(tls())))));
        assert!(!is_tls(&Outer(io::Error::other(io::Error::from(io::ErrorKind::BrokenPipe)))));
    }
}
