// npm `jwks-rsa` with `jsonwebtoken`: the callback `getKey` of its documentation.

import jwt from 'jsonwebtoken';
import jwksClient from 'jwks-rsa';
import { ISSUER, journey, jwksUri, run } from './lib.mjs';

const refusals = {
  signature: /^JsonWebTokenError: invalid signature$/,
  audience: /^JsonWebTokenError: jwt audience invalid/,
  algorithm: /^JsonWebTokenError: invalid algorithm$/,
  unknownKey: /Unable to find a signing key that matches/,
};

await run('jwks-rsa', (checks) => journey(checks, { open, refusals }));

function open() {
  const client = jwksClient({ jwksUri });
  const getKey = (header, callback) =>
    client.getSigningKey(header.kid, (error, key) => callback(error, key?.getPublicKey()));
  return (token, { audience, alg }) =>
    new Promise((resolve, reject) => {
      const options = { issuer: ISSUER, audience, algorithms: [alg] };
      jwt.verify(token, getKey, options, (error, claims) => (error ? reject(error) : resolve(claims)));
    });
}
