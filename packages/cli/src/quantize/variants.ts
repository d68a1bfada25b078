import { dynamicSchemes, type Scheme, staticSchemes } from '@covey/onnx';
import { CoveyError } from '@covey/protocol';

/** Forms that a model can be given, as users name them. `int8-qdq` may give a second one: `int8-qdq-fast`. */
export const variantForms = ['int8-qdq', 'int8-dynamic', 'int8-weight', 'int4-weight', 'fp16'] as const;
export type VariantForm = (typeof variantForms)[number];

export const calibrationMethods = ['minmax', 'percentile', 'entropy'] as const;
export type CalibrationMethod = (typeof calibrationMethods)[number];

/** Forms from a list separated by commas. Errors: INVALID_ARGUMENT naming the one that is unknown. */
export function parseForms(text: string): VariantForm[] {
  const names = text.split(',').map((name) => name.trim());
  return [...new Set(names)].map((name) => {
    const form = variantForms.find((candidate) => candidate === name);
    if (form) return form;
    throw new CoveyError('INVALID_ARGUMENT', `--variants: "${name}" is none of ${variantForms.join(', ')}`);
  });
}

/** The usual blocks of 4-bit weights. */
const blockSize = 32;

/** Schemes of a form, in the order in which a search tries them; none for what is not searched for. */
export function schemesOf(form: VariantForm, method: CalibrationMethod | undefined): readonly Scheme[] {
  switch (form) {
    case 'int8-qdq':
      return staticSchemes.filter(
        (scheme) =>
          method === undefined || (scheme.kind === 'static' && scheme.calibration.method === method),
      );
    case 'int8-dynamic':
      return dynamicSchemes;
    case 'int8-weight':
      return [{ kind: 'weights', options: { bits: 8, blockSize, form: 'blocked', symmetric: true } }];
    case 'int4-weight':
      return [
        { kind: 'weights', options: { bits: 4, blockSize, form: 'matmul-nbits', symmetric: false } },
        { kind: 'weights', options: { bits: 4, blockSize, form: 'blocked', symmetric: false } },
      ];
    case 'fp16':
      return [];
  }
}
