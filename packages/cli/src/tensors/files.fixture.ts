import { crc32, deflateRawSync } from 'node:zlib';

/** An array as numpy.save writes it (numpy.lib.format, version 1.0); `shape` as Python prints it, `2, 3` or `5,`. */
export function npyFile(descr: string, shape: string, data: Uint8Array): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`
    .padEnd(117)
    .concat('\n');
  return Buffer.concat([
    Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
    Buffer.from([header.length & 255, header.length >> 8]),
    Buffer.from(header),
    data,
  ]);
}

/** FP32 numbers as an `.npy` file. */
export function floatsNpy(shape: string, numbers: readonly number[]): Uint8Array {
  return npyFile('<f4', shape, new Uint8Array(new Float32Array(numbers).buffer));
}

/** A ZIP archive as numpy.savez writes it: a ZIP64 extra field in the local headers, plain sizes in the directory. */
export function zipFile(
  files: Record<string, Uint8Array>,
  { method = 0, claimedBytes = undefined as number | undefined } = {},
): Uint8Array {
  const locals: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const packed = method === 8 ? deflateRawSync(content) : content;
    const extra = Buffer.alloc(20);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(name.length, 26);
    local.writeUInt16LE(extra.length, 28);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(method, 10);
    entry.writeUInt32LE(crc32(content), 16);
    entry.writeUInt32LE(packed.byteLength, 20);
    entry.writeUInt32LE(claimedBytes ?? content.byteLength, 24);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(offset, 42);
    locals.push(local, Buffer.from(name), extra, packed);
    central.push(entry, Buffer.from(name));
    offset += local.length + name.length + extra.length + packed.byteLength;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, ...central, end]);
}
