//! Credentials that are kept until shortly before they expire. Whoever needs them while they are
//! being fetched waits for that one fetch.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use futures::FutureExt as _;
use futures::future::Shared;
use tokio::time::Instant;

use crate::call::failure::{Failure, FailureKind};
use crate::call::moment::Moment;
use crate::wire::secret::{Redactor, Secret};
use crate::wire::transport::Pending;

/// How long before they expire credentials are fetched again.
const AHEAD: Duration = Duration::from_mins(5);

/// How long what was just fetched is good, whatever it says: it is the newest there is.
const FRESH: Duration = Duration::from_secs(10);

/// How long nobody looks again after nothing was found: looking takes seconds where no metadata
/// service answers, and thousands of tasks would each take them.
const NOTHING: Duration = Duration::from_mins(1);

type Find = dyn Fn(Redactor) -> Pending<'static, Result<Credentials, Failure>> + Send + Sync;
type Fetch = Shared<Pending<'static, Fetched>>;

/// What came of a fetch, and when.
#[derive(Clone)]
struct Fetched {
    outcome: Result<Credentials, Failure>,
    at: Instant,
}

/// Credentials, and how to get the next ones.
pub(super) struct Keyring {
    find: Arc<Find>,
    redactor: Redactor,
    /// Whether looking again can give others.
    is_fixed: bool,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// The newest fetch, under way or done.
    fetch: Option<Fetch>,
    /// The last credentials that were had, for when a fetch fails before these have expired.
    last: Option<Credentials>,
    /// How many fetches there were.
    fetches: u64,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring")
    }
}

impl Keyring {
    /// A keyring that asks `find` for credentials; the redactor learns each of them.
    pub(super) fn new(
        redactor: Redactor,
        find: impl Fn(Redactor) -> Pending<'static, Result<Credentials, Failure>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self { find: Arc::new(find), redactor, is_fixed: false, kept: Mutex::default() }
    }

    /// A keyring that holds these credentials and no others.
    pub(super) fn of(credentials: Credentials) -> Self {
        let find = move |_| {
            let credentials = credentials.clone();
            Box::pin(async move { Ok(credentials) }) as Pending<'static, _>
        };
        Self { is_fixed: true, ..Self::new(Redactor::default(), find) }
    }

    /// Credentials that are good for a while.
    pub(super) async fn credentials(&self) -> Result<Credentials, Failure> {
        loop {
            let fetch = self.fetch();
            let fetched = fetch.clone().await;
            if !is_good(&fetched) {
                self.forget(&fetch);
                continue;
            }
            let mut kept = self.kept();
            return match fetched.outcome {
                Ok(credentials) => {
                    kept.last = Some(credentials.clone());
                    Ok(credentials)
                }
                Err(failure) => {
                    let last = kept.last.clone();
                    last.filter(|last| is_valid_in(last, Duration::ZERO)).ok_or(failure)
                }
            };
        }
    }

    /// Takes note that credentials were not believed. Whether the next ones will be others: those
    /// just fetched are not fetched again.
    pub(super) fn disbelieved(&self) -> bool {
        if self.is_fixed {
            return false;
        }
        let mut kept = self.kept();
        let peeked = kept.fetch.as_ref().and_then(Shared::peek);
        if peeked.is_some_and(|fetched| fetched.at.elapsed() < FRESH) {
            // Whoever used the ones before these gets to try these.
            return kept.fetches > 1;
        }
        if peeked.is_some() {
            kept.fetch = None;
            kept.last = None;
        }
        true
    }

    /// The fetch under way or done, or a new one.
    fn fetch(&self) -> Fetch {
        let mut kept = self.kept();
        if let Some(fetch) = &kept.fetch {
            return fetch.clone();
        }
        let finding = (self.find)(self.redactor.clone());
        let redactor = self.redactor.clone();
        let fetch: Pending<'static, Fetched> = Box::pin(async move {
            let outcome = finding.await;
            if let Ok(credentials) = &outcome {
                learn(&redactor, credentials);
            }
            Fetched { outcome, at: Instant::now() }
        });
        let fetch = fetch.shared();
        kept.fetches += 1;
        kept.fetch = Some(fetch.clone());
        fetch
    }

    /// Drops a fetch that is no longer good, unless another has taken its place.
    fn forget(&self, fetch: &Fetch) {
        let mut kept = self.kept();
        if kept.fetch.as_ref().is_some_and(|current| current.ptr_eq(fetch)) {
            kept.fetch = None;
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn learn(redactor: &Redactor, credentials: &Credentials) {
    redactor.learn(&Secret::new(credentials.secret_access_key()));
    if let Some(session) = credentials.session_token() {
        redactor.learn(&Secret::new(session));
    }
}

fn is_good(fetched: &Fetched) -> bool {
    let age = fetched.at.elapsed();
    match &fetched.outcome {
        Ok(credentials) => age < FRESH || is_valid_in(credentials, AHEAD),
        Err(failure) if failure.kind == FailureKind::Authentication => age < NOTHING,
        Err(_) => age < Duration::from_secs(1),
    }
}

fn is_valid_in(credentials: &Credentials, ahead: Duration) -> bool {
    let millis = u64::try_from(Moment::now().as_millis()).unwrap_or(0);
    let then: SystemTime = UNIX_EPOCH + Duration::from_millis(millis) + ahead;
    credentials.expiry().is_none_or(|expiry| expiry > then)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;
    use tokio::time::{advance, sleep};

    use super::*;

    /// A keyring whose nth look takes a second and gives what `give` says.
    fn keyring(
        give: impl Fn(usize) -> Result<Credentials, Failure> + Send + Sync + 'static,
    ) -> (Keyring, Arc<AtomicUsize>, Redactor) {
        let (looks, redactor) = (Arc::new(AtomicUsize::new(0)), Redactor::default());
        let (counted, give) = (Arc::clone(&looks), Arc::new(give));
        let keyring = Keyring::new(redactor.clone(), move |_| {
            let (nth, give) = (counted.fetch_add(1, Ordering::Relaxed), Arc::clone(&give));
            Box::pin(async move {
                sleep(Duration::from_secs(1)).await;
                give(nth)
            })
        });
        (keyring, looks, redactor)
    }

    /// Credentials that expire this many seconds from now.
    fn lasting(nth: usize, seconds: u64) -> Credentials {
        let millis = u64::try_from(Moment::now().as_millis()).unwrap_or(0);
        let expiry = UNIX_EPOCH + Duration::from_millis(millis) + Duration::from_secs(seconds);
        let (secret, session) = (format!("secret-{nth}"), format!("session-{nth}"));
        Credentials::new(format!("id-{nth}"), secret, Some(session), Some(expiry), "test")
    }

    async fn id(keyring: &Keyring) -> Result<String, FailureKind> {
        let credentials = keyring.credentials().await;
        credentials.map(|some| some.access_key_id().to_owned()).map_err(|failure| failure.kind)
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_wait_share_one_fetch_and_what_it_gave_is_kept() {
        let (keyring, looks, redactor) = keyring(|nth| Ok(lasting(nth, 3600)));
        let all = join_all((0..50).map(|_| id(&keyring))).await;
        assert!(all.iter().all(|id| id.as_deref() == Ok("id-0")), "{all:?}");
        advance(Duration::from_mins(30)).await;
        assert_eq!(id(&keyring).await.as_deref(), Ok("id-0"));
        assert_eq!(looks.load(Ordering::Relaxed), 1);
        assert_eq!(redactor.clean_text("secret-0 session-0"), "[redacted] [redacted]");
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_are_fetched_again_before_they_expire() {
        let (keyring, looks, _) =
            keyring(|nth| Ok(lasting(nth, if nth == 0 { 200 } else { 3600 })));
        assert_eq!(id(&keyring).await.as_deref(), Ok("id-0"));
        assert_eq!(id(&keyring).await.as_deref(), Ok("id-0"), "they are new");
        advance(FRESH).await;
        let all = join_all((0..50).map(|_| id(&keyring))).await;
        assert!(all.iter().all(|id| id.as_deref() == Ok("id-1")), "{all:?}");
        assert_eq!(looks.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_fetch_that_fails_leaves_the_last_credentials_while_they_are_valid() {
        let away = || Failure::new(FailureKind::ApiConnection, "away");
        let (keyring, ..) = keyring(move |nth| match nth {
            0 => Ok(lasting(nth, 200)),
            _ => Err(away()),
        });
        assert_eq!(id(&keyring).await.as_deref(), Ok("id-0"));
        advance(FRESH).await;
        assert_eq!(id(&keyring).await.as_deref(), Ok("id-0"));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_found_is_not_looked_for_by_every_task() {
        let (keyring, looks, _) =
            keyring(|_| Err(Failure::new(FailureKind::Authentication, "none")));
        for _ in 0..50 {
            assert_eq!(id(&keyring).await, Err(FailureKind::Authentication));
        }
        assert_eq!(looks.load(Ordering::Relaxed), 1);
        advance(NOTHING).await;
        assert_eq!(id(&keyring).await, Err(FailureKind::Authentication));
        assert_eq!(looks.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_that_are_not_believed_are_fetched_once_more() {
        let (keyring, looks, _) = keyring(|nth| Ok(lasting(nth, 3600)));
        assert_eq!(id(&keyring).await.as_deref(), Ok("id-0"));
        assert!(!keyring.disbelieved(), "there are no newer ones");
        advance(FRESH).await;
        assert!(keyring.disbelieved());
        assert_eq!(id(&keyring).await.as_deref(), Ok("id-1"));
        assert!(keyring.disbelieved(), "others may have used the old ones");
        assert_eq!(id(&keyring).await.as_deref(), Ok("id-1"));
        assert_eq!(looks.load(Ordering::Relaxed), 2);
        let fixed = Keyring::of(lasting(7, 1));
        assert!(!fixed.disbelieved());
        assert_eq!(id(&fixed).await.as_deref(), Ok("id-7"));
    }
}
