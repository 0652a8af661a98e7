//! Lists that commands print: for people, as JSON or as CSV; and the pattern that picks lines.

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use crate::report::cell::Cell;

/// How a list is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people.
    Table,
    /// For programs: a list of objects.
    Json,
    /// For spreadsheets.
    Csv,
}

/// The lines as a list of objects, one key a column.
pub fn json(columns: &[&str], lines: &[Vec<Cell<'_>>]) -> Vec<Map<String, Value>> {
    let object = |line: &Vec<Cell<'_>>| {
        columns.iter().zip(line).map(|(name, cell)| ((*name).to_owned(), json!(cell))).collect()
    };
    lines.iter().map(object).collect()
}

/// The lines as RFC 4180, with a header.
pub fn csv(columns: &[&str], lines: &[Vec<Cell<'_>>]) -> String {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let mut room = Vec::new();
    let mut write = |fields: &mut dyn Iterator<Item = Vec<u8>>| {
        writer.write_record(fields).expect("every line has the columns of the header");
    };
    write(&mut columns.iter().map(|name| name.as_bytes().to_vec()));
    for line in lines {
        write(&mut line.iter().map(|cell| cell.as_csv(&mut room).to_vec()));
    }
    let bytes = writer.into_inner().expect("memory takes all that is written to it");
    String::from_utf8(bytes).expect("cells are text")
}

/// What picks lines: a part of a name, or with `*` and `?` the whole of it. Case does not count.
#[derive(Clone, Debug)]
pub struct Pattern {
    lower: String,
}

impl Pattern {
    /// Reads a pattern; every text is one.
    pub fn new(text: &str) -> Self {
        Self { lower: text.trim().to_lowercase() }
    }

    /// Whether it stands for many names by its form.
    pub fn is_glob(&self) -> bool {
        self.lower.contains(['*', '?'])
    }

    /// Whether it fits a name.
    pub fn fits(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        if !self.is_glob() {
            return name.contains(&self.lower);
        }
        let (glob, name): (Vec<char>, Vec<char>) =
            (self.lower.chars().collect(), name.chars().collect());
        fits(&glob, &name)
    }
}

/// Goes on greedily, and comes back to the last `*` when that leads nowhere.
fn fits(glob: &[char], name: &[char]) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < name.len() {
        match glob.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(c) if *c == '?' || *c == name[seen] => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((star_at, taken)) = star else { return false };
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                seen = taken + 1;
            }
        }
    }
    glob[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_part_of_a_name_or_a_glob_of_it() {
        for (pattern, name, expected) in [
            ("4O", "openai/gpt-4o-mini", true),
            ("4o", "gpt-4", false),
            ("gpt-*", "gpt-4o", true),
            ("gpt-*", "openai/gpt-4o", false),
            ("*/gpt-4?", "azure/eu/gpt-4o", true),
            ("*a*b*", "xxaxbxaxb", true),
            ("*ab", "aab", true),
            ("a?", "a", false),
            ("**", "", true),
            ("[a]*", "[a]b", true),
            ("é?", "ÉX", true),
        ] {
            assert_eq!(Pattern::new(pattern).fits(name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_list_is_the_same_as_json_and_as_csv() {
        let lines = [vec![Cell::Text("a,b".into()), Cell::Empty], vec!["-x".into(), 7_u64.into()]];
        let columns = ["name", "count"];
        assert_eq!(csv(&columns, &lines), "name,count\r\n\"a,b\",\r\n'-x,7\r\n");
        let expected = json!([{"name": "a,b", "count": null}, {"name": "-x", "count": 7}]);
        assert_eq!(json!(json(&columns, &lines)), expected);
    }
}
