"""A server on loopback that keeps what it is asked and answers as told, and jobs of `runner` against it.

A case is known by the mark `[#id]` in its message: whatever the dialect makes of the message, the mark
stays in the body.
"""

import base64
import dataclasses
import http.server
import json
import os
import pathlib
import re
import subprocess
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
MARK = re.compile(rb"\[#([\w./:-]+)\]")
KEY = "sk-of-no-use"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@dataclasses.dataclass
class Seen:
    """One request as it came."""

    path: str
    headers: dict
    body: dict
    raw: bytes = b""


@dataclasses.dataclass
class Reply:
    """What the server says. Pieces are sent one by one; `cut` breaks the connection after the last."""

    status: int = 200
    pieces: list = dataclasses.field(default_factory=lambda: [b"{}"])
    kind: str = "application/json"
    headers: dict = dataclasses.field(default_factory=dict)
    cut: bool = False
    hang: bool = False


@dataclasses.dataclass
class Place:
    """Where a provider is asked, and how it is told that it may be asked there."""

    url: str
    lines: str = 'api_key = { env = "KEY" }'
    env: dict = dataclasses.field(default_factory=lambda: {"KEY": KEY})


class Server:
    def __init__(self):
        self.seen = {}
        # What else is served, by path: a function from the body to a reply.
        self.others = {}
        self.replies = {}
        self.fallback = Reply(status=404, pieces=[b'{"error":{"message":"no such case"}}'])
        self.closing = threading.Event()
        self.lock = threading.Lock()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.say(Reply(pieces=[base64.b64decode(PNG)], kind="image/png"))

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                if self.path in server.others:
                    self.say(server.others[self.path](body))
                    return
                mark = MARK.search(body)
                case = mark.group(1).decode() if mark else "?"
                headers = {name.lower(): value for name, value in self.headers.items()}
                with server.lock:
                    server.seen.setdefault(case, []).append(Seen(self.path, headers, json.loads(body), body))
                self.say(server.replies.get(case, server.fallback))

            def say(self, reply):
                if reply.hang:
                    server.closing.wait(30)
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                self.send_header("content-type", reply.kind)
                self.send_header("transfer-encoding", "chunked")
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                for piece in filter(None, reply.pieces):
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    self.wfile.flush()
                if reply.cut:
                    self.close_connection = True
                else:
                    self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def close(self):
        self.closing.set()
        self.http.shutdown()


@dataclasses.dataclass
class Case:
    """One question to one model: messages and parameters in OpenAI's form."""

    id: str
    provider: str
    model: str
    messages: list
    params: dict = dataclasses.field(default_factory=dict)
    is_batch: bool = False

    def marked(self):
        """The messages with the mark in the first of the user's."""
        messages = json.loads(json.dumps(self.messages))
        message = next(one for one in messages if one["role"] == "user")
        if isinstance(message["content"], str):
            message["content"] += f" [#{self.id}]"
        else:
            message["content"].append({"type": "text", "text": f"[#{self.id}]"})
        return messages


# Where a fault of a job is told, and in what words.
REFUSED = re.compile(r"^error: (.*)\n *--> (?:prompts/(\d+)\.jsonl|job\.toml:(\d+)):", re.MULTILINE)
PROMPTS = re.compile(r"\[prompts\.p(\d+)\]")


def run(cases, places, head=""):
    """Runs a job of these cases, each provider at its place, and gives the rows of `responses.jsonl` by case.
    A case that cannot be asked is a fault of the whole job: the others are asked without it."""
    refused = {}
    while True:
        rows, told = attempt(cases, places, head)
        if rows is not None:
            return rows | refused
        words = refusals(cases, told, job(cases, places, head).splitlines())
        if not words:
            raise SystemExit(f"the job did not run:\n{told}")
        cases = [case for case in cases if case.id not in words]
        refused |= {id: {"error": {"type": "BadRequestError", "message": words[id]}, "dropped_params": []} for id in words}


def refusals(cases, told, lines):
    """The cases that are faults of their job, and why."""
    words = {}
    for message, nth, line in REFUSED.findall(told):
        # A table of `[[models]]` has the same number as its prompts, which follow it.
        nth = nth or next(found[1] for text in lines[int(line) - 1 :] if (found := PROMPTS.match(text)))
        words[cases[int(nth)].id] = message
    return words


def attempt(cases, places, head):
    """One run: its rows, or none, and what was told of it."""
    runner = os.environ.get("RUNNER", str(ROOT / "target/debug/runner"))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "prompts").mkdir()
        for nth, case in enumerate(cases):
            row = {"id": case.id, "messages": case.marked()}
            if case.is_batch:
                row = {"id": case.id, "custom_id": case.id, "body": case.params | {"messages": row["messages"]}}
            (folder / f"prompts/{nth}.jsonl").write_text(json.dumps(row) + "\n")
        (folder / "job.toml").write_text(job(cases, places, head))
        env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
        for place in places.values():
            env |= place.env
        done = subprocess.run(
            [runner, "run", "job.toml", "--progress", "none"], cwd=folder, env=env, capture_output=True, timeout=300
        )
        found = list(folder.glob("runs/*/latest/responses.jsonl"))
        rows = [json.loads(line) for line in found[0].read_text().splitlines()] if found else None
        return rows and {row["row"]: row for row in rows}, (done.stderr + done.stdout).decode()


def job(cases, places, head):
    lines = ['name = "vendors"', 'on_unsupported = "drop"', head or "[retry]\nmax_attempts = 1"]
    for provider, place in places.items():
        lines.append(f'[providers.{provider}]\nbase_url = "{place.url}"\n{place.lines}')
    for nth, case in enumerate(cases):
        model = f"{case.provider}/{case.model}"
        lines.append(f'[[models]]\nmodel = {toml(model)}\nlabel = "{case.id}"\nprompts = ["p{nth}"]')
        lines.append(f"params = {toml({} if case.is_batch else case.params)}")
        lines.append(f'[prompts.p{nth}]\nfile = "prompts/{nth}.jsonl"\nid = "id"')
    return "\n".join(lines) + "\n"


def toml(value):
    """A value of JSON as one of TOML, on one line."""
    match value:
        case dict():
            return "{ " + ", ".join(f"{json.dumps(key)} = {toml(one)}" for key, one in value.items()) + " }"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def sse(*events, done=False):
    """Events as pieces of a stream; each is JSON text, or a name and JSON text."""
    named = [event if isinstance(event, tuple) else (None, event) for event in events]
    pieces = [(f"event: {name}\n" if name else "") + f"data: {text}\n\n" for name, text in named]
    pieces += ["data: [DONE]\n\n"] if done else []
    return [piece.encode() for piece in pieces]
