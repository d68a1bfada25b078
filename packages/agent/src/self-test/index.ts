export { testSoftware } from './self-test.ts';
