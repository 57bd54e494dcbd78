"""PyPI `PyJWT`: `PyJWKClient` and `jwt.decode`, as its documentation shows them."""

import jwt
from lib import ISSUER, JWKS_URI, Refusals, Verify, journey, run

REFUSALS = Refusals(
    signature=jwt.InvalidSignatureError,
    audience=jwt.InvalidAudienceError,
    algorithm=jwt.InvalidAlgorithmError,
    unknown_key=jwt.PyJWKClientError,
)


def open_client() -> Verify:
    keys = jwt.PyJWKClient(JWKS_URI)

    def verify(token: str, audience: str, alg: str) -> dict:
        key = keys.get_signing_key_from_jwt(token)
        return jwt.decode(token, key, algorithms=[alg], audience=audience, issuer=ISSUER)

    return verify


run("PyJWT", lambda checks: journey(checks, open_client, REFUSALS))
