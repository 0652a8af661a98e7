"""Gemini on Vertex AI, against the package `google-genai` as it speaks to Vertex AI."""

from google import genai
from google.auth import credentials
from google.genai import models

from dialects import gemini_generate
from dialects.gemini_generate import answers, body_faults, error, twin_faults  # noqa: F401: the same as on AI Studio.
from dialects.google_login import LOCATION, PROJECT, head_faults, place  # noqa: F401

PROVIDER = "vertex_ai"
MODELS = ["gemini-2.5-flash", "gemini-2.5-pro", "gemini-2.0-flash", "gemini-3-pro-preview", "gemini-3.5-flash", "1234567890"]
PARAMS = gemini_generate.PARAMS | {"labels": {"labels": {"team": "search"}}, "priority": {"service_tier": "priority"}}

CLIENT = genai.Client(vertexai=True, project=PROJECT, location=LOCATION, credentials=credentials.AnonymousCredentials())._api_client
TIERS = {"flex": "flex", "priority": "priority"}


def request_faults(case, seen):
    method = ":streamGenerateContent?alt=sse" if case.params.get("stream") else ":generateContent"
    below = f"endpoints/{case.model}" if case.model.isdigit() else f"publishers/google/models/{case.model}"
    faults = head_faults(seen, below + method) + body_faults(seen.body)
    faults += [f"contents[{nth}] has no role" for nth, turn in enumerate(seen.body["contents"]) if "role" not in turn]
    # The tier stands in headers here; the SDK leaves them to its user.
    tier = TIERS.get(case.params.get("service_tier"))
    if seen.headers.get("x-vertex-ai-llm-shared-request-type") != tier or "serviceTier" in seen.body:
        faults.append(f"no tier {tier}")
    return faults or twin_faults(case, seen.body, CLIENT, models._GenerateContentParameters_to_vertex)
