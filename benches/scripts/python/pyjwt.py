"""PyPI `PyJWT`: `PyJWKClient` and `jwt.decode`, as its documentation shows them."""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import jwt

THREADS = 32

with open(sys.argv[1], encoding="utf-8") as file:
    scene = json.load(file)


def open_client(url):
    keys = jwt.PyJWKClient(url)

    def verify(token):
        key = keys.get_signing_key_from_jwt(token)
        return jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=scene["audience"],
            issuer=scene["issuer"],
            leeway=scene["leeway"],
        )

    return verify


def refuses(verify, token, reason):
    try:
        verify(token)
    except reason:
        return
    raise AssertionError("a bad token was accepted")


def prove(verify):
    """The good token is accepted and a tampered one is not, or the times mean nothing."""
    verify(scene["token"])
    header, claims, signature = scene["token"].split(".")
    other = "B" if signature[20] == "A" else "A"
    tampered = ".".join([header, claims, signature[:20] + other + signature[21:]])
    refuses(verify, tampered, jwt.InvalidSignatureError)


def stretch(call, calls):
    begin = time.perf_counter_ns()
    for _ in range(calls):
        call()
    return time.perf_counter_ns() - begin


def timed(call):
    """Nanoseconds per call, of each round."""
    calls = 16
    while stretch(call, calls) < scene["batch_milliseconds"] * 500_000:
        calls *= 2
    return [stretch(call, calls) / calls for _ in range(scene["rounds"])]


warm = open_client(scene["warm"])
prove(warm)
verification_ns = timed(lambda: warm(scene["token"]))

cold = open_client(scene["cold"])
with ThreadPoolExecutor(THREADS) as pool:
    begin = time.perf_counter_ns()
    list(pool.map(cold, [scene["token"]] * scene["callers"]))
    cold_ms = (time.perf_counter_ns() - begin) / 1e6

flooded = open_client(scene["flood"])
flooded(scene["token"])
begin = time.perf_counter_ns()
for made_up in scene["made_up"]:
    refuses(flooded, made_up, jwt.PyJWKClientError)
refusal_ns = (time.perf_counter_ns() - begin) / len(scene["made_up"])

figures = {
    "version": version("PyJWT"),
    "verification_ns": verification_ns,
    "cold_ms": cold_ms,
    "flood": {"sent": len(scene["made_up"]), "refusal_ns": refusal_ns},
}
print(json.dumps(figures))
