// npm `fast-jwt` with its cache of verified tokens: with the key builder that it comes with, and with the identity that its
// documentation names as the faster one.
//
// A token comes out of a buffer, as from a connection: a string that V8 has hashed before, or the very one that is remembered,
// would be none that a client sends. What making it costs is measured alone and taken off.

import { createPublicKey } from 'node:crypto';
import { createVerifier } from 'fast-jwt';
import { interleaved, prove, report, scene, timed } from './lib.mjs';

const { issuer, audience, leeway, token, tokens, jwk } = scene;
const key = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
const options = {
  key,
  algorithms: ['RS256'],
  allowedIss: issuer,
  allowedAud: audience,
  clockTolerance: leeway * 1000,
  checkTyp: 'at+jwt',
};
const STEP = 7919;

const verify = createVerifier({ ...options, cache: false });
await prove(verify);
const verification_ns = await timed(() => verify(token));

const hits = [];
for (const live_tokens of scene.live) {
  for (const [way, builder] of [['cache', {}], ['cache, identity as key', { cacheKeyBuilder: (token) => token }]]) {
    const cached = createVerifier({ ...options, ...builder, cache: 2 * live_tokens });
    for (const token of tokens.slice(0, live_tokens)) cached(token);
    const buffers = tokens.slice(0, live_tokens).map((token) => Buffer.from(token));
    let next = 0;
    const arrive = () => {
      next = (next + STEP) % live_tokens;
      return buffers[next].latin1Slice();
    };
    const [arrivals, both] = await interleaved([arrive, () => cached(arrive())]);
    hits.push({ live_tokens, way, ns: both.map((ns, round) => ns - arrivals[round]) });
  }
}

report('fast-jwt', { verification_ns, hits });
