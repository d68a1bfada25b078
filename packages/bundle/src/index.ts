export { type Bundle, type BundleSource, buildBundle, type VariantSource } from './build.ts';
export { sha256 } from './digest.ts';
export { parseEvaluation } from './evaluation.ts';
export { assembleFile, FileVerifier, isChunk, verifyChunk } from './files.ts';
export { checkGolden } from './golden.ts';
export { encodeManifest, parseManifest } from './manifest.ts';
export { encodeParcelHead, type OpenParcel, openParcel, type Parcel } from './parcel.ts';
export { encodeReference, parseReference } from './reference.ts';
