//! Jinja2 templates, strict: a variable that a row lacks is a fault, never an empty text.

mod bounded;
pub mod guard;
mod plain;

use std::collections::HashSet;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectExt, Serde, Value};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};
use serde_json::Map;

use self::plain::Plain;

/// Steps that one rendering may take: far more than any prompt needs, and a fraction of a second.
const FUEL: u64 = 1_000_000;

/// The longest text that is taken from a template, in bytes: several times what the largest context
/// window holds.
const LONGEST: usize = 32 << 20;

/// The name under which the one template of an environment is kept.
const NAME: &str = "template";

/// A template that was read without a fault.
#[derive(Clone, Debug)]
pub struct Template {
    environment: Arc<Environment<'static>>,
    /// Variables that the template takes from the row.
    variables: Arc<HashSet<String>>,
    /// Its pieces, where it needs no engine.
    plain: Option<Arc<Plain>>,
}

/// What is wrong with a template, or with a row for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateFault {
    /// What is wrong.
    pub message: String,
    /// The bytes of the template that are at fault.
    pub range: Option<Range<usize>>,
    /// Who is to blame.
    pub blame: Blame,
}

/// Who is to blame for a template that cannot be rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The template, whatever the row.
    Template,
    /// The row lacks this variable.
    Lacks(String),
    /// The row has it, and it does not fit.
    Row,
}

impl Template {
    /// Reads a template.
    pub fn new(text: &str) -> Result<Self, TemplateFault> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        bounded::add_to(&mut environment);
        // Without it, faults have no place. It costs nothing until there is one.
        environment.set_debug(true);
        guard::guarded(|| environment.add_template_owned(NAME, text.to_owned()))?
            .map_err(|why| fault(&why, &HashSet::new()))?;
        let variables = environment
            .get_template(NAME)
            .map_err(|why| fault(&why, &HashSet::new()))?
            .undeclared_variables(false);
        let plain = Plain::of(text).map(Arc::new);
        Ok(Self { environment: Arc::new(environment), variables: Arc::new(variables), plain })
    }

    /// The template of no text, in the place of one that is at fault.
    pub fn blank() -> Self {
        Self::new("").expect("an empty template is one")
    }

    /// Whether it takes this variable from the row.
    pub fn names(&self, variable: &str) -> bool {
        self.variables.contains(variable)
    }

    /// The text that comes of the row with these columns.
    pub fn render(&self, columns: &Arc<Columns>) -> Result<String, TemplateFault> {
        match self.plain.as_ref().and_then(|plain| plain.render(columns)) {
            Some(text) if text.len() <= LONGEST => Ok(text),
            Some(_) => Err(too_long()),
            None => self.render_by_engine(columns),
        }
    }

    fn render_by_engine(&self, columns: &Arc<Columns>) -> Result<String, TemplateFault> {
        let template = self.environment.get_template(NAME);
        let template = template.map_err(|why| fault(&why, &self.variables))?;
        let columns = Value::from_dyn_object(Arc::clone(columns));
        let mut page = Page::default();
        let rendered = guard::guarded(|| template.render_captured_to(columns, &mut page))?;
        if page.is_full {
            return Err(too_long());
        }
        rendered.map_err(|why| fault(&why, &self.variables))?;
        Ok(String::from_utf8(page.text).expect("a template writes text"))
    }
}

/// What a template writes on, as far as it goes.
#[derive(Default)]
struct Page {
    text: Vec<u8>,
    is_full: bool,
}

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > LONGEST {
            self.is_full = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn too_long() -> TemplateFault {
    let message =
        format!("the text that comes of the template is longer than {} MiB", LONGEST >> 20);
    TemplateFault { message, range: None, blame: Blame::Row }
}

fn fault(why: &Error, variables: &HashSet<String>) -> TemplateFault {
    let detail = why.detail().unwrap_or_default();
    let (message, blame) = match why.kind() {
        ErrorKind::UndefinedError => match lacking(detail, variables) {
            Some(name) => (format!("there is no `{name}`"), Blame::Lacks(name)),
            None => (plain(detail, "something is not defined"), Blame::Row),
        },
        ErrorKind::OutOfFuel => {
            ("the template does not come to an end: it loops too long".to_owned(), Blame::Template)
        }
        ErrorKind::SyntaxError
        | ErrorKind::UnknownFilter
        | ErrorKind::UnknownTest
        | ErrorKind::UnknownFunction
        | ErrorKind::UnknownMethod
        | ErrorKind::UnknownBlock
        | ErrorKind::TemplateNotFound => {
            (plain(detail, "the template cannot be read"), Blame::Template)
        }
        kind => (plain(detail, &kind.to_string()), Blame::Row),
    };
    TemplateFault { message, range: place(why), blame }
}

/// The bytes at fault, as whole characters: of one that it does not know, minijinja names the first
/// byte alone.
fn place(why: &Error) -> Option<Range<usize>> {
    let (range, text) = (why.range()?, why.template_source()?);
    Some(text.floor_char_boundary(range.start)..text.ceil_char_boundary(range.end))
}

/// The variable of the row that is not there, out of "`name` is undefined".
fn lacking(detail: &str, variables: &HashSet<String>) -> Option<String> {
    let name = detail.strip_prefix('`')?.strip_suffix("` is undefined")?;
    variables.contains(name).then(|| name.to_owned())
}

fn plain(detail: &str, otherwise: &str) -> String {
    if detail.is_empty() { otherwise.to_owned() } else { detail.to_owned() }
}

/// The columns of a row, as a template sees them; only those that it names are converted.
#[derive(Clone, Debug, PartialEq)]
pub struct Columns(pub Map<String, serde_json::Value>);

impl Columns {
    /// The same with an answer and what was asked, which hide columns of their names.
    pub fn beside(&self, input: &str, output: &str) -> Self {
        let mut columns = self.0.clone();
        columns.insert(INPUT.to_owned(), input.into());
        columns.insert(OUTPUT.to_owned(), output.into());
        Self(columns)
    }
}

/// The variable that holds the answer, in texts of scorers that see it.
pub const OUTPUT: &str = "output";
/// The variable that holds what was asked, in the same texts.
pub const INPUT: &str = "input";

impl Object for Columns {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.0.get(key).map(convert)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.mapped_enumerator(|columns| Box::new(columns.0.keys().map(|key| Value::from(&**key))))
    }
}

fn convert(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::String(text) => Value::from(text.as_str()),
        other => Value::from(Serde(other)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn render(template: &str) -> Result<String, TemplateFault> {
        let row = json!({"a": 2, "b": "x", "list": [{"c": 1}, {}], "t": true});
        let serde_json::Value::Object(row) = row else { unreachable!("an object") };
        Template::new(template)?.render(&Arc::new(Columns(row)))
    }

    #[test]
    fn columns_are_variables() {
        let text =
            "{{ a }}+{{ b|upper }}{% for x in list if x.c is defined %}{{ x.c }}{% endfor %}";
        assert_eq!(render(text).as_deref(), Ok("2+X1"));
        assert_eq!(render("{{ zz | default('-') }}").as_deref(), Ok("-"));
        assert_eq!(
            render("{% set q = 1 %}{{ q }}{{ list | tojson }}").as_deref(),
            Ok("1[{\"c\": 1}, {}]")
        );
    }

    #[test]
    fn a_fault_is_of_whole_characters() {
        let text = "{{ aä }}{{ b€ }}";
        let fault = render(text).expect_err("no name has such a sign");
        assert_eq!(fault.range.and_then(|range| text.get(range)), Some("ä"));
    }

    #[test]
    fn a_fault_says_who_is_to_blame_and_where() {
        for (text, blame, part) in [
            ("x {{ zz }}", Blame::Lacks("zz".to_owned()), "zz"),
            ("{% if zz %}{% endif %}", Blame::Lacks("zz".to_owned()), "zz"),
            ("{{ b.c }}", Blame::Row, "b.c"),
            ("{% for x in list %}{{ x.c }}{% endfor %}", Blame::Row, "x.c"),
            ("{{ a", Blame::Template, "a"),
            ("{{ a | nope }}", Blame::Template, "nope"),
            ("{{ nope() }}", Blame::Template, "nope()"),
            ("{% include 'x' %}", Blame::Template, "include 'x'"),
            ("{{ a + list }}", Blame::Row, "a + list"),
        ] {
            let fault = render(text).expect_err(text);
            assert_eq!(fault.blame, blame, "{text}: {}", fault.message);
            let range = fault.range.expect("a place");
            assert!(text[range.clone()].contains(part), "{text}: {:?}", &text[range]);
        }
    }

    #[test]
    fn a_template_that_loops_comes_to_an_end() {
        let nested = "{% for x in range(9999) %}{% for y in range(9999) %}{% endfor %}{% endfor %}";
        assert_eq!(render(nested).expect_err("no end").blame, Blame::Template);
        let calls = "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}";
        assert!(render(calls).is_err());
    }

    #[test]
    fn what_the_engine_breaks_down_on_is_a_fault() {
        for text in ["{{ b[9:][::-1] }}", "{{ ''[::-1] }}", "{{ [][::-1] | list }}"] {
            let fault = render(text).expect_err(text);
            assert!(fault.message.contains("breaks down"), "{text}: {}", fault.message);
            assert_eq!(fault.blame, Blame::Row);
        }
        assert_eq!(render("{{ 'ab'[::-1] }}").as_deref(), Ok("ba"));
    }

    #[test]
    fn a_template_that_grows_comes_to_an_end() {
        let long = "the text that comes of the template is longer than 32 MiB";
        for text in [
            "{{ 'x' * 50000000 }}",
            "{% for x in range(9999) %}{{ 'x' * 50000 }}{% endfor %}",
            "{% set s = 'x' * 9999999 %}{% for x in range(99999) %}{{ s }}{% endfor %}",
        ] {
            assert_eq!(render(text).expect_err(text).message, long, "{text}");
        }
        for text in [
            "{{ 'x' * 999999999999 }}",
            "{{ 'x' | indent(99999999999999, true) }}",
            "{{ 'x' | indent(width=99999999999999) }}",
            "{{ range(999999999) }}",
            "{{ [1] * 999999999999 }}",
            "{{ [1] | batch(999999999999, 0) }}",
            "{{ [1] | slice(999999999999, 0) }}",
        ] {
            assert!(render(text).is_err(), "{text}");
        }
        assert_eq!(
            render("{{ 'a\nb' | indent(2) }}{{ 'c' | indent(width=1, first=true) }}").as_deref(),
            Ok("a\n  b c")
        );
    }

    proptest! {
        #[test]
        fn what_needs_no_engine_comes_out_as_the_engine_has_it(
            text in "([ -~é\n]|\\{\\{ ?[a-z_0-9]{1,4} ?\\}\\}|\\{|\\}|%){0,12}",
            a in "[ -~é\n<&]{0,6}",
        ) {
            let row = json!({"a": a, "b": "", "in": "x", "true": "y", "self": "z", "n": 1});
            let serde_json::Value::Object(row) = row else { unreachable!("an object") };
            let columns = Arc::new(Columns(row));
            if let Ok(template) = Template::new(&text) {
                prop_assert_eq!(template.render(&columns), template.render_by_engine(&columns));
            }
        }

        #[test]
        fn no_template_makes_it_panic(text in "(.|\\{\\{|\\}\\}|\\{%|%\\}|for x in list|if|a\\.b|\\||'){0,24}") {
            drop(render(&text));
        }
    }
}
