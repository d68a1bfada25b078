import { WireType } from '@bufbuild/protobuf/wire';
import type { Metadata } from './types.ts';
import type { WireReader } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

/** How one field of a message is read into `message`, and written from it. */
export interface Field<M> {
  /** A field that arrives in another form is none of ours, and kept as unknown; absent where several forms are known. */
  wireType?: WireType;
  read(message: M, reader: WireReader, end: number, wireType: WireType): void;
  write(message: M, writer: WireWriter, number: number): void;
}

/** A message: an empty one, and its fields by number. What has no field here is kept in `unknown`. */
export interface Codec<M> {
  create(): M;
  fields: Record<number, Field<M>>;
}

/** Unknown fields are kept, so a message is written back whole. */
export function readMessage<M extends { unknown?: Uint8Array }>(
  reader: WireReader,
  end: number,
  codec: Codec<M>,
): M {
  const message = codec.create();
  const unknown = readFields(reader, end, message, codec.fields);
  if (unknown) message.unknown = unknown;
  return message;
}

/** Reads what `fields` names into `message`; returns the other fields as they stand in the file. */
export function readFields<M>(
  reader: WireReader,
  end: number,
  message: M,
  fields: Record<number, Field<M>>,
): Uint8Array | undefined {
  return reader.fields(end, (number, wireType) => {
    const field = fields[number];
    if (field === undefined || (field.wireType !== undefined && field.wireType !== wireType)) return false;
    field.read(message, reader, end, wireType);
    return true;
  });
}

export function writeMessage<M extends { unknown?: Uint8Array }>(
  writer: WireWriter,
  message: M,
  codec: Codec<M>,
): void {
  // Integer keys are enumerated in ascending order.
  for (const [number, field] of Object.entries(codec.fields)) field.write(message, writer, Number(number));
  if (message.unknown) writer.raw(message.unknown);
}

type KeysOf<M, T> = { [K in keyof M]-?: M[K] extends T ? (T extends M[K] ? K : never) : never }[keyof M];

/** Fields of messages of type M by the key they fill. Empty texts, zeros and empty lists are not written: absent means that. */
export function fieldsOf<M>() {
  return {
    text: (key: KeysOf<M, string>): Field<M> => ({
      wireType: WireType.LengthDelimited,
      read: (message, reader, end) => put(message, key, reader.text(end)),
      write: (message, writer, number) => {
        const text = message[key] as string;
        if (text !== '') writer.text(number, text);
      },
    }),
    texts: (key: KeysOf<M, string[]>): Field<M> => ({
      wireType: WireType.LengthDelimited,
      read: (message, reader, end) => void (message[key] as string[]).push(reader.text(end)),
      write: (message, writer, number) => {
        for (const text of message[key] as string[]) writer.text(number, text);
      },
    }),
    integer: (key: KeysOf<M, number>): Field<M> => ({
      wireType: WireType.Varint,
      read: (message, reader) => put(message, key, reader.integer()),
      write: (message, writer, number) => {
        const value = message[key] as number;
        if (value !== 0) writer.int(number, value);
      },
    }),
    int64: (key: KeysOf<M, bigint>): Field<M> => ({
      wireType: WireType.Varint,
      read: (message, reader) => put(message, key, reader.int64()),
      write: (message, writer, number) => {
        const value = message[key] as bigint;
        if (value !== 0n) writer.int(number, value);
      },
    }),
    messages: <T extends { unknown?: Uint8Array }>(key: KeysOf<M, T[]>, codec: () => Codec<T>): Field<M> => ({
      wireType: WireType.LengthDelimited,
      read: (message, reader, end) =>
        void (message[key] as T[]).push(
          reader.message(end, (innerEnd) => readMessage(reader, innerEnd, codec())),
        ),
      write: (message, writer, number) => {
        for (const value of message[key] as T[])
          writer.message(number, (inner) => writeMessage(inner, value, codec()));
      },
    }),
    metadata: (key: KeysOf<M, Metadata>): Field<M> => ({
      wireType: WireType.LengthDelimited,
      read: (message, reader, end) => {
        const entry = reader.message(end, (innerEnd) => readMessage(reader, innerEnd, entryCodec));
        (message[key] as Metadata).set(entry.key, entry.value);
      },
      write: (message, writer, number) => {
        for (const [entryKey, value] of message[key] as Metadata)
          writer.message(number, (inner) => writeMessage(inner, { key: entryKey, value }, entryCodec));
      },
    }),
  };
}

function put<M>(message: M, key: keyof M, value: unknown): void {
  Object.assign(message as object, { [key]: value });
}

interface Entry {
  key: string;
  value: string;
  unknown?: Uint8Array;
}
const entryCodec: Codec<Entry> = {
  create: () => ({ key: '', value: '' }),
  fields: {
    1: {
      wireType: WireType.LengthDelimited,
      read: (entry, reader, end) => {
        entry.key = reader.text(end);
      },
      write: (entry, writer, number) => writer.text(number, entry.key),
    },
    2: {
      wireType: WireType.LengthDelimited,
      read: (entry, reader, end) => {
        entry.value = reader.text(end);
      },
      write: (entry, writer, number) => writer.text(number, entry.value),
    },
  },
};
