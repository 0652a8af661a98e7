//! The JSON Schema in which a question wants its answer, wherever a dialect says it.

use memchr::memmem::find;
use serde_json::Value;

/// Where the dialects say it. Cohere's `json_schema` is the schema itself, and Bedrock's is text.
const PLACES: [&str; 9] = [
    "/response_format/json_schema/schema",
    "/response_format/json_schema",
    "/text/format/schema",
    "/output_config/format/schema",
    "/generationConfig/responseJsonSchema",
    "/generationConfig/responseSchema",
    "/generation_config/response_json_schema",
    "/outputConfig/textFormat/structure/jsonSchema/schema",
    "/format",
];

/// The schema in the body of a request; `None` where it wants none.
pub fn wanted(body: &[u8]) -> Option<Value> {
    // Most questions want none, and are not read twice for that.
    if ["chema", "\"format\""].iter().all(|word| find(body, word.as_bytes()).is_none()) {
        return None;
    }
    let body: Value = serde_json::from_slice(body).ok()?;
    let found = PLACES.iter().find_map(|place| schema(body.pointer(place)?));
    found.or_else(|| forced_tool(&body))
}

fn schema(value: &Value) -> Option<Value> {
    match value {
        Value::Object(_) => Some(value.clone()),
        Value::String(text) => serde_json::from_str(text).ok().filter(Value::is_object),
        _ => None,
    }
}

/// Models without a JSON mode are made to call a tool that takes such an object.
fn forced_tool(body: &Value) -> Option<Value> {
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
    let name = text("/tool_choice/name").or_else(|| text("/toolConfig/toolChoice/tool/name"))?;
    let tools = body.get("tools").or_else(|| body.pointer("/toolConfig/tools"))?.as_array()?;
    let mut tools = tools.iter().map(|tool| tool.get("toolSpec").unwrap_or(tool));
    let tool = tools.find(|tool| tool["name"] == name)?;
    tool.get("input_schema").or_else(|| tool.pointer("/inputSchema/json")).cloned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_is_found_wherever_a_dialect_says_it() {
        let a = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
        for body in [
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": a}}}),
            json!({"response_format": {"type": "json_object", "json_schema": a}}),
            json!({"text": {"format": {"type": "json_schema", "name": "n", "schema": a}}}),
            json!({"output_config": {"format": {"type": "json_schema", "schema": a}}}),
            json!({"generationConfig": {"responseJsonSchema": a}}),
            json!({"outputConfig": {"textFormat": {"structure": {"jsonSchema": {"schema": a.to_string()}}}}}),
            json!({"format": a}),
            json!({"tool_choice": {"type": "tool", "name": "t"}, "tools": [{"name": "t", "input_schema": a}]}),
            json!({"toolConfig": {"toolChoice": {"tool": {"name": "t"}},
                   "tools": [{"toolSpec": {"name": "t", "inputSchema": {"json": a}}}]}}),
        ] {
            assert_eq!(wanted(body.to_string().as_bytes()), Some(a.clone()), "{body}");
        }
        for body in [
            json!({"messages": [{"content": "a schema"}]}),
            json!({"format": "json"}),
            json!({"response_format": {"type": "json_object"}}),
        ] {
            assert_eq!(wanted(body.to_string().as_bytes()), None, "{body}");
        }
    }
}
