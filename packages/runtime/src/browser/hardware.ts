import { canonicalJson } from '@covey/protocol';
import type { Providers } from '../executor/index.ts';
import { runtimeName } from './runtime-name.ts';
import { sha256Of } from './stored.ts';

/** Digest of all that a measurement here depends on and that a page is told of. Another digest, other measurements. */
export async function hardwareDigest(providers: Providers): Promise<string> {
  const { userAgent, hardwareConcurrency } = navigator;
  const description = {
    browser: userAgent,
    cores: hardwareConcurrency,
    hasThreads: crossOriginIsolated,
    runtime: runtimeName,
    providers,
    graphics: await describeAdapter(),
  };
  return sha256Of(new TextEncoder().encode(canonicalJson(description)));
}

async function describeAdapter(): Promise<string[]> {
  const info = (await navigator.gpu?.requestAdapter().catch(() => null))?.info;
  return info ? [info.vendor, info.architecture, info.device, info.description] : [];
}
