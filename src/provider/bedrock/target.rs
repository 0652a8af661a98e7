//! Where a model is asked: its name may state a region, and is part of the path.

use std::collections::BTreeMap;

use crate::provider::located::{Fault, is_part, segment};

/// What stands in an address whose region is still to be filled in.
const REGION: &str = "{region}";

/// A model at its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    base_url: String,
    id: String,
    /// The region that the model's name states.
    pub(super) region: Option<String>,
}

impl Target {
    /// The place of a model. `bedrock/us-west-2/...` and an ARN state their region; whatever else
    /// has a slash is no model of this interface.
    pub(super) fn of(
        base_url: &str,
        settings: &BTreeMap<String, String>,
        model: &str,
    ) -> Result<Self, Fault> {
        let (id, region) = named(model)?;
        let mut base_url = base_url.to_owned();
        if base_url.contains(REGION) {
            let usual = settings.get("region").map(String::as_str);
            base_url = at(&base_url, region.or(usual).ok_or_else(no_region)?)?;
        }
        Ok(Self { base_url, id: segment(id), region: region.map(str::to_owned) })
    }

    /// The whole URL.
    pub(super) fn url(&self, is_streamed: bool) -> String {
        self.at(if is_streamed { "converse-stream" } else { "converse" })
    }

    /// The URL of another of its interfaces.
    pub(super) fn at(&self, verb: &str) -> String {
        format!("{}/model/{}/{verb}", self.base_url, self.id)
    }
}

/// The id of a model, and the region that its name states.
fn named(model: &str) -> Result<(&str, Option<&str>), Fault> {
    let mut id = model;
    let mut region = None;
    while let Some((prefix, rest)) = id.split_once('/') {
        match prefix {
            "converse" => {}
            "invoke" => return Err(no_invoke(rest)),
            _ if prefix.starts_with("arn:") => {
                let stated = prefix.split(':').nth(3).filter(|part| is_region(part));
                return Ok((id, region.or(stated)));
            }
            _ if is_region(prefix) => region = Some(prefix),
            _ => return Err(no_model(model)),
        }
        id = rest;
    }
    match id.is_empty() {
        true => Err(no_model(model)),
        false => Ok((id, region)),
    }
}

/// Whether this is a region's name: `us-east-1`, `us-gov-west-1`, `eusc-de-east-1`.
fn is_region(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let Some((number, words)) = parts.split_last() else { return false };
    let is_word =
        |word: &&str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    words.len() > 1 && is_number && words.iter().all(is_word)
}

/// The address with its region; those of China stand below another domain.
fn at(base_url: &str, region: &str) -> Result<String, Fault> {
    if !is_part(region) {
        return Err(Fault {
            message: format!("`{}` is no region", region.escape_debug()),
            help: "a region is called us-east-1, for example".to_owned(),
        });
    }
    let url = base_url.replace(REGION, region);
    let is_china = region.starts_with("cn-") && url.ends_with(".amazonaws.com");
    Ok(if is_china { url + ".cn" } else { url })
}

fn no_region() -> Fault {
    Fault {
        message: "Bedrock needs to know the region of this model".to_owned(),
        help:
            "export AWS_REGION_NAME=..., or write region = \"us-east-1\" in [providers.bedrock], \
               or ask `bedrock/us-east-1/<model>`"
                .to_owned(),
    }
}

fn no_invoke(id: &str) -> Fault {
    Fault {
        message: "Bedrock is asked over Converse here, not over InvokeModel".to_owned(),
        help: format!("write `bedrock/{id}`: the same models answer there"),
    }
}

fn no_model(model: &str) -> Fault {
    Fault {
        message: format!("`{}` is no model of Bedrock's Converse", model.escape_debug()),
        help: "write `bedrock/<model id>`, `bedrock/<region>/<model id>` or `bedrock/<ARN>`"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: &str = "https://bedrock-runtime.{region}.amazonaws.com";

    fn url(base: &str, region: Option<&str>, model: &str) -> Result<String, String> {
        let settings = region.map(|region| ("region".to_owned(), region.to_owned()));
        let target = Target::of(base, &settings.into_iter().collect(), model);
        target.map(|target| target.url(false)).map_err(|fault| fault.message + "; " + &fault.help)
    }

    #[test]
    fn a_model_is_asked_in_its_region() {
        let arn = "arn:aws:bedrock:eu-west-1:123:inference-profile/eu.amazon.nova-lite-v1:0";
        for (base, region, model, expected) in [
            (
                USUAL,
                Some("us-east-1"),
                "anthropic.claude-haiku-4-5-20251001-v1:0",
                "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse",
            ),
            (
                USUAL,
                Some("us-east-1"),
                "converse/us.deepseek.r1-v1:0",
                "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.deepseek.r1-v1%3A0/converse",
            ),
            (
                USUAL,
                Some("us-east-1"),
                "us-gov-west-1/m",
                "https://bedrock-runtime.us-gov-west-1.amazonaws.com/model/m/converse",
            ),
            (
                USUAL,
                None,
                "converse/ap-northeast-1/m",
                "https://bedrock-runtime.ap-northeast-1.amazonaws.com/model/m/converse",
            ),
            (
                USUAL,
                Some("cn-north-1"),
                "m",
                "https://bedrock-runtime.cn-north-1.amazonaws.com.cn/model/m/converse",
            ),
            (
                USUAL,
                None,
                arn,
                "https://bedrock-runtime.eu-west-1.amazonaws.com/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123%3Ainference-profile%2Feu.amazon.nova-lite-v1%3A0/converse",
            ),
            ("http://h/aws", None, "us-west-2/m", "http://h/aws/model/m/converse"),
            ("http://h", None, "a b/ü", ""),
        ] {
            match url(base, region, model) {
                Ok(url) => assert_eq!(url, expected, "{model}"),
                Err(_) => assert_eq!(expected, "", "{model}"),
            }
        }
        let settings = BTreeMap::default();
        let target = Target::of("http://h", &settings, "us-west-2/m").expect("a place");
        assert_eq!(target.region.as_deref(), Some("us-west-2"));
        assert_eq!(target.url(true), "http://h/model/m/converse-stream");
    }

    #[test]
    fn what_cannot_be_asked_is_told_with_what_to_write() {
        let told = |region, model| url(USUAL, region, model).expect_err(model);
        assert!(told(None, "m").contains("export AWS_REGION_NAME=..."));
        let invoke = told(Some("us-east-1"), "invoke/anthropic.claude-v2");
        assert!(invoke.contains("`bedrock/anthropic.claude-v2`"), "{invoke}");
        assert!(told(Some("us-east-1"), "claude_platform/x").contains("`bedrock/<model id>`"));
        assert!(told(Some("us east"), "m").contains("is no region"));
    }
}
