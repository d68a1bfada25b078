import { withinBudget } from '@covey/onnx';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { budgetOf, parseLimits, requireClasses, tightened } from './budget.ts';

test('limits are read by name', () => {
  expect(parseLimits({ 'relative-error': '0.01', cosine: '0.999', 'top-1': '0.99' })).toEqual({
    'relative-error': 0.01,
    cosine: 0.999,
    'top-1': 0.99,
  });
});

test.each<[string, string, string]>([
  ['accuracy', '0.9', 'a number for one of relative-error, cosine'],
  ['cosine', 'high', '--budget cosine=high'],
  ['cosine', '', '--budget cosine='],
  ['cosine', '1.5', 'not between -1 and 1'],
  ['relative-error', '-0.1', "budget's relative-error is -0.1, not between 0 and"],
  ['top-1', '2', "budget's top-1 is 2"],
  ['max-absolute', '-1', "budget's max-absolute is -1"],
])('%s=%s is refused', (name, text, words) => {
  expect(() => parseLimits({ [name]: text })).toThrow(words);
});

test('a drop of accuracy needs labels', () => {
  expect(() => budgetOf({ 'accuracy-drop': 0.01 }, undefined)).toThrow('one subfolder per class');
});

test('what is within tightened limits is within the limits', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(share, share, share, share, share, (limit, cosine, relativeError, found, strictness) => {
      const limits = { 'relative-error': limit, cosine };
      const error = { relativeError, cosine: found, maxAbsolute: 0, topAgreement: null };
      const isWithin = (asked: typeof limits) =>
        withinBudget({ outputs: { y: error } }, budgetOf(asked, undefined)).within;
      if (isWithin(tightened(limits, strictness) as typeof limits)) expect(isWithin(limits)).toBe(true);
    }),
  );
});

test('that classes agree can be asked only of a model that tells classes apart', () => {
  const error = { relativeError: 0, cosine: 1, maxAbsolute: 0 };
  const answers = (topAgreement: number | null) => ({
    outputs: { boxes: { ...error, topAgreement: null }, scores: { ...error, topAgreement } },
  });
  expect(() => requireClasses({ 'top-1': 0.9 }, answers(null))).toThrow(
    'no output looks like scores of classes (boxes, scores)',
  );
  expect(() => requireClasses({ 'top-1': 0.9 }, answers(0.5))).not.toThrow();
  expect(() => requireClasses({ cosine: 0.9 }, answers(null))).not.toThrow();
});
