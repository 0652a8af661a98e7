//! `runner --model M --interactive`: a talk, with a line editor at a terminal, and line by line
//! from anything else.
//!
//! Answers go to stdout as they come, all else to stderr. A turn that fails or brings no text is
//! taken back out of the talk; one that is stopped keeps what was said so far.

mod bill;
mod command;
mod editor;
mod input;
mod lines;
mod talk;
mod turn;

use std::path::Path;

use clap::Args;

use crate::call::failure::Failure;
use crate::call::moment::Moment;
use crate::call::money::Cost;
use crate::call::request::Request;
use crate::call::usage::Usage;
use crate::cli::ask::{explained, with_params};
use crate::cli::chat::bill::Bill;
use crate::cli::chat::command::{Command, Said};
use crate::cli::chat::input::{Heard, Input};
use crate::cli::chat::talk::Talk;
use crate::cli::chat::turn::Turned;
use crate::cli::context::{Context, runtime};
use crate::cli::exit::{CliError, Ending};
use crate::client::Client;
use crate::provider::models::find;

/// Examples at the end of the help.
pub const EXAMPLES: &str = "\
Examples:
  runner --model gpt-4o-mini --interactive
  runner --model claude-sonnet-5 --interactive --system \"Answer in one sentence\"
  runner --model mock/echo --interactive < questions.txt    a turn a line; exit code 3 if one fails

In the talk, /help lists the commands. A line that ends in \\ goes on, and so does all between
\"\"\" and \"\"\". Ctrl-C stops an answer and keeps the talk; Ctrl-D leaves.";

/// Options of a chat.
#[derive(Debug, Args)]
pub struct ChatArgs {
    /// The model to begin with: a bare name, or provider/name.
    #[arg(long, value_name = "M")]
    model: String,
    /// The system message to begin with.
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    /// A parameter by its OpenAI name, as in `--param temperature=0`; may be repeated.
    #[arg(long = "param", value_name = "KEY=VALUE")]
    params: Vec<String>,
    /// What the word `chat` says already.
    #[arg(long = "interactive", hide = true)]
    _interactive: bool,
}

/// Runs the command.
pub fn main(args: ChatArgs, context: &Context) -> Result<Ending, CliError> {
    let runtime = runtime()?;
    let ended = runtime.block_on(async { Chat::begin(args, context).await?.run().await });
    // Someone may still be waiting for a line of standard input.
    runtime.shutdown_background();
    ended
}

struct Chat<'c> {
    context: &'c Context,
    client: Client,
    input: Input,
    talk: Talk,
    bill: Bill,
    /// Whether a turn or a command failed, which a script must be told.
    has_failed: bool,
}

/// Whether the talk goes on.
#[derive(PartialEq, Eq)]
enum Next {
    Goes,
    Ends,
    /// A script was interrupted.
    Breaks,
}

impl<'c> Chat<'c> {
    async fn begin(args: ChatArgs, context: &'c Context) -> Result<Self, CliError> {
        let client = Client::with_env(context.env.clone());
        context.screen.conceal(client.redactor());
        let params = with_params(Request::new(&*args.model), &args.params)?.params;
        let asked = Request { params: params.clone(), ..Request::new(&*args.model) };
        let who = match client.check(&asked).await {
            Ok(who) => who,
            Err(failure) => return Err(explained(&failure, &client, &args.model, context).await),
        };
        let talk = Talk::new(&args.model, who, args.system, params);
        let input = Input::open(context)?;
        if input.is_terminal() && !context.quiet {
            context.screen.say("/help lists the commands; Ctrl-D leaves");
        }
        Ok(Self { context, client, input, talk, bill: Bill::default(), has_failed: false })
    }

    async fn run(mut self) -> Result<Ending, CliError> {
        let mut was_warned = false;
        loop {
            let heard = self.input.next(&self.talk.prompt()).await?;
            let was_warned_before = std::mem::take(&mut was_warned);
            match heard {
                Heard::Line(text) => match self.take(&text).await? {
                    Next::Goes => {}
                    Next::Ends => break,
                    Next::Breaks => return Ok(Ending::Interrupted),
                },
                Heard::Cleared => {}
                Heard::Interrupt if was_warned_before => return Ok(Ending::Interrupted),
                Heard::Interrupt => {
                    self.note("Ctrl-C again leaves, as do Ctrl-D and /exit");
                    was_warned = true;
                }
                Heard::Signal => return Ok(Ending::Interrupted),
                Heard::End => break,
            }
        }
        let has_failed = self.has_failed && !self.input.is_terminal();
        Ok(if has_failed { Ending::SomeFailed } else { Ending::Done })
    }

    /// Does what a line says.
    async fn take(&mut self, text: &str) -> Result<Next, CliError> {
        match command::read(text) {
            Ok(Said::Nothing) => Ok(Next::Goes),
            Ok(Said::Message(text)) => self.turn(text).await,
            Ok(Said::Command(Command::Exit)) => Ok(Next::Ends),
            Ok(Said::Command(command)) => {
                if let Err(error) = self.obey(command).await {
                    self.fail(&error);
                }
                Ok(Next::Goes)
            }
            Err(error) => {
                self.fail(&error);
                Ok(Next::Goes)
            }
        }
    }

    async fn obey(&mut self, command: Command) -> Result<(), CliError> {
        match command {
            Command::Help => self.context.screen.say(&command::help()),
            Command::Model(None) => self.note(&format!("the model is {}", self.talk.model())),
            Command::Model(Some(name)) => self.change_model(&name).await?,
            Command::System(text) => {
                self.note(match text {
                    Some(_) => "the system message is changed, for the talk so far too",
                    None => "there is no system message now",
                });
                self.talk.system = text;
            }
            Command::Save(path) => {
                self.talk.save(Path::new(&path))?;
                self.note(&format!("saved in {path}"));
            }
            Command::Cost => self.context.screen.say(&self.bill.table()),
            Command::Reset => {
                self.talk.forget();
                self.note("the talk is forgotten; model, system message and costs stay");
            }
            Command::Exit => {}
        }
        Ok(())
    }

    /// Goes on with another model, once it is known that it can be asked.
    async fn change_model(&mut self, name: &str) -> Result<(), CliError> {
        match self.client.check(&self.talk.request_of(name)).await {
            Ok(who) => {
                self.talk.change_model(name, who);
                self.note(&format!("the model is now {}", self.talk.model()));
                Ok(())
            }
            Err(failure) => Err(explained(&failure, &self.client, name, self.context).await),
        }
    }

    async fn turn(&mut self, text: String) -> Result<Next, CliError> {
        self.talk.say(text);
        let at = Moment::now();
        let (turned, is_heard) = turn::take(&self.client, self.talk.request()).await?;
        match turned {
            Turned::Answered(completion) => {
                let (usage, billed) = (completion.usage.as_ref(), completion.billed.as_deref());
                let served = completion.service_tier.as_deref();
                let line = self.bill_for(usage, billed.or(usage), served, at);
                let choice = completion.choices.into_iter().next().unwrap_or_default();
                if choice.message.content.trim().is_empty() {
                    self.talk.take_back();
                    let why = match choice.message.declined() {
                        "" => format!("the answer has no text ({})", choice.finish_reason),
                        words => format!("the model declined: {words}"),
                    };
                    self.fail(&CliError::Call(format!("{why}\nhelp: say it differently")));
                } else {
                    self.talk.answer(choice.message.content);
                }
                self.note(&line);
                if choice.finish_reason == "length" {
                    self.note("the answer was cut short by the limit on its tokens");
                }
            }
            Turned::Stopped(_) if !self.input.is_terminal() => return Ok(Next::Breaks),
            Turned::Stopped(said) if said.is_empty() => {
                self.talk.take_back();
                self.note("stopped before anything was said; the message is taken back");
            }
            Turned::Stopped(said) => {
                let line = self.bill_for(None, None, None, at);
                self.talk.answer_in_part(&said);
                self.note(&format!("stopped; what was said stays in the talk; {line}"));
            }
            Turned::Failed(failure, said) => self.turn_failed(&failure, &said).await,
        }
        Ok(if is_heard { Next::Goes } else { Next::Ends })
    }

    /// Puts a turn that was sent at this moment on the bill.
    fn bill_for(
        &mut self,
        usage: Option<&Usage>,
        charged: Option<&Usage>,
        served: Option<&str>,
        at: Moment,
    ) -> String {
        let who = self.talk.who();
        let listed = find(&who.provider, &who.model).and_then(|listing| listing.price);
        let price = listed.and_then(|price| price.applying(&self.talk.request(), at, served));
        self.bill.add(who, usage, Cost::of(price.as_ref(), charged))
    }

    async fn turn_failed(&mut self, failure: &Failure, said: &str) {
        self.talk.take_back();
        if !said.is_empty() {
            // What was said has been billed, and nobody told how much.
            self.bill.add(self.talk.who(), None, Cost::of(None, None));
        }
        let model = self.talk.model().to_owned();
        let error = explained(failure, &self.client, &model, self.context).await;
        self.fail(&error);
        if self.input.is_terminal() {
            self.note("the message is taken back; the up arrow brings it again");
        }
    }

    fn fail(&mut self, error: &CliError) {
        self.has_failed = true;
        // The code is that of a program's end, and this is none.
        let _ = error.tell(&self.context.screen);
    }

    /// A dim line beside the talk.
    fn note(&self, line: &str) {
        if self.context.quiet {
            return;
        }
        match self.context.screen.is_colored() {
            true => self.context.screen.say(&format!("\u{1b}[2m{line}\u{1b}[0m")),
            false => self.context.screen.say(line),
        }
    }
}
