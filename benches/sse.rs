//! Bytes of a stream to frames, in pieces as they come from a socket.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use runner::wire::frames::{Cutter, Framing};

fn stream(framing: Framing) -> Vec<u8> {
    let piece = r#"{"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":" word"}}]}"#;
    let line = match framing {
        Framing::Events => format!("data: {piece}\n\n"),
        _ => format!("{piece}\n"),
    };
    line.repeat(10_000).into_bytes()
}

fn frames(bytes: &[u8], framing: Framing) -> usize {
    let mut cutter = Cutter::new(framing);
    let mut frames = 0;
    for piece in bytes.chunks(1_400) {
        cutter.push(piece);
        while cutter.frame().expect("whole frames").is_some() {
            frames += 1;
        }
    }
    frames
}

fn sse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frames");
    for framing in [Framing::Events, Framing::Lines] {
        let bytes = stream(framing);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        let name = BenchmarkId::from_parameter(format!("{framing:?}").to_lowercase());
        group.bench_function(name, |bencher| {
            bencher.iter(|| assert_eq!(frames(&bytes, framing), 10_000));
        });
    }
    group.finish();
}

criterion_group!(benches, sse);
criterion_main!(benches);
