export { checkForm, checkInput, checkInputs } from './check.ts';
export { elementsOf } from './elements.ts';
export type { Tensors } from './tensors.ts';
export { decodeTexts, encodeTexts } from './texts.ts';
