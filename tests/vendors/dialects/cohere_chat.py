"""Cohere's chat, version 2, against the package `cohere`."""

import inspect
import json

import typing_extensions
from cohere import types, v2
from cohere.v2 import types as v2_types
from cohere.v2.raw_client import RawV2Client

import strict
from lab import KEY, Reply, sse

PROVIDER = "cohere"
BASE = ""
MODELS = ["command-a-03-2025", "command-r-08-2024", "command-a-reasoning-08-2025", "command-a-vision-07-2025", "command-r7b-12-2024"]
PARAMS = {
    "thinking": {"thinking": {"type": "enabled", "token_budget": 500}},
    "documents": {"documents": [{"id": "1", "data": {"text": "Rome is warm."}}], "citation_options": {"mode": "FAST"}},
    "safety_mode": {"safety_mode": "OFF"},
    "extra": {"extra": {"priority": 3}},
}


def request_type():
    """The request is no class in this package: its fields are the arguments of `chat`."""
    hints = typing_extensions.get_type_hints(RawV2Client.chat, include_extras=True)
    names = [name for name in inspect.signature(RawV2Client.chat).parameters if name not in ("self", "request_options")]
    fields = {name: hints[name] for name in names} | {"stream": bool}
    return typing_extensions.TypedDict("V2ChatRequest", fields, total=False)


REQUEST = request_type()


def request_faults(case, seen):
    meant = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    faults = [f"header {name} is {seen.headers.get(name)!r}" for name, value in meant.items() if seen.headers.get(name) != value]
    faults += [] if seen.path == "/v2/chat" else [f"path is {seen.path}"]
    return faults + strict.faults(seen.body, REQUEST) + rule_faults(seen.body)


def rule_faults(body):
    """What the types do not say, and the vendor's pages do."""
    limits = {"temperature": (0, 1), "p": (0.01, 0.99), "k": (0, 500), "frequency_penalty": (0, 1), "presence_penalty": (0, 1)}
    faults = [f"{name} is {body[name]}" for name, (low, high) in limits.items() if name in body and not low <= body[name] <= high]
    if len(body.get("stop_sequences", [])) > 5:
        faults.append("more than five stop sequences")
    if "json_schema" in body.get("response_format", {}) and (body.get("tools") or body.get("documents")):
        faults.append("a schema beside tools or documents")
    return faults


USAGE = types.Usage(
    billed_units=types.UsageBilledUnits(input_tokens=21, output_tokens=14),
    tokens=types.UsageTokens(input_tokens=830, output_tokens=40), cached_tokens=600,
)
COUNTS = [830, 600, None, 40, None, 870]


def text(words):
    return types.TextAssistantMessageResponseContentItem(text=words)


def called(id, name, arguments):
    return types.ToolCallV2(id=id, type="function", function=types.ToolCallV2Function(name=name, arguments=arguments))


def whole(finish="COMPLETE", usage=USAGE, **fields):
    message = types.AssistantMessageResponse(role="assistant", **fields)
    answer = v2_types.V2ChatResponse(id="c1", finish_reason=finish, message=message, usage=usage)
    return Reply(pieces=[answer.json().encode()])


BOTH = [called("w1", "weather", '{"city":"Rome"}'), called("c1", "clock", "{}")]
CALLS = [("weather", {"city": "Rome"}), ("clock", {})]
CITED = types.Citation(start=0, end=5, text="Hello", sources=[])


def answers():
    ok = dict(content="Hello", finish="stop", raw="COMPLETE")
    thought = types.ThinkingAssistantMessageResponseContentItem(thinking="I see.")
    yield "text", whole(content=[text("Hello")]), ok | dict(usage=COUNTS)
    yield "two texts", whole(content=[text("Hel"), text("lo")]), ok
    yield "thinking", whole(content=[thought, text("Hello")]), ok | dict(reasoning="I see.")
    yield "stop sequence", whole("STOP_SEQUENCE", content=[text("Hello")]), ok | dict(raw="STOP_SEQUENCE")
    yield "length", whole("MAX_TOKENS", content=[text("Hello")]), ok | dict(finish="length", raw="MAX_TOKENS")
    yield "calls", whole("TOOL_CALL", tool_calls=BOTH, tool_plan="I look."), dict(
        content="I look.", finish="tool_calls", calls=CALLS, ids=["w1", "c1"], raw="TOOL_CALL")
    yield "calls alone", whole("TOOL_CALL", tool_calls=BOTH), dict(content=None, finish="tool_calls", calls=CALLS)
    yield "cited", whole(content=[text("Hello")], citations=[CITED]), ok
    billed = types.Usage(billed_units=types.UsageBilledUnits(input_tokens=21, output_tokens=14))
    yield "billed alone", whole(usage=billed, content=[text("Hello")]), ok | dict(usage=[21, None, None, 14, None, 35])
    yield "no usage", whole(usage=None, content=[text("Hello")]), ok
    yield "error", whole("ERROR", content=[text("Hel")]), dict(error="InternalServerError", content="Hel", raw="ERROR", usage=COUNTS)
    yield "timeout", whole("TIMEOUT", content=[text("Hel")]), dict(error="Timeout", content="Hel", raw="TIMEOUT")
    yield "toxic", whole("ERROR_TOXIC", content=[]), dict(error="ContentPolicyViolationError", raw="ERROR_TOXIC")
    yield "empty", whole(content=[]), dict(error="APIResponseValidationError", usage=COUNTS)
    yield "no tokens left", whole("MAX_TOKENS", content=[thought]), dict(error="APIResponseValidationError", finish="length", reasoning="I see.")
    yield from streams()


def stream(*events, cut=False):
    def named(event):
        text = event if isinstance(event, str) else event.json()
        return json.loads(text)["type"], text
    return Reply(pieces=sse(*map(named, events)), kind="text/event-stream", cut=cut)


def event(kind, **fields):
    """An event of the SDK's class for this kind."""
    words = "".join(word.capitalize() for word in kind.split("-"))
    return getattr(v2, f"{words}V2ChatStreamResponse")(type=kind, **fields)


def start():
    return event("message-start", id="c1", delta={"message": {"role": "assistant"}})


def block(index, kind, *pieces):
    yield event("content-start", index=index, delta={"message": {"content": {"type": kind, kind: ""}}})
    for piece in pieces:
        yield event("content-delta", index=index, delta={"message": {"content": {kind: piece}}})
    yield event("content-end", index=index)


def tool(index, id, name, *pieces):
    began = {"id": id, "type": "function", "function": {"name": name, "arguments": ""}}
    yield event("tool-call-start", index=index, delta={"message": {"tool_calls": began}})
    for piece in pieces:
        yield event("tool-call-delta", index=index, delta={"message": {"tool_calls": {"function": {"arguments": piece}}}})
    yield event("tool-call-end", index=index)


def end(finish="COMPLETE", **fields):
    return event("message-end", id="c1", delta={"finish_reason": finish, "usage": USAGE} | fields)


def streams():
    ok = dict(content="Hello", finish="stop", raw="COMPLETE", usage=COUNTS)
    yield "s text", stream(start(), *block(0, "text", "Hel", "lo"), end()), ok
    yield "s thinking", stream(start(), *block(0, "thinking", "I ", "see."), *block(1, "text", "Hello"), end()), ok | dict(reasoning="I see.")
    plan = event("tool-plan-delta", delta={"message": {"tool_plan": "I look."}})
    yield "s calls", stream(start(), plan, *tool(0, "w1", "weather", '{"city":', '"Rome"}'), *tool(1, "c1", "clock"), end("TOOL_CALL")), dict(
        content="I look.", finish="tool_calls", calls=CALLS, ids=["w1", "c1"])
    cited = event("citation-start", index=0, delta={"message": {"citations": CITED}})
    yield "s cited", stream(start(), *block(0, "text", "Hello"), cited, event("citation-end", index=0), end()), ok
    yield "s debug", stream(start(), event("debug", prompt="x"), *block(0, "text", "Hello"), end()), ok
    yield "s length", stream(start(), *block(0, "text", "Hello"), end("MAX_TOKENS")), ok | dict(finish="length", raw="MAX_TOKENS")
    yield "s error", stream(start(), *block(0, "text", "Hel"), end("ERROR", error="it broke")), dict(error="InternalServerError", content="Hel")
    yield "s timeout", stream(start(), *block(0, "text", "Hel"), end("TIMEOUT")), dict(error="Timeout", content="Hel")
    yield "s cut", stream(start(), *block(0, "text", "Hel"), cut=True), dict(error="APIResponseValidationError", content="Hel")
    yield "s ended early", stream(start(), *block(0, "text", "Hel")), dict(error="APIResponseValidationError", content="Hel")
    yield "s empty", stream(start(), end()), dict(error="APIResponseValidationError", usage=COUNTS)


def error(told):
    if told["status"] == "200":
        return whole(told["code"], content=[text("Hel")])
    body = json.dumps({"id": "e1", "message": told["message"] or "x"}).encode()
    return Reply(status=int(told["status"]), pieces=[body])
