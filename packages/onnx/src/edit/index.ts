export { convertOpset } from './convert-opset.ts';
export { keepOutputs } from './drop-unused.ts';
export { dynamicBatch } from './dynamic-batch.ts';
export { editModel, type Pass, standardPasses } from './pass.ts';
export { removeZipMap } from './remove-zip-map.ts';
export { isOnnx, Scope, scopesOf } from './scope.ts';
