"""Gemini's `generateContent`, against the package `google-genai`."""

import base64
import json

from google import genai
from google.genai import models, types

import strict
from lab import KEY, Reply, sse

PROVIDER = "gemini"
BASE = ""
MODELS = ["gemini-2.5-flash", "gemini-2.5-pro", "gemini-1.5-pro", "gemini-2.0-flash", "gemini-3-pro-preview", "gemini-3.5-flash"]
PARAMS = {
    "safety": {"safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]},
    "cached": {"cached_content": "cachedContents/x"},
    "cached bare": {"cached_content": "x"},
    "thinking": {"thinking": {"type": "enabled", "budget_tokens": 500}},
    "budget": {"thinking_budget": 500},
    "own tool": {"tools": [{"googleSearch": {}}, {"codeExecution": {}}]},
    "media": {"mediaResolution": "MEDIA_RESOLUTION_LOW"},
    "generation_config": {"generation_config": {"topK": 3}},
    "extra": {"extra": {"labels": {"team": "search"}}},
}

CLIENT = genai.Client(api_key="x")._api_client
# Fields of the body and their types; those of the configuration stand in `GenerateContentConfig`.
TOP = {
    "contents": list[types.Content], "systemInstruction": types.Content, "tools": list[types.Tool], "toolConfig": types.ToolConfig,
    "safetySettings": list[types.SafetySetting], "cachedContent": str, "serviceTier": types.ServiceTier, "labels": dict[str, str],
}


def request_faults(case, seen):
    method = ":streamGenerateContent?alt=sse" if case.params.get("stream") else ":generateContent"
    faults = [] if seen.path == f"/v1beta/models/{case.model}{method}" else [f"path is {seen.path}"]
    if (seen.headers.get("x-goog-api-key"), seen.headers["content-type"]) != (KEY, "application/json"):
        faults.append("the headers are wrong")
    faults += body_faults(seen.body)
    return faults or twin_faults(case, seen.body, CLIENT, models._GenerateContentParameters_to_mldev)


def body_faults(body):
    """The body against the SDK's types, on AI Studio and on Vertex AI alike."""
    config = body.get("generationConfig", {})
    faults = [f"$: `{key}` is unknown" for key in body if key not in TOP and key != "generationConfig"]
    for key, kind in TOP.items():
        if key in body:
            faults += strict.faults(body[key], kind, f"$.{key}")
    faults += strict.faults(config, types.GenerateContentConfig, "$.generationConfig")
    return faults + [f"{key} stands in generationConfig" for key in TOP if key in config]


def twin_faults(case, body, client, convert):
    """What the SDK itself sends, given the same: it must be the same, byte for byte as JSON."""
    above = {snake: body[key] for key, snake in SNAKE.items() if key in body}
    config = types.GenerateContentConfig.model_validate(body.get("generationConfig", {}) | above)
    contents = [types.Content.model_validate(turn) for turn in body["contents"]]
    asked = types._GenerateContentParameters(model=case.model, contents=contents, config=config)
    sent = convert(client, asked)
    sent = json.loads(json.dumps(sent, default=plain))
    sent.pop("_url")
    # Base64 is taken in both alphabets; the SDK has the one for URLs.
    ours = json.loads(json.dumps({"generationConfig": {}} | body), object_hook=url_safe)
    return [f"{key}: the SDK sends {sent.get(key)!r}, not {ours.get(key)!r}" for key in sent.keys() | ours.keys() if sent.get(key) != ours.get(key)]


def url_safe(value):
    if "data" in value and "mimeType" in value:
        value["data"] = value["data"].replace("+", "-").replace("/", "_")
    if "thinkingLevel" in value:
        # The vendor's pages have it in small letters, the package in capitals; the case does not count.
        value["thinkingLevel"] = value["thinkingLevel"].upper()
    return value


SNAKE = {
    "systemInstruction": "system_instruction", "tools": "tools", "toolConfig": "tool_config", "safetySettings": "safety_settings",
    "cachedContent": "cached_content", "serviceTier": "service_tier", "labels": "labels",
}


def plain(value):
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return json.loads(value.model_dump_json(by_alias=True, exclude_none=True))


COUNTED = types.GenerateContentResponseUsageMetadata(
    prompt_token_count=1200, cached_content_token_count=1024, candidates_token_count=12, thoughts_token_count=64,
    tool_use_prompt_token_count=10, total_token_count=1286,
)
COUNTS = [1210, 1024, None, 76, 64, 1286]


def said(*parts, finish="STOP", usage=COUNTED, **fields):
    content = types.Content(role="model", parts=list(parts)) if parts else None
    candidate = types.Candidate(index=0, content=content, finish_reason=finish, safety_ratings=[], **fields)
    return answer([candidate], usage)


def answer(candidates, usage=COUNTED, **fields):
    made = types.GenerateContentResponse(
        candidates=candidates, usage_metadata=usage, model_version="gemini-2.5-flash", response_id="r1", **fields
    )
    return made.model_dump_json(by_alias=True, exclude_none=True, exclude={"automatic_function_calling_history", "parsed", "sdk_http_response"})


def text(words, **fields):
    return types.Part(text=words, **fields)


def called(name, args, id=None, **fields):
    return types.Part(function_call=types.FunctionCall(id=id, name=name, args=args), **fields)


def whole(body):
    return Reply(pieces=[body.encode()])


HELLO = text("Hello")
BOTH = [called("weather", {"city": "Rome"}, "f1", thought_signature=b"sig"), called("clock", None, "f2")]
CALLS = [("weather", {"city": "Rome"}), ("clock", {})]
BLOCKED = ["SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "OTHER"]
BROKEN = ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE"]


def answers():
    ok = dict(content="Hello", finish="stop", raw="STOP")
    yield "text", whole(said(HELLO)), ok | dict(usage=COUNTS, model="gemini-2.5-flash")
    yield "two parts", whole(said(text("Hel"), text("lo"))), ok
    yield "thought", whole(said(text("I see.", thought=True), text("Hello", thought_signature=b"sig"))), ok | dict(reasoning="I see.", message={
        "role": "assistant", "content": "Hello", "reasoning_content": "I see.", "extra_content": {"google": {"thought_signature": "c2ln"}}})
    yield "calls", whole(said(HELLO, *BOTH)), dict(content="Hello", finish="tool_calls", calls=CALLS, ids=["f1", "f2"], raw="STOP")
    yield "calls without ids", whole(said(called("clock", {}), called("clock", {}))), dict(content=None, finish="tool_calls", calls=[("clock", {})] * 2)
    yield "length", whole(said(text("Hel"), finish="MAX_TOKENS")), dict(content="Hel", finish="length", raw="MAX_TOKENS")
    yield "no tokens left", whole(said(finish="MAX_TOKENS")), dict(error="APIResponseValidationError", finish="length", usage=COUNTS)
    for reason in BLOCKED:
        yield reason, whole(said(finish=reason)), dict(error="ContentPolicyViolationError", raw=reason, usage=COUNTS)
    for reason in BROKEN:
        yield reason, whole(said(finish=reason)), dict(error="InternalServerError", raw=reason)
    for reason in ("SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "OTHER"):
        feedback = types.GenerateContentResponsePromptFeedback(block_reason=reason)
        yield f"prompt {reason}", whole(answer(None, prompt_feedback=feedback)), dict(error="ContentPolicyViolationError", raw=reason, usage=COUNTS)
    two = [types.Candidate(index=nth, content=types.Content(role="model", parts=[text(words)]), finish_reason="STOP") for nth, words in enumerate("AB")]
    yield "two", whole(answer(two)), dict(contents=["A", "B"])
    few = types.GenerateContentResponseUsageMetadata(prompt_token_count=3, total_token_count=5)
    yield "few counts", whole(said(HELLO, usage=few)), ok | dict(usage=[3, None, None, 2, None, 5])
    yield "no counts", whole(said(HELLO, usage=None)), ok
    picture = types.Part(inline_data=types.Blob(mime_type="image/png", data=b"png"))
    yield "picture", whole(said(picture)), dict(message={"role": "assistant", "content": "", "images": [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,cG5n"}}]})
    code = types.Part(executable_code=types.ExecutableCode(code="1+1", language="PYTHON"))
    yield "code", whole(said(code, HELLO)), ok
    yield "none", whole(answer(None)), dict(error="APIResponseValidationError")
    yield "empty", whole(said(text(""))), dict(error="APIResponseValidationError", usage=COUNTS)
    yield from streams()


def stream(*bodies, cut=False):
    return Reply(pieces=[piece.replace(b"\n", b"\r\n") for piece in sse(*bodies)], kind="text/event-stream", cut=cut)


def streams():
    ok = dict(content="Hello", finish="stop", raw="STOP")
    begun = types.GenerateContentResponseUsageMetadata(prompt_token_count=1200, total_token_count=1200)
    yield "s text", stream(said(text("Hel"), finish=None, usage=begun), said(text("lo"))), ok | dict(usage=COUNTS)
    signed = said(text("", thought_signature=b"sig"))
    yield "s thought", stream(said(text("I see.", thought=True), finish=None), said(HELLO, finish=None), signed), ok | dict(reasoning="I see.")
    yield "s calls", stream(said(BOTH[0], finish=None), said(BOTH[1])), dict(content=None, finish="tool_calls", calls=CALLS, ids=["f1", "f2"])
    yield "s length", stream(said(HELLO, finish=None), said(finish="MAX_TOKENS")), dict(content="Hello", finish="length")
    yield "s blocked", stream(said(text("He"), finish=None), said(finish="SAFETY")), dict(error="ContentPolicyViolationError", content="He", raw="SAFETY")
    feedback = types.GenerateContentResponsePromptFeedback(block_reason="SAFETY")
    yield "s prompt blocked", stream(answer(None, prompt_feedback=feedback)), dict(error="ContentPolicyViolationError", raw="SAFETY")
    yield "s cut", stream(said(text("Hel"), finish=None), cut=True), dict(error="APIResponseValidationError", content="Hel")
    yield "s ended early", stream(said(text("Hel"), finish=None)), dict(error="APIResponseValidationError", content="Hel")
    yield "s error", stream(said(text("Hel"), finish=None), fault(503, "UNAVAILABLE", "overloaded")), dict(error="ServiceUnavailableError", content="Hel")


def fault(status, code, words, *details):
    return json.dumps({"error": {"code": status, "message": words or "x", "status": code, "details": list(details)}})


def detail_of(told):
    """`reason=...`, `quota=...` or `delay=...` as one of Google's details."""
    key, _, value = told["detail"].partition("=")
    kinds = {
        "reason": ("ErrorInfo", {"reason": value, "domain": "googleapis.com"}),
        "quota": ("QuotaFailure", {"violations": [{"quotaId": value}]}),
        "delay": ("RetryInfo", {"retryDelay": value}),
    }
    kind, fields = kinds[key]
    return {"@type": f"type.googleapis.com/google.rpc.{kind}"} | fields


def error(told):
    if told["status"] == "200":
        return whole(said(finish=told["code"]))
    details = [detail_of(told)] if told["detail"] else []
    if told["status"] == "stream":
        return stream(said(text("Hel"), finish=None), fault(int(told["message"]), told["code"], "x", *details))
    body = fault(int(told["status"]), told["code"], told["message"], *details)
    return Reply(status=int(told["status"]), pieces=[body.encode()])
