import { expect, test } from 'vitest';
import { classificationOf } from './classification.ts';

const schema = { inputs: [], outputs: [{ name: 'scores', datatype: 'FP32' as const, shape: [1, 2] }] };

test('class names are all different, and an output is named with them alone', () => {
  expect(classificationOf({}, schema)).toBeUndefined();
  expect(classificationOf({ classes: 'cat, dog' }, schema)).toEqual({
    output: 'scores',
    classNames: ['cat', 'dog'],
  });
  expect(() => classificationOf({ classes: 'cat,cat' }, schema)).toThrow('"cat" more than once');
  expect(() => classificationOf({ classOutput: 'scores' }, schema)).toThrow('--class-output needs --classes');
});
