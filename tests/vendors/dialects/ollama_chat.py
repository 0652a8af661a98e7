"""Ollama's chat, against the package `ollama`."""

import base64
import json

import ollama
from ollama import _types

import strict
from lab import KEY, Reply

PROVIDER = "ollama"
IS_SENT_PICTURES = True
BASE = ""
MODELS = ["llama3.2", "llama2", "gpt-oss:20b", "qwen3:8b", "library/llava:7b-q4_0"]
PARAMS = {
    "keep_alive": {"keep_alive": "5m"},
    "num_ctx": {"num_ctx": 8192},
    "options": {"options": {"mirostat": 1}},
    "think": {"think": True},
    "extra": {"extra": {"think": False}},
}

# Fields of the server (its `api/types.go`) that the Python package does not know.
ALSO = {
    "Message": ["tool_call_id"],
    "ToolCall": ["id"],
    "Function": ["index"],
    "ChatRequest": ["truncate", "shift"],
    "Options": ["min_p"],
}


def request_faults(case, seen):
    faults = [] if seen.path == "/api/chat" else [f"path is {seen.path}"]
    if seen.headers.get("authorization") not in (None, f"Bearer {KEY}"):
        faults.append("a strange key")
    if "stream" not in seen.body:
        faults.append("`stream` is not said, and on by default")
    rest = {key: value for key, value in seen.body.items() if key not in ("messages", "tools", "options")}
    faults += strict.faults(rest, _types.ChatRequest, also=ALSO)
    # The request's own types leave these three open.
    faults += message_faults(json.loads(json.dumps(seen.body["messages"])))
    faults += strict.faults(seen.body.get("options", {}), _types.Options, "$.options", ALSO)
    return faults + strict.faults(bare_tools(seen.body), list[_types.Tool], "$.tools", ALSO)


def message_faults(messages):
    faults = []
    for nth, message in enumerate(messages):
        # The class of an image reads files too; on the wire it is base64 and nothing else.
        for image in message.pop("images", []):
            base64.b64decode(image, validate=True)
        faults += strict.faults(message, _types.Message, f"$.messages[{nth}]", ALSO)
    return faults


def bare_tools(body):
    """The tools without their schemas: the package knows a few keywords of them, the server takes all."""
    tools = json.loads(json.dumps(body.get("tools", [])))
    for tool in tools:
        tool["function"].pop("parameters", None)
        tool["function"].pop("strict", None)
    return tools


def line(content="", done=False, reason="stop", counts=True, **fields):
    last = dict(done_reason=reason, total_duration=312, load_duration=9, prompt_eval_duration=90, eval_duration=41) if done else {}
    if done and counts:
        last |= dict(prompt_eval_count=22, eval_count=3)
    message = ollama.Message(role="assistant", content=content, **fields)
    answer = ollama.ChatResponse(model="llama3.2", created_at="2026-11-22T08:00:00.123456Z", message=message, done=done, **last)
    return answer.model_dump_json(exclude_none=True).encode() + b"\n"


def whole(content="", **fields):
    return Reply(pieces=[line(content, done=True, **fields)])


def stream(*lines, cut=False):
    return Reply(pieces=list(lines), kind="application/x-ndjson", cut=cut)


def called(name, arguments):
    return ollama.Message.ToolCall(function=ollama.Message.ToolCall.Function(name=name, arguments=arguments))


BOTH = [called("weather", {"city": "Rome"}), called("clock", {})]
CALLS = [("weather", {"city": "Rome"}), ("clock", {})]
COUNTS = [22, None, None, 3, None, 25]


def answers():
    ok = dict(content="Hello", finish="stop", raw="stop")
    yield "text", whole("Hello"), ok | dict(usage=COUNTS, model="llama3.2")
    yield "no counts", whole("Hello", counts=False), ok
    yield "thinking", whole("Hello", thinking="I see."), ok | dict(reasoning="I see.")
    yield "length", whole("Hel", reason="length"), dict(content="Hel", finish="length", raw="length")
    yield "calls", whole(tool_calls=BOTH), dict(content=None, finish="tool_calls", calls=CALLS, raw="stop")
    yield "empty", whole(""), dict(error="APIResponseValidationError", usage=COUNTS)
    yield "loaded", whole("", reason="load", counts=False), dict(error="APIResponseValidationError", raw="load")
    yield "no tokens left", whole("", thinking="Hm", reason="length"), dict(error="APIResponseValidationError", finish="length")
    yield "s text", stream(line("Hel"), line("lo"), line("", done=True)), ok | dict(usage=COUNTS)
    both = line("Hel") + line("lo")
    yield "s split", stream(both[:9], both[9:250], both[250:], line("", done=True)), ok | dict(usage=COUNTS)
    yield "s thinking", stream(line(thinking="I "), line(thinking="see."), line("Hello"), line("", done=True)), ok | dict(reasoning="I see.")
    yield "s calls", stream(line(tool_calls=BOTH[:1]), line(tool_calls=BOTH[1:]), line("", done=True)), dict(finish="tool_calls", calls=CALLS)
    yield "s length", stream(line("Hel"), line("", done=True, reason="length")), dict(content="Hel", finish="length")
    yield "s cut", stream(line("Hel"), cut=True), dict(error="APIResponseValidationError", content="Hel")
    yield "s ended early", stream(line("Hel")), dict(error="APIResponseValidationError", content="Hel")
    yield "s error", stream(line("Hel"), b'{"error":"an error was encountered while running the model"}\n'), dict(error="InternalServerError", content="Hel")


def error(told):
    body = json.dumps({"error": told["message"]} | ({"signin_url": "x"} if told["detail"] else {})).encode()
    if told["status"] == "stream":
        return stream(line("Hel"), body + b"\n")
    return Reply(status=int(told["status"]), pieces=[body])
