//! What a model can do, read from its name: a Claude's family and version say it all. A Claude
//! newer than the ones known here is taken for one like the newest.

/// What a model can do.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::provider) struct Ability {
    /// It takes `temperature`, `top_p` and `top_k`.
    pub(in crate::provider) sampling: bool,
    /// It takes both of `temperature` and `top_p` at once.
    pub(in crate::provider) both_samplings: bool,
    /// How it is asked to think.
    pub(in crate::provider) thinking: Thinking,
    /// It answers in a JSON Schema without the detour of a tool.
    pub(in crate::provider) json_schema: bool,
    /// It can be forced to call a tool.
    pub(in crate::provider) forced_tools: bool,
    /// It takes system messages in the midst of a talk.
    pub(in crate::provider) later_system: bool,
}

/// How a model is asked to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::provider) enum Thinking {
    /// It does not think.
    Never,
    /// With a budget of tokens.
    Budget,
    /// With an effort; the model finds the budget. `xhigh` says whether it knows that effort.
    Adaptive { xhigh: bool, always: bool },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Haiku,
    Sonnet,
    Opus,
    /// Fable and Mythos: they think always.
    Deep,
    Other,
}

impl Ability {
    pub(in crate::provider) fn of(model: &str) -> Self {
        let Some((family, version)) = claude(model) else { return Self::STRANGER };
        let deep = family == Family::Deep;
        let xhigh = deep || version >= (4, 7);
        let always = deep || family != Family::Haiku && version >= (5, 5);
        let thinking = match version {
            _ if deep || version >= (4, 6) => Thinking::Adaptive { xhigh, always },
            _ if version >= (3, 7) => Thinking::Budget,
            _ => Thinking::Never,
        };
        let first_json = if family == Family::Opus { (4, 1) } else { (4, 5) };
        let first_unforced = if deep { (5, 1) } else { (5, 5) };
        let first_later_system = if family == Family::Opus { (4, 8) } else { (5, 0) };
        Self {
            sampling: !xhigh,
            both_samplings: version < (4, 0),
            thinking,
            json_schema: deep || version >= first_json,
            forced_tools: family == Family::Haiku || version < first_unforced,
            later_system: version >= first_later_system,
        }
    }

    /// A model of another host that mimics the interface: the oldest ways are the safest.
    const STRANGER: Self = Self {
        sampling: true,
        both_samplings: true,
        thinking: Thinking::Budget,
        json_schema: false,
        forced_tools: true,
        later_system: false,
    };
}

/// Family and version of a Claude, wherever its name stands: `claude-opus-4-8-20260416`,
/// `claude-3-5-haiku-latest`, `anthropic.claude-sonnet-5-v1:0`.
fn claude(model: &str) -> Option<(Family, (u32, u32))> {
    let (_, name) = model.split_once("claude-")?;
    let mut family = Family::Other;
    let mut numbers = Vec::new();
    for word in name.split(['-', '.', '@', ':']) {
        match word {
            "haiku" => family = Family::Haiku,
            "sonnet" => family = Family::Sonnet,
            "opus" => family = Family::Opus,
            "fable" | "mythos" => family = Family::Deep,
            // A date is longer than any version.
            _ if word.len() <= 2 => match word.parse::<u32>() {
                Ok(number) => numbers.push(number),
                Err(_) => break,
            },
            _ if word.bytes().all(|byte| byte.is_ascii_digit()) => break,
            _ => {}
        }
    }
    let number = |nth: usize| numbers.get(nth).copied().unwrap_or(0);
    Some((family, (number(0), number(1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_family_and_version() {
        use Thinking::{Adaptive, Budget, Never};
        for (model, sampling, thinking, json_schema, forced, later) in [
            ("claude-2.1", true, Never, false, true, false),
            ("claude-3-haiku-20240307", true, Never, false, true, false),
            ("claude-3-7-sonnet-latest", true, Budget, false, true, false),
            ("claude-4-opus-20250514", true, Budget, false, true, false),
            ("claude-opus-4-1-20250805", true, Budget, true, true, false),
            ("claude-haiku-4-5@20251001", true, Budget, true, true, false),
            (
                "anthropic.claude-opus-4-6-v1",
                true,
                Adaptive { xhigh: false, always: false },
                true,
                true,
                false,
            ),
            ("claude-opus-4-7", false, Adaptive { xhigh: true, always: false }, true, true, false),
            ("claude-sonnet-5", false, Adaptive { xhigh: true, always: false }, true, true, true),
            ("claude-sonnet-5-5", false, Adaptive { xhigh: true, always: true }, true, false, true),
            ("claude-haiku-5-5", false, Adaptive { xhigh: true, always: false }, true, true, true),
            ("claude-fable-5", false, Adaptive { xhigh: true, always: true }, true, true, true),
            (
                "claude-mythos-preview",
                false,
                Adaptive { xhigh: true, always: true },
                true,
                true,
                false,
            ),
            ("claude-opus-6", false, Adaptive { xhigh: true, always: true }, true, false, true),
            ("MiniMax-M3", true, Budget, false, true, false),
        ] {
            let ability = Ability::of(model);
            assert_eq!(
                (ability.sampling, ability.thinking, ability.json_schema),
                (sampling, thinking, json_schema),
                "{model}"
            );
            assert_eq!((ability.forced_tools, ability.later_system), (forced, later), "{model}");
        }
    }
}
