// How npm `jose` verifies an access token: a remote key set and `jwtVerify`, as its documentation shows them.

import { createRemoteJWKSet, jwtVerify } from 'jose';
import { ISSUER } from './lib.mjs';

/** The reasons, by `error.code`, for which `jose` refuses. */
export const refusals = {
  signature: /^ERR_JWS_SIGNATURE_VERIFICATION_FAILED:/,
  audience: /^ERR_JWT_CLAIM_VALIDATION_FAILED: unexpected "aud"/,
  algorithm: /^ERR_JOSE_ALG_NOT_ALLOWED:/,
  unknownKey: /^ERR_JWKS_NO_MATCHING_KEY:/,
};

/** One client instance, with a cache of its own, for the key set at `jwksUri`. */
export function openJose(jwksUri) {
  const keys = createRemoteJWKSet(new URL(jwksUri));
  return async (token, { audience, alg }) => {
    const options = { issuer: ISSUER, audience, algorithms: [alg], typ: 'at+jwt' };
    const { payload } = await jwtVerify(token, keys, options);
    return payload;
  };
}
