import { expect, test } from 'vitest';
import { checkDependencies, compareVersions, compatibleVariants, type DeviceHost } from './requirements.ts';

const host: DeviceHost = {
  providers: ['cpu'],
  memoryBytes: 512e6,
  agentVersion: '1.2.0',
  opsets: { '': 26, 'ai.onnx.ml': 5 },
};
const bundle = { model: 'm', version: '1.0.0', variants: [{ name: 'fp32' }, { name: 'int8' }] };

test('a bundle without requirements runs everywhere, a variant where it has what it needs', () => {
  expect(compatibleVariants(bundle, host)).toEqual(['fp32', 'int8']);
  const variants = [{ name: 'fp32', requirements: { providers: ['webgpu' as const] } }, { name: 'int8' }];
  expect(compatibleVariants({ ...bundle, variants }, host)).toEqual(['int8']);
});

test.each([
  [{ providers: ['webgpu' as const] }, 'it needs webgpu, the device has cpu'],
  [{ memoryBytes: 1e9 }, 'it needs 1000000000 bytes of memory, the device has 512000000'],
  [{ opsets: { '': 27 } }, 'it needs operators of ai.onnx 27, the runtime has 26'],
  [{ opsets: { 'com.example': 1 } }, 'it needs operators of com.example 1, the runtime has none of them'],
  [{ opsets: { constructor: 1 } }, 'it needs operators of constructor 1, the runtime has none of them'],
  [{ agentVersion: '1.10.0' }, 'it needs agent 1.10.0 or later, the device runs 1.2.0'],
])('%j is said in words', (requirements, reason) => {
  const refused = expect.objectContaining({
    code: 'BUNDLE_INCOMPATIBLE',
    message: `m 1.0.0 does not run here: ${reason}`,
  });
  expect(() => compatibleVariants({ ...bundle, requirements }, host)).toThrow(refused);
});

test('where no variant runs, the reason of each is said', () => {
  const variants = bundle.variants.map((variant) => ({ ...variant, requirements: { memoryBytes: 1e9 } }));
  expect(() => compatibleVariants({ ...bundle, variants }, host)).toThrow(/variant fp32: .*; variant int8: /);
});

test('what a model depends on is in the release, by name or by what another provides, and new enough', () => {
  const caller = { model: 'caller', version: '1.0.0', depends: [{ name: 'faces', version: '1.2.0' }] };
  const faces = (version: string) => ({ model: 'faces', version });
  checkDependencies([caller, faces('1.2.0')]);
  checkDependencies([caller, faces('2.0.0')]);
  checkDependencies([caller, { model: 'other', version: '1.3.0', provides: ['faces'] }]);
  const missing = expect.objectContaining({
    code: 'BUNDLE_INCOMPATIBLE',
    message: expect.stringContaining('caller 1.0.0 needs faces 1.2.0 or later'),
  });
  for (const release of [[caller], [caller, faces('1.1.9')], [caller, faces('1.2.0-rc.1')]])
    expect(() => checkDependencies(release)).toThrow(missing);
});

test('versions are in the order of SemVer 2.0.0, section 11', () => {
  const order = [
    ...['1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-beta', '1.0.0-beta.2', '1.0.0-beta.11'],
    ...['1.0.0-rc.1', '1.0.0', '1.0.10', '1.2.0', '2.0.0'],
  ];
  for (const [i, a] of order.entries())
    for (const [k, b] of order.entries()) expect(Math.sign(compareVersions(a, b))).toBe(Math.sign(i - k));
});
