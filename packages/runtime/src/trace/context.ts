/** Who asked, in a trace (W3C Trace Context, w3.org/TR/trace-context). */
export interface TraceContext {
  /** 32 lower-case hexadecimal digits. */
  traceId: string;
  /** The caller's span: 16 lower-case hexadecimal digits. */
  parentId: string;
  /** The caller records this trace. */
  isSampled: boolean;
}

const traceparentForm = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Undefined for what is no valid traceparent: then the request begins a trace of its own. */
export function parseTraceparent(text: string | undefined): TraceContext | undefined {
  const [, version, traceId, parentId, flags, more] = traceparentForm.exec(text ?? '') ?? [];
  if (version === undefined || traceId === undefined || parentId === undefined || flags === undefined) {
    return undefined;
  }
  // Version 00 ends with its flags; later ones may say more, and are read as far as 00 goes. ff is none.
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined;
  return { traceId, parentId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

const keyForm = /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})$/;
const valueForm = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
const membersAtMost = 32;
const stateChars = 512;

/** The state as it goes on; undefined when there is none or any of it is invalid, as the whole is discarded then. */
export function parseTracestate(text: string | undefined): string | undefined {
  if (text === undefined || text.length > stateChars) return undefined;
  const members = text
    .split(',')
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((member) => member !== '');
  const keys = members.map((member) => member.slice(0, Math.max(0, member.indexOf('='))));
  const isValid = members.every((member, i) => {
    const key = keys[i] ?? '';
    return keyForm.test(key) && valueForm.test(member.slice(key.length + 1));
  });
  if (!isValid || members.length === 0 || members.length > membersAtMost) return undefined;
  return new Set(keys).size === keys.length ? members.join(',') : undefined;
}
