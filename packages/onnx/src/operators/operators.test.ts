import { describe, expect, test } from 'vitest';
import { signatures } from '../generated/operators.ts';
import { elementTypes, type ValueType } from '../model/index.ts';
import { countRange, findOperator, formalAt, newestOpset, operatorVersions, typeText } from './index.ts';

describe('findOperator', () => {
  test('answers the newest declaration that is not newer than the operator set', () => {
    expect(operatorVersions('', 'Conv')).toEqual([1, 11, 22]);
    expect([1, 10, 11, 21, 22, 99].map((opset) => findOperator('', 'Conv', opset)?.sinceVersion)).toEqual([
      1, 1, 11, 11, 22, 22,
    ]);
    expect(findOperator('', 'Gelu', 19)).toBeUndefined();
    expect(findOperator('ai.onnx', 'Gelu', 20)?.opType).toBe('Gelu');
    expect(findOperator('com.example', 'Gelu', 20)).toBeUndefined();
  });

  test('declares inputs, outputs, attributes and types', () => {
    const conv = findOperator('', 'Conv', 11);
    expect(conv?.inputs).toEqual([
      { name: 'X', arity: { kind: 'single' }, type: 'T' },
      { name: 'W', arity: { kind: 'single' }, type: 'T' },
      { name: 'B', arity: { kind: 'optional' }, type: 'T' },
    ]);
    expect(countRange(conv?.inputs ?? [])).toEqual({ min: 2, max: 3 });
    expect(countRange(conv?.outputs ?? [])).toEqual({ min: 1, max: 1 });
    expect(conv?.attributes.get('strides')).toEqual({ name: 'strides', type: 'ints', required: false });
    expect([...(conv?.typeVariables.get('T') ?? [])]).toEqual([
      'tensor(double)',
      'tensor(float)',
      'tensor(float16)',
    ]);
    expect(findOperator('com.microsoft', 'MatMulNBits', 1)?.attributes.get('K')?.required).toBe(true);
  });

  test('tells what was withdrawn', () => {
    expect(findOperator('', 'Upsample', 9)?.deprecated).toBe(false);
    expect(findOperator('', 'Upsample', 10)?.deprecated).toBe(true);
  });

  test('the last input takes all that follow where it is variadic', () => {
    const concat = findOperator('', 'Concat', 13)?.inputs ?? [];
    expect(countRange(concat)).toEqual({ min: 1, max: Number.POSITIVE_INFINITY });
    expect(formalAt(concat, 7)?.name).toBe('inputs');
    expect(formalAt(findOperator('', 'Relu', 14)?.inputs ?? [], 1)).toBeUndefined();
    expect(countRange(findOperator('', 'Loop', 21)?.inputs ?? [])).toEqual({
      min: 2,
      max: Number.POSITIVE_INFINITY,
    });
  });
});

test('every line of the table is read, and every type variable in it has its types', () => {
  let count = 0;
  for (const [domain, lines] of Object.entries(signatures))
    for (const line of lines.trim().split('\n')) {
      const [opType = '', version] = line.split(' ');
      const operator = findOperator(domain, opType, Number(version));
      expect(operator?.sinceVersion, line).toBe(Number(version));
      for (const { name, type } of [...(operator?.inputs ?? []), ...(operator?.outputs ?? [])]) {
        expect(name, line).not.toBe('');
        const types = operator?.typeVariables.get(type);
        expect(type.includes('(') || (types?.size ?? 0) > 0, `${line}: ${type}`).toBe(true);
      }
      count++;
    }
  expect(count).toBe(786);
  expect(newestOpset('')).toBe(28);
  expect(newestOpset('com.example')).toBeUndefined();
});

describe('typeText', () => {
  const float: ValueType = { kind: 'tensor', elementType: elementTypes.FLOAT };

  test('says a type as the operator table does', () => {
    expect(typeText(float)).toBe('tensor(float)');
    expect(typeText({ kind: 'sequence', element: float })).toBe('seq(tensor(float))');
    expect(typeText({ kind: 'optional', element: { kind: 'sequence', element: float } })).toBe(
      'optional(seq(tensor(float)))',
    );
    const map: ValueType = { kind: 'map', keyType: elementTypes.INT64, value: float };
    expect(typeText({ kind: 'sequence', element: map })).toBe('seq(map(int64,float))');
    const zipMap = findOperator('ai.onnx.ml', 'ZipMap', 1);
    expect(zipMap?.typeVariables.get('T')).toContain(typeText({ kind: 'sequence', element: map }));
  });

  test('is silent about what the file does not say', () => {
    expect(typeText(undefined)).toBeUndefined();
    expect(typeText({ kind: 'tensor', elementType: 0 })).toBeUndefined();
    expect(typeText({ kind: 'sequence', element: undefined })).toBeUndefined();
    let deep: ValueType = float;
    for (let depth = 0; depth < 100; depth++) deep = { kind: 'sequence', element: deep };
    expect(typeText(deep)).toBeUndefined();
  });
});
