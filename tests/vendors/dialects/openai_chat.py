"""OpenAI chat completions, against the package `openai`."""

import json
import re

from openai.types import chat
from openai.types.chat import chat_completion, chat_completion_chunk as chunk, completion_create_params
from openai.types.completion_usage import CompletionTokensDetails, CompletionUsage, PromptTokensDetails

import strict
from lab import KEY, Reply, sse

PROVIDER = "openai"
BASE = "/v1"
MODELS = ["gpt-4o", "gpt-3.5-turbo", "gpt-5", "gpt-5.2", "o3", "o4-mini"]
PARAMS = {
    "extra": {"extra": {"prompt_cache_retention": "24h"}},
    "allowed tools": {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function"}]}}},
}

# `top_k` is not OpenAI's; a user who states it has a host in mind that takes it.
ALSO = {"CompletionCreateParamsStreaming": ["top_k"], "CompletionCreateParamsNonStreaming": ["top_k"]}


def request_faults(case, seen):
    faults = head_faults(seen, "/v1/chat/completions")
    kind = completion_create_params.CompletionCreateParamsNonStreaming
    if seen.body.get("stream"):
        kind = completion_create_params.CompletionCreateParamsStreaming
        if (seen.body.get("stream_options") or {}).get("include_usage") is not True:
            faults.append("a stream that does not tell its tokens")
    elif "stream_options" in seen.body:
        faults.append("`stream_options` without a stream")
    # Reasoning of other hosts' answers travels back to them; OpenAI ignores it.
    also = ALSO | {"ChatCompletionAssistantMessageParam": ["reasoning_content", "annotations"]}
    return faults + strict.faults(seen.body, kind, also=also) + rule_faults(seen.body)


def rule_faults(body):
    """What the types do not say, and the vendor's pages do: what the models that reason refuse."""
    if not re.match(r"gpt-[5-9]|o\d", body["model"]):
        return []
    faults = ["max_tokens"] if "max_tokens" in body else []
    faults += [name for name in ("frequency_penalty", "presence_penalty", "logit_bias", "prediction") if name in body]
    if body.get("reasoning_effort", usual_effort(body["model"])) != "none":
        faults += [name for name in ("top_p", "logprobs") if name in body]
        faults += ["temperature"] if body.get("temperature", 1) != 1 else []
    if "stop" in body:
        faults.append("stop")
    return [f"{body['model']} refuses `{name}`" for name in faults]


def usual_effort(model):
    """Some do not think unless they are told to."""
    return "none" if re.match(r"gpt-5\.[1-4](?!.*(pro|codex|chat))", model) else None


def head_faults(seen, path):
    told = {"path": seen.path, "authorization": seen.headers.get("authorization"), "type": seen.headers["content-type"]}
    meant = {"path": path, "authorization": f"Bearer {KEY}", "type": "application/json"}
    return [f"{key} is {told[key]!r}" for key in meant if told[key] != meant[key]]


# What answers of other vendors bring that has no place in OpenAI's form.
EXTRA = {
    "ChatCompletion": ["billed_units", "citations", "logprobs", "total_duration", "load_duration", "prompt_eval_duration", "eval_duration",
                       "prompt_filter_results"],
    "Choice": ["content_filter_results"],
    "ChatCompletionMessage": ["reasoning_content", "images", "thinking_blocks", "stop_details", "extra_content", "prefix",
                              "logprobs_result", "grounding_metadata", "citation_metadata"],
    "ChatCompletionMessageFunctionToolCall": ["extra_content", "index"],
}


def response_faults(response):
    """Our answers, whatever the vendor, have OpenAI's form."""
    response = json.loads(json.dumps(response))
    if PROVIDER_TIERS.get(response.get("service_tier")):
        del response["service_tier"]
    return [f"no `ChatCompletion`: {fault}" for fault in strict.faults(response, chat.ChatCompletion, also=EXTRA)]


PROVIDER_TIERS = {"standard": True, "batch": True, "standard_only": True}


def message(**fields):
    return chat.ChatCompletionMessage(role="assistant", **fields)


def called(id, name, arguments):
    return chat.ChatCompletionMessageFunctionToolCall(id=id, type="function", function={"name": name, "arguments": arguments})


USAGE = CompletionUsage(
    prompt_tokens=100, completion_tokens=30, total_tokens=130,
    prompt_tokens_details=PromptTokensDetails(cached_tokens=60, cache_write_tokens=10, audio_tokens=0),
    completion_tokens_details=CompletionTokensDetails(reasoning_tokens=20, audio_tokens=0),
)
COUNTS = [100, 60, 10, 30, 20, 130]


def whole(message, finish="stop", usage=USAGE, more=(), **fields):
    choice = chat_completion.Choice(index=0, finish_reason=finish, message=message, logprobs=None)
    answer = chat.ChatCompletion(id="c1", object="chat.completion", created=1, model="gpt-4o-2024-08-06",
                                 choices=[choice, *more], usage=usage, **fields)
    return Reply(pieces=[answer.model_dump_json().encode()])


def delta(finish=None, index=0, usage=None, **fields):
    choice = chunk.Choice(index=index, delta=chunk.ChoiceDelta(**fields), finish_reason=finish)
    return piece([choice], usage)


def piece(choices, usage=None):
    return chat.ChatCompletionChunk(id="c1", object="chat.completion.chunk", created=1, model="gpt-4o-2024-08-06",
                                    choices=choices, usage=usage).model_dump_json()


def stream(*events, cut=False, done=True):
    return Reply(pieces=sse(*events, done=done and not cut), kind="text/event-stream", cut=cut)


def part(index, id=None, name=None, arguments=None):
    function = chunk.ChoiceDeltaToolCallFunction(name=name, arguments=arguments)
    return chunk.ChoiceDeltaToolCall(index=index, id=id, type="function" if id else None, function=function)


CALLS = [("weather", {"city": "Rome"}), ("clock", {})]


def answers():
    yield "text", whole(message(content="Hello")), dict(content="Hello", finish="stop", raw="stop", usage=COUNTS, model="gpt-4o-2024-08-06")
    yield "length", whole(message(content="Hel"), "length"), dict(content="Hel", finish="length", raw="length")
    yield "bare usage", whole(message(content="Hello"), usage=CompletionUsage(prompt_tokens=3, completion_tokens=2, total_tokens=5)), dict(
        usage=[3, None, None, 2, None, 5])
    yield "no usage", whole(message(content="Hello"), usage=None), dict(content="Hello")
    yield "calls", whole(message(tool_calls=[called("a", "weather", '{"city":"Rome"}'), called("b", "clock", "{}")]), "tool_calls"), dict(
        content=None, finish="tool_calls", calls=CALLS, ids=["a", "b"])
    yield "refusal", whole(message(content=None, refusal="No.")), dict(refusal="No.", finish="stop")
    yield "filtered", whole(message(content=""), "content_filter"), dict(error="ContentPolicyViolationError", raw="content_filter")
    yield "empty", whole(message(content="")), dict(error="APIResponseValidationError", usage=COUNTS)
    yield "no tokens left", whole(message(content=""), "length"), dict(error="APIResponseValidationError", finish="length")
    yield "no choices", Reply(pieces=[chat.ChatCompletion(id="c1", object="chat.completion", created=1, model="m", choices=[]).model_dump_json().encode()]), dict(
        error="APIResponseValidationError")
    second = chat_completion.Choice(index=1, finish_reason="stop", message=message(content="Hi"), logprobs=None)
    yield "two", whole(message(content="Hello"), more=[second]), dict(contents=["Hello", "Hi"])
    yield "service", whole(message(content="Hello"), service_tier="default", system_fingerprint="fp_1"), dict(content="Hello")
    yield "old function", whole(message(content=None, function_call={"name": "f", "arguments": "{}"}), "function_call"), dict(finish="function_call")
    yield "html", Reply(pieces=[b"<html>login</html>"], kind="text/html"), dict(error="APIResponseValidationError")
    yield from streams()


def streams():
    last = piece([], USAGE)
    yield "s text", stream(delta(role="assistant", content=""), delta(content="Hel"), delta(content="lo"), delta("stop"), last), dict(
        content="Hello", finish="stop", raw="stop", usage=COUNTS, model="gpt-4o-2024-08-06")
    yield "s length", stream(delta(content="Hel"), delta("length"), last), dict(content="Hel", finish="length")
    yield "s calls", stream(
        delta(tool_calls=[part(0, "a", "weather", "")]), delta(tool_calls=[part(0, arguments='{"city"')]),
        delta(tool_calls=[part(0, arguments=':"Rome"}')]), delta(tool_calls=[part(1, "b", "clock", "")]), delta("tool_calls"), last,
    ), dict(content=None, finish="tool_calls", calls=CALLS, ids=["a", "b"])
    yield "s refusal", stream(delta(refusal="N"), delta(refusal="o."), delta("stop"), last), dict(refusal="No.", finish="stop")
    yield "s filtered", stream(delta(content="He"), delta("content_filter"), last), dict(error="ContentPolicyViolationError", content="He", usage=COUNTS)
    yield "s two", stream(delta(content="A"), delta(index=1, content="B"), delta("stop"), delta("stop", index=1), last), dict(contents=["A", "B"])
    yield "s usage beside", stream(delta(content="Hello"), delta("stop", usage=USAGE)), dict(content="Hello", usage=COUNTS)
    yield "s no done", stream(delta(content="Hello"), delta("stop"), last, done=False), dict(content="Hello", usage=COUNTS)
    yield "s cut", stream(delta(content="Hel"), cut=True), dict(error="APIResponseValidationError", content="Hel")
    yield "s ended early", stream(delta(content="Hel"), done=False), dict(error="APIResponseValidationError", content="Hel")
    yield "s error", stream(delta(content="Hel"), '{"error":{"message":"The server had an error","type":"server_error","code":null}}'), dict(
        error="InternalServerError", content="Hel")
    yield "s empty", stream(delta(role="assistant", content=""), delta("stop"), last), dict(error="APIResponseValidationError", usage=COUNTS)
    azure = '{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[]}'
    yield "s azure", stream(azure, delta(content="Hello"), delta("stop"), last), dict(content="Hello", usage=COUNTS)


def error(told):
    """An error in OpenAI's form; `detail` says where a host has another one."""
    code = told["code"] or None
    fault = {"message": told["message"] or "x", "type": code, "param": None, "code": code}
    shapes = {
        "": lambda: {"error": fault},
        "type": lambda: {"error": fault | {"code": None}},
        "code": lambda: {"error": fault | {"type": "invalid_request_error"}},
        "words": lambda: {"error": told["message"]},
        "flat": lambda: {"object": "error"} | fault,
        "detail": lambda: {"detail": [{"loc": ["body"], "msg": told["message"], "type": code}]},
        "number": lambda: {"error": {"message": told["message"], "code": int(code)}},
        "metadata": lambda: {"error": {"message": told["message"], "code": int(told["status"]), "metadata": {"error_type": code}}},
        "in 200": lambda: {"error": {"message": told["message"], "code": int(code)}},
    }
    body = json.dumps(shapes[told["detail"]]())
    if told["status"] == "stream":
        return stream(delta(content="Hel"), body)
    return Reply(status=int(told["status"]), pieces=[body.encode()])
