/** Browsers give shared memory only to pages that are isolated from others. */
const isShareable = typeof SharedArrayBuffer !== 'undefined';

/** Memory that other threads look at without a copy; where there is none, of this thread's own. */
export function sharedMemory(sizeBytes: number): ArrayBufferLike {
  return isShareable ? new SharedArrayBuffer(sizeBytes) : new ArrayBuffer(sizeBytes);
}

export function isShared(memory: ArrayBufferLike): boolean {
  return isShareable && memory instanceof SharedArrayBuffer;
}
