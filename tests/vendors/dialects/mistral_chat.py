"""Mistral's chat completions, which `runner` asks as OpenAI's, against the package `mistralai`."""

from mistralai.client import models

import strict
from dialects import openai_chat
from lab import Reply, sse

PROVIDER = "mistral"
BASE = "/v1"
MODELS = ["mistral-large-latest", "magistral-medium-latest", "pixtral-12b-2409"]
PARAMS = {"safe_prompt": {"extra": {"safe_prompt": True}}, "random_seed": {"random_seed": 7}}


def request_faults(case, seen):
    faults = openai_chat.head_faults(seen, "/v1/chat/completions")
    kind = models.ChatCompletionStreamRequest if seen.body.get("stream") else models.ChatCompletionRequest
    return faults + strict.faults(seen.body, kind)


USAGE = models.UsageInfo(prompt_tokens=100, completion_tokens=30, total_tokens=130)
COUNTS = [100, None, None, 30, None, 130]


def whole(finish="stop", **fields):
    choice = models.ChatCompletionChoice(index=0, finish_reason=finish, message=models.AssistantMessage(role="assistant", **fields))
    answer = models.ChatCompletionResponse(id="c1", object="chat.completion", created=1, model="mistral-large", choices=[choice], usage=USAGE)
    return Reply(pieces=[answer.model_dump_json(by_alias=True).encode()])


def called(id, name, arguments):
    return models.ToolCall(id=id, function=models.FunctionCall(name=name, arguments=arguments))


CALLS = [("weather", {"city": "Rome"}), ("clock", {})]


def answers():
    ok = dict(content="Hello", finish="stop")
    yield "text", whole(content="Hello"), ok | dict(usage=COUNTS)
    yield "length", whole("model_length", content="Hello"), ok | dict(finish="length", raw="model_length")
    yield "calls", whole("tool_calls", content="", tool_calls=[called("a", "weather", '{"city":"Rome"}'), called("b", "clock", "{}")]), dict(
        finish="tool_calls", calls=CALLS, ids=["a", "b"])
    yield "calls with objects", whole("tool_calls", content="", tool_calls=[called("a", "weather", {"city": "Rome"}), called("b", "clock", {})]), dict(
        finish="tool_calls", calls=CALLS)
    thought = models.ThinkChunk(type="thinking", thinking=[models.TextChunk(type="text", text="I see.")])
    yield "thinking", whole(content=[thought, models.TextChunk(type="text", text="Hello")]), ok | dict(reasoning="I see.")
    yield "error", whole("error", content=""), dict(error="InternalServerError", raw="error")


    yield from streams()


def stream(*deltas, finish="stop"):
    """Chunks of the SDK's classes; the last one has the tokens, unasked."""
    def chunk(delta, finish=None, usage=None):
        choice = models.CompletionResponseStreamChoice(index=0, delta=delta, finish_reason=finish)
        return models.CompletionChunk(id="c1", object="chat.completion.chunk", created=1, model="mistral-large", choices=[choice],
                                      usage=usage).model_dump_json(by_alias=True)
    last = chunk(models.DeltaMessage(content=""), finish, USAGE)
    return Reply(pieces=sse(*(chunk(models.DeltaMessage(**delta)) for delta in deltas), last, done=True), kind="text/event-stream")


def streams():
    ok = dict(content="Hello", finish="stop", usage=COUNTS)
    yield "s text", stream({"role": "assistant", "content": ""}, {"content": "Hel"}, {"content": "lo"}), ok
    both = [called("a", "weather", '{"city":"Rome"}'), models.ToolCall(id="b", index=1, function=models.FunctionCall(name="clock", arguments="{}"))]
    yield "s calls", stream({"content": "", "tool_calls": both}, finish="tool_calls"), dict(finish="tool_calls", calls=CALLS, ids=["a", "b"])
    objects = [called("a", "weather", {"city": "Rome"}), models.ToolCall(id="b", index=1, function=models.FunctionCall(name="clock", arguments={}))]
    yield "s calls with objects", stream({"content": "", "tool_calls": objects}, finish="tool_calls"), dict(finish="tool_calls", calls=CALLS)
    thought = models.ThinkChunk(type="thinking", thinking=[models.TextChunk(type="text", text="I see.")])
    yield "s thinking", stream({"content": [thought]}, {"content": [models.TextChunk(type="text", text="Hel")]}, {"content": "lo"}), ok | dict(reasoning="I see.")


error = openai_chat.error
