import { env } from 'onnxruntime-common';

/** What measurements here are measurements of; all packages of ONNX Runtime for JavaScript have one version. */
export const runtimeName = `onnxruntime-web ${env.versions.common}`;
