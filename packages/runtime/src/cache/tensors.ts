import { areSameBytes, type Tensors } from '../tensors/index.ts';

/** What a tensor takes besides its elements, about. */
const tensorBytes = 256;

/** The same names, datatypes, shapes and bytes. */
export function areEqual(a: Tensors, b: Tensors): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => {
    const [one, other] = [a[name], b[name]];
    return (
      one !== undefined &&
      other !== undefined &&
      one.datatype === other.datatype &&
      one.shape.length === other.shape.length &&
      one.shape.every((size, i) => size === other.shape[i]) &&
      areSameBytes(one.data, other.data)
    );
  });
}

/** In memory of their own, which nobody else writes to. */
export function copyOf(tensors: Tensors): Tensors {
  const copied = Object.entries(tensors).map(([name, { datatype, shape, data }]) => [
    name,
    { datatype, shape: [...shape], data: new Uint8Array(data) },
  ]);
  return Object.fromEntries(copied);
}

/** Of memory. */
export function sizeOf(tensors: Tensors): number {
  return Object.entries(tensors).reduce(
    (sum, [name, { shape, data }]) =>
      sum + tensorBytes + 2 * name.length + 8 * shape.length + data.byteLength,
    0,
  );
}
