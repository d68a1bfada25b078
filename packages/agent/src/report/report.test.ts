import { expect, it } from 'vitest';
import { initialUpdate, type Update } from '../update/index.ts';
import { reportOf } from './report.ts';

const ref = { model: 'bearing', version: '1.0.0', number: 1, bundle: 'a'.repeat(64) };
const release = { id: 'b'.repeat(64), models: [ref] };
const committed = {
  ...initialUpdate,
  state: 'committed',
  committed: { release, proof: 'proven' },
} as unknown as Update;
const runtime = { serving: [], quarantined: [], unloaded: [], deaths: 0 };
const noOther = { software: null, link: undefined };

it('a version that a caller has unloaded is not said to serve, and why', () => {
  const reported = reportOf(committed, { ...runtime, unloaded: [ref] }, noOther);
  expect(reported).toMatchObject({ state: 'committed', serving: [], releaseId: null });
  expect(reported.reason).toEqual({
    code: 'MODEL_UNLOADED',
    message: 'bearing 1.0.0 was unloaded by a caller of the inference API here',
  });
  expect(reportOf(committed, runtime, noOther).reason).toBeUndefined();
});
