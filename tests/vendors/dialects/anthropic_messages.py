"""Anthropic's Messages, against the package `anthropic`."""

import json

from anthropic import types
from anthropic.types import message_create_params
from anthropic.types.raw_message_delta_event import Delta
from anthropic.types.shared import error_response

import strict
from lab import KEY, Reply, sse

PROVIDER = "anthropic"
BASE = ""
MODELS = [
    "claude-sonnet-4-5", "claude-3-haiku-20240307", "claude-3-7-sonnet-20250219", "claude-opus-4-1",
    "claude-opus-4-6", "claude-opus-4-8", "claude-sonnet-5", "claude-fable-5",
]
PARAMS = {
    "user_id": {"metadata": {"user_id": "ann"}},
    "thinking": {"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 4000},
    "thinking off": {"thinking": {"type": "disabled"}},
    "cache": {"cache_control": {"type": "ephemeral"}},
    "extra": {"extra": {"inference_geo": "us"}},
    "own tool": {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 2}]},
}

# What the interface of 2023-06-01, which is the one that is asked for, takes, and what the SDK dropped with
# version 1.0; the types are those of 0.125.0, the last before it.
SAMPLING = {"temperature": float, "top_p": float, "top_k": int}


def request_faults(case, seen):
    return head_faults(seen) + body_faults(seen.body)


def body_faults(told):
    """A body against the SDK's types and the vendor's pages."""
    body, faults = dict(told), []
    for name, kind in SAMPLING.items():
        if name in body:
            faults += strict.faults(body.pop(name), kind, f"$.{name}")
    streamed = body.get("stream")
    kind = message_create_params.MessageCreateParamsStreaming if streamed else message_create_params.MessageCreateParamsNonStreaming
    return faults + strict.faults(body, kind) + rule_faults(told)


def head_faults(seen):
    meant = {"anthropic-version": "2023-06-01", "x-api-key": KEY, "content-type": "application/json", "authorization": None}
    faults = [f"header {name} is {seen.headers.get(name)!r}" for name, value in meant.items() if seen.headers.get(name) != value]
    return faults + ([] if seen.path == "/v1/messages" else [f"path is {seen.path}"])


def rule_faults(body):
    """What the types do not say, and the vendor's pages do."""
    faults = []
    thinking, choice = body.get("thinking", {}), body.get("tool_choice", {})
    if thinking.get("type") == "enabled" and not 1024 <= thinking["budget_tokens"] < body["max_tokens"]:
        faults.append(f"a budget of {thinking['budget_tokens']} within {body['max_tokens']}")
    if thinking.get("type", "disabled") != "disabled" and choice.get("type") in ("any", "tool"):
        faults.append("a forced tool beside thinking")
    if choice and not body.get("tools"):
        faults.append("a choice of tools without tools")
    if "temperature" in body and "top_p" in body:
        faults.append("temperature beside top_p")
    for nth, message in enumerate(body["messages"]):
        blocks = message["content"] if isinstance(message["content"], list) else []
        used = [block["id"] for block in blocks if block["type"] == "tool_use"]
        after = body["messages"][nth + 1]["content"] if nth + 1 < len(body["messages"]) else []
        results = [block["tool_use_id"] for block in after[: len(used)] if block["type"] == "tool_result"] if used else []
        if used and results != used:
            faults.append(f"the calls {used} are followed by {results}")
        if any(block["type"] == "text" and not block["text"].strip() for block in blocks) or message["content"] in ("", []):
            faults.append(f"messages[{nth}] has an empty text")
    return faults


def usage(**fields):
    counts = {"input_tokens": 30, "output_tokens": 25, "cache_read_input_tokens": 60, "cache_creation_input_tokens": 10}
    return types.Usage(**counts | fields)


USAGE = usage(
    cache_creation={"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 0},
    output_tokens_details={"thinking_tokens": 9}, service_tier="standard",
)
COUNTS = [100, 60, 10, 25, 9, 125]
TEXT = types.TextBlock(type="text", text="Hello", citations=None)
THOUGHT = types.ThinkingBlock(type="thinking", thinking="I see.", signature="c2ln")
HIDDEN = types.RedactedThinkingBlock(type="redacted_thinking", data="xyz")


def used(id, name, input):
    return types.ToolUseBlock(type="tool_use", id=id, name=name, input=input, caller={"type": "direct"})


def message(content, reason="end_turn", usage=USAGE, **fields):
    return types.Message(
        id="msg_1", type="message", role="assistant", model="claude-sonnet-4-5-20250929", content=content,
        stop_reason=reason, stop_sequence=None, usage=usage, **fields,
    )


def whole(*args, **fields):
    return Reply(pieces=[message(*args, **fields).model_dump_json().encode()], headers={"request-id": "req_1"})


BOTH = [used("toolu_1", "weather", {"city": "Rome"}), used("toolu_2", "clock", {})]
CALLS = [("weather", {"city": "Rome"}), ("clock", {})]
REFUSED = {"type": "refusal", "category": "cyber", "explanation": "Not this."}


def answers():
    ok = dict(content="Hello", finish="stop")
    yield "text", whole([TEXT]), ok | dict(raw="end_turn", usage=COUNTS, model="claude-sonnet-4-5-20250929")
    yield "bare usage", whole([TEXT], usage=types.Usage(input_tokens=3, output_tokens=2)), ok | dict(usage=[3, None, None, 2, None, 5])
    yield "two texts", whole([TEXT, TEXT]), dict(content="HelloHello")
    yield "stop sequence", whole([TEXT], "stop_sequence"), ok | dict(raw="stop_sequence")
    for reason in ("max_tokens", "model_context_window_exceeded", "pause_turn"):
        yield reason, whole([TEXT], reason), ok | dict(finish="length", raw=reason)
    yield "thinking", whole([THOUGHT, HIDDEN, TEXT]), ok | dict(reasoning="I see.", message={
        "role": "assistant", "content": "Hello", "reasoning_content": "I see.",
        "thinking_blocks": [json.loads(block.model_dump_json()) for block in (THOUGHT, HIDDEN)]})
    yield "calls", whole([TEXT, *BOTH], "tool_use"), dict(content="Hello", finish="tool_calls", calls=CALLS, ids=["toolu_1", "toolu_2"], raw="tool_use")
    yield "calls alone", whole(BOTH, "tool_use"), dict(content=None, finish="tool_calls", calls=CALLS)
    yield "refused", whole([], "refusal", stop_details=REFUSED), dict(
        error="ContentPolicyViolationError", refusal="Not this.", raw="refusal", usage=COUNTS)
    yield "refused later", whole([TEXT], "refusal", stop_details=REFUSED), dict(error="ContentPolicyViolationError", content="Hello")
    yield "empty", whole([]), dict(error="APIResponseValidationError", usage=COUNTS)
    yield "no tokens left", whole([THOUGHT], "max_tokens"), dict(error="APIResponseValidationError", finish="length", reasoning="I see.")
    searched = types.ServerToolUseBlock(type="server_tool_use", id="s1", name="web_search", input={"query": "x"}, caller={"type": "direct"})
    found = types.WebSearchToolResultBlock(type="web_search_tool_result", tool_use_id="s1", content=[], caller={"type": "direct"})
    yield "searched", whole([searched, found, TEXT]), ok
    yield from streams()


def stream(*events, cut=False):
    """Events of the SDK's classes, or their JSON."""
    def named(event):
        text = event if isinstance(event, str) else event.model_dump_json()
        return json.loads(text)["type"], text
    return Reply(pieces=sse(*map(named, events)), kind="text/event-stream", cut=cut)


def start(usage=usage(output_tokens=1)):
    return types.RawMessageStartEvent(type="message_start", message=message([], None, usage))


def block(index, content, *deltas):
    yield types.RawContentBlockStartEvent(type="content_block_start", index=index, content_block=content)
    for delta in deltas:
        yield types.RawContentBlockDeltaEvent(type="content_block_delta", index=index, delta=delta)
    yield types.RawContentBlockStopEvent(type="content_block_stop", index=index)


def end(reason="end_turn", details=None, **fields):
    counts = types.MessageDeltaUsage(output_tokens=25, **fields)
    yield types.RawMessageDeltaEvent(type="message_delta", delta=Delta(stop_reason=reason, stop_details=details), usage=counts)
    yield types.RawMessageStopEvent(type="message_stop")


def text(*pieces, index=0):
    empty = types.TextBlock(type="text", text="")
    return block(index, empty, *(types.TextDelta(type="text_delta", text=piece) for piece in pieces))


def tool(index, id, name, *pieces):
    return block(index, used(id, name, {}), *(types.InputJSONDelta(type="input_json_delta", partial_json=piece) for piece in pieces))


PING = '{"type":"ping"}'


def streams():
    ok = dict(content="Hello", finish="stop")
    yield "s text", stream(start(), PING, *text("Hel", "lo"), *end()), ok | dict(usage=[100, 60, 10, 25, None, 125], raw="end_turn")
    details = {"thinking_tokens": 9}
    thought = types.ThinkingBlock(type="thinking", thinking="", signature="")
    yield "s thinking", stream(
        start(), *block(0, thought, types.ThinkingDelta(type="thinking_delta", thinking="I "), types.ThinkingDelta(type="thinking_delta", thinking="see."),
                        types.SignatureDelta(type="signature_delta", signature="c2ln")),
        *block(1, HIDDEN), *text("Hello", index=2), *end(output_tokens_details=details, input_tokens=30),
    ), ok | dict(usage=COUNTS, reasoning="I see.", message={
        "role": "assistant", "content": "Hello", "reasoning_content": "I see.",
        "thinking_blocks": [json.loads(block.model_dump_json()) for block in (THOUGHT, HIDDEN)]})
    yield "s calls", stream(start(), *text("Hello"), *tool(1, "toolu_1", "weather", "", '{"city":', '"Rome"}'), *tool(2, "toolu_2", "clock"), *end("tool_use")), dict(
        content="Hello", finish="tool_calls", calls=CALLS, ids=["toolu_1", "toolu_2"])
    yield "s length", stream(start(), *text("Hello"), *end("max_tokens")), ok | dict(finish="length")
    yield "s refused", stream(start(), *text("He"), *end("refusal", REFUSED)), dict(error="ContentPolicyViolationError", content="He", refusal="Not this.")
    cited = {"type": "char_location", "cited_text": "x", "document_index": 0, "document_title": None, "start_char_index": 0, "end_char_index": 1, "file_id": None}
    citing = types.CitationsDelta(type="citations_delta", citation=cited)
    yield "s cited", stream(start(), *block(0, types.TextBlock(type="text", text="", citations=[]), types.TextDelta(type="text_delta", text="Hello"), citing), *end()), ok
    yield "s cut", stream(start(), *list(text("Hel"))[:2], cut=True), dict(error="APIResponseValidationError", content="Hel")
    yield "s ended early", stream(start(), *text("Hel")), dict(error="APIResponseValidationError", content="Hel")
    yield "s error", stream(start(), *list(text("Hel"))[:2], fault("overloaded_error", "Overloaded")), dict(error="ServiceUnavailableError", content="Hel")
    yield "s empty", stream(start(), *end()), dict(error="APIResponseValidationError")
    yield "s unknown", stream(start(), '{"type":"news","x":1}', *text("Hello"), *end()), ok


def fault(code, words, detail=""):
    error = {"type": code, "message": words or "x", "details": {"error_code": detail} if detail else None}
    return error_response.ErrorResponse.construct(type="error", error=error, request_id="req_1").model_dump_json(warnings=False)


def error(told):
    body = fault(told["code"], told["message"], told["detail"])
    if told["status"] == "stream":
        return stream(start(), *list(text("Hel"))[:2], body)
    return Reply(status=int(told["status"]), pieces=[body.encode()], headers={"request-id": "req_1"})
