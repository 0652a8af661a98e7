//! The built-in provider, started for the first call of `mock/...`.

use std::sync::{Arc, Mutex, PoisonError};

use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::client::Known;
use crate::mock::script::Script;
use crate::mock::server::Mock;
use crate::provider::Provider;
use crate::provider::access::Access;
use crate::provider::catalog::MOCK;
use crate::provider::openai_chat::OpenAiChat;
use crate::wire::http::Http;
use crate::wire::message::Timeouts;
use crate::wire::secret::Redactor;

/// The built-in provider of one client, once it was asked for. It works on the runtime of the call
/// that started it, and ends with the client.
#[derive(Default)]
pub(super) struct Builtin(Mutex<Option<(Mock, Arc<Known>)>>);

impl Builtin {
    /// The provider, which answers by the time this is done.
    pub(super) async fn known(&self) -> Result<Arc<Known>, Failure> {
        if let Some((_, known)) = &*self.lock() {
            return Ok(Arc::clone(known));
        }
        let mock = Mock::start(Script::default(), 0).await.map_err(|why| away(&why))?;
        let known = Arc::new(known(&mock));
        // Of two that were started at once, the first stays; the other has had no call yet.
        let mut started = self.lock();
        let (_, known) = started.get_or_insert((mock, known));
        Ok(Arc::clone(known))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Mock, Arc<Known>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn known(mock: &Mock) -> Known {
    let http = Arc::new(Http::new(Timeouts::default(), Redactor::default()));
    let provider = Provider::new(MOCK, &OpenAiChat, &mock.base_url());
    let endpoint = provider.endpoint(&Access::default());
    let transport = Arc::clone(&http) as _;
    Known { provider, endpoint, transport, authorizer: None, web: http }
}

fn away(why: &dyn std::error::Error) -> Failure {
    let message = format!("the built-in provider cannot start: {why}");
    Failure::new(FailureKind::ApiConnection, message).with_remedy(Remedy::GiveUp)
}
