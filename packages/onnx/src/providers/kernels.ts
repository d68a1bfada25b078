import { kernels, kernelTypes } from '../generated/kernels.ts';
import { canonicalDomain, type Operator } from '../operators/index.ts';

/** Who runs nodes in ONNX Runtime. */
export type Provider = 'cpu' | 'webgpu';

/** The newest operator set of ONNX that ONNX Runtime 1.30 loads. */
export const newestRunnableOpset = 26;

/** The types of ONNX that a kernel takes for the type variables of its operator; any type for those not listed. */
export type Kernel = ReadonlyMap<string, ReadonlySet<string>>;

/** Lines of the generated table by domain, operator and the version its signature is from. */
const lines = new Map(
  Object.entries(kernels).flatMap(([domain, text]) =>
    text
      .trim()
      .split('\n')
      .map((line) => [keyOf(domain, ...firstTwo(line)), line] as const),
  ),
);

function firstTwo(line: string): [string, string] {
  const [opType = '', version = ''] = line.split(' ', 2);
  return [opType, version];
}

function keyOf(domain: string, opType: string, version: string | number): string {
  return `${domain}:${opType}:${version}`;
}

/**
 * The kernel a provider has for an operator, or undefined. ONNX Runtime matches the version an operator's signature is
 * from, so an operator that a newer opset merely declares anew has no kernel there until the provider follows.
 */
export function findKernel(domain: string, operator: Operator, provider: Provider): Kernel | undefined {
  const line = lines.get(keyOf(canonicalDomain(domain), operator.opType, operator.sinceVersion));
  const [, variables] = new RegExp(` ${provider}\\((.*?)\\)`).exec(line ?? '') ?? [];
  if (variables === undefined) return undefined;
  return new Map(variables === '' ? [] : variables.split(', ').map((variable) => parseVariable(variable)));
}

function parseVariable(text: string): [string, ReadonlySet<string>] {
  const [name = '', set] = text.split('=#');
  const types = kernelTypes[Number(set)]?.split(' ') ?? [];
  return [name, new Set(types.map((type) => (/^\w+$/.test(type) ? `tensor(${type})` : type)))];
}
