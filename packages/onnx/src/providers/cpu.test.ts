import { expect, test } from 'vitest';
import { findKernel } from './kernels.ts';
import { ask, forms, runnableOperators, usualTypes } from './probe.fixture.ts';

/** Of the operators: a few, and every one in the long form, `npm run fuzz`. */
const step = process.env.COVEY_FUZZ_RUNS ? 1 : 5;
const domains = ['', 'ai.onnx.ml', 'com.microsoft'];
const asked = runnableOperators(domains).filter((_, index) => index % step === 0);

/** What ONNX Runtime says of a node that it would say of no operator and attribute it knows. */
const unknown = /No Op registered|not a registered function|Unrecognized attribute|domain_version/;

test('ONNX Runtime knows the operators of the table, and has the kernels on the CPU that the other says', {
  timeout: 120_000,
}, async () => {
  const wrong: string[] = [];
  let settled = 0;
  for (const { domain, operator, opset } of asked) {
    const kernel = findKernel(domain, operator, 'cpu');
    const types = usualTypes(operator, (variable, type) => kernel?.get(variable)?.has(type) ?? true);
    const name = `${operator.opType} of ${domain} ${operator.sinceVersion}`;
    for (const form of forms) {
      const answer = await ask({ domain, operator, opset, types, ...form }, 'cpu');
      if (typeof answer === 'object' && unknown.test(answer.error)) wrong.push(`${name}: ${answer.error}`);
      if (answer !== 'runs' && answer !== 'no kernel') continue;
      settled++;
      if ((answer === 'runs') !== (kernel !== undefined)) wrong.push(`${name}: ${answer}`);
      break;
    }
  }
  expect(wrong).toEqual([]);
  // The others want attributes that fit each other.
  expect(settled).toBeGreaterThan(0.9 * asked.length);
});
