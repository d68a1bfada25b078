import type { ProbeResult, Provider } from '@covey/protocol';
import { expect, test } from 'vitest';
import { FoundProviders } from './providers.ts';

const result = (provider: Provider, ok: boolean): ProbeResult => ({
  ...{ model: 'm', version: '1.0.0', variant: 'fp32', provider, threads: 1, ok },
  ...{ maxError: 0, latencyMs: 1, memoryBytes: 1, chosen: provider === 'cpu' },
});

test('the CPU, and what has run a variant right, also where it was not the fastest', () => {
  const providers = new FoundProviders();
  expect(providers.list).toEqual(['cpu']);
  providers.probed({ hardware: 'a', results: [result('cpu', true), result('webgpu', false)] });
  expect(providers.list).toEqual(['cpu']);
  providers.probed({ hardware: 'a', results: [result('cpu', true), result('webgpu', true)] });
  expect(providers.list).toEqual(['cpu', 'webgpu']);
  // A model that it cannot run, and a probe of software alone, take nothing back.
  providers.probed({ hardware: 'a', results: [result('cpu', true)] });
  providers.probed({ hardware: '', results: [] });
  expect(providers.list).toEqual(['cpu', 'webgpu']);
});

test('other hardware is found out anew', () => {
  const providers = new FoundProviders();
  providers.probed({ hardware: 'a', results: [result('webgpu', true)] });
  providers.probed({ hardware: 'b', results: [result('cpu', true)] });
  expect(providers.list).toEqual(['cpu']);
});
