//! Words that many messages share.

/// Names in backticks: `` `a`, `b` or `c` ``.
pub fn either<S: AsRef<str>>(names: &[S]) -> String {
    joined(names, "or")
}

/// Names in backticks: `` `a`, `b` and `c` ``; a long list is cut short.
pub fn all<S: AsRef<str>>(names: &[S]) -> String {
    const MOST: usize = 20;
    if names.len() <= MOST {
        return joined(names, "and");
    }
    let quoted: Vec<String> = names[..MOST].iter().map(quoted).collect();
    format!("{} and {} more", quoted.join(", "), names.len() - MOST)
}

/// `did you mean ...?` with the known name that is nearest, where one is near.
pub fn did_you_mean<'k>(text: &str, known: impl Iterator<Item = &'k str>) -> Option<String> {
    /// Half of the letters may be wrong: `bb` for `b`, `cvs` for `csv`, and not `lab` for `lambda`.
    const NEAR: f64 = 0.5;
    let text = text.to_lowercase();
    let likeness = |name: &str| strsim::normalized_damerau_levenshtein(&text, &name.to_lowercase());
    let scored = known.map(|name| (likeness(name), name)).filter(|(score, _)| *score >= NEAR);
    let nearest = scored.max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)));
    nearest.map(|(_, name)| did_you_mean_this(name))
}

/// The question itself.
pub fn did_you_mean_this(name: &str) -> String {
    format!("did you mean `{name}`?")
}

/// `did you mean ...?`, or the names there are, introduced by `otherwise`.
pub fn suggestion<S: AsRef<str>>(text: &str, known: &[S], otherwise: &str) -> String {
    match did_you_mean(text, known.iter().map(AsRef::as_ref)) {
        Some(question) => question,
        None => format!("{otherwise} {}", all(known)),
    }
}

/// What a key is for, by its description: on one line, without the last full stop.
pub fn key_is(key: &str, description: &str) -> String {
    format!("`{key}`: {}", description.trim_end_matches('.').replace('\n', " "))
}

/// `1 row`, `2 rows`.
pub fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn joined<S: AsRef<str>>(names: &[S], word: &str) -> String {
    let quoted: Vec<String> = names.iter().map(quoted).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} {word} {last}", others.join(", ")),
        None => String::new(),
    }
}

fn quoted<S: AsRef<str>>(name: S) -> String {
    format!("`{}`", name.as_ref())
}
