//! What a model behind Converse can do, read from its id: the makers differ, and so do the fields
//! in which each of them is asked to think. From the model table of 2026-11-22.

use crate::provider::anthropic::ability::{Ability, Thinking};

/// Parts of the ids of models that answer in a JSON Schema of their own accord.
const JSON_SCHEMA: &[&str] = &[
    "claude-haiku-4-5",
    "claude-sonnet-4-5",
    "claude-sonnet-4-6",
    "claude-opus-4-5",
    "claude-opus-4-6",
    "claude-mythos-5",
    "deepseek.v3",
    "minimax.minimax-m2",
    "ministral-3-",
    "mistral-large-3",
    "voxtral-",
    "moonshot.kimi-k2",
    "nemotron-nano-3",
    "qwen.qwen3-2",
    "qwen.qwen3-3",
    "qwen.qwen3-coder-3",
    "qwen.qwen3-coder-4",
    "qwen.qwen3-next",
    "qwen.qwen3-vl",
    "zai.glm-5",
];

/// Models of those families that do not, against the part of the id above.
const NO_JSON_SCHEMA: &[&str] = &["minimax-m2."];

/// Models that refuse `strict` tools.
const LOOSE_TOOLS: &[&str] = &[
    "claude-haiku-5-5",
    "claude-opus-4-7",
    "claude-opus-4-8",
    "claude-opus-5",
    "claude-sonnet-4-2025",
    "claude-sonnet-5",
];

/// Models that cannot be told which tool to call.
const NO_CHOICE: &[&str] = &["meta.llama", "deepseek.r1", "pixtral-large"];

/// Claudes whose highest effort is `xhigh` behind Converse, though they know `max` elsewhere.
const UP_TO_XHIGH: &[&str] = &[
    "claude-fable-5",
    "claude-haiku-5-5",
    "claude-mythos-5",
    "claude-opus-4-7",
    "claude-opus-4-8",
    "claude-sonnet-5",
];

/// Models that do not think, or not as they are told.
const NO_EFFORT: &[&str] = &[
    "ai21.",
    "amazon.nova-lite",
    "amazon.nova-micro",
    "amazon.nova-premier",
    "amazon.nova-pro",
    "amazon.titan",
    "cohere.",
    "deepseek.r1",
    "google.gemma",
    "meta.llama",
    "mistral.ministral",
    "mistral.mistral-",
    "mistral.mixtral",
    "mistral.pixtral",
    "mistral.voxtral",
    "twelvelabs.",
    "writer.",
];

/// What a model can do.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Family {
    /// What it can do where it is a Claude.
    pub(super) claude: Option<Ability>,
    /// It takes `temperature`, `top_p` and `top_k`.
    pub(super) sampling: bool,
    /// It answers in a JSON Schema without the detour of a tool.
    pub(super) json_schema: bool,
    /// It can be told which tool to call.
    pub(super) tool_choice: bool,
    /// It takes `strict` tools.
    pub(super) strict_tools: bool,
    /// How it is asked to think.
    pub(super) effort: Effort,
    /// Where `top_k` goes below the additional fields.
    pub(super) top_k: &'static [&'static str],
}

/// How a model is asked to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// It is not.
    Never,
    /// As Anthropic has it; `max` says whether it knows that effort.
    Claude { thinking: Thinking, max: bool },
    /// `reasoningConfig`, with three efforts.
    Nova,
    /// `outputConfig.effort`.
    Output,
    /// The additional field `reasoning_effort`.
    Field,
}

impl Family {
    pub(super) fn of(model: &str) -> Self {
        let is = |parts: &[&str]| parts.iter().any(|part| model.contains(part));
        let is_claude = is(&["claude-"]);
        let claude = is_claude.then(|| Ability::of(model));
        let is_gpt = is(&["openai.gpt-5", "openai.gpt-6"]);
        let effort = match claude {
            Some(ability) => Effort::Claude { thinking: ability.thinking, max: !is(UP_TO_XHIGH) },
            None if is(&["amazon.nova-2"]) => Effort::Nova,
            None if is_gpt => Effort::Output,
            None if is(NO_EFFORT) => Effort::Never,
            None => Effort::Field,
        };
        Self {
            claude,
            sampling: claude.map_or(!is_gpt, |ability| ability.sampling),
            json_schema: is(JSON_SCHEMA) && !is(NO_JSON_SCHEMA),
            tool_choice: !is(NO_CHOICE),
            strict_tools: !is(LOOSE_TOOLS),
            effort,
            top_k: if is(&["amazon.nova"]) { &["inferenceConfig", "topK"] } else { &["top_k"] },
        }
    }

    /// Whether it can be forced to call a tool.
    pub(super) fn forced_tools(&self) -> bool {
        self.tool_choice && self.claude.is_none_or(|ability| ability.forced_tools)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_what_its_model_can_do() {
        let claude = |model| match Family::of(model).effort {
            Effort::Claude { max, .. } => Some(max),
            _ => None,
        };
        assert_eq!(claude("us.anthropic.claude-opus-4-7"), Some(false));
        assert_eq!(claude("global.anthropic.claude-opus-5-5"), Some(true));
        for (model, effort, json_schema, sampling, forced) in [
            ("eu.amazon.nova-2-lite-v1:0", Effort::Nova, false, true, true),
            ("amazon.nova-pro-v1:0", Effort::Never, false, true, true),
            ("us.openai.gpt-6-sol", Effort::Output, false, false, true),
            ("openai.gpt-oss-120b-1:0", Effort::Field, false, true, true),
            ("us.meta.llama4-scout-17b-instruct-v1:0", Effort::Never, false, true, false),
            ("us.deepseek.v3.2", Effort::Field, true, true, true),
            ("minimax.minimax-m2", Effort::Field, true, true, true),
            ("minimax.minimax-m2.5", Effort::Field, false, true, true),
            ("qwen.qwen3-coder-next", Effort::Field, false, true, true),
            ("qwen.qwen3-coder-30b-a3b-v1:0", Effort::Field, true, true, true),
        ] {
            let family = Family::of(model);
            assert_eq!((family.effort, family.json_schema), (effort, json_schema), "{model}");
            assert_eq!((family.sampling, family.forced_tools()), (sampling, forced), "{model}");
        }
        assert!(!Family::of("us.anthropic.claude-sonnet-5-5").forced_tools());
        assert!(Family::of("anthropic.claude-sonnet-4-5-20250929-v1:0").json_schema);
        assert!(!Family::of("anthropic.claude-sonnet-5").json_schema);
    }
}
