// What every node client shares: asking for tokens, spoiling them, rotating keys, counting checks, reporting.
// How a token is verified is each script's own business: that is what the script is there to show.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';

export const ISSUER = setting('ISSUER');
export const AUDIENCE = setting('AUDIENCE');
export const CLIENT_ID = setting('CLIENT_ID');
export const CLIENT_SECRET = setting('CLIENT_SECRET');
const ES256_AUDIENCE = process.env.ES256_AUDIENCE;
const MANAGEMENT_AUDIENCE = `${ISSUER}api/v2/`;

export const jwksUri = `${ISSUER}.well-known/jwks.json`;

/**
 * Runs `program(checks)` and reports one line of JSON, or the reason and status 1.
 * @param {string} client the npm package under test
 */
export async function run(client, program) {
  const checks = new Checks();
  try {
    await program(checks);
    console.log(JSON.stringify({ client, version: installedVersion(client), checks: checks.count }));
  } catch (error) {
    console.error(`${client}, after ${checks.count} checks: ${inspect(error)}`);
    process.exitCode = 1;
  }
}

/**
 * The assertions that every client must pass.
 *
 * `open()` makes a client instance: `verify(token, { audience, alg })`, which resolves to the claims.
 * `refusals` are patterns of the library's own reasons, so that a refusal for the wrong reason fails.
 * `ask(audience)` gets an access token; by default with plain `fetch`.
 */
export async function journey(checks, { open, refusals, ask = requestToken }) {
  const verify = open();
  const rs256 = { audience: AUDIENCE, alg: 'RS256' };

  const before = await ask(AUDIENCE);
  await checks.accepts('a fresh token', verify, before, rs256);
  await checks.refuses('a changed signature', verify, changeSignature(before), rs256, refusals.signature);
  await checks.refuses('changed claims', verify, changeClaims(before), rs256, refusals.signature);
  const forManagement = await requestToken(MANAGEMENT_AUDIENCE);
  await checks.refuses('a token for another audience', verify, forManagement, rs256, refusals.audience);

  if (ES256_AUDIENCE) await es256(checks, verify, ask, refusals);

  const known = await publishedKids();
  await manage('POST', 'keys/signing/rotate', 201);
  const after = await ask(AUDIENCE);
  checks.that('the rotation changes the signing key', kid(after) !== kid(before));
  checks.that('the new signing key was published before it signed', known.includes(kid(after)));
  await checks.accepts('a token of the new key, by the same instance', verify, after, rs256);
  await checks.accepts('a token of the old key, by the same instance', verify, before, rs256);

  await manage('PUT', `keys/signing/${kid(before)}/revoke`, 200);
  const reopened = open();
  await checks.refuses('a token of a revoked key', reopened, before, rs256, refusals.unknownKey);
  await checks.accepts('a token of the new key, by a new instance', reopened, after, rs256);
}

async function es256(checks, verify, ask, refusals) {
  const options = { audience: ES256_AUDIENCE, alg: 'ES256' };
  const token = await ask(ES256_AUDIENCE);
  await checks.accepts('an ES256 token', verify, token, options);
  await checks.refuses('a changed ES256 signature', verify, changeSignature(token), options, refusals.signature);
  const onlyRs256 = { ...options, alg: 'RS256' };
  await checks.refuses('ES256 where RS256 is expected', verify, token, onlyRs256, refusals.algorithm);
}

/** Counts what was asserted, so that a check that is skipped by mistake is noticed by whoever reads the count. */
class Checks {
  count = 0;

  that(what, holds) {
    assert.ok(holds, what);
    this.count += 1;
  }

  /** The library accepts the token, and the token is exactly what an RFC 9068 access token has to be. */
  async accepts(what, verify, token, { audience, alg }) {
    const claims = await verify(token, { audience, alg }).catch((cause) => {
      throw new Error(`${what} was refused`, { cause });
    });
    const { typ, alg: signedWith } = decode(token, 0);
    assert.deepEqual({ typ, alg: signedWith }, { typ: 'at+jwt', alg }, `header of ${what}`);
    const { iss, aud, client_id } = claims;
    assert.deepEqual({ iss, aud, client_id }, { iss: ISSUER, aud: audience, client_id: CLIENT_ID }, what);
    for (const name of ['sub', 'jti']) assert.equal(typeof claims[name], 'string', `${name} of ${what}`);
    for (const name of ['iat', 'exp']) assert.ok(Number.isInteger(claims[name]), `${name} of ${what}`);
    this.count += 1;
  }

  async refuses(what, verify, token, options, reason) {
    const outcome = await verify(token, options).then(
      () => 'it was accepted',
      (error) => `${error.code ?? error.name}: ${error.message}`,
    );
    assert.match(outcome, reason, what);
    this.count += 1;
  }
}

/** An access token by client credentials, the way anybody with nothing but `fetch` would ask for it. */
async function requestToken(audience) {
  const response = await fetch(`${ISSUER}oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      audience,
    }),
  });
  await expectStatus(response, 200, `a token for ${audience}`);
  const { access_token, token_type, expires_in } = await response.json();
  assert.equal(token_type, 'Bearer');
  assert.ok(expires_in > 0, 'expires_in');
  return access_token;
}

async function manage(method, path, status) {
  const authorization = `Bearer ${await requestToken(MANAGEMENT_AUDIENCE)}`;
  const response = await fetch(`${MANAGEMENT_AUDIENCE}${path}`, { method, headers: { authorization } });
  await expectStatus(response, status, `${method} ${path}`);
  const { kid, cert } = await response.json();
  assert.equal(typeof kid, 'string');
  assert.match(cert, /^-----BEGIN CERTIFICATE-----/);
}

async function publishedKids() {
  const response = await fetch(jwksUri);
  await expectStatus(response, 200, 'the key set');
  const { keys } = await response.json();
  return keys.map(({ kid }) => kid);
}

async function expectStatus(response, status, what) {
  if (response.status !== status) {
    throw new Error(`${what}: expected ${status}, got ${response.status}: ${await response.text()}`);
  }
}

function changeSignature(token) {
  const [header, claims, signature] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  // In the middle, where the numbers in it stay in range: wrong, not unreadable.
  bytes[bytes.length >> 1] ^= 1;
  return [header, claims, bytes.toString('base64url')].join('.');
}

function changeClaims(token) {
  const [header, , signature] = token.split('.');
  const claims = { ...decode(token, 1), scope: 'everything' };
  return [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
}

function kid(token) {
  return decode(token, 0).kid;
}

function decode(token, part) {
  return JSON.parse(Buffer.from(token.split('.')[part], 'base64url').toString());
}

function setting(name) {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}: the server writes it to dev.env in its data folder`);
  return value;
}

/** What is really installed, not what was asked for. */
function installedVersion(name) {
  const manifest = new URL(`./node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(manifest, 'utf8')).version;
}
