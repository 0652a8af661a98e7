"""Holds every dialect of `runner` against the vendors' own SDKs. See README.md."""

import argparse
import collections
import concurrent.futures
import csv
import json
import pathlib
import sys

import lab
import talks
import wire
from dialects import anthropic_messages, azure_chat, bedrock_converse, cohere_chat, gemini_generate, mistral_chat, ollama_chat
from dialects import openai_chat, openai_responses, vertex_claude, vertex_gemini

# A vendor is a module with the same few names, and a word here.
VENDORS = {
    "openai": openai_chat,
    "responses": openai_responses,
    "azure": azure_chat,
    "mistral": mistral_chat,
    "anthropic": anthropic_messages,
    "gemini": gemini_generate,
    "cohere": cohere_chat,
    "ollama": ollama_chat,
    "bedrock": bedrock_converse,
    "vertex": vertex_gemini,
    "vertex-claude": vertex_claude,
}

# Requests that a dialect cannot say are refused by `runner` itself, before anything is sent.
UNSAID = {"BadRequestError", "UnsupportedParamsError"}
# More attempts than `once`, so that the two can be told apart.
PATIENCE = '[retry]\nmax_attempts = 3\ninitial = "1ms"\nmax = "2ms"\n[limits]\ntimeout = "5s"'
ATTEMPTS = {"never": 1, "once": 2, "yes": 3}


class Tally:
    """How many were checked, and what was wrong."""

    def __init__(self, is_loud):
        self.is_loud = is_loud
        self.counts = collections.Counter()
        self.faults = []

    def note(self, vendor, what, case, faults):
        self.counts[vendor, what] += 1
        self.counts[vendor, "failures"] += bool(faults)
        self.faults += [f"{vendor} {what} {case}: {fault}" for fault in faults]

    def aside(self, vendor, what, words):
        self.counts[vendor, what] += 1
        if self.is_loud:
            print(f"{vendor} {what}: {words}")

    def table(self):
        columns = ["requests", "rows", "dropped", "unsaid", "answers", "errors", "wire", "failures"]
        print(f"{'dialect':<14}" + "".join(f"{column:>10}" for column in columns))
        for vendor in dict.fromkeys(vendor for vendor, _ in self.counts):
            print(f"{vendor:<14}" + "".join(f"{self.counts[vendor, column]:>10}" for column in columns))
        for fault in self.faults:
            print(fault)
        return 1 if self.faults else 0


def requests(name, vendor, tally):
    """Every talk and every parameter to several models: what arrives must be what the SDK would send."""
    cases = []
    for nth, model in enumerate(vendor.MODELS):
        for about, messages in (talks.TALKS | getattr(vendor, "TALKS", {})).items():
            cases.append(lab.Case(f"{name}-{nth}-talk-{about.replace(' ', '-')}", vendor.PROVIDER, model, messages))
        for about, params in (talks.PARAMS | vendor.PARAMS).items():
            id = f"{name}-{nth}-param-{about.replace(' ', '-')}"
            cases.append(lab.Case(id, vendor.PROVIDER, model, talks.TALKS["system"], params))
        with_tools = {"tools": talks.TOOLS, "stream": True, "max_tokens": 3000, "reasoning_effort": "low"}
        cases.append(lab.Case(f"{name}-{nth}-all", vendor.PROVIDER, model, talks.CALLED, with_tools))
    compare("requests", name, vendor, tally, cases)


def rows(name, vendor, tally):
    """The same parameters as lines of an OpenAI batch: what a row states is held to the same rules."""
    cases = []
    for about, params in (talks.PARAMS | vendor.PARAMS).items():
        if "stream" not in params:
            id = f"{name}-row-{about.replace(' ', '-')}"
            cases.append(lab.Case(id, vendor.PROVIDER, vendor.MODELS[0], talks.TALKS["system"], params, is_batch=True))
    compare("rows", name, vendor, tally, cases)


def compare(what, name, vendor, tally, cases):
    """Asks all of them in one job, and holds each request that arrives against the SDK."""
    server = lab.Server()
    if getattr(vendor, "IS_SENT_PICTURES", False):
        # `runner` fetches them itself, and there is no network here.
        for case in cases:
            case.messages = json.loads(json.dumps(case.messages).replace(talks.FAR, server.url + "/cat.png"))
    rows = lab.run(cases, {vendor.PROVIDER: wire.place(vendor, server)})
    for case in cases:
        seen = server.seen.get(case.id)
        if seen is None and rows[case.id]["error"]["type"] in UNSAID:
            tally.aside(name, "unsaid", f"{case.id}: {rows[case.id]['error']['message']}")
            continue
        faults = ["nothing was sent"] if seen is None else vendor.request_faults(case, seen[0])
        dropped = rows[case.id]["dropped_params"]
        if seen and case.params.get("n", 1) > 1 and "n" not in dropped and not several(seen[0].body):
            faults.append("`n` was neither sent nor told as dropped")
        if dropped:
            tally.aside(name, "dropped", f"{case.id}: {', '.join(dropped)}")
        tally.note(name, what, case.id, faults)
    server.close()


def several(body):
    return "n" in body or "candidateCount" in body.get("generationConfig", {})


def answers(name, vendor, tally):
    """Answers and streams that the SDK's classes built: what `responses.jsonl` says of them."""
    server = lab.Server()
    cases, expected = [], {}
    for about, reply, told in vendor.answers():
        id = f"{name}-{about.replace(' ', '-')}"
        params = {"stream": True} if reply.kind != "application/json" else {}
        cases.append(lab.Case(id, vendor.PROVIDER, told.pop("of", vendor.MODELS[0]), [talks.ASK], params))
        server.replies[id], expected[id] = reply, told
    rows = lab.run(cases, {vendor.PROVIDER: wire.place(vendor, server)})
    for id, told in expected.items():
        tally.note(name, "answers", id, answer_faults(rows[id], told))
    server.close()


def answer_faults(row, told):
    """Where a row differs from what was told. A name that is not told is not looked at."""
    response = row["response"] or {}
    choice = (response.get("choices") or [{}])[0]
    message = choice.get("message", {})
    calls = message.get("tool_calls") or []
    found = {
        "status": row["status"],
        "error": (row["error"] or {}).get("type"),
        "content": message.get("content"),
        "contents": [one["message"].get("content") for one in response.get("choices", [])],
        "reasoning": message.get("reasoning_content") or message.get("reasoning"),
        "refusal": message.get("refusal"),
        "calls": [(one["function"]["name"], arguments(one)) for one in calls],
        "ids": [one.get("id") for one in calls],
        "finish": choice.get("finish_reason"),
        "raw": row["finish_reason_raw"],
        "usage": [(row["usage"] or {}).get(part) for part in USAGE],
        "message": message,
        "model": response.get("model"),
    }
    told = {"status": "error" if "error" in told else "ok"} | told
    faults = [f"{key} is {found[key]!r}, not {value!r}" for key, value in told.items() if found[key] != value]
    if row["status"] == "ok":
        faults += openai_chat.response_faults(response)
    return faults


def arguments(call):
    """The arguments of a call: JSON text, and nothing else will do."""
    text = call["function"]["arguments"]
    return json.loads(text) if isinstance(text, str) else f"no text: {text!r}"


USAGE = ["prompt_tokens", "cached_tokens", "cache_write_tokens", "completion_tokens", "reasoning_tokens", "total_tokens"]


def errors(name, vendor, tally):
    """Every row of `failures.csv`: the error's type, and how often it was tried."""
    with open(pathlib.Path(__file__).with_name("failures.csv")) as file:
        rows = [row for row in csv.DictReader(file) if row["vendor"] == name]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for id, faults in pool.map(lambda nth: error_faults(name, vendor, nth, rows[nth]), range(len(rows))):
            tally.note(name, "errors", id, faults)


def error_faults(name, vendor, nth, told):
    """One error in a run of its own: it must not slow down the others."""
    about = " ".join(filter(None, (told["status"], told["code"], told["message"], told["detail"])))
    streamed = told["status"] == "stream"
    reply = vendor.error(told)
    server = lab.Server()
    provider = told["provider"] or vendor.PROVIDER
    case = lab.Case(f"{name}-error-{nth}", provider, vendor.MODELS[0], [talks.ASK], {"stream": True} if streamed else {})
    server.replies[case.id] = reply
    row = lab.run([case], {provider: wire.place(vendor, server)}, PATIENCE)[case.id]
    server.close()
    kind = (row["error"] or {}).get("type")
    faults = [] if kind == told["error_type"] else [f"type is {kind}, not {told['error_type']}"]
    if row["attempts"] != ATTEMPTS[told["retry"]]:
        faults.append(f"{row['attempts']} attempts, where retry is `{told['retry']}`")
    return about, faults


PARTS = {"requests": requests, "rows": rows, "answers": answers, "errors": errors, "wire": wire.check}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vendors", nargs="*", help=f"of {', '.join(VENDORS)}; all when left out")
    parser.add_argument("--only", choices=list(PARTS), help="one of the parts")
    parser.add_argument("-v", "--verbose", action="store_true", help="also what a dialect cannot say, and why")
    given = parser.parse_args()
    tally = Tally(given.verbose)
    for name in given.vendors or VENDORS:
        for part, check in PARTS.items():
            if given.only in (None, part):
                check(name, VENDORS[name], tally)
    sys.exit(tally.table())


if __name__ == "__main__":
    main()
