import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ApiFixture, apiFixture, callApi } from './api.fixture.ts';

let fixture: ApiFixture;

beforeEach(async () => {
  fixture = await apiFixture(['lab-1', 'plant-1']);
});
afterEach(() => fixture.close());

const rollout = (version: string) =>
  callApi(fixture, 'POST', '/v1/rollouts', { model: 'bearing', version, selector: 'all' });

test('a rollout to devices that lack what a version needs is refused before it begins, with the reason', async () => {
  await fixture.publish('1.0.0', { needs: { requirements: { memoryBytes: 2, agentVersion: '0.2.0' } } });
  const { status, body } = await rollout('1.0.0');
  expect([status, body.code]).toEqual([400, 'BUNDLE_INCOMPATIBLE']);
  expect(body.message).toBe(
    'lab-1, plant-1: bearing 1.0.0 does not run here: it needs 2 bytes of memory, the device has 1; it needs agent 0.2.0 or later, the device runs 0.1.0',
  );
  expect((await callApi(fixture, 'GET', '/v1/rollouts')).body.rollouts).toEqual([]);
});

test('a rollout that would leave a release without what it depends on is refused', async () => {
  await fixture.publish('1.0.0', { needs: { depends: [{ name: 'faces' }] } });
  const { body } = await rollout('1.0.0');
  expect(body).toMatchObject({
    code: 'BUNDLE_INCOMPATIBLE',
    message: expect.stringContaining('bearing 1.0.0 needs faces: roll out that first'),
  });
});

test('one whose needs are met begins', async () => {
  const requirements = {
    memoryBytes: 1,
    agentVersion: '0.1.0',
    opsets: { '': 26 },
    providers: ['cpu' as const],
  };
  await fixture.publish('1.0.0', { needs: { requirements } });
  expect((await rollout('1.0.0')).status).toBe(200);
});
