"""A service account of Google's and the server of its tokens, against the package `google-auth`."""

import functools
import json
import urllib.parse

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt

from lab import Place, Reply

PROJECT, LOCATION, TOKEN = "the-project", "europe-west4", "ya29.of-no-use"
MAIL = f"runner@{PROJECT}.iam.gserviceaccount.com"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@functools.cache
def pair():
    """A key that is made for one run: its two halves as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public


def place(server):
    uri = server.url + "/token"
    account = {
        "type": "service_account", "project_id": PROJECT, "private_key_id": "k1", "private_key": pair()[0],
        "client_email": MAIL, "token_uri": uri,
    }
    server.others["/token"] = lambda body: token(body, uri)
    lines = f'location = "{LOCATION}"\napi_key = {{ env = "KEY" }}'
    return Place(server.url, lines, {"KEY": json.dumps(account)})


def token(body, uri):
    """A token for whoever asks as Google's own library would; else the reason why not."""
    told = dict(urllib.parse.parse_qsl(body.decode()))
    try:
        claims = jwt.decode(told["assertion"], certs={"k1": pair()[1]}, audience=uri)
        is_right = (told["grant_type"], claims["iss"], claims["scope"], claims["exp"] - claims["iat"] <= 3600) == (GRANT, MAIL, SCOPE, True)
        reason = None if is_right else f"{told['grant_type']}, {claims}"
    except (KeyError, ValueError) as why:
        reason = repr(why)
    if reason:
        return Reply(status=400, pieces=[json.dumps({"error": "invalid_grant", "error_description": reason}).encode()])
    return Reply(pieces=[json.dumps({"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"}).encode()])


def head_faults(seen, path):
    told = {"path": seen.path, "authorization": seen.headers.get("authorization"), "type": seen.headers["content-type"]}
    meant = {"path": path, "authorization": f"Bearer {TOKEN}", "type": "application/json"}
    meant["path"] = f"/v1/projects/{PROJECT}/locations/{LOCATION}/{path}"
    faults = [f"{key} is {told[key]!r}, not {meant[key]!r}" for key in meant if told[key] != meant[key]]
    others = [name for name in ("x-api-key", "x-goog-api-key", "anthropic-version") if name in seen.headers]
    return faults + [f"a header `{name}`" for name in others]
