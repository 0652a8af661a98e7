//! Where a lane takes its next task: the plan, minus what the journal has.

use crate::call::task::Task;

/// A lane's tasks, read one by one as they are needed.
pub type Source = Box<dyn Iterator<Item = Result<Task, Broken>> + Send>;

/// The prompts cannot be read any more: a file changed or went away while the run was going.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub String);
