//! What is answered, whatever the dialect it is asked in.

use std::borrow::Cow;

use serde_json::Value;

use crate::call::estimate::text_tokens;
use crate::eval::judge;
use crate::mock::answers::Answers;
use crate::mock::instance::instance;
use crate::mock::likeness::embedded;
use crate::mock::prose::sentences;

/// Tokens that each message carries beside its text, as in `call::estimate`.
const PER_MESSAGE: u64 = 4;
/// Tokens that prime the answer.
const PER_CALL: u64 = 3;

/// A question, as far as it matters here; each voice reads its requests into one.
#[derive(Clone, Debug, PartialEq)]
pub struct Question<'a> {
    /// The model's name; `mock/` before it does not count.
    pub model: Cow<'a, str>,
    /// The talk so far; at least one message.
    pub messages: Vec<Said<'a>>,
    /// The most tokens that one choice may have.
    pub max_tokens: Option<u64>,
    /// How many choices are wanted.
    pub choices: u32,
    /// Whether the answer is wanted piece by piece.
    pub stream: bool,
    /// Whether the last piece of a stream tells the tokens.
    pub stream_usage: bool,
}

/// One message of the talk.
#[derive(Clone, Debug, PartialEq)]
pub struct Said<'a> {
    /// `system`, `user`, `assistant`, ...
    pub role: Cow<'a, str>,
    /// Its text; text parts are joined by newlines.
    pub text: Cow<'a, str>,
}

impl<'a> Question<'a> {
    /// The plainest question: one text for one model.
    pub fn of(model: &'a str, text: &'a str) -> Self {
        Self {
            model: model.into(),
            messages: vec![Said { role: "user".into(), text: text.into() }],
            max_tokens: None,
            choices: 1,
            stream: false,
            stream_usage: false,
        }
    }

    /// The model's name without `mock/`.
    pub fn name(&self) -> &str {
        self.model.strip_prefix("mock/").unwrap_or(&self.model)
    }

    /// The last message of the user; without one, the last message.
    fn prompt(&self) -> &str {
        let by_user = self.messages.iter().rfind(|said| said.role == "user");
        by_user.or(self.messages.last()).map_or("", |said| &said.text)
    }

    fn tokens(&self) -> u64 {
        let each = self.messages.iter().map(|said| PER_MESSAGE + text_tokens(&said.text));
        PER_CALL + each.sum::<u64>()
    }
}

/// An answer, before a voice gives it a form.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<'a> {
    /// Names the answer: the same for the same question.
    pub id: u64,
    /// As many as were asked for.
    pub choices: Vec<Choice<'a>>,
    /// Tokens of the question.
    pub prompt_tokens: u64,
    /// Tokens of all choices.
    pub completion_tokens: u64,
}

/// One of the choices.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice<'a> {
    /// What it says.
    pub text: Cow<'a, str>,
    /// Whether it ends where the allowed tokens did.
    pub cut: bool,
}

impl<'a> Answer<'a> {
    /// The answer to a question whose hash is `id`: one that was prepared, an echo, or prose.
    pub fn to(question: &'a Question<'_>, id: u64, prepared: &'a Answers) -> Self {
        Self::in_form(question, id, prepared, None)
    }

    /// The same where a JSON Schema says what the answer is to be like: an instance of it in the
    /// place of prose.
    pub fn in_form(
        question: &'a Question<'_>,
        id: u64,
        prepared: &'a Answers,
        form: Option<&Value>,
    ) -> Self {
        let prompt = question.prompt();
        let text = |choice| match prepared.to(prompt) {
            Some(answer) => Cow::Borrowed(answer),
            None if question.name() == "echo" => Cow::Borrowed(prompt),
            // Whoever is asked to judge, judges: by chance, and the same each time.
            None if judge::is_asked(prompt) => Cow::Owned(judge::imitated(prompt, id)),
            None => Cow::Owned(match form {
                Some(form) => instance(form, id.wrapping_add(u64::from(choice))).to_string(),
                None => sentences(question.name(), id, choice),
            }),
        };
        let choices: Vec<_> =
            (0..question.choices).map(|nth| shortened(text(nth), question.max_tokens)).collect();
        Self {
            id,
            prompt_tokens: question.tokens(),
            completion_tokens: choices.iter().map(|choice| text_tokens(&choice.text)).sum(),
            choices,
        }
    }
}

impl Answer<'static> {
    /// The embeddings of what is asked: each choice is one text's, as a JSON list of numbers.
    pub fn embedded(question: &Question<'_>, id: u64) -> Self {
        let choice = |said: &Said<'_>| Choice { text: embedded(&said.text).into(), cut: false };
        let tokens = question.messages.iter().map(|said| text_tokens(&said.text));
        Self {
            id,
            choices: question.messages.iter().map(choice).collect(),
            prompt_tokens: tokens.sum(),
            completion_tokens: 0,
        }
    }
}

fn shortened(text: Cow<'_, str>, max_tokens: Option<u64>) -> Choice<'_> {
    let end = max_tokens.and_then(|most| end_of_tokens(&text, most));
    let text = match (end, text) {
        (None, text) => return Choice { text, cut: false },
        (Some(end), Cow::Borrowed(text)) => Cow::Borrowed(&text[..end]),
        (Some(end), Cow::Owned(mut text)) => {
            text.truncate(end);
            Cow::Owned(text)
        }
    };
    Choice { text, cut: true }
}

/// Where a text must end to have this many tokens at most; `None` if it has no more anyway.
fn end_of_tokens(text: &str, most: u64) -> Option<usize> {
    let (mut ascii, mut other) = (0_u64, 0_u64);
    text.char_indices().find_map(|(at, character)| {
        if character.is_ascii() {
            ascii += 1;
        } else {
            other += 1;
        }
        (ascii.div_ceil(4) + other > most).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(model: &str, text: &str, max_tokens: Option<u64>) -> (String, bool, u64) {
        let question = Question { max_tokens, ..Question::of(model, text) };
        let prepared = Answers::default();
        let answer = Answer::to(&question, 7, &prepared);
        let choice = &answer.choices[0];
        (choice.text.clone().into_owned(), choice.cut, answer.completion_tokens)
    }

    #[test]
    fn an_echo_repeats_the_last_message_of_the_user() {
        let mut question = Question::of("mock/echo", "first");
        for (role, text) in [("assistant", "so?"), ("user", "second"), ("assistant", "and")] {
            question.messages.push(Said { role: role.into(), text: text.into() });
        }
        let prepared = Answers::default();
        let answer = Answer::to(&question, 7, &prepared);
        assert_eq!(answer.choices, [Choice { text: "second".into(), cut: false }]);
        assert_eq!(answer.prompt_tokens, 3 + 4 * 4 + 2 + 1 + 2 + 1);
    }

    #[test]
    fn an_answer_ends_with_the_allowed_tokens() {
        assert_eq!(asked("echo", "twelve chars", None), ("twelve chars".into(), false, 3));
        assert_eq!(asked("echo", "twelve chars", Some(3)), ("twelve chars".into(), false, 3));
        assert_eq!(asked("echo", "twelve chars", Some(2)), ("twelve c".into(), true, 2));
        assert_eq!(asked("echo", "日本語", Some(2)), ("日本".into(), true, 2));
        let (text, cut, tokens) = asked("lark", "hi", Some(1));
        assert_eq!((text.len(), cut, tokens), (4, true, 1));
    }

    #[test]
    fn each_choice_of_prose_says_something_else() {
        let question = Question { choices: 2, ..Question::of("lark", "hi") };
        let prepared = Answers::default();
        let answer = Answer::to(&question, 7, &prepared);
        assert_ne!(answer.choices[0], answer.choices[1]);
    }
}
