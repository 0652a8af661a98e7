//! The ledger beside an invoice, line by line.

use crate::audit::Booked;
use crate::audit::difference;
use crate::audit::invoice::Form;
use crate::audit::invoice::tolerance::Tolerance;
use crate::call::money::Usd;

/// What is compared, and how strictly.
#[derive(Clone, Debug)]
pub struct Terms {
    /// How far the two sides may be apart.
    pub tolerance: Tolerance,
    /// The first day; that of the invoice when left out.
    pub first_day: Option<String>,
    /// The last day, which is still compared; that of the invoice when left out.
    pub last_day: Option<String>,
}

/// The ledger beside an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Which export it was.
    pub form: Form,
    /// The first and the last day that were compared; `None` when there was nothing.
    pub days: Option<(String, String)>,
    /// How far the two sides may be apart.
    pub tolerance: Tolerance,
    /// By day and model.
    pub lines: Vec<Line>,
    /// All lines added up.
    pub total: Sides,
    /// What was billed for no model, by day. The ledger knows nothing of it, so it is no part of
    /// the sums and of the tolerance.
    pub others: Vec<Other>,
    /// What was booked on other days than those of the invoice.
    pub outside: Sides,
}

/// One model on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The day in UTC.
    pub day: String,
    /// The names under which it was booked, as `provider/model`, over all days.
    pub booked_as: Vec<String>,
    /// The names under which it was billed, over all days.
    pub billed_as: Vec<String>,
    /// The money.
    pub sides: Sides,
}

/// What one side says and what the other does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sides {
    /// What the ledger has; `None` when it has nothing.
    pub booked: Option<Usd>,
    /// Attempts that the ledger has and whose cost is not known.
    pub unpriced: u64,
    /// What the invoice has; `None` when it has nothing.
    pub billed: Option<Usd>,
    /// Whether the two are further apart than they may be.
    pub is_beyond: bool,
    /// How many amounts were billed.
    amounts: u64,
}

/// What was billed for something that is no model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// The day in UTC.
    pub day: String,
    /// What for, in the invoice's words; may be empty.
    pub what: String,
    /// How much.
    pub usd: Usd,
}

/// How the sides of a line stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// As far apart as they may be at most.
    Agrees,
    /// Further apart.
    Differs,
    /// Billed, and not in the ledger.
    NotBooked,
    /// In the ledger, and not billed.
    NotBilled,
}

impl Standing {
    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Differs => "differs",
            Self::NotBooked => "not in the ledger",
            Self::NotBilled => "not on the invoice",
        }
    }
}

impl Sides {
    /// What was billed beyond what was booked; below zero when less was billed.
    pub fn difference(&self) -> Usd {
        difference::between(self.booked.unwrap_or_default(), self.billed.unwrap_or_default())
    }

    /// How the two stand to each other.
    pub fn standing(&self) -> Standing {
        match (self.booked, self.billed) {
            (None, Some(_)) => Standing::NotBooked,
            (Some(_), None) => Standing::NotBilled,
            _ if self.is_beyond => Standing::Differs,
            _ => Standing::Agrees,
        }
    }

    pub(super) fn book(&mut self, booked: &Booked) {
        self.booked = Some(self.booked.unwrap_or_default() + booked.usd);
        self.unpriced = self.unpriced.saturating_add(booked.unpriced);
    }

    pub(super) fn bill(&mut self, usd: Usd) {
        self.billed = Some(self.billed.unwrap_or_default() + usd);
        self.amounts += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        let sum = |one: Option<Usd>, two: Option<Usd>| match (one, two) {
            (None, None) => None,
            (one, two) => Some(one.unwrap_or_default() + two.unwrap_or_default()),
        };
        self.booked = sum(self.booked, other.booked);
        self.billed = sum(self.billed, other.billed);
        self.unpriced = self.unpriced.saturating_add(other.unpriced);
        self.amounts += other.amounts;
    }

    /// Says whether the sides are further apart than they may be. Where all amounts of the invoice
    /// are whole cents, each of them is rounded.
    pub(super) fn judge(&mut self, tolerance: Tolerance, is_in_cents: bool) {
        let rounded = if is_in_cents { self.amounts } else { 0 };
        self.is_beyond =
            !tolerance.allows(self.difference(), self.billed.unwrap_or_default(), rounded);
    }
}

impl Comparison {
    /// Whether the whole and every line are within the tolerance.
    pub fn agrees(&self) -> bool {
        !self.total.is_beyond && !self.lines.iter().any(|line| line.sides.is_beyond)
    }
}

impl Line {
    /// Whether several names were added up, because nobody can tell whose money is whose.
    pub fn is_merged(&self) -> bool {
        self.booked_as.len() > 1 || self.billed_as.len() > 1
    }

    /// The model, as the ledger calls it where it does.
    pub fn model(&self) -> String {
        let names = if self.booked_as.is_empty() { &self.billed_as } else { &self.booked_as };
        names.join(" + ")
    }
}
