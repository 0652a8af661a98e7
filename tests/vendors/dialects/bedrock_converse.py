"""Bedrock's Converse, against the service model, the signer and the event-stream parser of `botocore`."""

import base64
import binascii
import datetime
import json
import re
import struct
import urllib.parse

import botocore.session
from botocore import auth, awsrequest, credentials, eventstream, parsers, validate

import talks
from lab import PNG, Place, Reply
from talks import call, image, said, text

PROVIDER = "bedrock"
MODELS = [
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-3-haiku-20240307-v1:0", "global.anthropic.claude-opus-4-8",
    "us.anthropic.claude-sonnet-5", "us.anthropic.claude-fable-5", "amazon.nova-pro-v1:0", "us.amazon.nova-2-lite-v1:0",
    "us.meta.llama4-scout-17b-instruct-v1:0", "us.deepseek.r1-v1:0", "openai.gpt-oss-120b-1:0", "us.openai.gpt-6-sol",
    "mistral.mistral-large-3-675b-instruct", "qwen.qwen3-coder-30b-a3b-v1:0", "cohere.command-r-plus-v1:0",
]
IS_SENT_PICTURES = True
PARAMS = {
    "guardrail": {"guardrailConfig": {"guardrailIdentifier": "abc", "guardrailVersion": "1", "trace": "enabled"}},
    "latency": {"performanceConfig": {"latency": "optimized"}},
    "additional": {"additionalModelRequestFields": {"thinking": {"type": "disabled"}}},
    "paths": {"additionalModelResponseFieldPaths": ["/stop_sequence"]},
    "own tool": {"tools": [{"toolSpec": {"name": "clock", "inputSchema": {"json": {"type": "object"}}}}, {"cachePoint": {"type": "default"}}]},
    "reserved": {"service_tier": "reserved"},
    "extra": {"extra": {"requestMetadata": {"team": "search"}}},
}
# Talks with what only Converse has, and with what it takes less of than others.
LONG = "chatcmpl-tool-" + "x" * 80
TALKS = {
    "cache": [
        said("system", [text("Be short.") | {"cache_control": {"type": "ephemeral"}}]),
        said("user", [text("Long.") | {"cache_control": {"type": "ephemeral", "ttl": "1h"}}, text("Is it warm?")]),
    ],
    "cached message": [said("user", "Long.", cache_control={"type": "ephemeral"})],
    "cached tool result": [*talks.CALLED[:3], talks.CALLED[3] | {"cache_control": {"type": "ephemeral"}}],
    "cached part of a tool result": [*talks.CALLED[:3], talks.CALLED[3] | {"content": [text("9") | {"cache_control": {"type": "ephemeral"}}]}],
    "long id": [talks.ASK, said("assistant", "", tool_calls=[call(LONG, "clock", "{}")]), said("tool", "9", tool_call_id=LONG)],
    "failed tool": [talks.ASK, said("assistant", None, tool_calls=[call("a", "clock", "{}")]), said("tool", "no", tool_call_id="a", is_error=True)],
    "picture of a tool": [
        talks.ASK, said("assistant", None, tool_calls=[call("a", "clock", "{}")]),
        said("tool", [text("Here:"), image(f"data:image/png;base64,{PNG}")], tool_call_id="a"),
    ],
    "odd file names": [said("user", [
        text("Compare."), *({"type": "file", "file": {"filename": name, "file_data": f"data:application/pdf;base64,{talks.PDF}"}}
                            for name in ("my_file  (1).v2.pdf", "Übersicht.pdf", ".pdf")),
    ])],
    "text file": [said("user", [text("Sum."), {"type": "file", "file": {"filename": "a.csv", "file_data": "data:text/csv;base64,YSxiCjEsMgo="}}])],
    "picture alone": [said("user", [image(f"data:image/jpg;base64,{PNG}")])],
    "file alone later": [talks.ASK, said("assistant", "Of what?"), said("user", [
        {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{talks.PDF}"}}])],
    "picture of the assistant": [talks.ASK, said("assistant", [text("So:"), image(f"data:image/png;base64,{PNG}")]), said("user", "Well?")],
    "audio mp3": [said("user", [text("What is said?"), {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "mp3"}}])],
    "blank turns": [talks.ASK, said("assistant", " "), said("user", "Well?")],
    "thinking": [talks.ASK, said("assistant", "Yes.", thinking_blocks=[
        {"type": "thinking", "thinking": "I see.", "signature": "c2ln"}, {"type": "redacted_thinking", "data": "eHl6"}]), said("user", "Sure?")],
}

REGION, ID, SECRET, SESSION = "eu-west-1", "AKIDEXAMPLE", "wJalrXUtnFEMI-of-no-use", "session-of-no-use"
MODEL = botocore.session.get_session().get_service_model("bedrock-runtime")
INPUT = {False: MODEL.operation_model("Converse").input_shape, True: MODEL.operation_model("ConverseStream").input_shape}
WHOLE = MODEL.operation_model("Converse").output_shape
STREAM = MODEL.operation_model("ConverseStream").output_shape.members["stream"]


def place(server):
    env = {
        "AWS_ACCESS_KEY_ID": ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": SESSION,
        "AWS_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true",
    }
    return Place(server.url, "", env)


def request_faults(case, seen):
    streamed = bool(case.params.get("stream"))
    verb = "converse-stream" if streamed else "converse"
    path = f"/model/{urllib.parse.quote(case.model, safe='-._~')}/{verb}"
    faults = [] if seen.path == path else [f"path is {seen.path}, not {path}"]
    faults += signature_faults(seen) + shape_faults(seen.body, INPUT[streamed], "$", {"modelId"})
    if not faults:
        told = json.loads(json.dumps(seen.body))
        report = validate.ParamValidator().validate(unpacked(told, INPUT[streamed]) | {"modelId": case.model}, INPUT[streamed])
        faults += [report.generate_report()] if report.has_errors() else []
    return faults + rule_faults(case, seen.body)


def signature_faults(seen):
    """The signature that botocore makes of what arrived, at the moment that it names."""
    told = seen.headers.get("authorization", "")
    found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^,]+), SignedHeaders=([^,]+), Signature=(\w+)", told)
    if not found:
        return [f"authorization is {told!r}"]
    scope, names, signature = found.groups()
    date = seen.headers["x-amz-date"]
    headers = {name: seen.headers[name] for name in names.split(";")}
    request = awsrequest.AWSRequest("POST", f"http://{seen.headers['host']}{seen.path}", headers, seen.raw)
    request.context["timestamp"] = date
    signer = auth.SigV4Auth(credentials.Credentials(ID, SECRET, SESSION), "bedrock", REGION)
    made = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    meant = f"{ID}/{date[:8]}/{REGION}/bedrock/aws4_request"
    faults = [] if scope == meant else [f"the credential is {scope}"]
    faults += [] if signature == made else [f"the signature is {signature}, and botocore's {made}"]
    faults += [f"`{name}` is not signed" for name in ("host", "x-amz-date", "x-amz-security-token") if name not in headers]
    age = datetime.datetime.now(datetime.timezone.utc) - datetime.datetime.strptime(date, "%Y%m%dT%H%M%S%z")
    return faults + ([f"signed {age} ago"] if abs(age.total_seconds()) > 300 else [])


def shape_faults(value, shape, at, without=()):
    """JSON against a shape, with what botocore lets pass: patterns, enumerations, lengths, one key in a union."""
    if getattr(shape, "is_document_type", False):
        return []
    kinds = {"structure": dict, "map": dict, "list": list, "string": str, "blob": str, "boolean": bool, "integer": int, "long": int}
    meant = kinds.get(shape.type_name, (int, float))
    if not isinstance(value, meant) or isinstance(value, bool) and meant is not bool:
        return [f"{at}: {value!r} is no {shape.type_name}"]
    faults = limit_faults(value, shape, at)
    if shape.type_name == "structure":
        known = {member.serialization.get("name", name): member for name, member in shape.members.items() if name not in without}
        faults += [f"{at}: `{key}` is unknown to {shape.name}" for key in value if key not in known]
        faults += [f"{at}: `{key}` is missing in {shape.name}" for key in shape.required_members if key not in value and key not in without]
        if shape.is_tagged_union and len(value) != 1:
            faults.append(f"{at}: {list(value)} in the union {shape.name}")
        for key in value.keys() & known.keys():
            faults += shape_faults(value[key], known[key], f"{at}.{key}")
    elif shape.type_name == "map":
        for key, one in value.items():
            faults += shape_faults(key, shape.key, f"{at}.{key}") + shape_faults(one, shape.value, f"{at}.{key}")
    elif shape.type_name == "list":
        for nth, one in enumerate(value):
            faults += shape_faults(one, shape.member, f"{at}[{nth}]")
    return faults


def limit_faults(value, shape, at):
    limits, faults = shape.metadata, []
    size = len(value) if isinstance(value, (str, dict, list)) else value
    if not limits.get("min", size) <= size <= limits.get("max", size):
        faults.append(f"{at}: {size} is not within {limits}")
    if limits.get("enum") and value not in limits["enum"]:
        faults.append(f"{at}: {value!r} is none of {limits['enum']}")
    if limits.get("pattern") and not re.fullmatch(limits["pattern"], value):
        faults.append(f"{at}: {value!r} is not like {limits['pattern']}")
    if shape.type_name == "blob":
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error:
            faults.append(f"{at}: {value!r} is no base64")
    return faults


def unpacked(value, shape):
    """The same with bytes for base64, as botocore takes it."""
    if getattr(shape, "is_document_type", False):
        return value
    if shape.type_name == "structure":
        return {key: unpacked(one, shape.members[key]) for key, one in value.items()}
    if shape.type_name == "list":
        return [unpacked(one, shape.member) for one in value]
    return base64.b64decode(value) if shape.type_name == "blob" else value


def rule_faults(case, body):
    """What the shapes do not say, and the vendor's pages do."""
    faults, turns = [], body["messages"]
    roles = [turn["role"] for turn in turns]
    if roles[0] != "user" or any(one == two for one, two in zip(roles, roles[1:])):
        faults.append(f"the turns are of {roles}")
    blocks = [block for turn in turns for block in turn["content"]]
    faults += [f"a blank text in {block}" for block in blocks + body.get("system", []) if not block.get("text", "x").strip()]
    faults += ["a turn without content" for turn in turns if not turn["content"]]
    if any("toolUse" in block or "toolResult" in block for block in blocks) and "toolConfig" not in body:
        faults.append("a talk of tools without `toolConfig`")
    for turn, after in zip(turns, [*turns[1:], {"content": []}]):
        used = [block["toolUse"]["toolUseId"] for block in turn["content"] if "toolUse" in block]
        results = [block["toolResult"]["toolUseId"] for block in after["content"] if "toolResult" in block]
        if used != results:
            faults.append(f"the calls {used} are followed by {results}")
    names = [block["document"]["name"] for block in blocks if "document" in block]
    faults += [f"two documents are called {name!r}" for name in {name for name in names if names.count(name) > 1}]
    faults += ["a document without a text beside it" for turn in turns if any("document" in one for one in turn["content"])
               and not any("text" in one for one in turn["content"])]
    faults += ["a picture or a document of the assistant" for turn in turns if turn["role"] == "assistant"
               and any({"image", "document"} & one.keys() for one in turn["content"])]
    marks = sum("cachePoint" in block for block in blocks + body.get("system", []))
    if marks != json.dumps(case.messages).count('"cache_control"'):
        faults.append(f"{marks} marks of the cache")
    faults += [f"a document called {name!r}" for name in names if not re.fullmatch(r"(?!.*\s\s)[A-Za-z0-9\s\-()\[\]]+", name)]
    structure = body.get("outputConfig", {}).get("textFormat", {}).get("structure", {})
    if structure and not isinstance(json.loads(structure["jsonSchema"]["schema"]), dict):
        faults.append("a schema that is no JSON object")
    return faults + (claude_faults(body) if "anthropic.claude" in case.model else [])


def claude_faults(body):
    fields, config = body.get("additionalModelRequestFields", {}), body.get("inferenceConfig", {})
    thinking, choice = fields.get("thinking", {}), body.get("toolConfig", {}).get("toolChoice", {})
    faults = []
    if thinking.get("type") == "enabled" and not 1024 <= thinking["budget_tokens"] < config.get("maxTokens", 0):
        faults.append(f"a budget of {thinking['budget_tokens']} within {config.get('maxTokens')}")
    if thinking.get("type", "disabled") != "disabled":
        faults += ["a forced tool beside thinking"] if choice.keys() & {"any", "tool"} else []
        faults += [f"`{name}` beside thinking" for name in ("temperature",) if config.get(name, 1) != 1]
        faults += ["`top_k` beside thinking"] if "top_k" in fields else []
    return faults


# Answers. Each is held against the service's own output shape before it is sent.


def held(value, shape):
    faults = shape_faults(value, shape, "$")
    assert not faults, faults
    return value


COUNTED = {"inputTokens": 30, "outputTokens": 25, "totalTokens": 125, "cacheReadInputTokens": 60, "cacheWriteInputTokens": 10,
           "cacheDetails": [{"ttl": "5m", "inputTokens": 10}]}
COUNTS = [100, 60, 10, 25, None, 125]
THOUGHT = {"reasoningContent": {"reasoningText": {"text": "I see.", "signature": "c2ln"}}}
HIDDEN = {"reasoningContent": {"redactedContent": "eHl6"}}
THINKING = {
    "role": "assistant", "content": "Hello", "reasoning_content": "I see.",
    "thinking_blocks": [{"type": "thinking", "thinking": "I see.", "signature": "c2ln"}, {"type": "redacted_thinking", "data": "eHl6"}],
}
TEXT = {"text": "Hello"}
HEADERS = {"x-amzn-requestid": "r-1"}


def used(id, name, input):
    return {"toolUse": {"toolUseId": id, "name": name, "input": input}}


BOTH = [used("t1", "weather", {"city": "Rome"}), used("t2", "clock", {})]
CALLS = [("weather", {"city": "Rome"}), ("clock", {})]


def whole(*blocks, reason="end_turn", usage=COUNTED, **fields):
    message = {"role": "assistant", "content": list(blocks)}
    told = {"output": {"message": message}, "stopReason": reason, "usage": usage, "metrics": {"latencyMs": 812}} | fields
    body = json.dumps(held(told, WHOLE)).encode()
    # And botocore itself reads it.
    parsed = parsers.create_parser("rest-json").parse({"status_code": 200, "headers": HEADERS, "body": body}, WHOLE)
    assert parsed["stopReason"] == reason, parsed
    return Reply(pieces=[body], headers=HEADERS)


def answers():
    ok = dict(content="Hello", finish="stop")
    few = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}
    yield "text", whole(TEXT), ok | dict(raw="end_turn", usage=COUNTS)
    yield "bare usage", whole(TEXT, usage=few), ok | dict(usage=[3, None, None, 2, None, 5])
    yield "two texts", whole(TEXT, TEXT), dict(content="HelloHello")
    yield "stop sequence", whole(TEXT, reason="stop_sequence"), ok | dict(raw="stop_sequence")
    for reason in ("max_tokens", "model_context_window_exceeded"):
        yield reason, whole(TEXT, reason=reason), ok | dict(finish="length", raw=reason)
    for reason in ("guardrail_intervened", "content_filtered"):
        yield reason, whole(TEXT, reason=reason), dict(error="ContentPolicyViolationError", raw=reason, content="Hello", usage=COUNTS)
    for reason in ("malformed_model_output", "malformed_tool_use"):
        yield reason, whole(TEXT, reason=reason), dict(error="InternalServerError", raw=reason, usage=COUNTS)
    yield "thinking", whole(THOUGHT, HIDDEN, TEXT), ok | dict(reasoning="I see.", message=THINKING)
    yield "calls", whole(TEXT, *BOTH, reason="tool_use"), dict(content="Hello", finish="tool_calls", calls=CALLS, ids=["t1", "t2"], raw="tool_use")
    yield "calls alone", whole(*BOTH, reason="tool_use"), dict(content=None, finish="tool_calls", calls=CALLS)
    yield "calls that end", whole(*BOTH), dict(content=None, finish="tool_calls", calls=CALLS)
    cited = {"citationsContent": {"content": [{"text": "Hello"}], "citations": [{"title": "T", "sourceContent": [{"text": "x"}]}]}}
    yield "cited", whole(cited), ok
    yield "picture", whole({"image": {"format": "png", "source": {"bytes": "cG5n"}}}), dict(message={
        "role": "assistant", "content": "", "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,cG5n"}}]})
    yield "empty", whole(), dict(error="APIResponseValidationError", usage=COUNTS)
    yield "no tokens left", whole(THOUGHT, reason="max_tokens"), dict(error="APIResponseValidationError", finish="length", reasoning="I see.")
    yield "tier", whole(TEXT, serviceTier={"type": "flex"}, performanceConfig={"latency": "standard"}), ok
    yield from streams()


def frame(name, payload, kind="event"):
    """A frame as the service sends it: the length, the headers and the payload, each with its sum."""
    shape = STREAM.members[name] if name in STREAM.members else None
    body = json.dumps(held(payload, shape) if shape else payload).encode()
    head = b""
    for key, value in ((f":{kind}-type", name), (":content-type", "application/json"), (":message-type", kind)):
        head += struct.pack(">B", len(key)) + key.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    made = struct.pack(">II", len(head) + len(body) + 16, len(head))
    made += struct.pack(">I", binascii.crc32(made)) + head + body
    return made + struct.pack(">I", binascii.crc32(made))


def stream(*frames, cut=False):
    buffer = eventstream.EventStreamBuffer()
    buffer.add_data(b"".join(frames))
    parser = parsers.EventStreamJSONParser()
    for message in buffer:
        parser.parse(message.to_response_dict(), STREAM)
    return Reply(pieces=list(frames), kind="application/vnd.amazon.eventstream", headers=HEADERS, cut=cut)


START = frame("messageStart", {"role": "assistant"})


def delta(index=0, **delta):
    return frame("contentBlockDelta", {"contentBlockIndex": index, "delta": delta})


def stop(index=0):
    return frame("contentBlockStop", {"contentBlockIndex": index})


def tool(index, id, name, *pieces):
    begun = frame("contentBlockStart", {"contentBlockIndex": index, "start": {"toolUse": {"toolUseId": id, "name": name}}})
    return [begun, *(delta(index, toolUse={"input": piece}) for piece in pieces), stop(index)]


def end(reason="end_turn", usage=COUNTED):
    return [frame("messageStop", {"stopReason": reason}), frame("metadata", {"usage": usage, "metrics": {"latencyMs": 812}})]


def streams():
    ok = dict(content="Hello", finish="stop", raw="end_turn", usage=COUNTS)
    hello = [delta(text="Hel"), delta(text="lo"), stop()]
    yield "s text", stream(START, *hello, *end()), ok
    every = b"".join([START, *hello, *end()])
    yield "s bytes", stream_of([every[at:at + 7] for at in range(0, len(every), 7)]), ok
    yield "s at once", stream_of([every]), ok
    thought = [delta(reasoningContent={"text": "I "}), delta(reasoningContent={"text": "see."}), delta(reasoningContent={"signature": "c2ln"}), stop()]
    hidden = [delta(1, reasoningContent={"redactedContent": "eHl6"}), stop(1)]
    yield "s thinking", stream(START, *thought, *hidden, delta(2, text="Hello"), stop(2), *end()), ok | dict(reasoning="I see.", message=THINKING)
    calls = [*tool(1, "t1", "weather", "", '{"city":', '"Rome"}'), *tool(2, "t2", "clock")]
    yield "s calls", stream(START, *hello, *calls, *end("tool_use")), dict(content="Hello", finish="tool_calls", calls=CALLS, ids=["t1", "t2"])
    yield "s length", stream(START, *hello, *end("max_tokens")), dict(content="Hello", finish="length")
    yield "s filtered", stream(START, *hello, *end("guardrail_intervened")), dict(error="ContentPolicyViolationError", content="Hello", usage=COUNTS)
    yield "s malformed", stream(START, *hello, *end("malformed_tool_use")), dict(error="InternalServerError", usage=COUNTS, raw="malformed_tool_use")
    yield "s empty", stream(START, *end()), dict(error="APIResponseValidationError", usage=COUNTS)
    yield "s cut", stream(START, hello[0], cut=True), dict(error="APIResponseValidationError", content="Hel")
    yield "s ended early", stream(START, hello[0]), dict(error="APIResponseValidationError", content="Hel")
    yield "s no metadata", stream(START, *hello, end()[0]), dict(content="Hello", finish="stop")
    yield "s half a frame", stream_of([START, hello[0], hello[1][:20]]), dict(error="APIResponseValidationError", content="Hel")
    yield "s wrong sum", stream_of([START, hello[0], hello[1][:-1] + b"\0"]), dict(error="APIResponseValidationError", content="Hel")
    yield "s unknown", stream(START, frame("contentBlockNews", {"x": 1}), *hello, *end()), ok
    yield "s exception", stream(START, hello[0], frame("throttlingException", {"message": "slow down"}, "exception")), dict(
        error="RateLimitError", content="Hel")


def stream_of(pieces):
    return Reply(pieces=pieces, kind="application/vnd.amazon.eventstream", headers=HEADERS)


def error(told):
    """`detail` says where the name of the error stands: in the header, in the body, or with a small letter in a stream."""
    if told["status"] == "stream":
        fields = {"message": told["message"] or "x"}
        if told["code"] == "modelStreamErrorException":
            fields |= {"originalStatusCode": 500, "originalMessage": "broken"}
        return stream(START, delta(text="Hel"), frame(told["code"], fields, "exception"))
    body, headers = {"message": told["message"] or "x"}, {}
    match told["detail"]:
        case "body":
            body = {"__type": f"com.amazon.coral.service#{told['code']}", "Message": body["message"]}
        case "in 200":
            body = {"Output": {"__type": f"com.amazon.coral.service#{told['code']}"}, "Version": "1.0"}
        case _ if told["code"]:
            headers = {"x-amzn-errortype": f"{told['code']}:http://internal.amazon.com/coral/com.amazon.bedrock/"}
    return Reply(status=int(told["status"]), pieces=[json.dumps(body).encode()], headers=HEADERS | headers)
