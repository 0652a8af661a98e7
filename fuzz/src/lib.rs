//! The properties of `tests/it/properties`, by name, for the fuzz targets.

#[path = "../../tests/it/properties/mod.rs"]
mod properties;

/// Panics where the bytes show that the property of this name does not hold.
pub fn holds(name: &str, bytes: &[u8]) {
    let (_, holds) = properties::ALL.iter().find(|(known, _)| *known == name).expect("a property");
    holds(bytes);
}
