//! Where a call is served can change what it costs: some models cost a tenth more at an address of
//! one region than at the one for all the world. The table of models has such factors in its column
//! `other`, as `regional*1.1`, `eu*1.1`.

use crate::call::money::Price;
use crate::provider::Provider;
use crate::provider::models;
use crate::provider::vertex::place::LOCATION;

/// The location of Vertex AI that stands for all of them.
const EVERYWHERE: &str = "global";

impl Provider {
    /// What a model costs here by the table of models; `None` where that is not known.
    pub fn listed_price(&self, model: &str) -> Option<Price> {
        let listing = models::find(&self.name, model)?;
        let price = listing.price?;
        let factor = self.region().and_then(|region| factor(listing.listed.other, region));
        match factor {
            Some(factor) => price.times(factor),
            None => Some(price),
        }
    }

    /// What the table calls the region that serves the calls, where it may have a factor for it.
    fn region(&self) -> Option<&'static str> {
        match &*self.name {
            "vertex_ai" => {
                let location = self.settings.get("location").map_or(LOCATION, String::as_str);
                (location != EVERYWHERE).then_some("regional")
            }
            "openai" if is_at(&self.base_url, "eu.api.openai.com") => Some("eu"),
            "openai" if is_at(&self.base_url, "us.api.openai.com") => Some("us"),
            _ => None,
        }
    }
}

/// The factor of this name among words such as `eu*1.1`.
fn factor<'t>(other: &'t str, name: &str) -> Option<&'t str> {
    other.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('*'))
}

/// Whether an address is at exactly this host.
fn is_at(url: &str, host: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = rest.find(['/', ':', '?']).unwrap_or(rest.len());
    rest[..end].eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::provider::table;

    fn input(name: &str, base_url: &str, location: Option<&str>, model: &str) -> String {
        let dialect = table::dialect("openai").expect("a dialect");
        let mut provider = Provider::new(name, dialect, base_url);
        let location = location.map(|place| ("location".to_owned(), place.to_owned()));
        provider.settings = location.into_iter().collect::<BTreeMap<_, _>>().into();
        let price = provider.listed_price(model).expect("a price");
        format!("{} {}", price.base.input, price.version.contains('*'))
    }

    #[test]
    fn a_region_costs_its_factor_and_the_version_says_so() {
        let openai = |base_url| input("openai", base_url, None, "gpt-5.4");
        let usual = openai("https://api.openai.com/v1");
        assert_eq!(usual, "0.0000025 false");
        assert_eq!(openai("https://eu.api.openai.com/v1"), "0.00000275 true");
        assert_eq!(openai("https://US.api.openai.com"), "0.00000275 true");
        assert_eq!(openai("https://eu.api.openai.com.example/v1"), usual);
        let vertex = |location| input("vertex_ai", "https://x", location, "claude-fable-5");
        let (global, regional) = (vertex(Some("global")), vertex(Some("us-east5")));
        assert!(global.ends_with("false") && regional.ends_with("true"), "{global} {regional}");
        assert_ne!(global[..10], regional[..10]);
    }
}
