import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';

/** A field of a protobuf file: its tag, its content, and the field whose message it is part of. */
interface Field {
  number: number;
  wireType: WireType;
  start: number;
  contentStart: number;
  end: number;
  parent: Field | undefined;
}

export interface Seed {
  name: string;
  file: Uint8Array;
  fields: Field[];
}

/** Tensor data that happen to look like a message are damaged as one: that does no harm. */
export function createSeed(name: string, file: Uint8Array): Seed {
  return { name, file, fields: fieldsOf(file, 0, file.length, undefined) ?? [] };
}

/** The fields between two positions and all inside them, or undefined where the bytes are no message. */
function fieldsOf(
  file: Uint8Array,
  from: number,
  to: number,
  parent: Field | undefined,
): Field[] | undefined {
  const reader = new BinaryReader(file.subarray(0, to));
  reader.pos = from;
  const fields: Field[] = [];
  try {
    while (reader.pos < to) {
      const start = reader.pos;
      const [number, wireType] = reader.tag();
      if (number > 32) return undefined;
      const tagEnd = reader.pos;
      reader.skip(wireType);
      const end = reader.pos;
      if (end > to) return undefined;
      reader.pos = tagEnd;
      if (wireType === WireType.LengthDelimited) reader.uint32();
      const field: Field = { number, wireType, start, contentStart: reader.pos, end, parent };
      reader.pos = end;
      fields.push(field);
      if (wireType === WireType.LengthDelimited)
        fields.push(...(fieldsOf(file, field.contentStart, end, field) ?? []));
    }
    return fields;
  } catch {
    return undefined;
  }
}

/** A share of a list; fast-check's own numbers gather at the ends. */
const share = fc.noBias(fc.integer({ min: 0, max: 2 ** 30 - 1 })).map((value) => value / 2 ** 30);
const numbers = fc.constantFrom(
  0n,
  1n,
  2n,
  7n,
  127n,
  99n,
  2n ** 31n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 64n - 1n,
);
const junk = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 6 }),
  fc.constantFrom(Uint8Array.of(0), Uint8Array.of(0x7f), Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f)),
);

/** One change that leaves the lengths around it right, so that it reaches what lies behind the parser... */
const structural = fc.record({
  kind: fc.constantFrom('remove', 'repeat', 'empty', 'number', 'renumber', 'graft', 'exchange'),
  field: share,
  other: share,
  value: numbers,
});
/** ...and some that do not. */
const raw = fc.record({
  kind: fc.constantFrom('overwrite', 'insert', 'cut', 'truncate'),
  field: share,
  offset: fc.nat({ max: 40 }),
  bytes: junk,
});
type Structural = typeof structural extends fc.Arbitrary<infer T> ? T : never;
type Raw = typeof raw extends fc.Arbitrary<infer T> ? T : never;

export const damages = fc.oneof(
  { weight: 3, arbitrary: fc.record({ structural, raws: fc.constant<Raw[]>([]) }) },
  { weight: 1, arbitrary: fc.record({ structural, raws: fc.array(raw, { maxLength: 2 }) }) },
);
export type Damage = { structural: Structural; raws: Raw[] };

export function damaged(seed: Seed, { structural: change, raws }: Damage): Uint8Array {
  let file = changed(seed, change);
  for (const { kind, field, offset, bytes } of raws) {
    const at = Math.min((pick(seed.fields, field)?.contentStart ?? 0) + offset, file.length);
    if (kind === 'truncate') file = file.slice(0, at);
    else if (kind === 'insert') file = join(file.subarray(0, at), bytes, file.subarray(at));
    else {
      const rest = file.subarray(Math.min(at + bytes.length, file.length));
      file = kind === 'cut' ? join(file.subarray(0, at), rest) : join(file.subarray(0, at), bytes, rest);
    }
  }
  return file;
}

function changed({ file, fields }: Seed, { kind, field: at, other: from, value }: Structural): Uint8Array {
  const field = pick(fields, at);
  const other = pick(fields, from);
  if (field === undefined || other === undefined) return file;
  const whole = file.subarray(field.start, field.end);
  const content = file.subarray(field.contentStart, field.end);
  const foreign = file.subarray(other.contentStart, other.end);
  const bytes = {
    remove: () => new Uint8Array(),
    repeat: () => join(whole, whole),
    empty: () => encoded({ ...field, wireType: WireType.LengthDelimited }, new Uint8Array()),
    number: () => encoded({ ...field, wireType: WireType.Varint }, varint(value)),
    renumber: () => encoded({ ...field, number: Number(value % 27n) + 1 }, content),
    // Another field beside this one, or its content in this one's place.
    graft: () => join(whole, file.subarray(other.start, other.end)),
    exchange: () => encoded({ ...field, wireType: other.wireType }, foreign),
  }[kind]();
  return replaced(file, field, bytes);
}

/** The file with other bytes for a field, the lengths of all messages around it put right. */
function replaced(file: Uint8Array, field: Field, bytes: Uint8Array): Uint8Array {
  const { parent, start, end } = field;
  if (parent === undefined) return join(file.subarray(0, start), bytes, file.subarray(end));
  const content = join(file.subarray(parent.contentStart, start), bytes, file.subarray(end, parent.end));
  return replaced(file, parent, encoded(parent, content));
}

function encoded({ number, wireType }: Pick<Field, 'number' | 'wireType'>, content: Uint8Array): Uint8Array {
  const tag = varint(BigInt(number * 8 + wireType));
  return wireType === WireType.LengthDelimited
    ? join(tag, varint(BigInt(content.length)), content)
    : join(tag, content);
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.of(...bytes, Number(rest));
}

function pick<T>(list: readonly T[], at: number): T | undefined {
  return list[Math.floor(at * list.length)];
}

function join(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
