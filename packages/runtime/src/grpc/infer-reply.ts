import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { CoveyError, Tensor } from '@covey/protocol';
import type { InferenceReply } from '../engine/index.ts';
import { type Parts, sizeOf } from './parts.ts';

/** A ModelInferResponse; outputs in `raw_output_contents`, as Triton has it. */
export function inferReplyParts(
  { model, parameters = {} }: InferenceReply,
  id: string,
  outputs: readonly (Tensor & { name: string })[],
): Parts {
  const { ref, variant, provider } = model;
  const head = new BinaryWriter();
  head.tag(1, WireType.LengthDelimited).string(ref.model);
  head.tag(2, WireType.LengthDelimited).string(ref.version);
  if (id !== '') head.tag(3, WireType.LengthDelimited).string(id);
  for (const entry of Object.entries({ variant, provider, ...parameters })) writeParameter(head, ...entry);
  for (const { name, datatype, shape } of outputs) {
    head.tag(5, WireType.LengthDelimited).fork();
    head.tag(1, WireType.LengthDelimited).string(name);
    head.tag(2, WireType.LengthDelimited).string(datatype);
    head.tag(3, WireType.LengthDelimited).fork();
    for (const size of shape) head.int64(size);
    head.join().join();
  }
  const parts: Parts = [head.finish()];
  for (const { data } of outputs) {
    parts.push(new BinaryWriter().tag(6, WireType.LengthDelimited).uint32(data.byteLength).finish(), data);
  }
  return parts;
}

/** A ModelStreamInferResponse with the answer to one request of the stream. */
export function streamReplyParts(reply: Parts): Parts {
  // The stream answers every request once: this is the last answer to it.
  const last = new BinaryWriter();
  writeParameter(last, 'triton_final_response', true);
  const inner = [...reply, last.finish()];
  const head = new BinaryWriter().tag(2, WireType.LengthDelimited).uint32(sizeOf(inner));
  return [head.finish(), ...inner];
}

/** A ModelStreamInferResponse that says why a request of the stream was not answered. The stream goes on. */
export function streamErrorParts({ message, code }: CoveyError, id: string): Parts {
  const reply = new BinaryWriter();
  if (id !== '') reply.tag(3, WireType.LengthDelimited).string(id);
  writeParameter(reply, 'x-covey-error-code', code);
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string(message);
  return [writer.tag(2, WireType.LengthDelimited).bytes(reply.finish()).finish()];
}

/** An entry of `map<string, InferParameter>`. */
function writeParameter(writer: BinaryWriter, name: string, value: string | number | boolean): void {
  writer.tag(4, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).string(name);
  writer.tag(2, WireType.LengthDelimited).fork();
  if (typeof value === 'boolean') writer.tag(1, WireType.Varint).bool(value);
  else if (typeof value === 'string') writer.tag(3, WireType.LengthDelimited).string(value);
  else if (Number.isSafeInteger(value)) writer.tag(2, WireType.Varint).int64(value);
  else writer.tag(4, WireType.Bit64).double(value);
  writer.join().join();
}
