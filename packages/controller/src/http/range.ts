export type Range = { start: number; end: number };

/**
 * The one byte range (RFC 9110, section 14) that a header asks for, `end` exclusive; undefined: the whole, also for
 * several ranges, other units and what is no range, which a server may ignore; 'unsatisfiable': beyond the end.
 */
export function parseRange(
  header: string | undefined,
  sizeBytes: number,
): Range | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/i.exec(header ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  const start = first === '' ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? sizeBytes : Math.min(sizeBytes, Number(last) + 1);
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  return start < end ? { start, end } : 'unsatisfiable';
}
