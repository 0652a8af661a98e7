"""OpenAI's Responses API, against the package `openai`."""

import json
import re

from openai.types import responses
from openai.types.responses import response_create_params, response_usage
from openai.types.responses.response import IncompleteDetails

import strict
from dialects import openai_chat
from dialects.openai_chat import head_faults, usual_effort
from lab import Reply, sse

PROVIDER = "openai"
BASE = "/v1"
MODELS = ["responses/gpt-4o", "responses/gpt-5", "responses/gpt-5.2", "responses/o3", "gpt-5-pro", "o1-pro"]
PARAMS = {
    "own tool": {"tools": [{"type": "web_search"}]},
    "custom tool": {"tools": [{"type": "custom", "custom": {"name": "code", "description": "Runs it"}}]},
    "allowed tools": {"tools": [{"type": "function", "function": {"name": "clock"}}], "tool_choice": {
        "type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "clock"}}]}}},
    "reasoning": {"reasoning": {"effort": "low", "summary": "auto"}},
    "include": {"include": ["reasoning.encrypted_content"]},
    "instructions": {"instructions": "Be short."},
    "truncation": {"truncation": "auto"},
    "obfuscation": {"stream": True, "stream_options": {"include_obfuscation": False}},
    "extra": {"extra": {"max_tool_calls": 3}},
}

# `top_k` is not OpenAI's; a user who states it has a host in mind that takes it.
ALSO = {"ResponseCreateParamsStreaming": ["top_k"], "ResponseCreateParamsNonStreaming": ["top_k"]}


def request_faults(case, seen):
    return head_faults(seen, "/v1/responses") + body_faults(case, seen.body)


def body_faults(case, body):
    kind = response_create_params.ResponseCreateParamsNonStreaming
    if body.get("stream"):
        kind = response_create_params.ResponseCreateParamsStreaming
    faults = strict.faults(body, kind, also=ALSO)
    if body["model"] != case.model.removeprefix("responses/"):
        faults.append(f"the model is {body['model']!r}")
    if body.get("store") is not False:
        faults.append("OpenAI is to keep it")
    if body.get("max_output_tokens", 16) < 16:
        faults.append("fewer than 16 tokens")
    effort = body.get("reasoning", {}).get("effort", usual_effort(body["model"]))
    if re.match(r"gpt-[5-9]|o\d", body["model"]) and effort != "none":
        faults += [f"{body['model']} refuses `{name}`" for name in ("temperature", "top_p") if body.get(name, 1) != 1]
    calls = [item["call_id"] for item in body["input"] if item["type"] == "function_call"]
    results = [item["call_id"] for item in body["input"] if item["type"] == "function_call_output"]
    return faults + ([] if calls == results else [f"the calls {calls} have the results {results}"])


USAGE = responses.ResponseUsage(
    input_tokens=100, output_tokens=30, total_tokens=130,
    input_tokens_details=response_usage.InputTokensDetails(cached_tokens=60, cache_write_tokens=10),
    output_tokens_details=response_usage.OutputTokensDetails(reasoning_tokens=20),
)
COUNTS = [100, 60, 10, 30, 20, 130]


def said(*texts, refusal=None):
    parts = [responses.ResponseOutputText(type="output_text", text=text, annotations=[], logprobs=[]) for text in texts]
    parts += [responses.ResponseOutputRefusal(type="refusal", refusal=refusal)] if refusal else []
    return responses.ResponseOutputMessage(id="msg_1", type="message", role="assistant", status="completed", content=parts)


def thought(*texts, **fields):
    summary = [{"type": "summary_text", "text": text} for text in texts]
    return responses.ResponseReasoningItem(id="rs_1", type="reasoning", summary=summary, **fields)


def called(id, name, arguments):
    return responses.ResponseFunctionToolCall(id=f"fc_{id}", type="function_call", call_id=id, name=name, arguments=arguments, status="completed")


def answer(*output, status="completed", usage=USAGE, reason=None, **fields):
    return responses.Response(
        id="resp_1", object="response", created_at=1, model="gpt-4o-2024-08-06", output=list(output), status=status, usage=usage,
        incomplete_details=IncompleteDetails(reason=reason) if reason else None, parallel_tool_calls=True, tool_choice="auto", tools=[], **fields,
    )


def whole(*output, **fields):
    return Reply(pieces=[answer(*output, **fields).model_dump_json(by_alias=True).encode()])


HELLO = said("Hello")
BOTH = [called("a", "weather", '{"city":"Rome"}'), called("b", "clock", "{}")]
CALLS = [("weather", {"city": "Rome"}), ("clock", {})]


def failed(code, words="x"):
    return {"status": "failed", "usage": None, "error": responses.ResponseError.construct(code=code, message=words)}


def answers():
    ok = dict(content="Hello", finish="stop", usage=COUNTS)
    yield "text", whole(HELLO), ok | dict(raw="completed", model="gpt-4o-2024-08-06")
    yield "two parts", whole(said("Hel", "lo")), ok
    yield "thought", whole(thought("I see."), HELLO), ok | dict(reasoning="I see.")
    yield "thoughts", whole(thought("I", "see."), HELLO), ok | dict(reasoning="I\n\nsee.")
    yield "calls", whole(thought(), *BOTH), dict(content=None, finish="tool_calls", calls=CALLS, ids=["a", "b"])
    yield "text and calls", whole(HELLO, *BOTH), dict(content="Hello", finish="tool_calls", calls=CALLS)
    yield "refusal", whole(said(refusal="No.")), dict(refusal="No.", finish="stop")
    yield "length", whole(said("Hel"), status="incomplete", reason="max_output_tokens"), dict(content="Hel", finish="length", raw="max_output_tokens")
    yield "no tokens left", whole(thought(), status="incomplete", reason="max_output_tokens"), dict(error="APIResponseValidationError", finish="length", usage=COUNTS)
    yield "filtered", whole(said("He"), status="incomplete", reason="content_filter"), dict(
        error="ContentPolicyViolationError", content="He", raw="content_filter", usage=COUNTS)
    yield "empty", whole(), dict(error="APIResponseValidationError", usage=COUNTS)
    yield "no usage", whole(HELLO, usage=None), dict(content="Hello")
    searched = responses.ResponseFunctionWebSearch(id="ws_1", type="web_search_call", status="completed", action={"type": "search", "query": "x"})
    yield "searched", whole(searched, HELLO), ok
    yield "tier", whole(HELLO, service_tier="default"), ok
    yield "failed", whole(**failed("server_error")), dict(error="InternalServerError")
    for status in ("cancelled", "in_progress", "queued"):
        yield status, whole(status=status, usage=None), dict(error="APIResponseValidationError")
    yield from streams()


KINDS = {
    "response.created": responses.ResponseCreatedEvent, "response.in_progress": responses.ResponseInProgressEvent,
    "response.completed": responses.ResponseCompletedEvent, "response.incomplete": responses.ResponseIncompleteEvent,
    "response.failed": responses.ResponseFailedEvent, "error": responses.ResponseErrorEvent,
    "response.output_item.added": responses.ResponseOutputItemAddedEvent, "response.output_item.done": responses.ResponseOutputItemDoneEvent,
    "response.output_text.delta": responses.ResponseTextDeltaEvent, "response.output_text.done": responses.ResponseTextDoneEvent,
    "response.refusal.delta": responses.ResponseRefusalDeltaEvent,
    "response.reasoning_summary_part.added": responses.ResponseReasoningSummaryPartAddedEvent,
    "response.reasoning_summary_text.delta": responses.ResponseReasoningSummaryTextDeltaEvent,
    "response.function_call_arguments.delta": responses.ResponseFunctionCallArgumentsDeltaEvent,
    "response.function_call_arguments.done": responses.ResponseFunctionCallArgumentsDoneEvent,
}


def event(kind, nth=0, **fields):
    """An event of the SDK's class, with the fields of places that it wants."""
    places = {"sequence_number": 1, "output_index": nth, "item_id": f"i{nth}", "content_index": 0, "summary_index": 0, "logprobs": []}
    wanted = KINDS[kind].model_fields
    told = {key: value for key, value in places.items() if key in wanted} | fields
    return kind, KINDS[kind](type=kind, **told).model_dump_json(by_alias=True)


def stream(*events, cut=False):
    return Reply(pieces=sse(*events), kind="text/event-stream", cut=cut)


START = event("response.created", response=answer(status="in_progress", usage=None))


def done(*output, **fields):
    made = answer(*output, **fields)
    return event(f"response.{made.status}", response=made)


def text(*pieces, nth=0):
    item = said()
    return [
        event("response.output_item.added", nth, item=item), *(event("response.output_text.delta", nth, delta=piece) for piece in pieces),
        event("response.output_text.done", nth, text="".join(pieces)), event("response.output_item.done", nth, item=said("".join(pieces))),
    ]


def call(nth, id, name, *pieces):
    return [
        event("response.output_item.added", nth, item=called(id, name, "")),
        *(event("response.function_call_arguments.delta", nth, delta=piece) for piece in pieces),
        event("response.function_call_arguments.done", nth, arguments="".join(pieces), name=name),
        event("response.output_item.done", nth, item=called(id, name, "".join(pieces))),
    ]


def streams():
    ok = dict(content="Hello", finish="stop", usage=COUNTS)
    yield "s text", stream(START, *text("Hel", "lo"), done(HELLO)), ok | dict(raw="completed", model="gpt-4o-2024-08-06")
    part = {"type": "summary_text", "text": ""}
    thinking = [
        event("response.output_item.added", item=thought()), event("response.reasoning_summary_part.added", part=part),
        event("response.reasoning_summary_text.delta", delta="I "), event("response.reasoning_summary_text.delta", delta="see."),
        event("response.output_item.done", item=thought("I see.")),
    ]
    yield "s thinking", stream(START, *thinking, *text("Hello", nth=1), done(thought("I see."), HELLO)), ok | dict(reasoning="I see.")
    calls = [*call(1, "a", "weather", '{"city":', '"Rome"}'), *call(2, "b", "clock", "{}")]
    yield "s calls", stream(START, *calls, done(*BOTH)), dict(content=None, finish="tool_calls", calls=CALLS, ids=["a", "b"], usage=COUNTS)
    yield "s at once", stream(START, done(HELLO, *BOTH)), dict(content="Hello", finish="tool_calls", calls=CALLS)
    yield "s refusal", stream(START, event("response.refusal.delta", delta="No."), done(said(refusal="No."))), dict(refusal="No.", finish="stop")
    yield "s length", stream(START, *text("Hel"), done(said("Hel"), status="incomplete", reason="max_output_tokens")), dict(
        content="Hel", finish="length", usage=COUNTS)
    yield "s filtered", stream(START, *text("He"), done(said("He"), status="incomplete", reason="content_filter")), dict(
        error="ContentPolicyViolationError", content="He", usage=COUNTS)
    yield "s failed", stream(START, *text("Hel")[:2], done(**failed("rate_limit_exceeded"))), dict(error="RateLimitError", content="Hel")
    yield "s error", stream(START, *text("Hel")[:2], event("error", code="server_error", message="x", param=None)), dict(
        error="InternalServerError", content="Hel")
    yield "s cut", stream(START, *text("Hel")[:2], cut=True), dict(error="APIResponseValidationError", content="Hel")
    yield "s ended early", stream(START, *text("Hel")), dict(error="APIResponseValidationError", content="Hel")
    yield "s empty", stream(START, done()), dict(error="APIResponseValidationError", usage=COUNTS)


def error(told):
    """`failed` in `detail`: an answer of status 200 that failed; else as for chat completions."""
    if told["detail"] == "failed" and told["status"] == "200":
        return whole(**failed(told["code"], told["message"] or "x"))
    if told["detail"] == "failed":
        return stream(START, *text("Hel")[:2], done(**failed(told["code"], told["message"] or "x")))
    if told["status"] == "stream":
        return stream(START, *text("Hel")[:2], event("error", code=told["code"], message=told["message"] or "x", param=None))
    return openai_chat.error(told)
