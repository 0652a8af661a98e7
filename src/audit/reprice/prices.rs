//! The prices that a run is computed at: the built-in table, and a file of one's own over it.
//!
//! The file is a CSV in the columns of the built-in table, by their names: `provider`, `model`,
//! `input` and `output`, in USD per million tokens, and whichever of the others it has. What
//! `runner models --format csv` prints is such a file.

use std::collections::HashMap;
use std::fmt;

use csv::StringRecord;

use crate::audit::cells::Cells;
use crate::call::money::{Price, Usd, per_token};
use crate::provider::models::{self, Listed};
use crate::provider::prices;

/// The columns that a file must have.
const NEEDED: [&str; 4] = ["provider", "model", "input", "output"];

/// Why a file is no list of prices. Its message fits after "failed to".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricesError {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub why: String,
}

impl PricesError {
    /// What to do.
    pub fn help(&self) -> &'static str {
        "write a header with provider, model, input and output and, where you have them, \
         cache_read, cache_write, cache_write_1h, reasoning, tiers; amounts are in USD per million \
         tokens"
    }
}

impl fmt::Display for PricesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "read line {} of the prices: {}\nhelp: {}", self.line, self.why, self.help())
    }
}

impl std::error::Error for PricesError {}

/// Prices by provider and model.
#[derive(Clone, Debug)]
pub struct PriceList {
    /// `None` where the file says that there is no price.
    own: HashMap<(String, String), Option<Price>>,
    title: String,
}

impl PriceList {
    /// The built-in table alone.
    pub fn builtin() -> Self {
        let title = format!("the built-in table of {}", models::MADE);
        Self { own: HashMap::new(), title }
    }

    /// The prices of a file over the built-in table; `name` is what reports call them. Their cells
    /// are kept until the program ends, as those of the built-in table are.
    pub fn read(text: &str, name: &str) -> Result<Self, PricesError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut cells = Cells::of(text, b',');
        let mut columns: Option<HashMap<String, usize>> = None;
        let mut own = HashMap::new();
        loop {
            let read = cells.advance().and_then(|is_there| match (is_there, &columns) {
                (false, _) => Ok(false),
                (true, None) => {
                    columns = Some(header(&cells.record)?);
                    Ok(true)
                }
                (true, Some(columns)) => {
                    let (key, price) = row(columns, &cells.record, name)?;
                    let twice = format!("`{}/{}` is there twice", key.0, key.1);
                    own.insert(key, price).map_or(Ok(true), |_| Err(twice))
                }
            });
            if !read.map_err(|why| PricesError { line: cells.line(), why })? {
                break;
            }
        }
        if columns.is_none() {
            return Err(PricesError { line: 1, why: "there is nothing in it".to_owned() });
        }
        Ok(Self { own, title: format!("`{name}` over the built-in table of {}", models::MADE) })
    }

    /// Where the prices are from, for people.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The price of a model; `None` when none is known.
    pub fn find(&self, provider: &str, model: &str) -> Option<Price> {
        let own = |model: &str| self.own.get(&(provider.to_owned(), model.to_owned()));
        let listing = models::find(provider, model);
        // The built-in table knows which names stand for the row of another.
        let listed = listing.as_ref().and_then(|listing| own(listing.model));
        match own(model).or(listed) {
            Some(price) => price.clone(),
            None => listing?.price,
        }
    }
}

fn header(record: &StringRecord) -> Result<HashMap<String, usize>, String> {
    let mut columns = HashMap::new();
    for (place, name) in record.iter().enumerate() {
        let name = name.trim().to_lowercase();
        if columns.insert(name.clone(), place).is_some() {
            return Err(format!("the column `{name}` is there twice"));
        }
    }
    match NEEDED.iter().find(|name| !columns.contains_key(**name)) {
        Some(missing) => Err(format!("there is no column `{missing}`")),
        None => Ok(columns),
    }
}

type Named = ((String, String), Option<Price>);

fn row(
    columns: &HashMap<String, usize>,
    record: &StringRecord,
    version: &str,
) -> Result<Named, String> {
    let cell = |name: &str| {
        let place = columns.get(name);
        place.and_then(|place| record.get(*place)).unwrap_or_default().trim()
    };
    let (provider, model) = (cell("provider"), cell("model"));
    if provider.is_empty() || model.is_empty() {
        return Err("the provider or the model is missing".to_owned());
    }
    let key = (provider.to_owned(), model.to_owned());
    // What else a request pays for is no price: where the file does not say, the table does.
    let beside = match columns.contains_key("beside") {
        true => cell("beside"),
        false => models::find(provider, model).map_or("", |listing| listing.listed.beside),
    };
    let unknown = [cell("input"), cell("output")].iter().all(|cell| cell.is_empty());
    if unknown || !cell("unpriced").is_empty() || beside == "always" {
        return Ok((key, None));
    }
    for name in ["input", "output", "cache_read", "cache_write", "cache_write_1h", "reasoning"] {
        check(name, cell(name))?;
    }
    let listed = |name: &str| kept(cell(name));
    let listed = Listed {
        input: listed("input"),
        output: listed("output"),
        cache_read: listed("cache_read"),
        cache_write: listed("cache_write"),
        cache_write_1h: listed("cache_write_1h"),
        reasoning: listed("reasoning"),
        tiers: listed("tiers"),
        off_peak: listed("off_peak"),
        batch: listed("batch"),
        flex: listed("flex"),
        priority: listed("priority"),
        beside: kept(beside),
        other: listed("other"),
    };
    let unread = "its prices cannot be read: tiers are written `>200000:in=2.5;out=15`";
    let hears = models::find(provider, model)
        .is_some_and(|listing| listing.abilities.has("audio") == Some(true));
    let price = prices::price(&listed, hears, version).ok_or(unread)?;
    Ok((key, Some(price)))
}

/// A cell of the file in the form of one of the built-in table.
fn kept(cell: &str) -> &'static str {
    if cell.is_empty() { "" } else { cell.to_owned().leak() }
}

fn check(name: &str, cell: &str) -> Result<(), String> {
    if cell.is_empty() {
        let is_needed = NEEDED.contains(&name);
        return if is_needed { Err(format!("`{name}` is missing")) } else { Ok(()) };
    }
    let usd: Usd = cell.parse().map_err(|why| format!("the `{name}` of `{cell}` {why}"))?;
    if usd < Usd::ZERO {
        return Err(format!("the `{name}` of `{cell}` is below zero"));
    }
    let too_fine = || format!("the `{name}` of `{cell}` is finer than a picodollar a token");
    per_token(usd).map(drop).ok_or_else(too_fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(list: &PriceList, provider: &str, model: &str) -> Option<String> {
        list.find(provider, model).map(|price| price.base.input.to_string())
    }

    #[test]
    fn a_file_goes_over_the_built_in_table() {
        let text = "\u{feff}Model , provider,output,input,note\r\n\r\n gpt-4o ,openai,1,0.5,x\r\n\
                    gpt-4o-mini,openai,,,no longer sold\r\nft:gpt-4o-2024-08-06,openai,4,3,\r\n";
        let list = PriceList::read(text, "mine.csv").unwrap();
        assert_eq!(input(&list, "openai", "gpt-4o").as_deref(), Some("0.0000005"));
        assert_eq!(list.find("openai", "gpt-4o").unwrap().version, "mine.csv".into());
        // Without a price there it has none, whatever the built-in table says.
        assert_eq!(input(&list, "openai", "gpt-4o-mini"), None);
        assert!(PriceList::builtin().find("openai", "gpt-4o-mini").is_some());
        // The names that stand for another row, and a row of the built-in table.
        let tuned = "ft:gpt-4o-2024-08-06:acme::x";
        assert_eq!(input(&list, "openai", tuned).as_deref(), Some("0.000003"));
        assert!(list.find("openai", "gpt-4.1").is_some());
        assert_eq!(list.find("lab", "gpt-4o"), None);
    }

    #[test]
    fn what_the_built_in_table_leaves_out_a_file_does_not_bring_in() {
        let beside = models::listings().find(|listing| listing.listed.beside == "always").unwrap();
        let text =
            format!("provider,model,input,output\n{},{},1,1\n", beside.provider, beside.model);
        let list = PriceList::read(&text, "mine.csv").unwrap();
        assert_eq!(list.find(beside.provider, beside.model), None);
        let text = text.replace("output\n", "output,beside\n").replace(",1,1\n", ",1,1,\n");
        let list = PriceList::read(&text, "mine.csv").unwrap();
        assert!(list.find(beside.provider, beside.model).is_some());
    }

    #[test]
    fn a_fault_is_told_with_its_line_and_its_column() {
        for (text, line, why) in [
            ("", 1, "there is nothing in it"),
            ("provider,model,input\n", 1, "there is no column `output`"),
            ("provider,model,input,output,Input\n", 1, "the column `input` is there twice"),
            (
                "provider,model,input,output\n\nlab,m,x,1\n",
                3,
                "the `input` of `x` is not a decimal",
            ),
            ("provider,model,input,output\nlab,m,1,-1\n", 2, "the `output` of `-1` is below zero"),
            ("provider,model,input,output\nlab,m,1,\n", 2, "`output` is missing"),
            ("provider,model,input,output\nlab,,1,1\n", 2, "the provider or the model is missing"),
            ("provider,model,input,output\nlab,m,1,1\nlab,m,1,1\n", 3, "`lab/m` is there twice"),
            ("provider,model,input,output\nlab,m,1,0.0000001\n", 2, "finer than a picodollar"),
            ("provider,model,input,output,tiers\nlab,m,1,1,x\n", 2, "its prices cannot be read"),
            ("provider,model,input,output\nlab,m,1,1,5\n", 2, "more cells than columns"),
        ] {
            let error = PriceList::read(text, "mine.csv").unwrap_err();
            assert!(error.line == line && error.why.contains(why), "{error}\n{text}");
        }
    }
}
