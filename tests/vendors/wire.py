"""What goes wrong below every dialect: no name, no server, no answer, an answer that is none."""

import dataclasses
import socket

import lab
import talks


@dataclasses.dataclass
class Trouble:
    about: str
    error: str
    attempts: int
    reply: lab.Reply = None
    url: str = None
    streamed: bool = False


def place(vendor, server, url=None):
    """Where a vendor is asked: on this server, or at another URL with what this server gives."""
    made = vendor.place(server) if hasattr(vendor, "place") else lab.Place(server.url + vendor.BASE)
    return dataclasses.replace(made, url=url) if url else made


def closed():
    """A port where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


PAGE = b"<!DOCTYPE html><html><body>Sign in</body></html>"
ERROR = b'{"error":{"message":"slow down","code":429}}'


def troubles(server):
    yield Trouble("no such name", "APIConnectionError", 3, url="http://no-such-host.invalid/v1")
    yield Trouble("nobody listens", "APIConnectionError", 3, url=f"http://127.0.0.1:{closed()}/v1")
    yield Trouble("no certificate", "APIConnectionError", 1, url=server.url.replace("http:", "https:") + "/v1")
    yield Trouble("no answer", "Timeout", 3, reply=lab.Reply(hang=True))
    yield Trouble("no answer to a stream", "Timeout", 3, reply=lab.Reply(hang=True), streamed=True)
    yield Trouble("a page", "APIResponseValidationError", 3, reply=lab.Reply(pieces=[PAGE], kind="text/html"))
    yield Trouble("a page as a stream", "APIResponseValidationError", 3, reply=lab.Reply(pieces=[PAGE], kind="text/html"), streamed=True)
    yield Trouble("nothing", "APIResponseValidationError", 3, reply=lab.Reply(pieces=[]))
    yield Trouble("half an answer", "APIResponseValidationError", 3, reply=lab.Reply(pieces=[b'{"choices":['], cut=True))
    yield Trouble("half an answer, ended", "APIResponseValidationError", 3, reply=lab.Reply(pieces=[b'{"choices":[']))
    yield Trouble("a redirect", "BadRequestError", 1, reply=lab.Reply(status=302, headers={"location": server.url}))
    yield Trouble("an error page", "InternalServerError", 3, reply=lab.Reply(status=500, pieces=[PAGE], kind="text/html"))
    yield Trouble("an error for a stream", "RateLimitError", 3, reply=lab.Reply(status=429, pieces=[ERROR]), streamed=True)
    yield Trouble("do not come back", "InternalServerError", 1, reply=lab.Reply(status=500, headers={"x-should-retry": "false"}))
    yield Trouble("come back", "BadRequestError", 3, reply=lab.Reply(status=400, headers={"x-should-retry": "true"}))


def check(name, vendor, tally):
    """Each trouble in a run of its own, in this vendor's dialect."""
    server = lab.Server()
    for nth, trouble in enumerate(troubles(server)):
        params = {"stream": True} if trouble.streamed else {}
        case = lab.Case(f"{name}-wire-{nth}", vendor.PROVIDER, vendor.MODELS[0], [talks.ASK], params)
        if trouble.reply:
            server.replies[case.id] = trouble.reply
        head = '[retry]\nmax_attempts = 3\ninitial = "1ms"\nmax = "2ms"\n[limits]\ntimeout = "400ms"'
        row = lab.run([case], {vendor.PROVIDER: place(vendor, server, trouble.url)}, head)[case.id]
        found = ((row["error"] or {}).get("type"), row["attempts"])
        meant = (trouble.error, trouble.attempts)
        tally.note(name, "wire", trouble.about, [] if found == meant else [f"{found}, not {meant}"])
    server.close()
