"""What is asked of every dialect: talks and parameters in OpenAI's form."""

from lab import PNG

# A picture that whoever is asked fetches.
FAR = "https://example.com/cat.png"
PDF = "JVBERi0xLjQKJSVFT0YK"


def said(role, content, **more):
    return {"role": role, "content": content, **more}


def call(id, name, arguments):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def text(words):
    return {"type": "text", "text": words}


def image(url, **more):
    return {"type": "image_url", "image_url": {"url": url, **more}}


ASK = said("user", "Is it warm?")
CALLED = [
    ASK,
    said("assistant", None, tool_calls=[call("call_1", "weather", '{"city":"Rome"}'), call("call_2", "clock", "")]),
    said("tool", "22 degrees", tool_call_id="call_1"),
    said("tool", '{"hour": 9}', tool_call_id="call_2"),
]

TALKS = {
    "plain": [ASK],
    "system": [said("system", "Be short."), ASK],
    "developer": [said("developer", "Be short."), ASK],
    "two systems": [said("system", "Be short."), said("developer", "Be kind."), ASK],
    "system later": [ASK, said("assistant", "Yes."), said("user", "And now?"), said("system", "Be kind.")],
    "system parts": [said("system", [text("Be short."), text("Be kind.")]), ASK],
    "turns": [ASK, said("assistant", "Yes."), said("user", "Sure?")],
    "users": [ASK, said("user", "In Rome.")],
    "name": [said("user", "Hello", name="ann")],
    "parts": [said("user", [text("Is it"), text("warm?")])],
    "image url": [said("user", [text("What is it?"), image(FAR)])],
    "image data": [said("user", [text("What is it?"), image(f"data:image/png;base64,{PNG}", detail="low")])],
    "images": [said("user", [image(f"data:image/png;base64,{PNG}"), image(f"data:image/jpeg;base64,{PNG}")])],
    "file": [said("user", [{"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}}])],
    "audio": [said("user", [{"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}])],
    "tool results": CALLED,
    "tools done": [*CALLED, said("assistant", "Warm."), said("user", "Thanks.")],
    "tool beside text": [
        ASK,
        said("assistant", "I look.", tool_calls=[call("chatcmpl-tool:7/x", "weather", "{}")]),
        said("tool", [text("22 degrees")], tool_call_id="chatcmpl-tool:7/x"),
    ],
    "tool without words": [
        ASK,
        said("assistant", "", tool_calls=[call("call_1", "weather", '{"city":"Rome"}')]),
        said("tool", "", tool_call_id="call_1"),
        said("user", "Well?"),
    ],
    "function": [
        ASK,
        said("assistant", None, function_call={"name": "weather", "arguments": '{"city":"Rome"}'}),
        said("function", "22 degrees", name="weather"),
    ],
    "refusal": [ASK, said("assistant", [{"type": "refusal", "refusal": "I do not know."}]), said("user", "Why?")],
    "null refusal": [ASK, said("assistant", "Yes.", refusal=None, annotations=[]), said("user", "Sure?")],
    "null calls": [ASK, said("assistant", "Yes.", tool_calls=None, function_call=None, audio=None), said("user", "Sure?")],
    "reasoning": [ASK, said("assistant", "Yes.", reasoning_content="It is summer."), said("user", "Sure?")],
}

CITY = {"type": "object", "properties": {"city": {"type": "string", "description": "Where"}}, "required": ["city"]}
WEATHER = {"name": "weather", "description": "How warm it is", "parameters": CITY}
TOOLS = [{"type": "function", "function": WEATHER}, {"type": "function", "function": {"name": "clock"}}]
STRICT = [{"type": "function", "function": WEATHER | {"strict": True, "parameters": CITY | {"additionalProperties": False}}}]
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "age": {"type": ["integer", "null"], "minimum": 0},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3},
        "home": {"$ref": "#/$defs/home"},
    },
    "required": ["name", "age", "tags", "home"],
    "additionalProperties": False,
    "$defs": {"home": {"type": "object", "properties": {"zip": {"type": "string"}}, "required": ["zip"], "additionalProperties": False}},
}
FORM = {"type": "json_schema", "json_schema": {"name": "person", "description": "Who", "strict": True, "schema": SCHEMA}}

PARAMS = {
    "max_tokens": {"max_tokens": 50},
    "max_completion_tokens": {"max_completion_tokens": 50},
    "temperature": {"temperature": 0.5},
    "temperature 0": {"temperature": 0},
    "temperature 2": {"temperature": 2},
    "top_p": {"top_p": 0.5},
    "top_p 0": {"top_p": 0},
    "top_p 1": {"top_p": 1},
    "top_k": {"top_k": 5},
    "n": {"n": 1},
    "n 2": {"n": 2},
    "stop": {"stop": "END"},
    "stops": {"stop": ["END", "STOP"]},
    "seed": {"seed": 7},
    "frequency_penalty": {"frequency_penalty": 0.5},
    "presence_penalty": {"presence_penalty": -0.5},
    "logit_bias": {"logit_bias": {"50256": -100}},
    "logprobs": {"logprobs": True, "top_logprobs": 3},
    "user": {"user": "ann"},
    "safety_identifier": {"safety_identifier": "ann"},
    "metadata": {"metadata": {"team": "search"}},
    "store": {"store": False},
    "service_tier auto": {"service_tier": "auto"},
    "service_tier default": {"service_tier": "default"},
    "service_tier flex": {"service_tier": "flex"},
    "parallel": {"tools": TOOLS, "parallel_tool_calls": False},
    "verbosity": {"verbosity": "low"},
    "prediction": {"prediction": {"type": "content", "content": "Yes."}},
    "modalities": {"modalities": ["text"]},
    "audio": {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
    "web_search_options": {"web_search_options": {}},
    "prompt_cache_key": {"prompt_cache_key": "k"},
    "json": {"response_format": {"type": "json_object"}},
    "text": {"response_format": {"type": "text"}},
    "schema": {"response_format": FORM},
    "schema and tools": {"response_format": FORM, "tools": TOOLS},
    "tools": {"tools": TOOLS},
    "strict": {"tools": STRICT},
    "tool_choice auto": {"tools": TOOLS, "tool_choice": "auto"},
    "tool_choice none": {"tools": TOOLS, "tool_choice": "none"},
    "tool_choice required": {"tools": TOOLS, "tool_choice": "required"},
    "tool_choice named": {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "weather"}}},
    "functions": {"functions": [WEATHER], "function_call": "auto"},
    "function named": {"functions": [WEATHER], "function_call": {"name": "weather"}},
    "stream": {"stream": True},
    "stream usage": {"stream": True, "stream_options": {"include_usage": True}},
    "stream off": {"stream": False},
} | {
    f"effort {effort}": {"reasoning_effort": effort}
    for effort in ("none", "minimal", "low", "medium", "high", "xhigh", "max")
} | {
    f"effort {effort} within": {"reasoning_effort": effort, "max_tokens": 3000} for effort in ("low", "high")
}
