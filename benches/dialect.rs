//! Requests to bytes and replies to answers, in the tongues that are spoken most.

mod support;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use runner::call::request::Request;
use runner::provider::anthropic::Anthropic;
use runner::provider::gemini::Gemini;
use runner::provider::openai_chat::OpenAiChat;
use runner::provider::{Dialect, Endpoint};
use runner::wire::message::WireReply;

const ANTHROPIC: &str = r#"{"id":"msg_7","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"The rivers run past the glass works, where engines of glass were built for a hundred years."}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":95,"output_tokens":22}}"#;
const GEMINI: &str = r#"{"candidates":[{"content":{"parts":[{"text":"The rivers run past the glass works, where engines of glass were built for a hundred years."}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":95,"candidatesTokenCount":22,"totalTokenCount":117},"modelVersion":"m","responseId":"r7"}"#;

fn dialect(criterion: &mut Criterion) {
    let endpoint = Endpoint {
        provider: "lab".into(),
        base_url: "http://server/v1".into(),
        ..Endpoint::default()
    };
    let request = Request::new("m").user(support::PROMPT).param("max_tokens", 256);
    let all: [(&dyn Dialect, &str); 3] =
        [(&OpenAiChat, support::REPLY), (&Anthropic, ANTHROPIC), (&Gemini, GEMINI)];
    let mut group = criterion.benchmark_group("dialect");
    for (dialect, body) in all {
        let reply = WireReply { body: body.into(), ..support::reply() };
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::new("encode", dialect.name()), |bencher| {
            bencher.iter(|| dialect.encode(&endpoint, &request).expect("a request"));
        });
        group.bench_function(BenchmarkId::new("decode", dialect.name()), |bencher| {
            bencher.iter(|| dialect.decode(&reply).expect("an answer"));
        });
    }
    group.finish();
}

criterion_group!(benches, dialect);
criterion_main!(benches);
