//! A lane and its tasks for tests, without a job and without a socket.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::call::bound::MostOutput;
use crate::call::fallback::FallbackOn;
use crate::call::request::{Message, Params, Request};
use crate::call::task::{Target, Task, TaskId};
use crate::engine::lane::{Lane, State};
use crate::engine::task::Origin;
use crate::pace::Limits;
use crate::pace::gate::{self, Gate};
use crate::pace::retry::RetryPolicy;
use crate::pace::scope::Scope;
use crate::provider::{Dialect, Endpoint, Provider};
use crate::wire::transport::Transport;

/// A lane at a provider of its own, with these limits and so many
/// calls in flight at most. The only place here that knows what a lane is
/// made of; `seed` decides its jitter.
pub(super) fn lane(
    number: usize,
    name: &str,
    dialect: &'static dyn Dialect,
    transport: Arc<dyn Transport>,
    limits: Limits,
    cap: Option<usize>,
    seed: u64,
) -> Lane {
    let provider = Arc::new(Provider::new(name, dialect, "http://server"));
    let retry = RetryPolicy::default();
    let plan = gate::Plan {
        name: name.into(),
        limits,
        cap,
        is_paced: limits.sets_pace(),
        scopes: vec![Arc::new(Scope::of_provider(&provider.limits))],
        retry_budget: retry.budget,
        max_outage: retry.max_outage,
        deadline: None,
    };
    Lane {
        number,
        place: number,
        endpoint: Endpoint {
            provider: name.into(),
            base_url: "http://server".into(),
            key: None,
            ..Endpoint::default()
        },
        provider,
        model: "m".into(),
        labels: vec![name.into()],
        dialect,
        web: Arc::clone(&transport),
        transport,
        gate: Gate::new(plan, StdRng::seed_from_u64(seed)),
        retry,
        task_timeout: None,
        budget: None,
        counts_tokens: limits.counts_tokens(),
        origin: Origin { job: "j".into(), run: "r".into(), tags: Arc::new(BTreeMap::new()) },
        state: State::new(StdRng::seed_from_u64(seed + 1)),
    }
}

/// The model `m` of this provider, without a price.
pub(crate) fn target(provider: &str, params: Params) -> Arc<Target> {
    Arc::new(Target {
        label: provider.into(),
        provider: provider.into(),
        model: "m".into(),
        variant: None,
        params: Arc::new(params),
        dropped: Arc::default(),
        price: None,
        window: None,
        max_output: MostOutput::Unknown,
        fallbacks: Arc::default(),
        fallback_on: FallbackOn::default(),
    })
}

/// A task that asks this.
pub(crate) fn task(id: TaskId, index: u64, target: &Arc<Target>, messages: Vec<Message>) -> Task {
    Task {
        id,
        index,
        prompt: "p".into(),
        row: index.to_string(),
        repeat: 0,
        target: Arc::clone(target),
        request: Request {
            model: Arc::clone(&target.model),
            messages,
            params: Arc::clone(&target.params),
            ..Request::default()
        },
        dropped: Arc::default(),
        fallbacks: Arc::clone(&target.fallbacks),
        form: None,
        attempts_before: 0,
        expected: Arc::default(),
        scorer: None,
    }
}
