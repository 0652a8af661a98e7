//! The built-in provider: how it behaves, and the keys that it alone takes.

use crate::call::duration::{DurationText, parse_duration};
use crate::job::check::Check;
use crate::job::check::providers::USUAL_DIALECT;
use crate::job::diagnostic::Diagnostic;
use crate::job::file::{LimitsFile, ProviderFile};
use crate::job::file_values::Named;
use crate::job::key_path::KeyPath;
use crate::mock::faults::Faults;
use crate::mock::limits::Limits as Enforced;
use crate::mock::script::Script;
use crate::provider::catalog::MOCK;
use crate::provider::{Provider, table};

/// Where the built-in provider is before it is started.
const MOCK_URL: &str = "http://127.0.0.1/v1";

impl Check<'_> {
    /// The built-in provider. Its limits are what it enforces, so nobody paces by them.
    pub fn mock_provider(&mut self, section: &ProviderFile, path: &KeyPath) -> Provider {
        let foreign = [
            ("dialect", section.dialect.is_some()),
            ("base_url", section.base_url.is_some()),
            ("api_key", section.api_key.is_some()),
            ("key_header", section.key_header.is_some()),
            ("headers", !section.headers.0.is_empty()),
            ("rename", !section.rename.is_empty()),
            ("unsupported", !section.unsupported.is_empty()),
            ("api_version", section.api_version.is_some()),
            ("region", section.region.is_some()),
            ("project", section.project.is_some()),
            ("location", section.location.is_some()),
            ("account", section.account.is_some()),
        ];
        for (key, _) in foreign.into_iter().filter(|(_, stated)| *stated) {
            let message =
                format!("the built-in provider has no `{key}`: it runs inside this process");
            let help = "for a provider elsewhere, take another name: [providers.lab]";
            self.faults.push(Diagnostic::at_key(path.key(key), message).help(help));
        }
        let dialect = table::dialect(USUAL_DIALECT).expect("the usual dialect is in the table");
        Provider::new(MOCK, dialect, MOCK_URL)
    }

    /// How the built-in provider behaves.
    pub fn mock(&mut self, file: &Named<ProviderFile>) -> Script {
        let Some((_, section)) = file.0.iter().find(|(name, _)| name == MOCK) else {
            return Script::default();
        };
        let path = KeyPath::top().key("providers").key(MOCK);
        let answers = section.answers.as_ref().and_then(|answers| {
            let file = self.folder().join(answers);
            self.must_be_file(&file, &path.key("answers")).then_some(file)
        });
        let retry_after = section.retry_after.as_deref();
        Script {
            latency: self.latency(section.latency.as_deref(), &path.key("latency")),
            latency_sigma: None,
            faults: self.shares(section.faults, &path.key("faults")),
            limits: enforced(&section.limits),
            retry_after: self.duration(retry_after, &path.key("retry_after")).map(DurationText),
            answers,
            seed: section.seed.unwrap_or(0),
        }
    }

    /// A duration that may be none at all.
    fn latency(&mut self, text: Option<&str>, path: &KeyPath) -> DurationText {
        let latency = match text.map(parse_duration) {
            Some(Ok(latency)) if latency.is_zero() => Some(latency),
            _ => self.duration(text, path),
        };
        DurationText(latency.unwrap_or_default())
    }

    fn shares(&mut self, shares: Option<Faults>, path: &KeyPath) -> Faults {
        let shares = shares.unwrap_or_default();
        for (_, why) in shares.faults() {
            let fault = Diagnostic::at_key(path.clone(), why);
            self.faults.push(fault.help("0.2 is every fifth call"));
        }
        shares
    }

    /// Keys that only the built-in provider takes.
    pub fn not_mock(&mut self, section: &ProviderFile, path: &KeyPath) {
        let foreign = [
            ("latency", section.latency.is_some()),
            ("faults", section.faults.is_some()),
            ("retry_after", section.retry_after.is_some()),
            ("answers", section.answers.is_some()),
            ("seed", section.seed.is_some()),
        ];
        for (key, _) in foreign.into_iter().filter(|(_, stated)| *stated) {
            let message = format!("`{key}` belongs to the built-in provider alone");
            let help = "move it to [providers.mock]; a model of it is `mock/echo`";
            self.faults.push(Diagnostic::at_key(path.key(key), message).help(help));
        }
    }
}

/// The limits of the job file, as the built-in provider enforces them.
fn enforced(file: &LimitsFile) -> Enforced {
    Enforced {
        rps: file.rps.map(|rate| rate.ceil() as u64),
        rpm: file.rpm,
        rpd: file.rpd,
        tpm: file.tpm,
        itpm: file.itpm,
        otpm: file.otpm,
        concurrency: file.concurrency,
        burst: None,
    }
}
