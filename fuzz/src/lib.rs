//! The properties of `tests/it/properties`, by name, for the fuzz targets.

use std::sync::Once;

#[path = "../../tests/it/properties/mod.rs"]
mod properties;

/// A panic that somebody catches is none that must be told; the one that nobody does ends the fuzzer.
static HOOK: Once = Once::new();

/// Panics where the bytes show that the property of this name does not hold.
pub fn holds(name: &str, bytes: &[u8]) {
    HOOK.call_once(|| std::panic::set_hook(Box::new(|panic| eprintln!("{panic}"))));
    let (_, holds) = properties::ALL.iter().find(|(known, _)| *known == name).expect("a property");
    holds(bytes);
}
