import { readFileSync, writeFileSync } from 'node:fs';
import { kernels } from '../generated/kernels.ts';
import { findOperator, type Operator } from '../operators/index.ts';
import { findKernel, type Kernel, type Provider } from './kernels.ts';
import { type Answer, ask, forms, type Probe, runnableOperators, usualTypes } from './probe.fixture.ts';

/**
 * Program (`npm run generate` in this package): asks the ONNX Runtime that is installed which operators run on WebGPU, and
 * writes that into `generated/kernels.ts`; what the table says of the CPU stays as it is. Needs a Vulkan driver, in software or
 * not (README). A kernel that is there and refuses a node of our making counts as one: it was found.
 */
const path = new URL('../generated/kernels.ts', import.meta.url);
const domains = ['', 'com.microsoft'];

/** What ONNX Runtime says where a kernel was found, and refuses the node. */
const refusesNode = /webgpu|kernel/i;
const isInference = /Inference/i;

const hasKernel = (answer: Answer | undefined) =>
  answer === 'runs' ||
  (typeof answer === 'object' && refusesNode.test(answer.error) && !isInference.test(answer.error));

/** A probe to which WebGPU says yes: other types are asked from it. */
async function findForm(
  about: Pick<Probe, 'domain' | 'operator' | 'opset'>,
): Promise<{ probe: Probe; answer: Answer } | undefined> {
  const usual = usualTypes(about.operator);
  const others = [...about.operator.typeVariables].flatMap(([variable, types]) =>
    ['uint8', 'int8', 'int32', 'int64', 'float16', 'float']
      .map((name) => `tensor(${name})`)
      .filter((type) => types.has(type) && usual.get(variable) !== type)
      .map((type) => new Map([...usual, [variable, type]])),
  );
  for (const form of forms)
    for (const types of [usual, ...others]) {
      const probe = { ...about, types, ...form };
      const answer = await ask(probe, 'webgpu');
      if (answer === undefined) break;
      if (hasKernel(answer)) return { probe, answer };
    }
  return undefined;
}

/** The types that the kernel takes for each variable that is asked; none where WebGPU has no kernel. */
async function webgpuKernel(
  about: Pick<Probe, 'domain' | 'operator' | 'opset'>,
): Promise<Kernel | undefined> {
  const found = await findForm(about);
  if (found === undefined) return undefined;
  const { operator } = about;
  const { probe, answer: first } = found;
  const sameAsFirst = (answer: Answer | undefined) =>
    answer === 'runs' || JSON.stringify(answer) === JSON.stringify(first);
  const kernel = new Map<string, ReadonlySet<string>>();
  for (const [variable, types] of operator.typeVariables) {
    const isAsked = operator.inputs.some(
      ({ type, arity }) => type === variable && (probe.withOptional || arity.kind !== 'optional'),
    );
    if (!isAsked && operator.opType !== 'Cast') continue;
    const taken = new Set<string>();
    for (const type of types) {
      const answer = await ask({ ...probe, types: new Map([...probe.types, [variable, type]]) }, 'webgpu');
      if (sameAsFirst(answer)) taken.add(type);
    }
    if (taken.size < types.size) kernel.set(variable, taken);
  }
  return kernel;
}

/** Sets of types, each once, in the order in which the table comes to them. */
class TypeSets {
  readonly texts: string[] = [];

  indexOf(types: ReadonlySet<string>): number {
    const text = Array.from(types, (type) => type.replace(/^tensor\((\w+)\)$/, '$1'))
      .sort()
      .join(' ');
    const index = this.texts.indexOf(text);
    return index >= 0 ? index : this.texts.push(text) - 1;
  }
}

function kernelText(provider: Provider, kernel: Kernel | undefined, sets: TypeSets): string {
  if (kernel === undefined) return '';
  const variables = Array.from(kernel, ([variable, types]) => ({ variable, types }))
    .sort((a, b) => (a.variable < b.variable ? -1 : 1))
    .map(({ variable, types }) => `${variable}=#${sets.indexOf(types)}`);
  return ` ${provider}(${variables.join(', ')})`;
}

const keyOf = (domain: string, { opType, sinceVersion }: Operator) => `${domain}:${opType}:${sinceVersion}`;

/** The table's own operators of a domain and those that WebGPU may run, by name and version. */
function operatorsOf(domain: string): Operator[] {
  const known = (kernels[domain] ?? '')
    .trim()
    .split('\n')
    .flatMap((line) => {
      const [opType = '', since] = line.split(' ', 2);
      return findOperator(domain, opType, Number(since)) ?? [];
    });
  const all = [...known, ...runnableOperators([domain]).map(({ operator }) => operator)];
  const distinct = new Map(all.map((operator) => [keyOf(domain, operator), operator]));
  return [...distinct.values()].sort((a, b) =>
    a.opType === b.opType ? a.sinceVersion - b.sinceVersion : a.opType < b.opType ? -1 : 1,
  );
}

/** The table as source text. Sets are numbered as its lines name them, so the lines come first. */
function tableText(webgpu: ReadonlyMap<string, Kernel>): string {
  const sets = new TypeSets();
  const domainTexts = Object.keys(kernels).map((domain) => {
    const lines = operatorsOf(domain).flatMap((operator) => {
      const cpu = kernelText('cpu', findKernel(domain, operator, 'cpu'), sets);
      const text = cpu + kernelText('webgpu', webgpu.get(keyOf(domain, operator)), sets);
      return text === '' ? [] : [`${operator.opType} ${operator.sinceVersion}${text}`];
    });
    return `  '${domain}': \`\n${lines.join('\n')}\n\`,`;
  });
  return `: readonly string[] = [
${sets.texts.map((text) => `  '${text}',`).join('\n')}
];

/** Kernels by domain. */
export const kernels: Readonly<Record<string, string>> = {
${domainTexts.join('\n')}
};
`;
}

const found = new Map<string, Kernel>();
for (const about of runnableOperators(domains)) {
  const { opType, sinceVersion } = about.operator;
  const kernel = await webgpuKernel(about);
  if (kernel) found.set(keyOf(about.domain, about.operator), kernel);
  process.stderr.write(`${opType} ${sinceVersion}: ${kernel ? 'runs' : 'does not run'}\n`);
}
if (found.size === 0) throw new Error('WebGPU runs nothing here: there is no driver');
const typesStart = 'export const kernelTypes';
const [head = ''] = readFileSync(path, 'utf8').split(typesStart);
writeFileSync(path, `${head}${typesStart}${tableText(found)}`);
// The runtime's threads would keep the program alive.
process.exit();
