//! Tasks a second through the engine, at a server within the process: the work beside the network.

mod support;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures::stream;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use runner::call::bound::MostOutput;
use runner::call::fallback::FallbackOn;
use runner::call::request::{Message, Params, Request};
use runner::call::task::{Target, Task};
use runner::engine::Engine;
use runner::engine::event::Event;
use runner::engine::lane::{Lane, State};
use runner::engine::source::Source;
use runner::engine::stop::Stopper;
use runner::engine::task::Origin;
use runner::pace::Limits;
use runner::pace::gate::{Gate, Plan};
use runner::pace::retry::RetryPolicy;
use runner::pace::scope::Scope;
use runner::provider::openai_chat::OpenAiChat;
use runner::provider::{Endpoint, Provider};

/// Tasks of one round.
const TASKS: u64 = 5_000;

fn lane() -> Lane {
    let provider = Arc::new(Provider::new("lab", &OpenAiChat, "http://server/v1"));
    let (limits, retry) = (Limits::default(), RetryPolicy::default());
    let plan = Plan {
        name: "lab/m".into(),
        limits,
        cap: Some(64),
        is_paced: false,
        scopes: vec![Arc::new(Scope::of_provider(&provider.limits))],
        retry_budget: retry.budget,
        max_outage: retry.max_outage,
        deadline: None,
    };
    Lane {
        number: 0,
        place: 0,
        endpoint: Endpoint {
            provider: "lab".into(),
            base_url: "http://server/v1".into(),
            ..Endpoint::default()
        },
        provider,
        model: "m".into(),
        labels: vec!["m".into()],
        dialect: &OpenAiChat,
        transport: Arc::new(support::Instantly),
        web: Arc::new(support::Instantly),
        gate: Gate::new(plan, StdRng::seed_from_u64(1)),
        retry,
        task_timeout: None,
        budget: None,
        counts_tokens: false,
        origin: Origin { job: "j".into(), run: "r".into(), tags: Arc::new(BTreeMap::new()) },
        state: State::new(StdRng::seed_from_u64(2)),
    }
}

fn tasks() -> Source {
    let target = Arc::new(Target {
        label: "m".into(),
        provider: "lab".into(),
        model: "m".into(),
        variant: None,
        params: Arc::new(Params::default()),
        dropped: Arc::default(),
        price: None,
        window: None,
        max_output: MostOutput::Unknown,
        fallbacks: Arc::default(),
        fallback_on: FallbackOn::default(),
    });
    Box::pin(stream::iter((0..TASKS).map(move |index| {
        Ok(Task {
            id: format!("{index:032x}").parse().expect("32 hex digits"),
            index,
            prompt: "p".into(),
            row: index.to_string(),
            repeat: 0,
            target: Arc::clone(&target),
            request: Request {
                model: Arc::clone(&target.model),
                messages: vec![Message::text("user", support::PROMPT)],
                params: Arc::clone(&target.params),
                ..Request::default()
            },
            dropped: Arc::default(),
            fallbacks: Arc::clone(&target.fallbacks),
            form: None,
            attempts_before: 0,
            expected: Arc::default(),
            scorer: None,
        })
    })))
}

/// Runs a round; how many of its tasks were done.
async fn round() -> u64 {
    let engine = Engine::new(vec![lane()], Some(64));
    let (sender, mut events) = tokio::sync::mpsc::channel(512);
    let stopper = Stopper::default();
    let running = engine.run(vec![tasks()], sender, stopper.heard());
    let counting = async {
        let (mut done, mut batch) = (0, Vec::new());
        while events.recv_many(&mut batch, 512).await > 0 {
            done += batch.iter().filter(|event| matches!(event, Event::Finished { .. })).count();
            batch.clear();
        }
        done as u64
    };
    tokio::join!(running, counting).1
}

fn engine(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let mut group = criterion.benchmark_group("engine");
    group.throughput(Throughput::Elements(TASKS)).sample_size(20);
    group.bench_function("tasks", |bencher| {
        bencher.iter(|| {
            let done = runtime.block_on(round());
            assert_eq!(black_box(done), TASKS);
        });
    });
    group.finish();
}

criterion_group!(benches, engine);
criterion_main!(benches);
