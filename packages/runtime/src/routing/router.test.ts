import { expect, test } from 'vitest';
import { loadedModel, schemaOf } from '../models.fixture.ts';
import { createRouter } from './router.ts';

const model = (name: string, version: string, number: number) =>
  loadedModel(`${name}.onnx`, schemaOf('FP32', [1]), { name, version, number });
const models = [model('m', '1.0.0', 1), model('m', '2.0.0', 2), model('other', '1.0.0', 1)];
const asked = (change: { version?: string; key?: string; model?: string } = {}) => ({
  model: 'm',
  version: undefined,
  key: undefined,
  ...change,
});

test('without a route the newest version answers, or the one that is named', () => {
  const router = createRouter({ models });
  expect(router.version(asked())).toBe('2.0.0');
  expect(router.version(asked({ version: '1' }))).toBe('1.0.0');
  expect(router.version(asked({ key: 'anybody' }))).toBe('2.0.0');
  expect(() => router.version(asked({ model: 'absent' }))).toThrow('no model absent is deployed here');
  expect(() => router.version(asked({ model: 'constructor' }))).toThrow(
    'no model constructor is deployed here',
  );
});

test('a route has its default, channels and shares; asking without running takes no turn', () => {
  const split = [{ version: '2.0.0', share: 0.25 }];
  const routes = [{ model: 'm', version: '1.0.0', channels: { candidate: '2.0.0' }, split }];
  const router = createRouter({ models, routes });
  expect(router.version(asked({ version: 'candidate' }))).toBe('2.0.0');
  expect(router.candidates('m', undefined).toSorted()).toEqual(['1.0.0', '2.0.0']);
  expect(router.candidates('m', 'candidate')).toEqual(['2.0.0']);
  const answered = Array.from({ length: 8 }, () => {
    const version = router.version(asked());
    expect(router.version(asked())).toBe(version);
    router.took('m', version);
    return version;
  });
  expect(answered.filter((version) => version === '2.0.0')).toHaveLength(2);
  const keyed = () => router.version(asked({ key: 'user-7' }));
  expect(new Set(Array.from({ length: 20 }, keyed)).size).toBe(1);
});
