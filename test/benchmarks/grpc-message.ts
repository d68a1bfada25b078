import type { Tensor } from '@covey/protocol';

/** ModelInferRequest and ModelInferResponse of the Open Inference Protocol v2, by hand: as few bytes as any client sends. */

export const inferPath = '/inference.GRPCInferenceService/ModelInfer';

/** With raw_input_contents. */
export function grpcRequest(model: string, inputs: Record<string, Tensor>): Buffer {
  const described = Object.entries(inputs).map(([name, { datatype, shape }]) =>
    field(
      5,
      Buffer.concat([
        field(1, Buffer.from(name)),
        field(2, Buffer.from(datatype)),
        field(3, Buffer.concat(shape.map(varint))),
      ]),
    ),
  );
  const raw = Object.values(inputs).map(({ data }) => field(7, data));
  return Buffer.concat([field(1, Buffer.from(model)), ...described, ...raw]);
}

/** The raw_output_contents of an answer, joined. */
export function rawOutputs(answer: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < answer.byteLength; ) {
    const tag = answer[at] ?? 0;
    let length = 0;
    let shift = 0;
    do {
      at++;
      length += ((answer[at] ?? 0) & 0x7f) * 2 ** shift;
      shift += 7;
    } while ((answer[at] ?? 0) >= 0x80);
    at += 1 + length;
    if (tag >> 3 === 6) parts.push(answer.subarray(at - length, at));
  }
  return Buffer.concat(parts);
}

function field(number: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of((number << 3) | 2), varint(content.byteLength), content]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, Math.floor(value / 0x80 ** bytes.length)]);
}
