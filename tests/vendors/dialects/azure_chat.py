"""Azure OpenAI, against the Azure client of the package `openai`: the URL, the key and the bodies."""

import json

from openai import AzureOpenAI
from openai._models import FinalRequestOptions

from dialects import openai_chat, openai_responses
from lab import KEY, Place, Reply

PROVIDER = "azure"
VERSION = "2025-04-01-preview"
MODELS = ["my-gpt-4o", "gpt-4o", "gpt-35-turbo", "gpt-5", "o3", "responses/gpt-5", "gpt-5-pro"]
PARAMS = openai_chat.PARAMS


def place(server):
    lines = f'api_version = "{VERSION}"\napi_key = {{ env = "KEY" }}'
    return Place(server.url, lines, {"KEY": KEY})


def request_faults(case, seen):
    is_response = case.model in ("responses/gpt-5", "gpt-5-pro")
    path = "/responses" if is_response else "/chat/completions"
    client = AzureOpenAI(api_key=KEY, api_version=VERSION, azure_endpoint=f"http://{seen.headers['host']}")
    deployment = case.model.removeprefix("responses/")
    options = FinalRequestOptions.construct(method="post", url=path, json_data=seen.body | {"model": deployment})
    made = client._build_request(client._prepare_options(options))
    meant = made.url.raw_path.decode()
    faults = [] if seen.path == meant else [f"path is {seen.path}, not {meant}"]
    told = {name: seen.headers.get(name) for name in ("api-key", "authorization", "content-type")}
    if told != {"api-key": KEY, "authorization": None, "content-type": "application/json"}:
        faults.append(f"the headers are {told}")
    if is_response:
        return faults + openai_responses.body_faults(case, seen.body)
    usual = {"path": "/v1/chat/completions", "headers": seen.headers | {"authorization": f"Bearer {KEY}"}, "body": {"model": deployment} | seen.body}
    return faults + openai_chat.request_faults(case, type(seen)(**usual))


FILTERS = {"hate": {"filtered": False, "severity": "safe"}, "jailbreak": {"filtered": False, "detected": False}}


def answers():
    yield from openai_chat.answers()
    body = json.loads(openai_chat.whole(openai_chat.message(content="Hello")).pieces[0])
    body["prompt_filter_results"] = [{"prompt_index": 0, "content_filter_results": FILTERS}]
    body["choices"][0]["content_filter_results"] = FILTERS
    yield "filters", Reply(pieces=[json.dumps(body).encode()]), dict(content="Hello", finish="stop", usage=openai_chat.COUNTS)
    late = json.loads(openai_chat.delta())
    late["choices"][0] |= {"delta": {}, "content_filter_results": FILTERS, "content_filter_offsets": {"check_offset": 4}}
    first = json.dumps({"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": []})
    events = [first, openai_chat.delta(content="Hel"), openai_chat.delta(content="lo"), json.dumps(late), openai_chat.delta("stop")]
    yield "s late filters", openai_chat.stream(*events, openai_chat.piece([], openai_chat.USAGE)), dict(content="Hello", usage=openai_chat.COUNTS)


def error(told):
    """`inner` in `detail`: the reason stands one level deeper; `gateway`: the form of the gateway in front."""
    if told["detail"] == "gateway":
        body = {"statusCode": int(told["status"]), "message": told["message"]}
        return Reply(status=int(told["status"]), pieces=[json.dumps(body).encode()])
    if told["detail"] == "inner":
        result = {"violence": {"filtered": True, "severity": "medium"}}
        inner = {"code": told["code"], "content_filter_result": result}
        body = {"error": {"message": told["message"] or "x", "type": None, "param": "prompt", "code": "content_filter", "status": 400, "innererror": inner}}
        return Reply(status=int(told["status"]), pieces=[json.dumps(body).encode()])
    return openai_chat.error(told)
