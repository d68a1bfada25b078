export {
  type AttributeDeclaration,
  countRange,
  type Formal,
  formalAt,
  type Operator,
} from './signature.ts';
export { canonicalDomain, domainName, findOperator, newestOpset, operatorVersions } from './table.ts';
export { isElementType, tensorTypeText, typeText } from './type-text.ts';
