import { type Provider, toCoveyError } from '@covey/protocol';
import { InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node';
import { ortError, type Providers } from '../executor/index.ts';
import { Throwaway } from './throwaway.ts';

/** Asks a throwaway process whether ONNX Runtime loads and computes on a provider. */
export interface ProviderTrial {
  type: 'provider';
  provider: Provider;
}

/** Finding an adapter and compiling one shader; a driver that takes longer is no help. */
const trialTimeoutMs = 15_000;

/** y = x + 1 for one FP32 element, opset 13. */
const tinyModel =
  'CAg6WgojEgFjIghDb25zdGFudCoUCgV2YWx1ZSoIEAFKBAAAgD+gAQQKDgoBeAoBYxIBeSIDQWRkEgFnWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUICEA0=';

/**
 * Which providers work here. WebGPU is tried in a process of its own, because a driver that is not right may end the
 * process that tries it. Never fails.
 */
export async function listProviders(): Promise<Providers> {
  if (!listSupportedBackends().some(({ name }) => name === 'webgpu')) {
    return {
      cpu: null,
      webgpu: `ONNX Runtime has no WebGPU on ${process.platform}/${process.arch}`,
    };
  }
  const child = new Throwaway();
  try {
    await child.ask({ type: 'provider', provider: 'webgpu' } satisfies ProviderTrial, trialTimeoutMs);
    return { cpu: null, webgpu: null };
  } catch (error) {
    return { cpu: null, webgpu: error instanceof Error ? error.message : String(error) };
  } finally {
    await child.close();
  }
}

/** The throwaway process's side: computes one sum. Errors: UNSUPPORTED with ONNX Runtime's words, or a wrong sum. */
export async function tryProvider({ provider }: ProviderTrial): Promise<null> {
  try {
    const session = await InferenceSession.create(Buffer.from(tinyModel, 'base64'), {
      executionProviders: [provider],
      logSeverityLevel: 4,
      ...(provider !== 'cpu' && { extra: { session: { disable_cpu_ep_fallback: '1' } } }),
    });
    const { y } = await session.run({ x: new Tensor('float32', Float32Array.of(2), [1]) });
    if (y?.data[0] !== 3) throw new Error(`2 + 1 gave ${String(y?.data[0])}`);
    await session.release();
    return null;
  } catch (cause) {
    const { message } = toCoveyError(cause);
    // Of a failed check of Dawn's: the words after the condition.
    throw ortError('UNSUPPORTED', new Error(message.split(' was false. ').at(-1), { cause }));
  }
}
