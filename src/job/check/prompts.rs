//! Prompt sets: where their rows come from, and the templates.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use crate::job::check::Check;
use crate::job::diagnostic::{Diagnostic, On, Place};
use crate::job::file::{FormatFile, PromptsFile};
use crate::job::file_values::Named;
use crate::job::key_path::KeyPath;
use crate::job::prompts::PromptSet;
use crate::job::rows::files::{is_glob, of_folder, of_glob};
use crate::job::rows::spool::Spool;
use crate::job::rows::table::{Source, format_of};
use crate::job::template::Template;
use crate::job::words;

/// The file name that stands for standard input.
const INPUT: &str = "-";

/// The prompt sets of a job.
#[derive(Debug, Default)]
pub struct Prompts {
    /// The names of all, in the order of the file.
    pub names: Vec<String>,
    /// Those that can be read.
    pub sets: Vec<PromptSet>,
}

impl Check<'_> {
    /// All prompt sets.
    pub fn prompts(&mut self, file: Option<&Named<PromptsFile>>) -> Prompts {
        let mut prompts = Prompts::default();
        let mut input = None;
        for (name, section) in file.into_iter().flat_map(|file| &file.0) {
            let path = KeyPath::top().key("prompts").key(name);
            prompts.names.push(name.clone());
            if name.trim().is_empty() || name.chars().any(char::is_control) {
                let message = "a prompt set needs a name that can be shown";
                let help = "such as [prompts.greetings]";
                self.faults.push(Diagnostic::at_key(path.clone(), message).help(help));
            }
            let system = self.template(section.system.as_deref(), &path.key("system"));
            let user = self.template(section.user.as_deref(), &path.key("user"));
            let image = self.template(section.image.as_deref(), &path.key("image"));
            let source = self.source(section, &path, &mut input);
            let Some(source) = source else { continue };
            let shown = match &source {
                Source::Inline(_) => path.key("inline").to_string(),
                Source::Input(..) => "standard input".to_owned(),
                _ => self
                    .folder()
                    .join(section.file.as_deref().unwrap_or_default())
                    .display()
                    .to_string(),
            };
            prompts.sets.push(PromptSet {
                name: name.as_str().into(),
                shown: shown.into(),
                source,
                system,
                user,
                image,
                folder: self.folder().into(),
                id: section.id.as_deref().map(Into::into),
                expected: Arc::default(),
                keeps_columns: false,
                form: None,
            });
        }
        prompts
    }

    /// A template; one that is at fault is told, and stands for no text at all.
    pub fn template(&mut self, text: Option<&str>, path: &KeyPath) -> Option<Template> {
        let fault = match Template::new(text?) {
            Ok(template) => return Some(template),
            Err(fault) => fault,
        };
        let on = fault.range.map_or(On::Value, On::Within);
        let place = Place::Key { path: path.clone(), on };
        let message = format!("the template cannot be read: {}", fault.message);
        let help =
            "Jinja2: {{ column }}, {% if column %}...{% endif %}; a brace itself is {{ '{{' }}";
        self.faults.push(Diagnostic::new(place, message).help(help));
        Some(Template::blank())
    }

    fn source(
        &mut self,
        section: &PromptsFile,
        path: &KeyPath,
        input: &mut Option<Spool>,
    ) -> Option<Source> {
        let states = |key: &str| self.document.states(&path.key(key));
        match (states("file"), states("inline")) {
            (true, true) => {
                let message = "a prompt set has one source: `file` or `inline`";
                let other = Place::Key { path: path.key("file"), on: On::Key };
                let fault =
                    Diagnostic::at_key(path.key("inline"), message).also(other, "the other");
                self.faults.push(fault.help("make two sets of it"));
                None
            }
            (false, false) => {
                let message = format!("`{}` has no rows", path.last_key().unwrap_or_default());
                let help =
                    "name a file: file = \"prompts.csv\"; or write them here: inline = [\"Hi\"]";
                self.missing.push(Diagnostic::at_key(path.clone(), message).help(help));
                None
            }
            (false, true) => {
                if section.format.is_some() {
                    let message = "`format` belongs to a `file`";
                    let fault = Diagnostic::at_key(path.key("format"), message);
                    self.faults.push(fault.help("leave it away: inline rows are text or tables"));
                }
                Some(Source::Inline(Arc::new(section.inline.clone()?)))
            }
            (true, false) => {
                let file = section.file.as_deref()?;
                match file {
                    INPUT => self.input(section.format, &path.key("file"), input),
                    _ => self.file(file, section.format, path),
                }
            }
        }
    }

    /// Standard input is read once, and kept for whoever asks for it.
    fn input(
        &mut self,
        format: Option<FormatFile>,
        path: &KeyPath,
        input: &mut Option<Spool>,
    ) -> Option<Source> {
        let fault = |message: String| {
            let help = "pipe the prompts in: runner job.toml < prompts.jsonl";
            Diagnostic::at_value(path.clone(), message).help(help)
        };
        if input.is_none() {
            let stdin = std::io::stdin();
            if stdin.is_terminal() {
                let message = "standard input is a terminal, and the prompts should come from it";
                self.faults.push(fault(message.to_owned()));
                return None;
            }
            match Spool::of(stdin.lock()) {
                Ok(spool) => *input = Some(spool),
                Err(why) => {
                    self.faults.push(fault(format!("standard input cannot be kept: {why}")));
                    return None;
                }
            }
        }
        let spool = input.clone()?;
        let usual = if spool.is_json { FormatFile::Jsonl } else { FormatFile::Txt };
        Some(Source::Input(spool, format.unwrap_or(usual)))
    }

    fn file(&mut self, file: &str, format: Option<FormatFile>, path: &KeyPath) -> Option<Source> {
        let at = path.key("file");
        let full = self.folder().join(file);
        if full.is_file() {
            let Some(format) = format.or_else(|| format_of(&full)) else {
                let message = "the name of the file does not tell its format";
                let help = "add format = \"csv\", \"tsv\", \"jsonl\", \"json\", \"toml\", or \"txt\" for a \
                            prompt a line; a glob such as \"*.md\" makes each file a prompt";
                self.faults.push(Diagnostic::at_value(at, message).help(help));
                return None;
            };
            return Some(Source::File(full.into(), format));
        }
        let files = if full.is_dir() {
            of_folder(&full).map_err(|why| why.to_string())
        } else if is_glob(file) {
            of_glob(&self.folder(), file)
        } else {
            self.must_be_file(&full, &at);
            return None;
        };
        let fault = match files {
            Err(why) => Diagnostic::at_value(at, format!("the files cannot be listed: {why}"))
                .help("a `*` stands for anything, `**` for any folders, `?` for one character"),
            Ok(files) if files.is_empty() => {
                let what =
                    if full.is_dir() { "the folder holds no file" } else { "no file is called so" };
                let help = format!("looked for {}", full.display());
                Diagnostic::at_value(at, what).help(help)
            }
            Ok(_) if format.is_some() => {
                let message = "`format` is for one file; of a folder or glob each file is a prompt";
                Diagnostic::at_key(path.key("format"), message)
                    .help("name one file, or leave it away")
            }
            Ok(files) => return Some(Source::Files(Arc::new(files))),
        };
        self.faults.push(fault);
        None
    }

    /// Whether this is a file that can be read again and again; if not, that is told.
    pub fn must_be_file(&mut self, full: &Path, at: &KeyPath) -> bool {
        let shown = full.display();
        let fault = if full.is_file() {
            return true;
        } else if full.is_dir() {
            Diagnostic::at_value(at.clone(), format!("`{shown}` is a folder"))
                .help("name a file in it")
        } else if full.exists() {
            let fault = Diagnostic::at_value(at.clone(), format!("`{shown}` is no regular file"));
            fault.help("for standard input, write file = \"-\"")
        } else {
            let fault = Diagnostic::at_value(at.clone(), format!("there is no file `{shown}`"));
            fault.help(near_file(full))
        };
        self.faults.push(fault);
        false
    }
}

/// What to do about a file that is not there.
fn near_file(full: &Path) -> String {
    let folder = full.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(folder) else {
        return format!("there is no folder `{}` either", folder.display());
    };
    let names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let name = full.file_name().unwrap_or_default().to_string_lossy();
    let question = words::did_you_mean(&name, names.iter().map(String::as_str));
    question.unwrap_or_else(|| "paths start at the job file's folder".to_owned())
}
