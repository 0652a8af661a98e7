"""Claude on Vertex AI, against the client of `anthropic` for it: what it makes of the same body."""

import json

from anthropic._models import FinalRequestOptions
from anthropic.lib.vertex import _client

from dialects import anthropic_messages, gemini_generate
from dialects.anthropic_messages import PARAMS, answers, body_faults  # noqa: F401: the same as at Anthropic.
from dialects.google_login import LOCATION, PROJECT, head_faults, place  # noqa: F401

PROVIDER = "vertex_ai"
MODELS = [
    "claude-sonnet-4-5@20250929", "claude-3-haiku@20240307", "claude-opus-4-1@20250805", "claude-opus-4-6@default",
    "claude-opus-4-8", "claude-sonnet-5", "anthropic/claude-fable-5",
]


def request_faults(case, seen):
    model = case.model.removeprefix("anthropic/")
    options = FinalRequestOptions.construct(method="post", url="/v1/messages", json_data=seen.body | {"model": model})
    made = _client._prepare_options(options, project_id=PROJECT, region=LOCATION)
    faults = head_faults(seen, made.url.split(f"/locations/{LOCATION}/")[1])
    if seen.body.get("anthropic_version") != "vertex-2023-10-16" or "model" in seen.body:
        faults.append(f"anthropic_version is {seen.body.get('anthropic_version')!r}, model {seen.body.get('model')!r}")
    if made.json_data != seen.body:
        faults.append(f"the SDK sends {json.dumps(made.json_data)}")
    body = {key: value for key, value in seen.body.items() if key != "anthropic_version"}
    return faults + body_faults(body | {"model": model})


def error(told):
    """`google` in `detail`: an error of the door, which has Google's form before a model is reached."""
    if told["detail"].startswith("google"):
        return gemini_generate.error(told | {"detail": told["detail"].removeprefix("google").strip()})
    return anthropic_messages.error(told)
