//! What fuzzers begin with: files of the repository, and what the built-in provider says in each
//! dialect.

use std::fs;
use std::path::{Path, PathBuf};

use hyper::{HeaderMap, Uri};
use runner::mock::answer::{Answer, Question};
use runner::mock::answers::Answers;
use runner::mock::refusal::Refusal;
use runner::mock::voice::Voice;
use runner::mock::voice::table::place;
use runner::provider::table::DIALECTS;

/// The seeds of a property.
pub(super) fn of(name: &str) -> Vec<Vec<u8>> {
    match name {
        "job" => [files("jobs", "toml"), files("tests/diagnose", "toml")].concat(),
        "template" => texts(&[
            "{{ a }}+{{ b|upper }}{% for x in list if x.c is defined %}{{ x.c }}{% endfor %}",
            "{% set q = 1 %}{{ q }}{{ list | tojson }}",
            "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(a) }}{{ b[:1] }}{{ '%05d' | format(a) }}",
            "{% filter indent(2) %}{{ b }}{% endfilter %}{{ range(3)|join(',') }}{# no #}",
            "{{ x.y }}\0{\"x\": {\"y\": [1, null, \"z\"]}}",
        ]),
        "rows" => rows(),
        "dialect" => dialects(),
        "sse" => texts(&[
            "\0\u{2}\u{3}\u{7}data: one\n\nevent: ping\r\ndata:{\"a\":\r\ndata: 2}\r\n\r\nid: 7\n\ndata: x\r\rdata: [DONE]",
            "\u{1}\u{1}\u{4}{\"a\":1}\n\n{\"b\":2}\r\n{\"c\":3}",
            "\0\0\u{feff}: hello\ndata: one\n\n",
        ]),
        "event_stream" => event_streams(),
        "journal" => files("tests/eval/night", "jsonl")
            .into_iter()
            .chain(texts(&[JOURNAL, FAILED]))
            .chain([[JOURNAL, FAILED, PLACED].concat().into_bytes()])
            .collect(),
        "manifest" => texts(&[
            r#"{"v":1,"runner_version":"0.1.0","job":"nightly","run":"20260101T000000Z-0000","job_hash":"ab","inputs":[{"path":"p.csv","hash":"cd","bytes":3}],"prices_hash":null,"tags":{"team":"search"},"tasks":3,"scorers":[{"column":"right","kind":"equals","weight":1.0}],"sessions":[{"started_at":"2026-01-01T00:00:00.000Z","ended_at":null,"ended":null,"options":{"limit":3}}]}"#,
            r#"{"v":2}"#,
        ]),
        "commitments" => texts(&[
            "\0{\"v\":1,\"session\":0,\"journal\":0}\n{\"task\":\"00000000000000000000000000000001\",\"attempt\":1,\"model\":\"m\",\"provider\":\"p\",\"usd\":\"0.1\"}\n",
            "\u{1}\0\0abcdefgh0000\u{5}model\u{3}lab00000000abcdefgh0000\u{5}model\u{3}lab00000000",
        ]),
        "report" => texts(&[
            "\0\u{1}\u{4}stop\u{5}=1+1\n\u{1}j\u{1}r\u{1}p\u{2}+1\0\0\0\0\u{2}-m\u{1}\u{2}@v\u{1}u\u{1}v\u{1}q\0\0\0\0\u{1}i",
            "\u{1}\u{1}\u{4}stop\u{3}\"\r\n\u{3}no!",
        ]),
        "expressions" => expressions(),
        "scorers" => scorers(),
        "invoice" => invoices(),
        _ => operations(),
    }
}

const JOURNAL: &str = "{\"v\":1,\"task\":\"00000000000000000000000000000000\",\"job\":\"nightly\",\"run\":\"20261122T020000Z-0000\",\"prompt\":\"sums\",\"row\":\"1\",\"repeat\":0,\"model\":\"small\",\"variant\":null,\"model_used\":\"lab/small-1\",\"provider\":\"lab\",\"status\":\"ok\",\"messages\":[{\"role\":\"user\",\"content\":\"What is 1 + 1?\"}],\"params\":{},\"dropped_params\":[],\"response\":{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":0,\"model\":\"small\",\"choices\":[{\"index\":0,\"finish_reason\":\"stop\",\"message\":{\"role\":\"assistant\",\"content\":\"hi\"}}],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":2,\"total_tokens\":12}},\"finish_reason_raw\":\"stop\",\"usage\":{\"prompt_tokens\":10,\"cached_tokens\":null,\"cache_write_tokens\":null,\"completion_tokens\":2,\"reasoning_tokens\":null,\"total_tokens\":12,\"source\":\"provider\"},\"cost_usd\":\"0.000014\",\"cost_status\":\"known\",\"price_version\":\"job\",\"latency_ms\":100,\"ttft_ms\":null,\"queued_ms\":5,\"started_at\":\"2026-11-22T02:00:00.123Z\",\"attempts\":1,\"request_id\":\"req-0\",\"scores\":{},\"error\":null,\"tags\":{},\"journal\":{\"index\":0}}\n";

const FAILED: &str = "{\"v\":1,\"task\":\"00000000000000000000000000000001\",\"job\":\"nightly\",\"run\":\"20261122T020000Z-0000\",\"prompt\":\"sums\",\"row\":\"2\",\"repeat\":0,\"model\":\"small\",\"variant\":\"top_p=1\",\"model_used\":\"lab/small-1\",\"provider\":\"lab\",\"status\":\"error\",\"messages\":[],\"params\":{},\"dropped_params\":[],\"response\":null,\"finish_reason_raw\":null,\"usage\":null,\"cost_usd\":null,\"cost_status\":\"no_answer\",\"price_version\":null,\"latency_ms\":1,\"ttft_ms\":null,\"queued_ms\":5,\"started_at\":\"2026-11-22T02:00:00.123Z\",\"attempts\":1,\"request_id\":null,\"scores\":{},\"error\":null,\"tags\":{},\"journal\":{\"index\":1}}\n";

const PLACED: &str = "{\"v\":1,\"task\":\"00000000000000000000000000000000\",\"journal\":{\"line\":0,\"was\":0,\"index\":2,\"prompt\":\"p\",\"row\":\"r\",\"model\":\"m\",\"variant\":null}}\n{\"v\":1,\"task\":\"00000000000000000000000000000000\",\"scores\":{\"right\":{\"value\":1.0,\"pass\":true}},\"journal\":{\"scores_of\":0}}\n";

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// Files of this kind below a folder of the repository, each by itself and in order.
fn files(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let mut paths = Vec::new();
    find(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), ending, &mut paths);
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a file of the repository")).collect()
}

fn find(folder: &Path, ending: &str, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            find(&path, ending, paths);
        } else if path.extension().is_some_and(|end| end == ending) {
            paths.push(path);
        }
    }
}

fn after(head: &[u8], bodies: Vec<Vec<u8>>) -> impl Iterator<Item = Vec<u8>> + use<> {
    let head = head.to_vec();
    bodies.into_iter().map(move |body| [&*head, &body].concat())
}

/// Prompt files of every format, after the format and how many bytes are read at once.
fn rows() -> Vec<Vec<u8>> {
    let formats = [(0, "csv"), (1, "tsv"), (2, "jsonl"), (3, "txt"), (4, "json"), (5, "toml")];
    let found = formats.into_iter().flat_map(|(format, ending)| {
        let both = [files("jobs/prompts", ending), files("tests/diagnose/data", ending)];
        after(&[format, 3], both.concat())
    });
    let made = [
        (0, "prompt,a\n\"x\"\"y\",1\n\"two\nlines\",2\n"),
        (
            2,
            "{\"prompt\":\"x\",\"a\":1}\n{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}\n",
        ),
        (
            2,
            "{\"custom_id\":\"1\",\"body\":{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}}\n",
        ),
        (4, "[{\"prompt\": \"x\", \"a\": [1, {}]}, {\"prompt\": \"y\"}]"),
        (5, "[[rows]]\nprompt = 'x'\na = 1\n"),
    ];
    found.chain(made.map(|(format, text)| [&[format, 3], text.as_bytes()].concat())).collect()
}

/// What the built-in provider says in each dialect: whole, in pieces, and refusing.
fn dialects() -> Vec<Vec<u8>> {
    let paths = [
        "/v1/chat/completions",
        "/v1/responses",
        "/openai/v1/chat/completions",
        "/models/chat/completions",
        "/v1/messages",
        "/v1beta/models/lark:generateContent",
        "/v1/projects/p/locations/l/publishers/google/models/lark:generateContent",
        "/v2/chat",
        "/api/chat",
        "/model/lark/converse",
    ];
    assert_eq!(paths.len(), DIALECTS.len(), "a path for each dialect");
    let embeddings = ["/v1/embeddings", "/v2/embed", "/api/embed"];
    let mut seeds = Vec::new();
    for (nth, path) in paths.into_iter().enumerate() {
        seeds.extend(said(nth as u8, path, 0));
    }
    for (nth, path) in [0, 7, 8].into_iter().zip(embeddings) {
        seeds.extend(said(nth, path, 0xf0).into_iter().take(1));
    }
    seeds
}

fn said(dialect: u8, path: &str, way: u8) -> Vec<Vec<u8>> {
    let uri: Uri = path.parse().expect("a path");
    let headers = HeaderMap::new();
    let voice: &dyn Voice = place(&uri, &headers).voice;
    let mut question = Question::of("lark", "Hello!");
    let prepared = Answers::default();
    let say = |question: &Question<'_>| match voice.gives_embeddings() {
        true => voice.say(question, &Answer::embedded(question, 7)),
        false => voice.say(question, &Answer::to(question, 7, &prepared)),
    };
    let whole = say(&question);
    let refused = voice.refuse(&Refusal::bad_request("no"), "req-1");
    question.stream = true;
    question.stream_usage = true;
    let answer = Answer::to(&question, 7, &prepared);
    let pieces = match voice.gives_embeddings() {
        true => Vec::new(),
        false => voice.say_in_pieces(&question, &answer).concat(),
    };
    vec![
        [&[dialect, way, 0], &*whole].concat(),
        [&[dialect, way | 1, 2, 7, 40], &*pieces].concat(),
        [&[dialect, way | 4, 0], &*refused].concat(),
    ]
}

/// Frames of Bedrock's, as they come and as they are made of headers and payloads.
fn event_streams() -> Vec<Vec<u8>> {
    let uri: Uri = "/model/lark/converse-stream".parse().expect("a path");
    let headers = HeaderMap::new();
    let voice = place(&uri, &headers).voice;
    let question = Question { stream: true, ..Question::of("lark", "Hello!") };
    let prepared = Answers::default();
    let stream = voice.say_in_pieces(&question, &Answer::to(&question, 7, &prepared)).concat();
    let made = b"\x01\x01\x09\x0cmessageStart\x02{}\x01\x03abc\x05{\"a\"}\x00";
    vec![[&[0, 2, 5, 40], &*stream].concat(), made.to_vec()]
}

fn expressions() -> Vec<Vec<u8>> {
    let some = [
        (0, "right<-0.02@95%"),
        (0, "latency_p50_ms>+20%"),
        (0, "right.pass_rate<-5%@99.5%"),
        (1, "1h30m"),
        (1, "500ms"),
        (2, "0.000123"),
        (2, "-1.5e-7"),
        (3, "ttft_p95_ms"),
        (4, "000102030405060708090a0b0c0d0e0f"),
        (5, "models[0].params.temperature=0.5"),
        (5, "params={a=[1,2]}"),
        (6, "anthropic/claude-3-haiku-20240307"),
        (6, "us.anthropic.claude-3"),
        (7, "6m0s\x001234"),
        (7, "Wed, 21 Oct 2026 07:28:00 GMT\x000"),
        (8, "1%"),
        (8, "tag:team"),
    ];
    some.iter().map(|(way, text)| [&[*way], text.as_bytes()].concat()).collect()
}

fn scorers() -> Vec<Vec<u8>> {
    let some = [
        "\0{\"regex\":{\"pattern\":\"(a|ab)*c\",\"full\":true}}\0abac\0",
        "\0{\"json_path\":{\"path\":\"$..a[?@.b > 1]\",\"value\":\"{{ x }}\"}}\0{\"a\":[{\"b\":2}]}\x002",
        "\0{\"json\":{\"schema\":{\"type\":\"object\",\"required\":[\"a\"]}}}\0```json\n{\"a\":1}\n```\0",
        "\u{2}\0The answer is \\boxed{1,234.50}\u{b0}.\x001234.5",
        "\u{4}\0I think (B), not A. The answer is **B**.\0B",
        "\u{7}\0{\"a\":1}\0f",
        "\u{b}\0the cat sat on the mat\0the cat",
    ];
    texts(&some)
}

fn invoices() -> Vec<Vec<u8>> {
    let made = [
        "date,provider,model,cost_usd\n2026-11-22,openai,gpt-4o-mini,0.25\n",
        "{\"object\":\"page\",\"data\":[{\"object\":\"bucket\",\"start_time\":1795305600,\"end_time\":1795392000,\"results\":[{\"object\":\"organization.costs.result\",\"amount\":{\"value\":0.06,\"currency\":\"usd\"},\"line_item\":\"gpt-4o-2024-08-06, input\"}]}],\"has_more\":false,\"next_page\":null}",
        "{\"data\":[{\"starting_at\":\"2026-11-22T00:00:00Z\",\"ending_at\":\"2026-11-23T00:00:00Z\",\"results\":[{\"currency\":\"USD\",\"amount\":\"123.78912\",\"model\":\"claude-sonnet-5\",\"description\":\"x\",\"cost_type\":\"tokens\"}]}],\"has_more\":false}",
    ];
    let mut all = texts(&made);
    for ending in ["csv", "json"] {
        all.extend(files("tests/vendors", ending));
    }
    all
}

/// Steps of a state machine: numbers that rise, and numbers that jump.
fn operations() -> Vec<Vec<u8>> {
    let rising = (0..=255_u8).collect();
    let jumping = (0..400_u32).map(|nth| (nth.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let calls = (0..300_u32).map(|nth| [3, 1, 0, 0, 5][nth as usize % 5]).collect();
    vec![rising, jumping, calls]
}
