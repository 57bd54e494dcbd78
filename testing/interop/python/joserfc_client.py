"""PyPI `joserfc`: a key set that was fetched once, `jwt.decode` and a claims registry.

The library has no fetching of its own, so that what this client knows is what the server published at the start: a
token of the key that signs after a rotation is accepted only because that key was published ahead of it.
"""

from joserfc import errors, jwt
from joserfc.jwk import KeySet
from lib import ISSUER, Refusals, Verify, journey, key_set, run

REFUSALS = Refusals(
    signature=errors.BadSignatureError,
    audience=errors.InvalidClaimError,
    algorithm=errors.UnsupportedAlgorithmError,
    unknown_key=errors.InvalidKeyIdError,
)


def open_client() -> Verify:
    keys = KeySet.import_key_set(key_set())

    def verify(token: str, audience: str, alg: str) -> dict:
        claims = jwt.decode(token, keys, algorithms=[alg]).claims
        jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
        ).validate(claims)
        return claims

    return verify


run("joserfc", lambda checks: journey(checks, open_client, REFUSALS))
