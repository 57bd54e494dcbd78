// npm `jose`: `createRemoteJWKSet` and `jwtVerify`.

import { openJose, refusals } from './jose-verify.mjs';
import { journey, jwksUri, run } from './lib.mjs';

await run('jose', (checks) => journey(checks, { open: () => openJose(jwksUri), refusals }));
