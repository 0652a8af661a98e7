//! Where the template engine panics, its caller hears of a fault.
//!
//! It takes an item of an empty text or list that is sliced backwards, which there is not.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Blame, TemplateFault};

thread_local! {
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread would be caught here, so that nobody else need tell of it.
pub fn is_guarded() -> bool {
    IS_GUARDED.get()
}

/// What the engine gives; or the fault that it broke down.
pub(super) fn guarded<T>(engine: impl FnOnce() -> T) -> Result<T, TemplateFault> {
    IS_GUARDED.set(true);
    // Whatever it was at work on is dropped; an environment that is being read is not changed.
    let outcome = catch_unwind(AssertUnwindSafe(engine));
    IS_GUARDED.set(false);
    outcome.map_err(|_| {
        let message = "the template engine breaks down on it, as it does where an empty text or list is \
                       sliced backwards (`[::-1]`); use `| reverse`";
        TemplateFault { message: message.to_owned(), range: None, blame: Blame::Row }
    })
}
