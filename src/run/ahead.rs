//! Makes tasks ahead of their turn, a batch at a time, beside the calls: rows are read, templates filled
//! in and prompts hashed while those made before are asked, and no lane waits while another one passes
//! over what is done.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::vec;

use futures::Stream;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::call::request::Message;
use crate::call::task::Task;
use crate::engine::source::{Broken, Source};

/// A lane's tasks, made one by one.
pub(super) type Tasks = Box<dyn Iterator<Item = Result<Task, Broken>> + Send>;

/// The most tasks of a batch.
const MOST: usize = 32;

/// A batch ends with the task whose prompt makes it so long, in bytes.
const LONGEST: usize = 64 << 10;

/// The tasks, each made before it is asked for; on a thread that has nothing else to do.
pub(super) fn made_ahead(tasks: Tasks) -> Source {
    Box::pin(Ahead { ready: Vec::new().into_iter(), making: Some(begin(tasks)) })
}

struct Ahead {
    ready: vec::IntoIter<Result<Task, Broken>>,
    /// The batch after that; `None` when there is no more.
    making: Option<JoinHandle<Batch>>,
}

struct Batch {
    made: Vec<Result<Task, Broken>>,
    /// What makes the next batch; `None` when there is none.
    rest: Option<Tasks>,
}

impl Stream for Ahead {
    type Item = Result<Task, Broken>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(task) = self.ready.next() {
                return Poll::Ready(Some(task));
            }
            let Some(making) = &mut self.making else { return Poll::Ready(None) };
            // Whoever panicked over a row would lose it: let it be seen as a fault of ours.
            let batch =
                ready!(Pin::new(making).poll(context)).expect("making a task does not panic");
            self.ready = batch.made.into_iter();
            self.making = batch.rest.map(begin);
        }
    }
}

fn begin(tasks: Tasks) -> JoinHandle<Batch> {
    spawn_blocking(move || batch(tasks))
}

fn batch(mut tasks: Tasks) -> Batch {
    let mut made = Vec::with_capacity(MOST);
    let mut length = 0;
    while made.len() < MOST && length < LONGEST {
        let Some(task) = tasks.next() else { return Batch { made, rest: None } };
        length +=
            task.as_ref().map_or(0, |task| task.request.messages.iter().map(Message::length).sum());
        made.push(task);
    }
    Batch { made, rest: Some(tasks) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::StreamExt as _;

    use super::*;
    use crate::call::request::Params;
    use crate::call::task::{ContentHash, TaskId};
    use crate::engine::testing;

    /// So many tasks with prompts of this length, then what breaks them off, and how many were made.
    fn tasks(count: u64, length: usize) -> (Tasks, Arc<AtomicUsize>) {
        let made = Arc::new(AtomicUsize::new(0));
        let target = testing::target("lab", Params::default());
        let content = ContentHash::of_prompt(&[], &target.params);
        let id = TaskId::new(&content, &ContentHash::of_target(&target, 0), 0, 0);
        let counter = Arc::clone(&made);
        let task = move |index| {
            counter.fetch_add(1, Ordering::Relaxed);
            let prompt = vec![Message::text("user", "x".repeat(length))];
            Ok(testing::task(id, index, &target, prompt))
        };
        let broken = std::iter::once_with(|| Err(Broken("gone".to_owned())));
        (Box::new((0..count).map(task).chain(broken)), made)
    }

    #[tokio::test]
    async fn tasks_come_in_their_order_and_a_fault_where_it_is() {
        for count in [0, 1, 31, 32, 33, 100] {
            let (tasks, _) = tasks(count, 10);
            let come: Vec<_> =
                made_ahead(tasks).map(|task| task.map(|task| task.index)).collect().await;
            let broken = Err(Broken("gone".to_owned()));
            assert_eq!(come, (0..count).map(Ok).chain([broken]).collect::<Vec<_>>());
        }
    }

    #[tokio::test]
    async fn few_are_made_ahead_and_fewer_of_long_ones() {
        for (length, most) in [(10, 2 * MOST), (40 << 10, 4), (1 << 20, 2)] {
            let (tasks, made) = tasks(1_000, length);
            let mut source = made_ahead(tasks);
            source.next().await.unwrap().unwrap();
            while made.load(Ordering::Relaxed) < most {
                tokio::task::yield_now().await;
            }
            drop(source);
            assert_eq!(made.load(Ordering::Relaxed), most, "{length} bytes");
        }
    }
}
