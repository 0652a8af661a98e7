//! The form that a prompt set demands of its answers, and the parameter that asks for it.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::call::form::{Demand, Form, OnInvalid};
use crate::eval::schema::{Schema, SchemaFault};
use crate::provider::openai_chat::form::response_format;

/// How a model that does not take a schema is asked for JSON.
const IN_WORDS: &str = "Answer with JSON alone: no words around it, and no code fence. It must be \
                        valid against this JSON Schema:";

/// A schema that was compiled.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The value of `response_format`.
    pub param: Arc<Value>,
    /// The file that it was read from, if any.
    pub file: Option<Arc<Path>>,
    form: Arc<dyn Form>,
    in_words: Arc<str>,
}

impl Compiled {
    /// This schema, which was read from this file.
    pub fn of(schema: &Value, file: Option<Arc<Path>>) -> Result<Self, SchemaFault> {
        let form = Arc::new(Schema::compile(schema)?);
        let in_words = format!("{IN_WORDS}\n{schema}").into();
        Ok(Self { param: Arc::new(response_format(schema)), file, form, in_words })
    }
}

/// The form that the answers to a prompt set must have.
#[derive(Clone, Debug)]
pub struct SetForm {
    /// The schema.
    pub schema: Compiled,
    /// What every task of the set demands.
    pub demand: Arc<Demand>,
}

impl SetForm {
    /// This schema, and what becomes of an answer that does not fit it.
    pub fn new(schema: Compiled, on_invalid: OnInvalid, retries: u32) -> Self {
        let (form, in_words) = (Arc::clone(&schema.form), Arc::clone(&schema.in_words));
        let demand = Arc::new(Demand { form, on_invalid, retries, in_words });
        Self { schema, demand }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::call::form::PARAM;
    use crate::call::task::Task;
    use crate::job::load::load_text;
    use crate::job::plan::Plan;
    use crate::job::select::Selection;
    use crate::provider::env::Env;

    const JOB: &str = r#"
name = "x"
on_unsupported = "drop"
response_schema = { type = "object", properties = { a = { type = "integer" } } }
on_invalid = "fail"
[params]
max_tokens = 9
[[models]]
model = "openai/gpt-4o"
[[models]]
model = "lab/m"
[providers.lab]
base_url = "http://127.0.0.1:1/v1"
unsupported = ["response_format"]
[prompts.one]
inline = ["hi", "ho", { messages = [{ role = "user", content = "hi" }], top_p = 0.5 }]
[prompts.two]
inline = ["hi"]
response_schema = "answer.json"
on_invalid = "retry"
invalid_retries = 7
"#;

    fn planned(text: &str, folder: &Path) -> (Plan, Vec<Task>) {
        std::fs::write(folder.join("answer.json"), "{\"type\": \"string\"}").expect("written");
        let job = load_text(&folder.join("job.toml"), text, &[], &Env::of([]));
        let job = job.unwrap_or_else(|faults| panic!("{:#?}", faults.diagnostics));
        let plan = Plan::make(&job, &Selection::default()).expect("a plan");
        let mut tasks: Vec<Task> =
            (0..2).flat_map(|lane| plan.tasks(lane)).map(|task| task.expect("a task")).collect();
        tasks.sort_by_key(|task| task.index);
        (plan, tasks)
    }

    #[test]
    fn every_task_of_a_set_asks_for_its_form_and_demands_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (plan, tasks) = planned(JOB, folder.path());
        let demands: Vec<(OnInvalid, u32)> = tasks
            .iter()
            .filter_map(|task| task.form.as_ref())
            .map(|form| (form.on_invalid, form.retries))
            .collect();
        assert_eq!(demands[..6], [(OnInvalid::Fail, 2); 6]);
        assert_eq!(demands[6..], [(OnInvalid::Retry, 7); 2]);
        let asked = |task: &Task| task.request.params.get(PARAM).cloned();
        let told = asked(&tasks[6]).expect("it takes one");
        assert_eq!(told["json_schema"]["schema"]["type"], "string");
        // One that takes no schema is asked in words.
        assert_eq!((asked(&tasks[1]), &**tasks[1].dropped), (None, &[PARAM.to_owned()][..]));
        let said = |task: &Task| task.request.messages[0].plain_text();
        assert_eq!(said(&tasks[0]), "hi");
        assert!(said(&tasks[1]).contains(IN_WORDS) && said(&tasks[1]).ends_with("}}}"));
        assert!(said(&tasks[5]).starts_with("hi\n\n") && tasks[5].request.params.len() == 2);
        // Rows without parameters of their own share those of the first.
        assert!(Arc::ptr_eq(&tasks[0].request.params, &tasks[2].request.params));
        assert!(!Arc::ptr_eq(&tasks[0].request.params, &tasks[4].request.params));
        let files = plan.files();
        assert!(files.iter().any(|file| file.ends_with("answer.json")), "{files:?}");
    }

    #[test]
    fn another_schema_is_another_question_and_another_remedy_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let ids = |text: &str| -> Vec<_> {
            planned(text, folder.path()).1.iter().map(|task| task.id).collect()
        };
        let before = ids(JOB);
        assert_eq!(before, ids(&JOB.replace("on_invalid = \"fail\"", "on_invalid = \"keep\"")));
        assert_eq!(before, ids(&JOB.replace("prompts.two", "prompts.renamed")));
        let other = ids(&JOB.replace("\"integer\"", "\"number\""));
        assert!(before[..6].iter().zip(&other).all(|(one, other)| one != other));
        assert_eq!(before[6..], other[6..]);
    }
}
