//! Why an invoice cannot be read, where, and what to do.

use std::fmt;

use crate::audit::invoice::Form;

/// An invoice that cannot be read. Its message fits after "failed to".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceError {
    /// The line, from 1; `None` when it is the file as a whole.
    pub line: Option<u64>,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with an invoice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not UTF-8.
    #[error("it is not UTF-8")]
    NotText,
    /// It is JSON, and none that is known.
    #[error("it is no export of costs: {0}")]
    NotCosts(String),
    /// Its first line has no column for this.
    #[error("no column tells {what}; there are: {}", .found.join(", "))]
    NoColumn {
        /// What is looked for.
        what: &'static str,
        /// The columns there are.
        found: Vec<String>,
    },
    /// Its first line names a column twice.
    #[error("the column `{0}` is there twice")]
    TwiceColumn(String),
    /// A line cannot be taken apart.
    #[error("{0}")]
    Torn(String),
    /// A cell is no day.
    #[error("`{0}` is no day")]
    NotADay(String),
    /// A row tells of more than one day of UTC.
    #[error("it tells of more than one day of UTC, from {from} to {to}")]
    Long {
        /// Where it begins.
        from: String,
        /// Where it ends.
        to: String,
    },
    /// A cell is no amount of money.
    #[error("`{0}` is no amount of money")]
    NotMoney(String),
    /// A cell could be two amounts.
    #[error("`{0}` can be read as two amounts: its comma may part thousands or decimals")]
    Ambiguous(String),
    /// An amount is beyond all reason.
    #[error("`{0}` is too large")]
    TooLarge(String),
    /// An amount is not in USD.
    #[error("it is billed in {0}, and the ledger is in USD")]
    Foreign(String),
    /// Two forms in one file.
    #[error("it mixes the exports of two providers")]
    Mixed,
    /// The last page of an API's answer says that there are more.
    #[error("there are more pages than these (`has_more`)")]
    Unfinished,
    /// Everything was billed without a model.
    #[error("it names no model")]
    NoModels(Form),
}

impl Fault {
    /// What to do.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NotText => "export it again as CSV or JSON in UTF-8",
            Self::NotCosts(_) | Self::NoColumn { .. } => {
                "give the costs that OpenAI or Anthropic export, as CSV or JSON, or a CSV with the \
                 columns date, model and usd"
            }
            Self::TwiceColumn(_) => "keep one of the two",
            Self::Torn(_) => "mend the line, or export it again",
            Self::NotADay(_) => {
                "write 2026-11-22, an RFC 3339 time or Unix seconds, and remove lines of totals"
            }
            Self::Long { .. } => "export it by day, in UTC (`bucket_width=1d`)",
            Self::NotMoney(_) | Self::TooLarge(_) => "write plain decimals, such as 1234.56",
            Self::Ambiguous(_) => "write it without the comma, or with a point before the decimals",
            Self::Foreign(_) => "export it in USD, or turn the amounts into USD",
            Self::Mixed => "give one export at a time",
            Self::Unfinished => "fetch all pages, one after the other into one file",
            Self::NoModels(Form::OpenAi) => "export it grouped by `line_item`",
            Self::NoModels(Form::Anthropic) => "export it grouped by `description`",
            Self::NoModels(Form::Plain) => "name the model of each amount in the column `model`",
        }
    }
}

impl fmt::Display for InvoiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "read line {line} of the invoice: {}", self.fault)?,
            None => write!(f, "read the invoice: {}", self.fault)?,
        }
        write!(f, "\nhelp: {}", self.fault.help())
    }
}

impl std::error::Error for InvoiceError {}

/// Names the line of a fault, for `map_err`.
pub(super) fn at(line: u64) -> impl Fn(Fault) -> InvoiceError {
    move |fault| InvoiceError { line: Some(line), fault }
}
