export { checkForm, checkInput, checkInputs } from './check.ts';
export { elementsOf } from './elements.ts';
export type { Tensors } from './tensors.ts';
export { decodeElements, decodeTexts, encodeElements, encodeTexts } from './texts.ts';
