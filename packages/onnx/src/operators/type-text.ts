import { elementTypeName, elementTypes, type ValueType } from '../model/index.ts';

const knownElementTypes: ReadonlySet<number> = new Set(Object.values(elementTypes));

/** `tensor(float)` for the element type FLOAT: a type in the words of ONNX's operator documentation. */
export function tensorTypeText(elementType: number): string {
  return `tensor(${elementTypeName(elementType).toLowerCase()})`;
}

/** A type as the operator table names it, `seq(tensor(float))`; undefined where it is not fully said, or nested too deep. */
export function typeText(type: ValueType | undefined, depth = 0): string | undefined {
  if (type === undefined || depth > 16) return undefined;
  switch (type.kind) {
    case 'tensor':
      return isElementType(type.elementType) ? tensorTypeText(type.elementType) : undefined;
    case 'sparseTensor':
      return isElementType(type.elementType) ? `sparse_${tensorTypeText(type.elementType)}` : undefined;
    case 'sequence':
      return wrapped('seq', typeText(type.element, depth + 1));
    case 'optional':
      return wrapped('optional', typeText(type.element, depth + 1));
    case 'map': {
      // ONNX writes map(int64,float) for a map of scalars, and the plain form for every other value.
      const value = typeText(type.value, depth + 1)?.replace(/^tensor\((\w+)\)$/, '$1');
      return value && `map(${elementTypeName(type.keyType).toLowerCase()},${value})`;
    }
    case 'unknown':
      return undefined;
  }
}

function wrapped(name: string, inner: string | undefined): string | undefined {
  return inner && `${name}(${inner})`;
}

/** Whether this package knows the element type: a name in `elementTypes`, UNDEFINED not among them. */
export function isElementType(elementType: number): boolean {
  return knownElementTypes.has(elementType);
}
