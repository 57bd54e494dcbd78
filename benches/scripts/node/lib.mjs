// What the Node clients share: the scene that the bench has written, timing, and one line of JSON at the end.
//
// How a token is verified is each script's own business: that is what the script is there to show.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

/** Issuer, audience, tokens and key, as the bench wrote them. */
export const scene = JSON.parse(readFileSync(process.argv[2], 'utf8'));

/** Nanoseconds per call, of each round. A promise is waited for, and nothing else is. */
export async function timed(call) {
  const [times] = await interleaved([call]);
  return times;
}

/** The same for several, which take turns in each round. */
export async function interleaved(calls) {
  const { rounds, batch_milliseconds } = scene;
  const counts = [];
  for (const call of calls) {
    let count = 64;
    while ((await stretch(call, count)) < batch_milliseconds * 5e5) count *= 2;
    counts.push(count);
  }
  const times = calls.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [at, call] of calls.entries()) times[at].push((await stretch(call, counts[at])) / counts[at]);
  }
  return times;
}

async function stretch(call, calls) {
  const begin = process.hrtime.bigint();
  for (let number = 0; number < calls; number += 1) {
    const found = call();
    if (found instanceof Promise) await found;
  }
  return Number(process.hrtime.bigint() - begin);
}

/** Milliseconds that a promise takes. */
export async function milliseconds(work) {
  const begin = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - begin) / 1e6;
}

/** The good token is accepted and a tampered one is not, or the times mean nothing. */
export async function prove(verify) {
  const { token } = scene;
  await verify(token);
  const [header, claims, signature] = token.split('.');
  const other = signature[20] === 'A' ? 'B' : 'A';
  const tampered = [header, claims, signature.slice(0, 20) + other + signature.slice(21)].join('.');
  await assert.rejects(async () => verify(tampered), 'a tampered token is accepted');
}

export function report(name, figures) {
  const manifest = new URL(`./node_modules/${name}/package.json`, import.meta.url);
  const { version } = JSON.parse(readFileSync(manifest, 'utf8'));
  console.log(JSON.stringify({ version, ...figures }));
}
