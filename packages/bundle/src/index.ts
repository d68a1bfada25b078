export { type Bundle, type BundleSource, buildBundle, type VariantSource } from './build.ts';
export { parseEvaluation } from './evaluation.ts';
export { assembleFile, FileVerifier, verifyChunk } from './files.ts';
export { encodeGolden, type GoldenVector, parseGolden } from './golden.ts';
export { createPublisherKey, type PublisherKey, parseTrustRoot, trustDigest, trustRootOf } from './keys.ts';
export { encodeReference, parseReference } from './reference.ts';
export { signManifest, verifyEnvelope } from './sign.ts';
