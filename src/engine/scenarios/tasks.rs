//! The tasks of a lane, made as they are pulled.

use futures::stream;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::file::LaneSpec;
use crate::call::request::{Message, Params};
use crate::call::task::{ContentHash, TaskId};
use crate::engine::source::Source;
use crate::engine::testing;

/// Tokens that the runner's estimate adds to those of the text.
const AROUND: u64 = 7;

/// The tasks that a lane is to do.
pub(super) fn of(spec: &LaneSpec, seed: u64) -> Source {
    let mut params = Params::default();
    if let Some(most) = spec.max_tokens {
        params.insert("max_tokens".to_owned(), most.into());
    }
    let target = testing::target(&spec.name, params);
    let of_target = ContentHash::of_target(&target, 0);
    let of_prompt = ContentHash::of_prompt(&[], &target.params);
    let (sizes, large) = (spec.prompt_tokens.clone(), spec.large.clone());
    let mut rng = StdRng::seed_from_u64(seed);
    let task = move |index: u64| {
        let large = large.as_ref().filter(|large| large.is(index));
        let tokens = large.map_or_else(|| sizes.draw(&mut rng), |large| large.tokens);
        let text = "word".repeat(tokens.saturating_sub(AROUND) as usize);
        let id = TaskId::new(&of_prompt, &of_target, 0, index as u32);
        Ok(testing::task(id, index, &target, vec![Message::text("user", text)]))
    };
    Box::pin(stream::iter((0..spec.tasks.unwrap_or(u64::MAX)).map(task)))
}
