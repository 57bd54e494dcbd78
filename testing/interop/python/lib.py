"""What every Python client shares: asking for tokens, spoiling them, rotating keys, counting checks, reporting.

How a token is verified is each script's own business: that is what the script is there to show.
"""

import base64
import json
import os
import sys
import traceback
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from urllib.error import HTTPError


def setting(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        sys.exit(f"set {name}: the server writes it to dev.env in its data folder")
    return value


ISSUER = setting("ISSUER")
AUDIENCE = setting("AUDIENCE")
CLIENT_ID = setting("CLIENT_ID")
CLIENT_SECRET = setting("CLIENT_SECRET")
ES256_AUDIENCE = os.environ.get("ES256_AUDIENCE")
MANAGEMENT_AUDIENCE = f"{ISSUER}api/v2/"
JWKS_URI = f"{ISSUER}.well-known/jwks.json"

Verify = Callable[[str, str, str], dict]
"""One client instance: `(token, audience, algorithm)` to claims, or an exception."""


@dataclass
class Refusals:
    """The library's own exceptions, so that a refusal for the wrong reason fails."""

    signature: type[Exception]
    audience: type[Exception]
    algorithm: type[Exception]
    unknown_key: type[Exception]


class Checks:
    """Counts what was asserted, so that whoever reads the count notices a check that was skipped by mistake."""

    def __init__(self) -> None:
        self.count = 0

    def that(self, what: str, holds: bool) -> None:
        if not holds:
            raise AssertionError(what)
        self.count += 1

    def equal(self, what: str, actual: object, expected: object) -> None:
        self.that(f"{what}: {actual!r} is not {expected!r}", actual == expected)

    def accepts(self, what: str, verify: Verify, token: str, audience: str, alg: str) -> None:
        """The library accepts the token, and it is exactly what an RFC 9068 access token has to be."""
        claims = verify(token, audience, alg)
        header = decode(token, 0)
        found = (header["typ"], header["alg"], claims["iss"], claims["aud"], claims["client_id"])
        types = [type(claims[name]) for name in ("sub", "jti", "iat", "exp")]
        expected = ("at+jwt", alg, ISSUER, audience, CLIENT_ID)
        self.equal(what, (found, types), (expected, [str, str, int, int]))

    def refuses(self, what: str, verify: Verify, token: str, audience: str, alg: str, reason: type[Exception]) -> None:
        try:
            verify(token, audience, alg)
        except reason:
            self.count += 1
        else:
            raise AssertionError(f"{what} was accepted")


def run(client: str, program: Callable[[Checks], None]) -> None:
    """Runs `program` and reports one line of JSON, or the reason and status 1."""
    checks = Checks()
    try:
        program(checks)
    except Exception:
        print(f"{client}, after {checks.count} checks:", file=sys.stderr)
        traceback.print_exc()
        sys.exit(1)
    print(json.dumps({"client": client, "version": version(client), "checks": checks.count}))


def journey(checks: Checks, open_client: Callable[[], Verify], refusals: Refusals) -> None:
    """The assertions that every client must pass; `open_client` makes an instance with a cache of its own."""
    verify = open_client()
    rs256 = (AUDIENCE, "RS256")

    before = request_token(AUDIENCE)
    checks.accepts("a fresh token", verify, before, *rs256)
    checks.refuses("a changed signature", verify, change_signature(before), *rs256, refusals.signature)
    checks.refuses("changed claims", verify, change_claims(before), *rs256, refusals.signature)
    for_management = request_token(MANAGEMENT_AUDIENCE)
    checks.refuses("a token for another audience", verify, for_management, *rs256, refusals.audience)

    if ES256_AUDIENCE:
        es256(checks, verify, ES256_AUDIENCE, refusals)

    known = published_kids()
    rotate()
    after = request_token(AUDIENCE)
    checks.that("the rotation changes the signing key", kid(after) != kid(before))
    checks.that("the new signing key was published before it signed", kid(after) in known)
    checks.accepts("a token of the new key, by the same instance", verify, after, *rs256)
    checks.accepts("a token of the old key, by the same instance", verify, before, *rs256)

    manage("PUT", f"keys/signing/{kid(before)}/revoke", 200)
    reopened = open_client()
    checks.refuses("a token of a revoked key", reopened, before, *rs256, refusals.unknown_key)
    checks.accepts("a token of the new key, by a new instance", reopened, after, *rs256)


def es256(checks: Checks, verify: Verify, audience: str, refusals: Refusals) -> None:
    token = request_token(audience)
    checks.accepts("an ES256 token", verify, token, audience, "ES256")
    changed = change_signature(token)
    checks.refuses("a changed ES256 signature", verify, changed, audience, "ES256", refusals.signature)
    checks.refuses("ES256 where RS256 is expected", verify, token, audience, "RS256", refusals.algorithm)


def request_token(audience: str) -> str:
    """An access token by client credentials, asked for in JSON; the Node clients send a form."""
    parameters = {
        "grant_type": "client_credentials",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "audience": audience,
    }
    headers = {"Content-Type": "application/json"}
    answer = json.loads(request("POST", f"{ISSUER}oauth/token", 200, headers, json.dumps(parameters)).body)
    assert answer["token_type"] == "Bearer" and answer["expires_in"] > 0
    return answer["access_token"]


def rotate() -> None:
    answer = manage("POST", "keys/signing/rotate", 201)
    assert answer.keys() == {"cert", "kid"}, answer.keys()


def manage(method: str, path: str, status: int) -> dict:
    headers = {"Authorization": f"Bearer {request_token(MANAGEMENT_AUDIENCE)}"}
    return json.loads(request(method, MANAGEMENT_AUDIENCE + path, status, headers).body)


def key_set() -> dict:
    return json.loads(request("GET", JWKS_URI, 200).body)


def published_kids() -> list[str]:
    return [key["kid"] for key in key_set()["keys"]]


@dataclass
class Response:
    content_type: str
    body: bytes


def request(method: str, url: str, status: int, headers: dict | None = None, body: str | None = None) -> Response:
    data = body.encode() if body is not None else None
    asked = urllib.request.Request(url, data, headers or {}, method=method)
    try:
        response = urllib.request.urlopen(asked)
    except HTTPError as error:
        response = error  # An answer as good as any: its body says what is wrong.
    with response:
        content = response.read()
        if response.status != status:
            raise AssertionError(f"{method} {url}: expected {status}, got {response.status}: {content!r}")
        return Response(response.headers.get_content_type(), content)


def change_signature(token: str) -> str:
    header, claims, signature = token.split(".")
    changed = bytearray(from_base64url(signature))
    # In the middle, where the numbers in it stay in range: wrong, not unreadable.
    changed[len(changed) // 2] ^= 1
    return f"{header}.{claims}.{to_base64url(changed)}"


def change_claims(token: str) -> str:
    header, _, signature = token.split(".")
    claims = {**decode(token, 1), "scope": "everything"}
    return f"{header}.{to_base64url(json.dumps(claims).encode())}.{signature}"


def kid(token: str) -> str:
    return decode(token, 0)["kid"]


def decode(token: str, part: int) -> dict:
    return json.loads(from_base64url(token.split(".")[part]))


def from_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def to_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
