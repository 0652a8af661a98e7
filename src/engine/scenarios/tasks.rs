//! The tasks of a lane, made as they are pulled.

use std::sync::Arc;

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::file::LaneSpec;
use crate::call::fallback::FallbackOn;
use crate::call::request::{Message, Params, Request};
use crate::call::task::{ContentHash, Target, Task, TaskId};
use crate::engine::source::Source;

/// Tokens that the runner's estimate adds to those of the text.
const AROUND: u64 = 7;

/// The tasks that a lane is to do.
pub(super) fn of(spec: &LaneSpec, seed: u64) -> Source {
    let mut params = Params::default();
    if let Some(most) = spec.max_tokens {
        params.insert("max_tokens".to_owned(), most.into());
    }
    let target = Arc::new(Target {
        label: spec.name.as_str().into(),
        provider: spec.name.as_str().into(),
        model: "m".into(),
        variant: None,
        params: Arc::new(params),
        dropped: Arc::default(),
        price: None,
        window: None,
        fallbacks: Arc::default(),
        fallback_on: FallbackOn::default(),
    });
    let of_target = ContentHash::of_target(&target, 0);
    let of_prompt = ContentHash::of_prompt(&[], &target.params);
    let (sizes, large) = (spec.prompt_tokens.clone(), spec.large.clone());
    let mut rng = StdRng::seed_from_u64(seed);
    let task = move |index: u64| {
        let large = large.as_ref().filter(|large| large.is(index));
        let tokens = large.map_or_else(|| sizes.draw(&mut rng), |large| large.tokens);
        let text = "word".repeat(tokens.saturating_sub(AROUND) as usize);
        Ok(Task {
            id: TaskId::new(&of_prompt, &of_target, 0, index as u32),
            index,
            prompt: "p".into(),
            row: index.to_string(),
            repeat: 0,
            target: Arc::clone(&target),
            request: Request {
                model: "m".into(),
                messages: vec![Message::text("user", text)],
                params: Arc::clone(&target.params),
            },
            dropped: Arc::default(),
            fallbacks: Arc::default(),
            attempts_before: 0,
        })
    };
    Box::new((0..spec.tasks.unwrap_or(u64::MAX)).map(task))
}
