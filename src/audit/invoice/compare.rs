//! The ledger against an invoice, by day and model.
//!
//! The tolerance holds for the whole and for every line of it: two faults that cancel out in the
//! sum are two faults all the same.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::Booked;
use crate::audit::invoice::comparison::{Comparison, Line, Other, Sides, Terms};
use crate::audit::invoice::names::{self, Name};
use crate::audit::invoice::tolerance::CENT;
use crate::audit::invoice::{Billed, Invoice, Item, span};
use crate::call::money::Usd;
use crate::provider::catalog::MOCK;

/// Holds what was booked against what was billed. Of the ledger only the providers of the invoice
/// count, as far as it names any, and the days of the terms; the built-in provider, which bills
/// nobody, only where the invoice names one of its models: then somebody tries this out.
pub fn compare(invoice: &Invoice, booked: &[Booked], terms: &Terms) -> Comparison {
    let is_rehearsal =
        booked.iter().any(|booked| is_built_in(booked) && is_billed(booked, invoice));
    let counts = |booked: &&Booked| is_rehearsal || !is_built_in(booked);
    let booked: Vec<&Booked> = booked.iter().filter(counts).collect();
    let rows: Vec<Row<'_>> = invoice.rows.iter().map(|row| Row::of(row, &booked)).collect();
    let providers = providers(invoice, &rows);
    let is_theirs = |booked: &&&Booked| {
        providers.as_ref().is_none_or(|names| names.contains(&*booked.provider.to_lowercase()))
    };
    let booked: Vec<&Booked> = booked.iter().filter(is_theirs).copied().collect();
    let days = days(invoice, &booked, terms);
    let is_within =
        |day: &str| days.as_ref().is_some_and(|(first, last)| **first <= *day && *day <= **last);
    let (booked, outside): (Vec<&Booked>, Vec<&Booked>) =
        booked.into_iter().partition(|booked| is_within(&booked.day));
    let rows: Vec<Row<'_>> = rows.into_iter().filter(|row| is_within(row.day)).collect();
    let is_in_cents = invoice.rows.iter().all(|row| row.usd.as_pico() % CENT == 0);
    let mut lines = lines(&booked, &rows);
    let mut total = Sides::default();
    for line in &mut lines {
        line.sides.judge(terms.tolerance, is_in_cents);
        total.add(&line.sides);
    }
    total.judge(terms.tolerance, is_in_cents);
    let mut apart = Sides::default();
    outside.into_iter().for_each(|booked| apart.book(booked));
    Comparison {
        form: invoice.form,
        days,
        tolerance: terms.tolerance,
        lines,
        total,
        others: others(&rows),
        outside: apart,
    }
}

fn is_built_in(booked: &Booked) -> bool {
    booked.provider == MOCK
}

/// Whether the invoice names this very model, with its provider or without.
fn is_billed(booked: &Booked, invoice: &Invoice) -> bool {
    let is_named = |row: &Billed| match &row.item {
        Item::Model(name) => {
            let own = name.strip_prefix(&*booked.provider).and_then(|rest| rest.strip_prefix('/'));
            own.unwrap_or(name) == booked.model
        }
        Item::Other(_) => false,
    };
    invoice.rows.iter().any(is_named)
}

/// A row of the invoice, with the provider that its model's name may begin with.
struct Row<'a> {
    day: &'a str,
    provider: Option<&'a str>,
    /// `None` for what is no model.
    model: Option<&'a str>,
    what: &'a str,
    usd: Usd,
}

impl<'a> Row<'a> {
    fn of(row: &'a Billed, booked: &[&Booked]) -> Self {
        let (model, what) = match &row.item {
            Item::Model(name) => (Some(&**name), ""),
            Item::Other(what) => (None, &**what),
        };
        let mut found =
            Self { day: &row.day, provider: row.provider.as_deref(), model, what, usd: row.usd };
        if let (None, Some((provider, rest))) = (found.provider, model.and_then(slash)) {
            // A slash may as well be a part of the name, as it is at OpenRouter.
            if booked.iter().any(|booked| booked.provider.eq_ignore_ascii_case(provider)) {
                (found.provider, found.model) = (Some(provider), Some(rest));
            }
        }
        found
    }

    fn name(&self) -> Option<Name> {
        let provider = self.provider.map(str::to_lowercase);
        Some(Name { is_booked: false, provider, model: self.model?.to_owned() })
    }
}

fn slash(name: &str) -> Option<(&str, &str)> {
    name.split_once('/')
}

fn booked_name(booked: &Booked) -> Name {
    let provider = Some(booked.provider.to_lowercase());
    Name { is_booked: true, provider, model: booked.model.clone() }
}

/// Whose invoice it is; `None` when it does not say so of every model.
fn providers(invoice: &Invoice, rows: &[Row<'_>]) -> Option<BTreeSet<String>> {
    if let Some(provider) = invoice.form.provider() {
        return Some([provider.to_owned()].into());
    }
    let models = rows.iter().filter(|row| row.model.is_some());
    let names: Option<BTreeSet<String>> =
        models.map(|row| row.provider.map(str::to_lowercase)).collect();
    names.filter(|names| !names.is_empty())
}

/// The days that are compared: those of the terms, else those of the invoice, else of the ledger.
fn days(invoice: &Invoice, booked: &[&Booked], terms: &Terms) -> Option<(String, String)> {
    let told = invoice.days.clone();
    let told = told.or_else(|| span(booked.iter().map(|booked| booked.day.clone())));
    let (first, last) = told.unzip();
    terms.first_day.clone().or(first).zip(terms.last_day.clone().or(last))
}

fn lines(booked: &[&Booked], rows: &[Row<'_>]) -> Vec<Line> {
    let names: BTreeSet<Name> = booked
        .iter()
        .map(|booked| booked_name(booked))
        .chain(rows.iter().filter_map(Row::name))
        .collect();
    let names: Vec<Name> = names.into_iter().collect();
    let groups = names::grouped(&names);
    let mut group_of: BTreeMap<&Name, usize> = BTreeMap::new();
    for (number, group) in groups.iter().enumerate() {
        group_of.extend(group.iter().map(|place| (&names[*place], number)));
    }
    let mut sums: BTreeMap<(&str, usize), Sides> = BTreeMap::new();
    for booked in booked {
        let group = group_of[&booked_name(booked)];
        sums.entry((&booked.day, group)).or_default().book(booked);
    }
    for row in rows {
        if let Some(name) = row.name() {
            sums.entry((row.day, group_of[&name])).or_default().bill(row.usd);
        }
    }
    let line = |((day, group), sides): ((&str, usize), Sides)| {
        let names_of = |is_booked: bool| {
            let group = groups[group].iter().map(|place| &names[*place]);
            let mut shown: Vec<String> =
                group.filter(|name| name.is_booked == is_booked).map(shown).collect();
            shown.sort_unstable();
            shown
        };
        let (booked_as, billed_as) = (names_of(true), names_of(false));
        Line { day: day.to_owned(), booked_as, billed_as, sides }
    };
    let mut lines: Vec<Line> = sums.into_iter().map(line).collect();
    lines.sort_by_cached_key(|line| (line.day.clone(), line.model()));
    lines
}

/// `provider/model`, or the model alone.
fn shown(name: &Name) -> String {
    match &name.provider {
        Some(provider) => format!("{provider}/{}", name.model),
        None => name.model.clone(),
    }
}

fn others(rows: &[Row<'_>]) -> Vec<Other> {
    let mut sums: BTreeMap<(&str, &str), Usd> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.model.is_none()) {
        *sums.entry((row.day, row.what)).or_default() += row.usd;
    }
    let sums = sums.into_iter().filter(|(_, usd)| *usd != Usd::ZERO);
    sums.map(|((day, what), usd)| Other { day: day.to_owned(), what: what.to_owned(), usd })
        .collect()
}
