// npm `jose`: `createRemoteJWKSet` and `jwtVerify`, as its documentation shows them.

import assert from 'node:assert/strict';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { milliseconds, prove, report, scene, timed } from './lib.mjs';

const { issuer, audience, leeway, token, made_up, callers } = scene;
const options = { issuer, audience, clockTolerance: leeway, algorithms: ['RS256'], typ: 'at+jwt' };

function open(url) {
  const keys = createRemoteJWKSet(new URL(url));
  return (token) => jwtVerify(token, keys, options);
}

const verify = open(scene.warm);
await prove(verify);
const verification_ns = await timed(() => verify(token));

const cold = open(scene.cold);
const cold_ms = await milliseconds(() => Promise.all(Array.from({ length: callers }, () => cold(token))));

const flooded = open(scene.flood);
await flooded(token);
const flood_ms = await milliseconds(async () => {
  for (const token of made_up) {
    await assert.rejects(() => flooded(token), { code: 'ERR_JWKS_NO_MATCHING_KEY' });
  }
});

report('jose', { verification_ns, cold_ms, flood: { sent: made_up.length, refusal_ns: (flood_ms * 1e6) / made_up.length } });
