import { env } from 'onnxruntime-node';

/** What measurements here are measurements of: `onnxruntime-node 1.30.0`. */
export function runtimeName(): string {
  return `onnxruntime-node ${env.versions.node ?? ''}`.trim();
}
