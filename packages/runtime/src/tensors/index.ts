export { overlap } from './boxes.ts';
export { areSameBytes } from './bytes.ts';
export { checkForm, checkInput, checkInputs } from './check.ts';
export { elementsOf } from './elements.ts';
export { isShared, sharedMemory } from './memory.ts';
export type { Tensors } from './tensors.ts';
export { decodeElements, decodeTexts, encodeElements, encodeTexts } from './texts.ts';
