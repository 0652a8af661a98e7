//! Where a lane takes its next task: the plan, minus what the journal has.

use futures::stream::BoxStream;

use crate::call::task::Task;

/// A lane's tasks, taken one by one as they are needed.
pub type Source = BoxStream<'static, Result<Task, Broken>>;

/// The prompts cannot be read any more: a file changed or went away while the run was going.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub String);
