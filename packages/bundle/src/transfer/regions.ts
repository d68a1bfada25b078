import type { TensorRange, TransferFile } from './encode.ts';
import type { BaseRange } from './spans.ts';

/** A range of the target: a tensor, or what lies between two. `base`: what stood there before, as far as names tell. */
export interface Region {
  offset: number;
  sizeBytes: number;
  tensor: TensorRange | undefined;
  base: (BaseRange & { tensor?: TensorRange }) | undefined;
}

/** Smaller ones travel with what lies around them. */
const smallestTensor = 64;
const widestWindow = 256 * 1024;

/** Cuts the target at its tensors, each with the tensor of the base that it was: by name, or by size and order. */
export function regionsOf(file: TransferFile, base: TransferFile | undefined): Region[] {
  const partners = partnersOf(file, base);
  const regions: Region[] = [];
  let [offset, baseOffset] = [0, 0];
  const between = (end: number, baseEnd: number) => {
    if (end === offset) return;
    const sizeBytes = Math.max(0, Math.min(baseEnd - baseOffset, widestWindow, 2 * (end - offset) + 4_096));
    const window = base && { offset: baseOffset, sizeBytes };
    regions.push({ offset, sizeBytes: end - offset, tensor: undefined, base: window });
  };
  for (const tensor of large(file)) {
    const partner = partners.get(tensor);
    between(tensor.offset, partner ? partner.offset : (base?.bytes.byteLength ?? 0));
    regions.push({
      offset: tensor.offset,
      sizeBytes: tensor.sizeBytes,
      tensor,
      base: partner && { offset: partner.offset, sizeBytes: partner.sizeBytes, tensor: partner },
    });
    offset = tensor.offset + tensor.sizeBytes;
    if (partner) baseOffset = partner.offset + partner.sizeBytes;
  }
  between(file.bytes.byteLength, base?.bytes.byteLength ?? 0);
  return regions;
}

function partnersOf(file: TransferFile, base: TransferFile | undefined): Map<TensorRange, TensorRange> {
  const partners = new Map<TensorRange, TensorRange>();
  const free = new Set(base ? large(base) : []);
  const named = new Map([...free].map((tensor) => [tensor.name, tensor]));
  const join = (tensor: TensorRange, partner: TensorRange | undefined): boolean => {
    if (!partner || !free.has(partner) || !isComparable(partner, tensor)) return false;
    partners.set(tensor, partner);
    return free.delete(partner);
  };
  const rest = large(file).filter((tensor) => tensor.name === '' || !join(tensor, named.get(tensor.name)));
  for (const tensor of rest)
    join(
      tensor,
      [...free].find((other) => other.sizeBytes === tensor.sizeBytes && isComparable(other, tensor)),
    );
  return partners;
}

/** Tensors in order that lie in the file and in no other; what else a caller says is passed over. */
function large({ bytes, tensors }: TransferFile): TensorRange[] {
  const kept: TensorRange[] = [];
  let end = 0;
  for (const tensor of tensors.toSorted((a, b) => a.offset - b.offset)) {
    if (tensor.sizeBytes < smallestTensor || tensor.offset < end) continue;
    if (tensor.offset + tensor.sizeBytes > bytes.byteLength) continue;
    kept.push(tensor);
    end = tensor.offset + tensor.sizeBytes;
  }
  return kept;
}

function isComparable(a: TensorRange, b: TensorRange): boolean {
  const isLevel = ({ type }: TensorRange) => type === 'int8' || type === 'uint8';
  return a.type === b.type || (isLevel(a) && isLevel(b));
}
