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
