"""PyPI `cryptography`: the certificate endpoints agree with each other and with the published key, also after a
rotation."""

import base64
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509 import Certificate, load_der_x509_certificate, load_pem_x509_certificate
from lib import (
    AUDIENCE,
    ISSUER,
    Checks,
    Response,
    from_base64url,
    key_set,
    kid,
    manage,
    request,
    request_token,
    rotate,
    run,
    to_base64url,
)


def program(checks: Checks) -> None:
    first = current_certificate(checks)
    rotate()
    second = current_certificate(checks)
    checks.that("the endpoints follow the rotation", first != second)


def current_certificate(checks: Checks) -> Certificate:
    """The certificate of the key that signs now, once every endpoint has been seen to tell the same of it."""
    jwk = current_key()
    der = base64.b64decode(jwk["x5c"][0], validate=True)
    certificate = load_der_x509_certificate(der)

    numbers = certificate.public_key().public_numbers()
    published = tuple(int.from_bytes(from_base64url(jwk[name])) for name in ("n", "e"))
    checks.equal("n and e of the certificate", (numbers.n, numbers.e), published)
    checks.equal("x5t", to_base64url(certificate.fingerprint(hashes.SHA1())), jwk["x5t"])
    checks.equal("x5t#S256", to_base64url(certificate.fingerprint(hashes.SHA256())), jwk["x5t#S256"])

    checks.equal("/pem", load_pem_x509_certificate(endpoint("pem").body), certificate)
    checks.equal("/cer", read_cer(endpoint("cer")), certificate)
    checks.equal("/rawpem", read_rawpem(endpoint("rawpem")), certificate)
    checks.equal("/pb7", read_pb7(endpoint("pb7")), [certificate])
    fingerprint = certificate.fingerprint(hashes.SHA1()).hex(":").upper()
    checks.equal("/fingerprint", endpoint("fingerprint").body.decode().strip().upper(), fingerprint)

    managed = manage("GET", f"keys/signing/{jwk['kid']}", 200)
    checks.equal("the managed certificate", load_pem_x509_certificate(managed["cert"].encode()), certificate)
    told = (managed["kid"], managed["current"], managed["fingerprint"].upper())
    checks.equal("what the management API tells", told, (jwk["kid"], True, fingerprint))
    return certificate


def current_key() -> dict:
    current = kid(request_token(AUDIENCE))
    return next(key for key in key_set()["keys"] if key["kid"] == current)


def endpoint(name: str) -> Response:
    return request("GET", ISSUER + name, 200)


def read_cer(response: Response) -> Certificate:
    """Both encodings are in use for `.cer` files; the media type has to say which one it is (RFC 2585 §4.1: DER)."""
    der = response.content_type in ("application/pkix-cert", "application/x-x509-ca-cert", "application/octet-stream")
    return (load_der_x509_certificate if der else load_pem_x509_certificate)(response.body)


def read_rawpem(response: Response) -> Certificate:
    """The PEM text with its armour, or nothing but what stands between it."""
    if response.body.startswith(b"-----BEGIN"):
        return load_pem_x509_certificate(response.body)
    return load_der_x509_certificate(base64.b64decode(response.body.strip(), validate=True))


def read_pb7(response: Response) -> list[Certificate]:
    pem = response.body.startswith(b"-----BEGIN")
    load: Callable[[bytes], list[Certificate]]
    load = pkcs7.load_pem_pkcs7_certificates if pem else pkcs7.load_der_pkcs7_certificates
    return load(response.body)


run("cryptography", program)
