// npm `openid-client`: discovery and the client credentials grant, once for each way to authenticate the client.
// It reads metadata from both well-known paths, and refuses an issuer that differs in a byte from the one asked for.

import assert from 'node:assert/strict';
import {
  allowInsecureRequests, ClientSecretBasic, ClientSecretPost, clientCredentialsGrant, discovery,
} from 'openid-client';
import { openJose, refusals } from './jose-verify.mjs';
import { AUDIENCE, CLIENT_ID, CLIENT_SECRET, ISSUER, journey, jwksUri, run } from './lib.mjs';

await run('openid-client', async (checks) => {
  const post = await discover(ClientSecretPost(CLIENT_SECRET), 'oidc');
  const basic = await discover(ClientSecretBasic(CLIENT_SECRET), 'oauth2');
  for (const config of [post, basic]) {
    const { issuer, jwks_uri } = config.serverMetadata();
    checks.that('the discovery document names issuer and key set', issuer === ISSUER && jwks_uri === jwksUri);
    const verify = openJose(jwks_uri);
    await checks.accepts('its token', verify, await grant(config, AUDIENCE), { audience: AUDIENCE, alg: 'RS256' });
  }
  const stranger = await discover(ClientSecretPost(`${CLIENT_SECRET}x`), 'oidc');
  checks.that('a wrong secret is refused with 401', (await refusedStatus(stranger)) === 401);

  await journey(checks, { open: () => openJose(jwksUri), refusals, ask: (audience) => grant(basic, audience) });
});

function discover(authentication, algorithm) {
  // Plain HTTP is for localhost only; the library wants to hear that it is meant.
  const options = { algorithm, execute: [allowInsecureRequests] };
  return discovery(new URL(ISSUER), CLIENT_ID, undefined, authentication, options);
}

async function grant(config, audience) {
  const response = await clientCredentialsGrant(config, { audience });
  assert.equal(response.token_type, 'bearer');
  assert.ok(response.expiresIn() > 0, 'expires_in');
  return response.access_token;
}

async function refusedStatus(config) {
  return clientCredentialsGrant(config, { audience: AUDIENCE }).then(() => 200, (error) => error.status);
}
