//! What the job says that a model's tokens cost.

use crate::call::money::{Price, Rates, Usd, UsdError, per_token};
use crate::job::check::Check;
use crate::job::diagnostic::Diagnostic;
use crate::job::file::PriceFile;
use crate::job::file_values::UsdFile;
use crate::job::key_path::KeyPath;

impl Check<'_> {
    /// The price that a model states, where it states one.
    pub fn price(&mut self, price: Option<&PriceFile>, path: &KeyPath) -> Option<Price> {
        let price = price?;
        let mut part = |key: &str, amount: Option<&UsdFile>| self.usd(amount?, &path.key(key));
        let (input, output) =
            (part("input", price.input.as_ref()), part("output", price.output.as_ref()));
        let cache_read = part("cache_read", price.cache_read.as_ref());
        let cache_write = part("cache_write", price.cache_write.as_ref());
        let cache_write_1h = part("cache_write_1h", price.cache_write_1h.as_ref());
        let reasoning = part("reasoning", price.reasoning.as_ref());
        let plain = Rates::new(input?, output?);
        let cache_write = cache_write.or(plain.cache_write);
        Some(Price::stated(Rates {
            cache_read: cache_read.or(plain.cache_read),
            cache_write,
            cache_write_1h: cache_write_1h.or(cache_write),
            reasoning: reasoning.or(plain.reasoning),
            ..plain
        }))
    }

    /// USD per token, of an amount per million tokens.
    fn usd(&mut self, amount: &UsdFile, path: &KeyPath) -> Option<Usd> {
        let too_fine = "is finer than a picodollar a token (0.000001 per million tokens)";
        let why = match amount.0.parse::<Usd>() {
            Ok(usd) if usd < Usd::ZERO => "is below zero".to_owned(),
            Ok(usd) => match per_token(usd) {
                Some(usd) => return Some(usd),
                None => too_fine.to_owned(),
            },
            Err(UsdError::TooFine) => too_fine.to_owned(),
            Err(why) => why.to_string(),
        };
        let message = format!("the price {why}");
        let help = "write USD per million tokens: a number, or text such as \"0.0375\"";
        self.faults.push(Diagnostic::at_value(path.clone(), message).help(help));
        None
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::call::money::{Price, Usd};
    use crate::job::load::load_text;
    use crate::provider::env::Env;

    fn stated(price: &str) -> Price {
        let text = format!(
            "name = \"x\"\n[[models]]\nmodel = \"openai/m\"\nprice = {{ {price} }}\n\
             [prompts.p]\ninline = [\"hi\"]\n"
        );
        let job = load_text(Path::new("job.toml"), &text, &[], &Env::of([]));
        let job = job.unwrap_or_else(|faults| panic!("{:#?}", faults.diagnostics));
        job.targets[0].target.price.clone().expect("a price")
    }

    #[test]
    fn what_a_price_leaves_out_costs_what_it_is_a_kind_of_and_a_zero_is_stated() {
        let usd = |millionths: i128| Some(Usd::from_pico(millionths * 1_000_000));
        let plain = stated("input = 1, output = 2").base;
        assert_eq!((plain.cache_write_1h, plain.reasoning), (usd(1), usd(2)));
        let written = stated("input = 1, output = 2, cache_write = 3").base;
        assert_eq!((written.cache_write_1h, written.cache_read), (usd(3), usd(1)));
        let all = "input = 1, output = 2, cache_read = 0, cache_write = 3, cache_write_1h = 4, \
                   reasoning = 5";
        let all = stated(all).base;
        assert_eq!((all.cache_read, all.cache_write), (usd(0), usd(3)));
        assert_eq!((all.cache_write_1h, all.reasoning), (usd(4), usd(5)));
    }
}
