//! The lists of models, in each vendor's form. Any other name is answered too.

use serde_json::{Value, json};

use super::{CREATED, CREATED_AT, json as bytes};

/// Names in the lists.
const MODELS: [&str; 4] = ["echo", "finch", "heron", "lark"];

fn rows(row: fn(&str) -> Value) -> Vec<Value> {
    MODELS.into_iter().map(row).collect()
}

/// `OpenAI`'s, and under a key of its own Cohere's: it stands at the same path, and nothing in a
/// request tells the two apart.
pub fn openai() -> Vec<u8> {
    let data =
        rows(|id| json!({"id": id, "object": "model", "created": CREATED, "owned_by": "mock"}));
    let models = rows(
        |name| json!({"name": name, "endpoints": ["chat"], "default_endpoints": [], "finetuned": false}),
    );
    bytes(&json!({"object": "list", "data": data, "models": models}))
}

/// Anthropic's.
pub fn anthropic() -> Vec<u8> {
    let data =
        rows(|id| json!({"type": "model", "id": id, "display_name": id, "created_at": CREATED_AT}));
    let (first, last) = (MODELS.first(), MODELS.last());
    bytes(&json!({"data": data, "has_more": false, "first_id": first, "last_id": last}))
}

/// Google AI Studio's.
pub fn gemini() -> Vec<u8> {
    let models = rows(|name| {
        json!({
            "name": format!("models/{name}"), "version": "001", "displayName": name,
            "supportedGenerationMethods": ["generateContent"],
        })
    });
    bytes(&json!({"models": models}))
}

/// Vertex AI's: the models of Google as a publisher.
pub fn vertex() -> Vec<u8> {
    let models = rows(
        |name| json!({"name": format!("publishers/google/models/{name}"), "versionId": "default"}),
    );
    bytes(&json!({"publisherModels": models}))
}

/// Ollama's, which gives every name a tag.
pub fn ollama() -> Vec<u8> {
    let models = rows(|name| {
        let name = format!("{name}:latest");
        json!({
            "name": name, "model": name, "modified_at": CREATED_AT, "size": 0, "digest": "",
            "details": {"format": "gguf", "family": "mock"},
        })
    });
    bytes(&json!({"models": models}))
}

/// Bedrock's, which stands at another host than its chats.
pub fn bedrock() -> Vec<u8> {
    let models = rows(|id| {
        json!({
            "modelId": id, "modelName": id, "providerName": "mock",
            "modelArn": format!("arn:aws:bedrock:us-east-1::foundation-model/{id}"),
            "inputModalities": ["TEXT"], "outputModalities": ["TEXT"],
            "responseStreamingSupported": true, "inferenceTypesSupported": ["ON_DEMAND"],
        })
    });
    bytes(&json!({"modelSummaries": models}))
}
