//! Rows that stand in the job file itself.

use std::sync::Arc;

use serde_json::Value;

use crate::job::rows::text::row_of;
use crate::job::rows::{At, Rows};

/// The rows of an inline list.
pub fn rows(items: &Arc<Vec<Value>>, source: &Arc<str>) -> Rows {
    let (items, source) = (Arc::clone(items), Arc::clone(source));
    let count = items.len();
    Box::new((0..count).map(move |nth| row_of(items[nth].clone(), &source, At::Item(nth))))
}
