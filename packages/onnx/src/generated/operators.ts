// Generated: every operator of ONNX 1.23.1 (onnx.defs.get_all_schemas_with_history) and of the domain
// com.microsoft of ONNX Runtime 1.30.0 (get_all_operator_schema), a line per version of its signature:
//   Name since (input:T, optional?:T, variadic+:T) -> (output:T) {attribute:type, required!:type} T=#set
// "+" takes one or more, "*" none or more, "~" behind it: each of a type of its own. "#set" is an index into typeSets.

/** Sets of types that type variables stand for. */
export const typeSets: readonly string[] = [
  'tensor(double) tensor(float) tensor(float16)',
  'tensor(double) tensor(float) tensor(float16) tensor(int16) tensor(int32) tensor(int64) tensor(int8) tensor(uint16) tensor(uint32) tensor(uint64) tensor(uint8)',
  'tensor(bfloat16) tensor(double) tensor(float) tensor(float16) tensor(int16) tensor(int32) tensor(int64) tensor(int8) tensor(uint16) tensor(uint32) tensor(uint64) tensor(uint8)',
  'tensor(bfloat16) tensor(double) tensor(float) tensor(float16)',
  'tensor(double) tensor(float) tensor(float16) tensor(int32) tensor(int64) tensor(uint32) tensor(uint64)',
  'tensor(bfloat16) tensor(double) tensor(float) tensor(float16) tensor(int32) tensor(int64) tensor(uint32) tensor(uint64)',
  'tensor(int64)',
  'tensor(bool)',
  'tensor(bfloat16) tensor(bool) tensor(double) tensor(float) tensor(float16) tensor(int16) tensor(int32) tensor(int64) tensor(int8) tensor(uint16) tensor(uint32) tensor(uint64) tensor(uint8)',
  'tensor(bfloat16) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(float4e2m1) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(float8e8m0) tensor(int16) tensor(int2) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(uint16) tensor(uint2) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'tensor(uint16) tensor(uint32) tensor(uint64) tensor(uint8)',
  'tensor(int16) tensor(int32) tensor(int64) tensor(int8) tensor(uint16) tensor(uint32) tensor(uint64) tensor(uint8)',
  'tensor(int32) tensor(int64)',
  'tensor(bool) tensor(double) tensor(float) tensor(float16) tensor(int16) tensor(int32) tensor(int64) tensor(int8) tensor(uint16) tensor(uint32) tensor(uint64) tensor(uint8)',
  'tensor(bool) tensor(double) tensor(float) tensor(float16) tensor(int16) tensor(int32) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint64) tensor(uint8)',
  'tensor(bfloat16) tensor(bool) tensor(double) tensor(float) tensor(float16) tensor(int16) tensor(int32) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint64) tensor(uint8)',
  'tensor(bfloat16) tensor(bool) tensor(double) tensor(float) tensor(float16) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int16) tensor(int32) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint64) tensor(uint8)',
  'tensor(bfloat16) tensor(bool) tensor(double) tensor(float) tensor(float16) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int16) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'tensor(bfloat16) tensor(bool) tensor(double) tensor(float) tensor(float16) tensor(float4e2m1) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int16) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'tensor(bfloat16) tensor(bool) tensor(double) tensor(float) tensor(float16) tensor(float4e2m1) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(float8e8m0) tensor(int16) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'tensor(bfloat16) tensor(bool) tensor(double) tensor(float) tensor(float16) tensor(float4e2m1) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(float8e8m0) tensor(int16) tensor(int2) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint2) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'tensor(bfloat16) tensor(bool) tensor(double) tensor(float) tensor(float16) tensor(float4e2m1) tensor(float6e2m3) tensor(float6e3m2) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(float8e8m0) tensor(int16) tensor(int2) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint2) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'tensor(bfloat16) tensor(float) tensor(float16)',
  'tensor(float)',
  'tensor(bfloat16) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(int16) tensor(int32) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint64) tensor(uint8)',
  'tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(int16) tensor(int32) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint64) tensor(uint8)',
  'seq(tensor(bool)) seq(tensor(complex128)) seq(tensor(complex64)) seq(tensor(double)) seq(tensor(float)) seq(tensor(float16)) seq(tensor(int16)) seq(tensor(int32)) seq(tensor(int64)) seq(tensor(int8)) seq(tensor(string)) seq(tensor(uint16)) seq(tensor(uint32)) seq(tensor(uint64)) seq(tensor(uint8))',
  'tensor(bfloat16) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int16) tensor(int32) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint64) tensor(uint8)',
  'tensor(bfloat16) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int16) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'tensor(bfloat16) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(float4e2m1) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int16) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'tensor(bfloat16) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(float4e2m1) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(float8e8m0) tensor(int16) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'tensor(bfloat16) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(float4e2m1) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(float8e8m0) tensor(int16) tensor(int2) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint2) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'tensor(bfloat16) tensor(bool) tensor(double) tensor(float) tensor(float16) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int16) tensor(int32) tensor(int64) tensor(int8) tensor(uint16) tensor(uint32) tensor(uint64) tensor(uint8)',
  'tensor(bfloat16) tensor(bool) tensor(double) tensor(float) tensor(float16) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int16) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(uint16) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'tensor(bfloat16) tensor(bool) tensor(double) tensor(float) tensor(float16) tensor(float4e2m1) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int16) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(uint16) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'tensor(bfloat16) tensor(bool) tensor(double) tensor(float) tensor(float16) tensor(float4e2m1) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(float8e8m0) tensor(int16) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(uint16) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'tensor(bfloat16) tensor(bool) tensor(double) tensor(float) tensor(float16) tensor(float4e2m1) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(float8e8m0) tensor(int16) tensor(int2) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(uint16) tensor(uint2) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'tensor(int8) tensor(uint8)',
  'tensor(int32)',
  'tensor(double) tensor(float) tensor(int32) tensor(int64) tensor(uint32) tensor(uint64)',
  'tensor(int32) tensor(int8) tensor(uint8)',
  'tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int32) tensor(int8) tensor(uint8)',
  'tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int16) tensor(int32) tensor(int4) tensor(int8) tensor(uint16) tensor(uint4) tensor(uint8)',
  'tensor(float4e2m1) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int16) tensor(int32) tensor(int4) tensor(int8) tensor(uint16) tensor(uint4) tensor(uint8)',
  'tensor(bfloat16) tensor(float) tensor(float16) tensor(float8e8m0)',
  'tensor(float4e2m1) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int16) tensor(int2) tensor(int32) tensor(int4) tensor(int8) tensor(uint16) tensor(uint2) tensor(uint4) tensor(uint8)',
  'tensor(float4e2m1) tensor(float6e2m3) tensor(float6e3m2) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int16) tensor(int2) tensor(int32) tensor(int4) tensor(int8) tensor(uint16) tensor(uint2) tensor(uint4) tensor(uint8)',
  'tensor(bfloat16) tensor(double) tensor(float) tensor(float16) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz)',
  'tensor(uint8)',
  'tensor(bool) tensor(int32) tensor(int64)',
  'seq(tensor(bool)) seq(tensor(complex128)) seq(tensor(complex64)) seq(tensor(double)) seq(tensor(float)) seq(tensor(float16)) seq(tensor(int16)) seq(tensor(int32)) seq(tensor(int64)) seq(tensor(int8)) seq(tensor(string)) seq(tensor(uint16)) seq(tensor(uint32)) seq(tensor(uint64)) seq(tensor(uint8)) tensor(bfloat16) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(int16) tensor(int32) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint64) tensor(uint8)',
  'optional(seq(tensor(bool))) optional(seq(tensor(complex128))) optional(seq(tensor(complex64))) optional(seq(tensor(double))) optional(seq(tensor(float))) optional(seq(tensor(float16))) optional(seq(tensor(int16))) optional(seq(tensor(int32))) optional(seq(tensor(int64))) optional(seq(tensor(int8))) optional(seq(tensor(string))) optional(seq(tensor(uint16))) optional(seq(tensor(uint32))) optional(seq(tensor(uint64))) optional(seq(tensor(uint8))) optional(tensor(bool)) optional(tensor(complex128)) optional(tensor(complex64)) optional(tensor(double)) optional(tensor(float)) optional(tensor(float16)) optional(tensor(int16)) optional(tensor(int32)) optional(tensor(int64)) optional(tensor(int8)) optional(tensor(string)) optional(tensor(uint16)) optional(tensor(uint32)) optional(tensor(uint64)) optional(tensor(uint8)) seq(tensor(bool)) seq(tensor(complex128)) seq(tensor(complex64)) seq(tensor(double)) seq(tensor(float)) seq(tensor(float16)) seq(tensor(int16)) seq(tensor(int32)) seq(tensor(int64)) seq(tensor(int8)) seq(tensor(string)) seq(tensor(uint16)) seq(tensor(uint32)) seq(tensor(uint64)) seq(tensor(uint8)) tensor(bfloat16) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(int16) tensor(int32) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint64) tensor(uint8)',
  'optional(seq(tensor(bool))) optional(seq(tensor(complex128))) optional(seq(tensor(complex64))) optional(seq(tensor(double))) optional(seq(tensor(float))) optional(seq(tensor(float16))) optional(seq(tensor(int16))) optional(seq(tensor(int32))) optional(seq(tensor(int64))) optional(seq(tensor(int8))) optional(seq(tensor(string))) optional(seq(tensor(uint16))) optional(seq(tensor(uint32))) optional(seq(tensor(uint64))) optional(seq(tensor(uint8))) optional(tensor(bool)) optional(tensor(complex128)) optional(tensor(complex64)) optional(tensor(double)) optional(tensor(float)) optional(tensor(float16)) optional(tensor(int16)) optional(tensor(int32)) optional(tensor(int64)) optional(tensor(int8)) optional(tensor(string)) optional(tensor(uint16)) optional(tensor(uint32)) optional(tensor(uint64)) optional(tensor(uint8)) seq(tensor(bool)) seq(tensor(complex128)) seq(tensor(complex64)) seq(tensor(double)) seq(tensor(float)) seq(tensor(float16)) seq(tensor(int16)) seq(tensor(int32)) seq(tensor(int64)) seq(tensor(int8)) seq(tensor(string)) seq(tensor(uint16)) seq(tensor(uint32)) seq(tensor(uint64)) seq(tensor(uint8)) tensor(bfloat16) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int16) tensor(int32) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint64) tensor(uint8)',
  'optional(seq(tensor(bool))) optional(seq(tensor(complex128))) optional(seq(tensor(complex64))) optional(seq(tensor(double))) optional(seq(tensor(float))) optional(seq(tensor(float16))) optional(seq(tensor(int16))) optional(seq(tensor(int32))) optional(seq(tensor(int64))) optional(seq(tensor(int8))) optional(seq(tensor(string))) optional(seq(tensor(uint16))) optional(seq(tensor(uint32))) optional(seq(tensor(uint64))) optional(seq(tensor(uint8))) optional(tensor(bool)) optional(tensor(complex128)) optional(tensor(complex64)) optional(tensor(double)) optional(tensor(float)) optional(tensor(float16)) optional(tensor(int16)) optional(tensor(int32)) optional(tensor(int64)) optional(tensor(int8)) optional(tensor(string)) optional(tensor(uint16)) optional(tensor(uint32)) optional(tensor(uint64)) optional(tensor(uint8)) seq(tensor(bool)) seq(tensor(complex128)) seq(tensor(complex64)) seq(tensor(double)) seq(tensor(float)) seq(tensor(float16)) seq(tensor(int16)) seq(tensor(int32)) seq(tensor(int64)) seq(tensor(int8)) seq(tensor(string)) seq(tensor(uint16)) seq(tensor(uint32)) seq(tensor(uint64)) seq(tensor(uint8)) tensor(bfloat16) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int16) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'optional(seq(tensor(bool))) optional(seq(tensor(complex128))) optional(seq(tensor(complex64))) optional(seq(tensor(double))) optional(seq(tensor(float))) optional(seq(tensor(float16))) optional(seq(tensor(int16))) optional(seq(tensor(int32))) optional(seq(tensor(int64))) optional(seq(tensor(int8))) optional(seq(tensor(string))) optional(seq(tensor(uint16))) optional(seq(tensor(uint32))) optional(seq(tensor(uint64))) optional(seq(tensor(uint8))) optional(tensor(bool)) optional(tensor(complex128)) optional(tensor(complex64)) optional(tensor(double)) optional(tensor(float)) optional(tensor(float16)) optional(tensor(int16)) optional(tensor(int32)) optional(tensor(int64)) optional(tensor(int8)) optional(tensor(string)) optional(tensor(uint16)) optional(tensor(uint32)) optional(tensor(uint64)) optional(tensor(uint8)) seq(tensor(bool)) seq(tensor(complex128)) seq(tensor(complex64)) seq(tensor(double)) seq(tensor(float)) seq(tensor(float16)) seq(tensor(int16)) seq(tensor(int32)) seq(tensor(int64)) seq(tensor(int8)) seq(tensor(string)) seq(tensor(uint16)) seq(tensor(uint32)) seq(tensor(uint64)) seq(tensor(uint8)) tensor(bfloat16) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(float4e2m1) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int16) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'optional(seq(tensor(bool))) optional(seq(tensor(complex128))) optional(seq(tensor(complex64))) optional(seq(tensor(double))) optional(seq(tensor(float))) optional(seq(tensor(float16))) optional(seq(tensor(int16))) optional(seq(tensor(int32))) optional(seq(tensor(int64))) optional(seq(tensor(int8))) optional(seq(tensor(string))) optional(seq(tensor(uint16))) optional(seq(tensor(uint32))) optional(seq(tensor(uint64))) optional(seq(tensor(uint8))) optional(tensor(bool)) optional(tensor(complex128)) optional(tensor(complex64)) optional(tensor(double)) optional(tensor(float)) optional(tensor(float16)) optional(tensor(int16)) optional(tensor(int32)) optional(tensor(int64)) optional(tensor(int8)) optional(tensor(string)) optional(tensor(uint16)) optional(tensor(uint32)) optional(tensor(uint64)) optional(tensor(uint8)) seq(tensor(bool)) seq(tensor(complex128)) seq(tensor(complex64)) seq(tensor(double)) seq(tensor(float)) seq(tensor(float16)) seq(tensor(int16)) seq(tensor(int32)) seq(tensor(int64)) seq(tensor(int8)) seq(tensor(string)) seq(tensor(uint16)) seq(tensor(uint32)) seq(tensor(uint64)) seq(tensor(uint8)) tensor(bfloat16) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(float4e2m1) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(float8e8m0) tensor(int16) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'optional(seq(tensor(bool))) optional(seq(tensor(complex128))) optional(seq(tensor(complex64))) optional(seq(tensor(double))) optional(seq(tensor(float))) optional(seq(tensor(float16))) optional(seq(tensor(int16))) optional(seq(tensor(int32))) optional(seq(tensor(int64))) optional(seq(tensor(int8))) optional(seq(tensor(string))) optional(seq(tensor(uint16))) optional(seq(tensor(uint32))) optional(seq(tensor(uint64))) optional(seq(tensor(uint8))) optional(tensor(bool)) optional(tensor(complex128)) optional(tensor(complex64)) optional(tensor(double)) optional(tensor(float)) optional(tensor(float16)) optional(tensor(int16)) optional(tensor(int32)) optional(tensor(int64)) optional(tensor(int8)) optional(tensor(string)) optional(tensor(uint16)) optional(tensor(uint32)) optional(tensor(uint64)) optional(tensor(uint8)) seq(tensor(bool)) seq(tensor(complex128)) seq(tensor(complex64)) seq(tensor(double)) seq(tensor(float)) seq(tensor(float16)) seq(tensor(int16)) seq(tensor(int32)) seq(tensor(int64)) seq(tensor(int8)) seq(tensor(string)) seq(tensor(uint16)) seq(tensor(uint32)) seq(tensor(uint64)) seq(tensor(uint8)) tensor(bfloat16) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(float4e2m1) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(float8e8m0) tensor(int16) tensor(int2) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint2) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'seq(tensor(bool)) seq(tensor(complex128)) seq(tensor(complex64)) seq(tensor(double)) seq(tensor(float)) seq(tensor(float16)) seq(tensor(int16)) seq(tensor(int32)) seq(tensor(int64)) seq(tensor(int8)) seq(tensor(string)) seq(tensor(uint16)) seq(tensor(uint32)) seq(tensor(uint64)) seq(tensor(uint8)) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(int16) tensor(int32) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint64) tensor(uint8)',
  'optional(seq(tensor(bfloat16))) optional(seq(tensor(bool))) optional(seq(tensor(complex128))) optional(seq(tensor(complex64))) optional(seq(tensor(double))) optional(seq(tensor(float))) optional(seq(tensor(float16))) optional(seq(tensor(int16))) optional(seq(tensor(int32))) optional(seq(tensor(int64))) optional(seq(tensor(int8))) optional(seq(tensor(string))) optional(seq(tensor(uint16))) optional(seq(tensor(uint32))) optional(seq(tensor(uint64))) optional(seq(tensor(uint8))) optional(tensor(bfloat16)) optional(tensor(bool)) optional(tensor(complex128)) optional(tensor(complex64)) optional(tensor(double)) optional(tensor(float)) optional(tensor(float16)) optional(tensor(int16)) optional(tensor(int32)) optional(tensor(int64)) optional(tensor(int8)) optional(tensor(string)) optional(tensor(uint16)) optional(tensor(uint32)) optional(tensor(uint64)) optional(tensor(uint8)) seq(tensor(bfloat16)) seq(tensor(bool)) seq(tensor(complex128)) seq(tensor(complex64)) seq(tensor(double)) seq(tensor(float)) seq(tensor(float16)) seq(tensor(int16)) seq(tensor(int32)) seq(tensor(int64)) seq(tensor(int8)) seq(tensor(string)) seq(tensor(uint16)) seq(tensor(uint32)) seq(tensor(uint64)) seq(tensor(uint8)) tensor(bfloat16) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(int16) tensor(int32) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint64) tensor(uint8)',
  'optional(seq(tensor(bfloat16))) optional(seq(tensor(bool))) optional(seq(tensor(complex128))) optional(seq(tensor(complex64))) optional(seq(tensor(double))) optional(seq(tensor(float))) optional(seq(tensor(float16))) optional(seq(tensor(int16))) optional(seq(tensor(int32))) optional(seq(tensor(int64))) optional(seq(tensor(int8))) optional(seq(tensor(string))) optional(seq(tensor(uint16))) optional(seq(tensor(uint32))) optional(seq(tensor(uint64))) optional(seq(tensor(uint8))) optional(tensor(bfloat16)) optional(tensor(bool)) optional(tensor(complex128)) optional(tensor(complex64)) optional(tensor(double)) optional(tensor(float)) optional(tensor(float16)) optional(tensor(float8e4m3fn)) optional(tensor(float8e4m3fnuz)) optional(tensor(float8e5m2)) optional(tensor(float8e5m2fnuz)) optional(tensor(int16)) optional(tensor(int32)) optional(tensor(int64)) optional(tensor(int8)) optional(tensor(string)) optional(tensor(uint16)) optional(tensor(uint32)) optional(tensor(uint64)) optional(tensor(uint8)) seq(tensor(bfloat16)) seq(tensor(bool)) seq(tensor(complex128)) seq(tensor(complex64)) seq(tensor(double)) seq(tensor(float)) seq(tensor(float16)) seq(tensor(float8e4m3fn)) seq(tensor(float8e4m3fnuz)) seq(tensor(float8e5m2)) seq(tensor(float8e5m2fnuz)) seq(tensor(int16)) seq(tensor(int32)) seq(tensor(int64)) seq(tensor(int8)) seq(tensor(string)) seq(tensor(uint16)) seq(tensor(uint32)) seq(tensor(uint64)) seq(tensor(uint8)) tensor(bfloat16) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int16) tensor(int32) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint64) tensor(uint8)',
  'optional(seq(tensor(bfloat16))) optional(seq(tensor(bool))) optional(seq(tensor(complex128))) optional(seq(tensor(complex64))) optional(seq(tensor(double))) optional(seq(tensor(float))) optional(seq(tensor(float16))) optional(seq(tensor(int16))) optional(seq(tensor(int32))) optional(seq(tensor(int64))) optional(seq(tensor(int8))) optional(seq(tensor(string))) optional(seq(tensor(uint16))) optional(seq(tensor(uint32))) optional(seq(tensor(uint64))) optional(seq(tensor(uint8))) optional(tensor(bfloat16)) optional(tensor(bool)) optional(tensor(complex128)) optional(tensor(complex64)) optional(tensor(double)) optional(tensor(float)) optional(tensor(float16)) optional(tensor(float8e4m3fn)) optional(tensor(float8e4m3fnuz)) optional(tensor(float8e5m2)) optional(tensor(float8e5m2fnuz)) optional(tensor(int16)) optional(tensor(int32)) optional(tensor(int4)) optional(tensor(int64)) optional(tensor(int8)) optional(tensor(string)) optional(tensor(uint16)) optional(tensor(uint32)) optional(tensor(uint4)) optional(tensor(uint64)) optional(tensor(uint8)) seq(tensor(bfloat16)) seq(tensor(bool)) seq(tensor(complex128)) seq(tensor(complex64)) seq(tensor(double)) seq(tensor(float)) seq(tensor(float16)) seq(tensor(float8e4m3fn)) seq(tensor(float8e4m3fnuz)) seq(tensor(float8e5m2)) seq(tensor(float8e5m2fnuz)) seq(tensor(int16)) seq(tensor(int32)) seq(tensor(int4)) seq(tensor(int64)) seq(tensor(int8)) seq(tensor(string)) seq(tensor(uint16)) seq(tensor(uint32)) seq(tensor(uint4)) seq(tensor(uint64)) seq(tensor(uint8)) tensor(bfloat16) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int16) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'optional(seq(tensor(bfloat16))) optional(seq(tensor(bool))) optional(seq(tensor(complex128))) optional(seq(tensor(complex64))) optional(seq(tensor(double))) optional(seq(tensor(float))) optional(seq(tensor(float16))) optional(seq(tensor(int16))) optional(seq(tensor(int32))) optional(seq(tensor(int64))) optional(seq(tensor(int8))) optional(seq(tensor(string))) optional(seq(tensor(uint16))) optional(seq(tensor(uint32))) optional(seq(tensor(uint64))) optional(seq(tensor(uint8))) optional(tensor(bfloat16)) optional(tensor(bool)) optional(tensor(complex128)) optional(tensor(complex64)) optional(tensor(double)) optional(tensor(float)) optional(tensor(float16)) optional(tensor(float4e2m1)) optional(tensor(float8e4m3fn)) optional(tensor(float8e4m3fnuz)) optional(tensor(float8e5m2)) optional(tensor(float8e5m2fnuz)) optional(tensor(int16)) optional(tensor(int32)) optional(tensor(int4)) optional(tensor(int64)) optional(tensor(int8)) optional(tensor(string)) optional(tensor(uint16)) optional(tensor(uint32)) optional(tensor(uint4)) optional(tensor(uint64)) optional(tensor(uint8)) seq(tensor(bfloat16)) seq(tensor(bool)) seq(tensor(complex128)) seq(tensor(complex64)) seq(tensor(double)) seq(tensor(float)) seq(tensor(float16)) seq(tensor(float4e2m1)) seq(tensor(float8e4m3fn)) seq(tensor(float8e4m3fnuz)) seq(tensor(float8e5m2)) seq(tensor(float8e5m2fnuz)) seq(tensor(int16)) seq(tensor(int32)) seq(tensor(int4)) seq(tensor(int64)) seq(tensor(int8)) seq(tensor(string)) seq(tensor(uint16)) seq(tensor(uint32)) seq(tensor(uint4)) seq(tensor(uint64)) seq(tensor(uint8)) tensor(bfloat16) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(float4e2m1) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int16) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'optional(seq(tensor(bfloat16))) optional(seq(tensor(bool))) optional(seq(tensor(complex128))) optional(seq(tensor(complex64))) optional(seq(tensor(double))) optional(seq(tensor(float))) optional(seq(tensor(float16))) optional(seq(tensor(int16))) optional(seq(tensor(int32))) optional(seq(tensor(int64))) optional(seq(tensor(int8))) optional(seq(tensor(string))) optional(seq(tensor(uint16))) optional(seq(tensor(uint32))) optional(seq(tensor(uint64))) optional(seq(tensor(uint8))) optional(tensor(bfloat16)) optional(tensor(bool)) optional(tensor(complex128)) optional(tensor(complex64)) optional(tensor(double)) optional(tensor(float)) optional(tensor(float16)) optional(tensor(float4e2m1)) optional(tensor(float8e4m3fn)) optional(tensor(float8e4m3fnuz)) optional(tensor(float8e5m2)) optional(tensor(float8e5m2fnuz)) optional(tensor(float8e8m0)) optional(tensor(int16)) optional(tensor(int32)) optional(tensor(int4)) optional(tensor(int64)) optional(tensor(int8)) optional(tensor(string)) optional(tensor(uint16)) optional(tensor(uint32)) optional(tensor(uint4)) optional(tensor(uint64)) optional(tensor(uint8)) seq(tensor(bfloat16)) seq(tensor(bool)) seq(tensor(complex128)) seq(tensor(complex64)) seq(tensor(double)) seq(tensor(float)) seq(tensor(float16)) seq(tensor(float4e2m1)) seq(tensor(float8e4m3fn)) seq(tensor(float8e4m3fnuz)) seq(tensor(float8e5m2)) seq(tensor(float8e5m2fnuz)) seq(tensor(float8e8m0)) seq(tensor(int16)) seq(tensor(int32)) seq(tensor(int4)) seq(tensor(int64)) seq(tensor(int8)) seq(tensor(string)) seq(tensor(uint16)) seq(tensor(uint32)) seq(tensor(uint4)) seq(tensor(uint64)) seq(tensor(uint8)) tensor(bfloat16) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(float4e2m1) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(float8e8m0) tensor(int16) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'optional(seq(tensor(bfloat16))) optional(seq(tensor(bool))) optional(seq(tensor(complex128))) optional(seq(tensor(complex64))) optional(seq(tensor(double))) optional(seq(tensor(float))) optional(seq(tensor(float16))) optional(seq(tensor(int16))) optional(seq(tensor(int32))) optional(seq(tensor(int64))) optional(seq(tensor(int8))) optional(seq(tensor(string))) optional(seq(tensor(uint16))) optional(seq(tensor(uint32))) optional(seq(tensor(uint64))) optional(seq(tensor(uint8))) optional(tensor(bfloat16)) optional(tensor(bool)) optional(tensor(complex128)) optional(tensor(complex64)) optional(tensor(double)) optional(tensor(float)) optional(tensor(float16)) optional(tensor(float4e2m1)) optional(tensor(float8e4m3fn)) optional(tensor(float8e4m3fnuz)) optional(tensor(float8e5m2)) optional(tensor(float8e5m2fnuz)) optional(tensor(float8e8m0)) optional(tensor(int16)) optional(tensor(int2)) optional(tensor(int32)) optional(tensor(int4)) optional(tensor(int64)) optional(tensor(int8)) optional(tensor(string)) optional(tensor(uint16)) optional(tensor(uint2)) optional(tensor(uint32)) optional(tensor(uint4)) optional(tensor(uint64)) optional(tensor(uint8)) seq(tensor(bfloat16)) seq(tensor(bool)) seq(tensor(complex128)) seq(tensor(complex64)) seq(tensor(double)) seq(tensor(float)) seq(tensor(float16)) seq(tensor(float4e2m1)) seq(tensor(float8e4m3fn)) seq(tensor(float8e4m3fnuz)) seq(tensor(float8e5m2)) seq(tensor(float8e5m2fnuz)) seq(tensor(float8e8m0)) seq(tensor(int16)) seq(tensor(int2)) seq(tensor(int32)) seq(tensor(int4)) seq(tensor(int64)) seq(tensor(int8)) seq(tensor(string)) seq(tensor(uint16)) seq(tensor(uint2)) seq(tensor(uint32)) seq(tensor(uint4)) seq(tensor(uint64)) seq(tensor(uint8)) tensor(bfloat16) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(float4e2m1) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(float8e8m0) tensor(int16) tensor(int2) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint2) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'tensor(double) tensor(float)',
  'tensor(bfloat16) tensor(float)',
  'tensor(double) tensor(float) tensor(float16) tensor(int8) tensor(uint8)',
  'tensor(bfloat16) tensor(double) tensor(float) tensor(float16) tensor(int8) tensor(uint8)',
  'tensor(double) tensor(float) tensor(float16) tensor(int16) tensor(int32) tensor(int64) tensor(int8)',
  'tensor(bfloat16) tensor(double) tensor(float) tensor(float16) tensor(int16) tensor(int32) tensor(int64) tensor(int8)',
  'optional(seq(tensor(bool))) optional(seq(tensor(complex128))) optional(seq(tensor(complex64))) optional(seq(tensor(double))) optional(seq(tensor(float))) optional(seq(tensor(float16))) optional(seq(tensor(int16))) optional(seq(tensor(int32))) optional(seq(tensor(int64))) optional(seq(tensor(int8))) optional(seq(tensor(string))) optional(seq(tensor(uint16))) optional(seq(tensor(uint32))) optional(seq(tensor(uint64))) optional(seq(tensor(uint8))) optional(tensor(bool)) optional(tensor(complex128)) optional(tensor(complex64)) optional(tensor(double)) optional(tensor(float)) optional(tensor(float16)) optional(tensor(int16)) optional(tensor(int32)) optional(tensor(int64)) optional(tensor(int8)) optional(tensor(string)) optional(tensor(uint16)) optional(tensor(uint32)) optional(tensor(uint64)) optional(tensor(uint8))',
  'seq(tensor(bfloat16)) seq(tensor(bool)) seq(tensor(complex128)) seq(tensor(complex64)) seq(tensor(double)) seq(tensor(float)) seq(tensor(float16)) seq(tensor(float4e2m1)) seq(tensor(float6e2m3)) seq(tensor(float6e3m2)) seq(tensor(float8e4m3fn)) seq(tensor(float8e4m3fnuz)) seq(tensor(float8e5m2)) seq(tensor(float8e5m2fnuz)) seq(tensor(float8e8m0)) seq(tensor(int16)) seq(tensor(int2)) seq(tensor(int32)) seq(tensor(int4)) seq(tensor(int64)) seq(tensor(int8)) seq(tensor(string)) seq(tensor(uint16)) seq(tensor(uint2)) seq(tensor(uint32)) seq(tensor(uint4)) seq(tensor(uint64)) seq(tensor(uint8)) tensor(bfloat16) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(float4e2m1) tensor(float6e2m3) tensor(float6e3m2) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(float8e8m0) tensor(int16) tensor(int2) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint2) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'optional(seq(tensor(bfloat16))) optional(seq(tensor(bool))) optional(seq(tensor(complex128))) optional(seq(tensor(complex64))) optional(seq(tensor(double))) optional(seq(tensor(float))) optional(seq(tensor(float16))) optional(seq(tensor(float4e2m1))) optional(seq(tensor(float6e2m3))) optional(seq(tensor(float6e3m2))) optional(seq(tensor(float8e4m3fn))) optional(seq(tensor(float8e4m3fnuz))) optional(seq(tensor(float8e5m2))) optional(seq(tensor(float8e5m2fnuz))) optional(seq(tensor(float8e8m0))) optional(seq(tensor(int16))) optional(seq(tensor(int2))) optional(seq(tensor(int32))) optional(seq(tensor(int4))) optional(seq(tensor(int64))) optional(seq(tensor(int8))) optional(seq(tensor(string))) optional(seq(tensor(uint16))) optional(seq(tensor(uint2))) optional(seq(tensor(uint32))) optional(seq(tensor(uint4))) optional(seq(tensor(uint64))) optional(seq(tensor(uint8))) optional(tensor(bfloat16)) optional(tensor(bool)) optional(tensor(complex128)) optional(tensor(complex64)) optional(tensor(double)) optional(tensor(float)) optional(tensor(float16)) optional(tensor(float4e2m1)) optional(tensor(float6e2m3)) optional(tensor(float6e3m2)) optional(tensor(float8e4m3fn)) optional(tensor(float8e4m3fnuz)) optional(tensor(float8e5m2)) optional(tensor(float8e5m2fnuz)) optional(tensor(float8e8m0)) optional(tensor(int16)) optional(tensor(int2)) optional(tensor(int32)) optional(tensor(int4)) optional(tensor(int64)) optional(tensor(int8)) optional(tensor(string)) optional(tensor(uint16)) optional(tensor(uint2)) optional(tensor(uint32)) optional(tensor(uint4)) optional(tensor(uint64)) optional(tensor(uint8))',
  'optional(seq(tensor(bool))) optional(seq(tensor(complex128))) optional(seq(tensor(complex64))) optional(seq(tensor(double))) optional(seq(tensor(float))) optional(seq(tensor(float16))) optional(seq(tensor(int16))) optional(seq(tensor(int32))) optional(seq(tensor(int64))) optional(seq(tensor(int8))) optional(seq(tensor(string))) optional(seq(tensor(uint16))) optional(seq(tensor(uint32))) optional(seq(tensor(uint64))) optional(seq(tensor(uint8))) optional(tensor(bool)) optional(tensor(complex128)) optional(tensor(complex64)) optional(tensor(double)) optional(tensor(float)) optional(tensor(float16)) optional(tensor(int16)) optional(tensor(int32)) optional(tensor(int64)) optional(tensor(int8)) optional(tensor(string)) optional(tensor(uint16)) optional(tensor(uint32)) optional(tensor(uint64)) optional(tensor(uint8)) seq(tensor(bool)) seq(tensor(complex128)) seq(tensor(complex64)) seq(tensor(double)) seq(tensor(float)) seq(tensor(float16)) seq(tensor(int16)) seq(tensor(int32)) seq(tensor(int64)) seq(tensor(int8)) seq(tensor(string)) seq(tensor(uint16)) seq(tensor(uint32)) seq(tensor(uint64)) seq(tensor(uint8)) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(int16) tensor(int32) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint32) tensor(uint64) tensor(uint8)',
  'optional(seq(tensor(bfloat16))) optional(seq(tensor(bool))) optional(seq(tensor(complex128))) optional(seq(tensor(complex64))) optional(seq(tensor(double))) optional(seq(tensor(float))) optional(seq(tensor(float16))) optional(seq(tensor(float4e2m1))) optional(seq(tensor(float6e2m3))) optional(seq(tensor(float6e3m2))) optional(seq(tensor(float8e4m3fn))) optional(seq(tensor(float8e4m3fnuz))) optional(seq(tensor(float8e5m2))) optional(seq(tensor(float8e5m2fnuz))) optional(seq(tensor(float8e8m0))) optional(seq(tensor(int16))) optional(seq(tensor(int2))) optional(seq(tensor(int32))) optional(seq(tensor(int4))) optional(seq(tensor(int64))) optional(seq(tensor(int8))) optional(seq(tensor(string))) optional(seq(tensor(uint16))) optional(seq(tensor(uint2))) optional(seq(tensor(uint32))) optional(seq(tensor(uint4))) optional(seq(tensor(uint64))) optional(seq(tensor(uint8))) optional(tensor(bfloat16)) optional(tensor(bool)) optional(tensor(complex128)) optional(tensor(complex64)) optional(tensor(double)) optional(tensor(float)) optional(tensor(float16)) optional(tensor(float4e2m1)) optional(tensor(float6e2m3)) optional(tensor(float6e3m2)) optional(tensor(float8e4m3fn)) optional(tensor(float8e4m3fnuz)) optional(tensor(float8e5m2)) optional(tensor(float8e5m2fnuz)) optional(tensor(float8e8m0)) optional(tensor(int16)) optional(tensor(int2)) optional(tensor(int32)) optional(tensor(int4)) optional(tensor(int64)) optional(tensor(int8)) optional(tensor(string)) optional(tensor(uint16)) optional(tensor(uint2)) optional(tensor(uint32)) optional(tensor(uint4)) optional(tensor(uint64)) optional(tensor(uint8)) seq(tensor(bfloat16)) seq(tensor(bool)) seq(tensor(complex128)) seq(tensor(complex64)) seq(tensor(double)) seq(tensor(float)) seq(tensor(float16)) seq(tensor(float4e2m1)) seq(tensor(float6e2m3)) seq(tensor(float6e3m2)) seq(tensor(float8e4m3fn)) seq(tensor(float8e4m3fnuz)) seq(tensor(float8e5m2)) seq(tensor(float8e5m2fnuz)) seq(tensor(float8e8m0)) seq(tensor(int16)) seq(tensor(int2)) seq(tensor(int32)) seq(tensor(int4)) seq(tensor(int64)) seq(tensor(int8)) seq(tensor(string)) seq(tensor(uint16)) seq(tensor(uint2)) seq(tensor(uint32)) seq(tensor(uint4)) seq(tensor(uint64)) seq(tensor(uint8)) tensor(bfloat16) tensor(bool) tensor(complex128) tensor(complex64) tensor(double) tensor(float) tensor(float16) tensor(float4e2m1) tensor(float6e2m3) tensor(float6e3m2) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(float8e8m0) tensor(int16) tensor(int2) tensor(int32) tensor(int4) tensor(int64) tensor(int8) tensor(string) tensor(uint16) tensor(uint2) tensor(uint32) tensor(uint4) tensor(uint64) tensor(uint8)',
  'tensor(double) tensor(float) tensor(float16) tensor(int32) tensor(int64)',
  'tensor(bfloat16) tensor(double) tensor(float) tensor(float16) tensor(int32) tensor(int64)',
  'tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int8) tensor(uint8)',
  'tensor(float) tensor(int32)',
  'tensor(bfloat16) tensor(float) tensor(float16) tensor(int32)',
  'tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int16) tensor(int4) tensor(int8) tensor(uint16) tensor(uint4) tensor(uint8)',
  'tensor(float4e2m1) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int16) tensor(int4) tensor(int8) tensor(uint16) tensor(uint4) tensor(uint8)',
  'tensor(bfloat16) tensor(float) tensor(float16) tensor(float8e8m0) tensor(int32)',
  'tensor(float4e2m1) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int16) tensor(int2) tensor(int4) tensor(int8) tensor(uint16) tensor(uint2) tensor(uint4) tensor(uint8)',
  'tensor(float4e2m1) tensor(float6e2m3) tensor(float6e3m2) tensor(float8e4m3fn) tensor(float8e4m3fnuz) tensor(float8e5m2) tensor(float8e5m2fnuz) tensor(int16) tensor(int2) tensor(int4) tensor(int8) tensor(uint16) tensor(uint2) tensor(uint4) tensor(uint8)',
  'tensor(double) tensor(float) tensor(int16) tensor(int32) tensor(int64)',
  'tensor(bfloat16) tensor(double) tensor(float) tensor(float16) tensor(int16) tensor(int32) tensor(int64)',
  'tensor(double) tensor(float) tensor(float16) tensor(int32) tensor(int64) tensor(int8) tensor(uint32) tensor(uint64) tensor(uint8)',
  'tensor(bfloat16) tensor(double) tensor(float) tensor(float16) tensor(int32) tensor(int64) tensor(int8) tensor(uint32) tensor(uint64) tensor(uint8)',
  'tensor(bfloat16) tensor(bool) tensor(double) tensor(float) tensor(float16) tensor(int32) tensor(int64) tensor(int8) tensor(uint32) tensor(uint64) tensor(uint8)',
  'tensor(string)',
  'seq(tensor(bfloat16)) seq(tensor(bool)) seq(tensor(complex128)) seq(tensor(complex64)) seq(tensor(double)) seq(tensor(float)) seq(tensor(float16)) seq(tensor(int16)) seq(tensor(int32)) seq(tensor(int64)) seq(tensor(int8)) seq(tensor(string)) seq(tensor(uint16)) seq(tensor(uint32)) seq(tensor(uint64)) seq(tensor(uint8))',
  'tensor(int32) tensor(int64) tensor(string)',
  'tensor(bool) tensor(double) tensor(float) tensor(float16) tensor(int32) tensor(int64)',
  'tensor(double) tensor(float) tensor(int32) tensor(int64) tensor(string)',
  'tensor(double) tensor(float) tensor(int32) tensor(int64)',
  'map(int64,float) map(int64,string)',
  'tensor(float) tensor(int64) tensor(string)',
  'tensor(int64) tensor(string)',
  'map(int64,double) map(int64,float) map(int64,string) map(string,double) map(string,float) map(string,int64)',
  'tensor(double) tensor(float) tensor(int64) tensor(string)',
  'tensor(double) tensor(float) tensor(int16) tensor(int32) tensor(int64) tensor(string)',
  'seq(map(int64,float)) seq(map(string,float))',
  'tensor(float) tensor(float16)',
  'tensor(float) tensor(float16) tensor(int32)',
  'tensor(uint32)',
  'tensor(int16) tensor(int32) tensor(int4) tensor(int8) tensor(uint16) tensor(uint4) tensor(uint8)',
  'tensor(int8)',
  'tensor(int4) tensor(uint4) tensor(uint8)',
  'tensor(bfloat16) tensor(float) tensor(float16) tensor(float8e4m3fn) tensor(float8e5m2)',
  'tensor(float16)',
  'tensor(bfloat16) tensor(float) tensor(float16) tensor(float8e4m3fn) tensor(int8) tensor(uint8)',
  'tensor(bfloat16) tensor(float16)',
  'tensor(float8e4m3fn)',
  'tensor(int16) tensor(uint16)',
  'tensor(int32) tensor(uint32)',
  'tensor(bfloat16) tensor(float) tensor(float16) tensor(uint8)',
  'tensor(double) tensor(float) tensor(int32) tensor(int64) tensor(string) tensor(uint32) tensor(uint64)',
  'tensor(bfloat16) tensor(float16) tensor(float8e4m3fn) tensor(int8) tensor(uint8)',
  'tensor(float) tensor(int8) tensor(uint8)',
  'tensor(float8e4m3fn) tensor(uint8)',
  'tensor(bfloat16) tensor(float) tensor(float16) tensor(float8e4m3fn) tensor(float8e8m0)',
  'tensor(int16) tensor(int4) tensor(int8) tensor(uint16) tensor(uint4) tensor(uint8)',
  'tensor(float) tensor(uint16) tensor(uint8)',
  'sparse_tensor(double) sparse_tensor(float) sparse_tensor(int32) sparse_tensor(int64) sparse_tensor(uint32) sparse_tensor(uint64)',
];

/** Signatures by domain. */
export const signatures: Readonly<Record<string, string>> = {
  '': `
Abs 1 (X:T) -> (Y:T) {consumed_inputs:ints} T=#0
Abs 6 (X:T) -> (Y:T) T=#1
Abs 13 (X:T) -> (Y:T) T=#2
Acos 7 (input:T) -> (output:T) T=#0
Acos 22 (input:T) -> (output:T) T=#3
Acosh 9 (input:T) -> (output:T) T=#0
Acosh 22 (input:T) -> (output:T) T=#3
Add 1 (A:T, B:T) -> (C:T) {axis:int, broadcast:int, consumed_inputs:ints} T=#0
Add 6 (A:T, B:T) -> (C:T) {axis:int, broadcast:int} T=#4
Add 7 (A:T, B:T) -> (C:T) T=#4
Add 13 (A:T, B:T) -> (C:T) T=#5
Add 14 (A:T, B:T) -> (C:T) T=#2
AffineGrid 20 (theta:T1, size:T2) -> (grid:T1) {align_corners:int} T1=#3 T2=#6
And 1 (A:T, B:T) -> (C:T1) {axis:int, broadcast:int} T=#7 T1=#7
And 7 (A:T, B:T) -> (C:T1) T=#7 T1=#7
ArgMax 1 (data:T) -> (reduced:tensor(int64)) {axis:int, keepdims:int} T=#1
ArgMax 11 (data:T) -> (reduced:tensor(int64)) {axis:int, keepdims:int} T=#1
ArgMax 12 (data:T) -> (reduced:tensor(int64)) {axis:int, keepdims:int, select_last_index:int} T=#1
ArgMax 13 (data:T) -> (reduced:tensor(int64)) {axis:int, keepdims:int, select_last_index:int} T=#2
ArgMin 1 (data:T) -> (reduced:tensor(int64)) {axis:int, keepdims:int} T=#1
ArgMin 11 (data:T) -> (reduced:tensor(int64)) {axis:int, keepdims:int} T=#1
ArgMin 12 (data:T) -> (reduced:tensor(int64)) {axis:int, keepdims:int, select_last_index:int} T=#1
ArgMin 13 (data:T) -> (reduced:tensor(int64)) {axis:int, keepdims:int, select_last_index:int} T=#2
Asin 7 (input:T) -> (output:T) T=#0
Asin 22 (input:T) -> (output:T) T=#3
Asinh 9 (input:T) -> (output:T) T=#0
Asinh 22 (input:T) -> (output:T) T=#3
Atan 7 (input:T) -> (output:T) T=#0
Atan 22 (input:T) -> (output:T) T=#3
Atanh 9 (input:T) -> (output:T) T=#0
Atanh 22 (input:T) -> (output:T) T=#3
Attention 23 (Q:T1, K:T1, V:T2, attn_mask?:U, past_key?:T1, past_value?:T2) -> (Y:T1, present_key?:T1, present_value?:T2, qk_matmul_output?:T1) {is_causal:int, kv_num_heads:int, q_num_heads:int, qk_matmul_output_mode:int, scale:float, softcap:float, softmax_precision:int} T1=#3 T2=#3 U=#8
Attention 24 (Q:T1, K:T1, V:T2, attn_mask?:U, past_key?:T1, past_value?:T2, nonpad_kv_seqlen?:tensor(int64)) -> (Y:T1, present_key?:T1, present_value?:T2, qk_matmul_output?:T1) {is_causal:int, kv_num_heads:int, q_num_heads:int, qk_matmul_output_mode:int, scale:float, softcap:float, softmax_precision:int} T1=#3 T2=#3 U=#8
Attention 25 (Q:T1, K:T1, V:T2, attn_mask?:U, past_key?:T1, past_value?:T2, nonpad_kv_seqlen?:tensor(int64)) -> (Y:T1, present_key?:T1, present_value?:T2, qk_matmul_output?:T1) {is_causal:int, kv_num_heads:int, left_window_size:int, q_num_heads:int, qk_matmul_output_mode:int, right_window_size:int, scale:float, softcap:float, softmax_precision:int} T1=#3 T2=#3 U=#8
AveragePool 1 (X:T) -> (Y:T) {auto_pad:string, kernel_shape!:ints, pads:ints, strides:ints} T=#0
AveragePool 7 (X:T) -> (Y:T) {auto_pad:string, count_include_pad:int, kernel_shape!:ints, pads:ints, strides:ints} T=#0
AveragePool 10 (X:T) -> (Y:T) {auto_pad:string, ceil_mode:int, count_include_pad:int, kernel_shape!:ints, pads:ints, strides:ints} T=#0
AveragePool 11 (X:T) -> (Y:T) {auto_pad:string, ceil_mode:int, count_include_pad:int, kernel_shape!:ints, pads:ints, strides:ints} T=#0
AveragePool 19 (X:T) -> (Y:T) {auto_pad:string, ceil_mode:int, count_include_pad:int, dilations:ints, kernel_shape!:ints, pads:ints, strides:ints} T=#0
AveragePool 22 (X:T) -> (Y:T) {auto_pad:string, ceil_mode:int, count_include_pad:int, dilations:ints, kernel_shape!:ints, pads:ints, strides:ints} T=#3
BatchNormalization 1 (X:T, scale:T, B:T, mean:T, var:T) -> (Y:T, mean?:T, var?:T, saved_mean?:T, saved_var?:T) {consumed_inputs!:ints, epsilon:float, is_test:int, momentum:float, spatial:int} T=#0
BatchNormalization 6 (X:T, scale:T, B:T, mean:T, var:T) -> (Y:T, mean?:T, var?:T, saved_mean?:T, saved_var?:T) {epsilon:float, is_test:int, momentum:float, spatial:int} T=#0
BatchNormalization 7 (X:T, scale:T, B:T, mean:T, var:T) -> (Y:T, mean?:T, var?:T, saved_mean?:T, saved_var?:T) {epsilon:float, momentum:float, spatial:int} T=#0
BatchNormalization 9 (X:T, scale:T, B:T, mean:T, var:T) -> (Y:T, mean?:T, var?:T, saved_mean?:T, saved_var?:T) {epsilon:float, momentum:float} T=#0
BatchNormalization 14 (X:T, scale:T, B:T, input_mean:U, input_var:U) -> (Y:T, running_mean?:U, running_var?:U) {epsilon:float, momentum:float, training_mode:int} T=#3 U=#3
BatchNormalization 15 (X:T, scale:T1, B:T1, input_mean:T2, input_var:T2) -> (Y:T, running_mean?:T2, running_var?:T2) {epsilon:float, momentum:float, training_mode:int} T=#3 T1=#3 T2=#3
Bernoulli 15 (input:T1) -> (output:T2) {dtype:int, seed:float} T1=#0 T2=#8
Bernoulli 22 (input:T1) -> (output:T2) {dtype:int, seed:float} T1=#3 T2=#8
BitCast 26 (input:T1) -> (output:T2) {to!:int} T1=#9 T2=#9
BitShift 11 (X:T, Y:T) -> (Z:T) {direction!:string} T=#10
BitShift 28 (X:T, Y:T) -> (Z:T) {direction!:string} T=#11
BitwiseAnd 18 (A:T, B:T) -> (C:T) T=#11
BitwiseNot 18 (X:T) -> (Y:T) T=#11
BitwiseOr 18 (A:T, B:T) -> (C:T) T=#11
BitwiseXor 18 (A:T, B:T) -> (C:T) T=#11
BlackmanWindow 17 (size:T1) -> (output:T2) {output_datatype:int, periodic:int} T1=#12 T2=#2
Cast 1 (input:T1) -> (output:T2) {to!:string} T1=#13 T2=#13
Cast 6 (input:T1) -> (output:T2) {to!:int} T1=#13 T2=#13
Cast 9 (input:T1) -> (output:T2) {to!:int} T1=#14 T2=#14
Cast 13 (input:T1) -> (output:T2) {to!:int} T1=#15 T2=#15
Cast 19 (input:T1) -> (output:T2) {saturate:int, to!:int} T1=#16 T2=#16
Cast 21 (input:T1) -> (output:T2) {saturate:int, to!:int} T1=#17 T2=#17
Cast 23 (input:T1) -> (output:T2) {saturate:int, to!:int} T1=#18 T2=#18
Cast 24 (input:T1) -> (output:T2) {round_mode:string, saturate:int, to!:int} T1=#19 T2=#19
Cast 25 (input:T1) -> (output:T2) {round_mode:string, saturate:int, to!:int} T1=#20 T2=#20
Cast 28 (input:T1) -> (output:T2) {round_mode:string, saturate:int, to!:int} T1=#21 T2=#21
CastLike 15 (input:T1, target_type:T2) -> (output:T2) T1=#15 T2=#15
CastLike 19 (input:T1, target_type:T2) -> (output:T2) {saturate:int} T1=#16 T2=#16
CastLike 21 (input:T1, target_type:T2) -> (output:T2) {saturate:int} T1=#17 T2=#17
CastLike 23 (input:T1, target_type:T2) -> (output:T2) {saturate:int} T1=#18 T2=#18
CastLike 24 (input:T1, target_type:T2) -> (output:T2) {round_mode:string, saturate:int} T1=#19 T2=#19
CastLike 25 (input:T1, target_type:T2) -> (output:T2) {round_mode:string, saturate:int} T1=#20 T2=#20
CausalConvWithState 27 (input:T, weight:T, bias?:T, past_state?:T) -> (output:T, present_state:T) {activation:string} T=#22
Ceil 1 (X:T) -> (Y:T) {consumed_inputs:ints} T=#0
Ceil 6 (X:T) -> (Y:T) T=#0
Ceil 13 (X:T) -> (Y:T) T=#3
Celu 12 (X:T) -> (Y:T) {alpha:float} T=#23
Celu 28 (X:T) -> (Y:T) {alpha:float} T=#3
CenterCropPad 18 (input_data:T, shape:Tind) -> (output_data:T) {axes:ints} T=#24 Tind=#12
Clip 1 (input:T) -> (output:T) {consumed_inputs:ints, max:float, min:float} T=#0
Clip 6 (input:T) -> (output:T) {max:float, min:float} T=#0
Clip 11 (input:T, min?:T, max?:T) -> (output:T) T=#0
Clip 12 (input:T, min?:T, max?:T) -> (output:T) T=#1
Clip 13 (input:T, min?:T, max?:T) -> (output:T) T=#2
Col2Im 18 (input:T, image_shape:tensor(int64), block_shape:tensor(int64)) -> (output:T) {dilations:ints, pads:ints, strides:ints} T=#24
Compress 9 (input:T, condition:T1) -> (output:T) {axis:int} T=#25 T1=#7
Compress 11 (input:T, condition:T1) -> (output:T) {axis:int} T=#25 T1=#7
Compress 28 (input:T, condition:T1) -> (output:T) {axis:int} T=#24 T1=#7
Concat 1 (inputs+:T) -> (concat_result:T) {axis:int} T=#0
Concat 4 (inputs+:T) -> (concat_result:T) {axis!:int} T=#25
Concat 11 (inputs+:T) -> (concat_result:T) {axis!:int} T=#25
Concat 13 (inputs+:T) -> (concat_result:T) {axis!:int} T=#24
ConcatFromSequence 11 (input_sequence:S) -> (concat_result:T) {axis!:int, new_axis:int} S=#26 T=#25
Constant 1 () -> (output:T) {value!:tensor} T=#0
Constant 9 () -> (output:T) {value!:tensor} T=#25
Constant 11 () -> (output:T) {sparse_value:sparseTensor, value:tensor} T=#25
Constant 12 () -> (output:T) {sparse_value:sparseTensor, value:tensor, value_float:float, value_floats:floats, value_int:int, value_ints:ints, value_string:string, value_strings:strings} T=#25
Constant 13 () -> (output:T) {sparse_value:sparseTensor, value:tensor, value_float:float, value_floats:floats, value_int:int, value_ints:ints, value_string:string, value_strings:strings} T=#24
Constant 19 () -> (output:T) {sparse_value:sparseTensor, value:tensor, value_float:float, value_floats:floats, value_int:int, value_ints:ints, value_string:string, value_strings:strings} T=#27
Constant 21 () -> (output:T) {sparse_value:sparseTensor, value:tensor, value_float:float, value_floats:floats, value_int:int, value_ints:ints, value_string:string, value_strings:strings} T=#28
Constant 23 () -> (output:T) {sparse_value:sparseTensor, value:tensor, value_float:float, value_floats:floats, value_int:int, value_ints:ints, value_string:string, value_strings:strings} T=#29
Constant 24 () -> (output:T) {sparse_value:sparseTensor, value:tensor, value_float:float, value_floats:floats, value_int:int, value_ints:ints, value_string:string, value_strings:strings} T=#30
Constant 25 () -> (output:T) {sparse_value:sparseTensor, value:tensor, value_float:float, value_floats:floats, value_int:int, value_ints:ints, value_string:string, value_strings:strings} T=#31
ConstantOfShape 9 (input:T1) -> (output:T2) {value:tensor} T1=#6 T2=#13
ConstantOfShape 20 (input:T1) -> (output:T2) {value:tensor} T1=#6 T2=#32
ConstantOfShape 21 (input:T1) -> (output:T2) {value:tensor} T1=#6 T2=#33
ConstantOfShape 23 (input:T1) -> (output:T2) {value:tensor} T1=#6 T2=#34
ConstantOfShape 24 (input:T1) -> (output:T2) {value:tensor} T1=#6 T2=#35
ConstantOfShape 25 (input:T1) -> (output:T2) {value:tensor} T1=#6 T2=#36
Conv 1 (X:T, W:T, B?:T) -> (Y:T) {auto_pad:string, dilations:ints, group:int, kernel_shape:ints, pads:ints, strides:ints} T=#0
Conv 11 (X:T, W:T, B?:T) -> (Y:T) {auto_pad:string, dilations:ints, group:int, kernel_shape:ints, pads:ints, strides:ints} T=#0
Conv 22 (X:T, W:T, B?:T) -> (Y:T) {auto_pad:string, dilations:ints, group:int, kernel_shape:ints, pads:ints, strides:ints} T=#3
ConvInteger 10 (x:T1, w:T2, x_zero_point?:T1, w_zero_point?:T2) -> (y:T3) {auto_pad:string, dilations:ints, group:int, kernel_shape:ints, pads:ints, strides:ints} T1=#37 T2=#37 T3=#38
ConvTranspose 1 (X:T, W:T, B?:T) -> (Y:T) {auto_pad:string, dilations:ints, group:int, kernel_shape:ints, output_padding:ints, output_shape:ints, pads:ints, strides:ints} T=#0
ConvTranspose 11 (X:T, W:T, B?:T) -> (Y:T) {auto_pad:string, dilations:ints, group:int, kernel_shape:ints, output_padding:ints, output_shape:ints, pads:ints, strides:ints} T=#0
ConvTranspose 22 (X:T, W:T, B?:T) -> (Y:T) {auto_pad:string, dilations:ints, group:int, kernel_shape:ints, output_padding:ints, output_shape:ints, pads:ints, strides:ints} T=#3
Cos 7 (input:T) -> (output:T) T=#0
Cos 22 (input:T) -> (output:T) T=#3
Cosh 9 (input:T) -> (output:T) T=#0
Cosh 22 (input:T) -> (output:T) T=#3
CumProd 26 (x:T, axis:T2) -> (y:T) {exclusive:int, reverse:int} T=#5 T2=#12
CumSum 11 (x:T, axis:T2) -> (y:T) {exclusive:int, reverse:int} T=#39 T2=#12
CumSum 14 (x:T, axis:T2) -> (y:T) {exclusive:int, reverse:int} T=#5 T2=#12
DFT 17 (input:T1, dft_length?:T2) -> (output:T1) {axis:int, inverse:int, onesided:int} T1=#3 T2=#12
DFT 20 (input:T1, dft_length?:T2, axis?:tensor(int64)) -> (output:T1) {inverse:int, onesided:int} T1=#3 T2=#12
DeformConv 19 (X:T, W:T, offset:T, B?:T, mask?:T) -> (Y:T) {dilations:ints, group:int, kernel_shape:ints, offset_group:int, pads:ints, strides:ints} T=#0
DeformConv 22 (X:T, W:T, offset:T, B?:T, mask?:T) -> (Y:T) {dilations:ints, group:int, kernel_shape:ints, offset_group:int, pads:ints, strides:ints} T=#3
DepthToSpace 1 (input:T) -> (output:T) {blocksize!:int} T=#25
DepthToSpace 11 (input:T) -> (output:T) {blocksize!:int, mode:string} T=#25
DepthToSpace 13 (input:T) -> (output:T) {blocksize!:int, mode:string} T=#24
DepthToSpace 28 (input:T) -> (output:T) {blocksize!:int, mode:string} T=#24
DequantizeLinear 10 (x:T, x_scale:tensor(float), x_zero_point?:T) -> (y:tensor(float)) T=#40
DequantizeLinear 13 (x:T, x_scale:tensor(float), x_zero_point?:T) -> (y:tensor(float)) {axis:int} T=#40
DequantizeLinear 19 (x:T1, x_scale:T2, x_zero_point?:T1) -> (y:T2) {axis:int} T1=#41 T2=#22
DequantizeLinear 21 (x:T1, x_scale:T2, x_zero_point?:T1) -> (y:T2) {axis:int, block_size:int} T1=#42 T2=#22
DequantizeLinear 23 (x:T1, x_scale:T2, x_zero_point?:T1) -> (y:T3) {axis:int, block_size:int, output_dtype:int} T1=#43 T2=#22 T3=#22
DequantizeLinear 24 (x:T1, x_scale:T2, x_zero_point?:T1) -> (y:T3) {axis:int, block_size:int, output_dtype:int} T1=#43 T2=#44 T3=#22
DequantizeLinear 25 (x:T1, x_scale:T2, x_zero_point?:T1) -> (y:T3) {axis:int, block_size:int, output_dtype:int} T1=#45 T2=#44 T3=#22
DequantizeLinear 28 (x:T1, x_scale:T2, x_zero_point?:T1) -> (y:T3) {axis:int, block_size:int, output_dtype:int} T1=#46 T2=#44 T3=#22
Det 11 (X:T) -> (Y:T) T=#0
Det 22 (X:T) -> (Y:T) T=#3
Div 1 (A:T, B:T) -> (C:T) {axis:int, broadcast:int, consumed_inputs:ints} T=#0
Div 6 (A:T, B:T) -> (C:T) {axis:int, broadcast:int} T=#4
Div 7 (A:T, B:T) -> (C:T) T=#4
Div 13 (A:T, B:T) -> (C:T) T=#5
Div 14 (A:T, B:T) -> (C:T) T=#2
Dropout 1 (data:T) -> (output:T, mask?:T) {consumed_inputs:ints, is_test:int, ratio:float} T=#0
Dropout 6 (data:T) -> (output:T, mask?:T) {is_test:int, ratio:float} T=#0
Dropout 7 (data:T) -> (output:T, mask?:T) {ratio:float} T=#0
Dropout 10 (data:T) -> (output:T, mask?:T1) {ratio:float} T=#0 T1=#7
Dropout 12 (data:T, ratio?:T1, training_mode?:T2) -> (output:T, mask?:T2) {seed:int} T=#0 T1=#0 T2=#7
Dropout 13 (data:T, ratio?:T1, training_mode?:T2) -> (output:T, mask?:T2) {seed:int} T=#3 T1=#0 T2=#7
Dropout 22 (data:T, ratio?:T1, training_mode?:T2) -> (output:T, mask?:T2) {seed:int} T=#47 T1=#47 T2=#7
DynamicQuantizeLinear 11 (x:T1) -> (y:T2, y_scale:tensor(float), y_zero_point:T2) T1=#23 T2=#48
Einsum 12 (Inputs+:T) -> (Output:T) {equation!:string} T=#1
Einsum 28 (Inputs+:T) -> (Output:T) {equation!:string} T=#2
Elu 1 (X:T) -> (Y:T) {alpha:float, consumed_inputs:ints} T=#0
Elu 6 (X:T) -> (Y:T) {alpha:float} T=#0
Elu 22 (X:T) -> (Y:T) {alpha:float} T=#3
Equal 1 (A:T, B:T) -> (C:T1) {axis:int, broadcast:int} T=#49 T1=#7
Equal 7 (A:T, B:T) -> (C:T1) T=#49 T1=#7
Equal 11 (A:T, B:T) -> (C:T1) T=#13 T1=#7
Equal 13 (A:T, B:T) -> (C:T1) T=#8 T1=#7
Equal 19 (A:T, B:T) -> (C:T1) T=#15 T1=#7
Erf 9 (input:T) -> (output:T) T=#1
Erf 13 (input:T) -> (output:T) T=#3
Exp 1 (input:T) -> (output:T) {consumed_inputs:ints} T=#0
Exp 6 (input:T) -> (output:T) T=#0
Exp 13 (input:T) -> (output:T) T=#3
Expand 8 (input:T, shape:tensor(int64)) -> (output:T) T=#25
Expand 13 (input:T, shape:tensor(int64)) -> (output:T) T=#24
EyeLike 9 (input:T1) -> (output:T2) {dtype:int, k:int} T1=#13 T2=#13
EyeLike 22 (input:T1) -> (output:T2) {dtype:int, k:int} T1=#8 T2=#8
Flatten 1 (input:T) -> (output:T) {axis:int} T=#0
Flatten 9 (input:T) -> (output:T) {axis:int} T=#25
Flatten 11 (input:T) -> (output:T) {axis:int} T=#25
Flatten 13 (input:T) -> (output:T) {axis:int} T=#24
Flatten 21 (input:T) -> (output:T) {axis:int} T=#28
Flatten 23 (input:T) -> (output:T) {axis:int} T=#29
Flatten 24 (input:T) -> (output:T) {axis:int} T=#30
Flatten 25 (input:T) -> (output:T) {axis:int} T=#31
Floor 1 (X:T) -> (Y:T) {consumed_inputs:ints} T=#0
Floor 6 (X:T) -> (Y:T) T=#0
Floor 13 (X:T) -> (Y:T) T=#3
GRU 1 (X:T, W:T, R:T, B?:T, sequence_lens?:T1, initial_h?:T) -> (Y?:T, Y_h:T) {activation_alpha:floats, activation_beta:floats, activations:strings, clip:float, direction:string, hidden_size:int, output_sequence:int} T=#0 T1=#38
GRU 3 (X:T, W:T, R:T, B?:T, sequence_lens?:T1, initial_h?:T) -> (Y?:T, Y_h?:T) {activation_alpha:floats, activation_beta:floats, activations:strings, clip:float, direction:string, hidden_size:int, linear_before_reset:int, output_sequence:int} T=#0 T1=#38
GRU 7 (X:T, W:T, R:T, B?:T, sequence_lens?:T1, initial_h?:T) -> (Y?:T, Y_h?:T) {activation_alpha:floats, activation_beta:floats, activations:strings, clip:float, direction:string, hidden_size:int, linear_before_reset:int} T=#0 T1=#38
GRU 14 (X:T, W:T, R:T, B?:T, sequence_lens?:T1, initial_h?:T) -> (Y?:T, Y_h?:T) {activation_alpha:floats, activation_beta:floats, activations:strings, clip:float, direction:string, hidden_size:int, layout:int, linear_before_reset:int} T=#0 T1=#38
GRU 22 (X:T, W:T, R:T, B?:T, sequence_lens?:T1, initial_h?:T) -> (Y?:T, Y_h?:T) {activation_alpha:floats, activation_beta:floats, activations:strings, clip:float, direction:string, hidden_size:int, layout:int, linear_before_reset:int} T=#3 T1=#38
Gather 1 (data:T, indices:Tind) -> (output:T) {axis:int} T=#25 Tind=#12
Gather 11 (data:T, indices:Tind) -> (output:T) {axis:int} T=#25 Tind=#12
Gather 13 (data:T, indices:Tind) -> (output:T) {axis:int} T=#24 Tind=#12
GatherElements 11 (data:T, indices:Tind) -> (output:T) {axis:int} T=#25 Tind=#12
GatherElements 13 (data:T, indices:Tind) -> (output:T) {axis:int} T=#24 Tind=#12
GatherND 11 (data:T, indices:tensor(int64)) -> (output:T) T=#25
GatherND 12 (data:T, indices:tensor(int64)) -> (output:T) {batch_dims:int} T=#25
GatherND 13 (data:T, indices:tensor(int64)) -> (output:T) {batch_dims:int} T=#24
Gelu 20 (X:T) -> (Y:T) {approximate:string} T=#3
Gemm 1 (A:T, B:T, C:T) -> (Y:T) {alpha:float, beta:float, broadcast:int, transA:int, transB:int} T=#0
Gemm 6 (A:T, B:T, C:T) -> (Y:T) {alpha:float, beta:float, broadcast:int, transA:int, transB:int} T=#0
Gemm 7 (A:T, B:T, C:T) -> (Y:T) {alpha:float, beta:float, transA:int, transB:int} T=#0
Gemm 9 (A:T, B:T, C:T) -> (Y:T) {alpha:float, beta:float, transA:int, transB:int} T=#4
Gemm 11 (A:T, B:T, C?:T) -> (Y:T) {alpha:float, beta:float, transA:int, transB:int} T=#4
Gemm 13 (A:T, B:T, C?:T) -> (Y:T) {alpha:float, beta:float, transA:int, transB:int} T=#5
GlobalAveragePool 1 (X:T) -> (Y:T) T=#0
GlobalAveragePool 22 (X:T) -> (Y:T) T=#3
GlobalLpPool 1 (X:T) -> (Y:T) {p:float} T=#0
GlobalLpPool 2 (X:T) -> (Y:T) {p:int} T=#0
GlobalLpPool 22 (X:T) -> (Y:T) {p:int} T=#3
GlobalMaxPool 1 (X:T) -> (Y:T) T=#0
GlobalMaxPool 22 (X:T) -> (Y:T) T=#3
Greater 1 (A:T, B:T) -> (C:T1) {axis:int, broadcast:int} T=#0 T1=#7
Greater 7 (A:T, B:T) -> (C:T1) T=#0 T1=#7
Greater 9 (A:T, B:T) -> (C:T1) T=#1 T1=#7
Greater 13 (A:T, B:T) -> (C:T1) T=#2 T1=#7
GreaterOrEqual 12 (A:T, B:T) -> (C:T1) T=#1 T1=#7
GreaterOrEqual 16 (A:T, B:T) -> (C:T1) T=#2 T1=#7
GridSample 16 (X:T1, grid:T2) -> (Y:T1) {align_corners:int, mode:string, padding_mode:string} T1=#25 T2=#0
GridSample 20 (X:T1, grid:T2) -> (Y:T1) {align_corners:int, mode:string, padding_mode:string} T1=#25 T2=#0
GridSample 22 (X:T1, grid:T2) -> (Y:T1) {align_corners:int, mode:string, padding_mode:string} T1=#24 T2=#3
GroupNormalization 18 deprecated (X:T, scale:T, bias:T) -> (Y:T) {epsilon:float, num_groups!:int} T=#3
GroupNormalization 21 (X:T, scale:T, bias:T) -> (Y:T) {epsilon:float, num_groups!:int, stash_type:int} T=#3
HammingWindow 17 (size:T1) -> (output:T2) {output_datatype:int, periodic:int} T1=#12 T2=#2
HannWindow 17 (size:T1) -> (output:T2) {output_datatype:int, periodic:int} T1=#12 T2=#2
HardSigmoid 1 (X:T) -> (Y:T) {alpha:float, beta:float, consumed_inputs:ints} T=#0
HardSigmoid 6 (X:T) -> (Y:T) {alpha:float, beta:float} T=#0
HardSigmoid 22 (X:T) -> (Y:T) {alpha:float, beta:float} T=#3
HardSwish 14 (X:T) -> (Y:T) T=#0
HardSwish 22 (X:T) -> (Y:T) T=#3
Hardmax 1 (input:T) -> (output:T) {axis:int} T=#0
Hardmax 11 (input:T) -> (output:T) {axis:int} T=#0
Hardmax 13 (input:T) -> (output:T) {axis:int} T=#3
Identity 1 (input:T) -> (output:T) T=#25
Identity 13 (input:T) -> (output:T) T=#24
Identity 14 (input:V) -> (output:V) V=#50
Identity 16 (input:V) -> (output:V) V=#51
Identity 19 (input:V) -> (output:V) V=#52
Identity 21 (input:V) -> (output:V) V=#53
Identity 23 (input:V) -> (output:V) V=#54
Identity 24 (input:V) -> (output:V) V=#55
Identity 25 (input:V) -> (output:V) V=#56
If 1 (cond:B) -> (outputs+~:V) {else_branch!:graph, then_branch!:graph} V=#25 B=#7
If 11 (cond:B) -> (outputs+~:V) {else_branch!:graph, then_branch!:graph} V=#25 B=#7
If 13 (cond:B) -> (outputs+~:V) {else_branch!:graph, then_branch!:graph} V=#57 B=#7
If 16 (cond:B) -> (outputs+~:V) {else_branch!:graph, then_branch!:graph} V=#58 B=#7
If 19 (cond:B) -> (outputs+~:V) {else_branch!:graph, then_branch!:graph} V=#59 B=#7
If 21 (cond:B) -> (outputs+~:V) {else_branch!:graph, then_branch!:graph} V=#60 B=#7
If 23 (cond:B) -> (outputs+~:V) {else_branch!:graph, then_branch!:graph} V=#61 B=#7
If 24 (cond:B) -> (outputs+~:V) {else_branch!:graph, then_branch!:graph} V=#62 B=#7
If 25 (cond:B) -> (outputs+~:V) {else_branch!:graph, then_branch!:graph} V=#63 B=#7
ImageDecoder 20 (encoded_stream:T1) -> (image:T2) {pixel_format:string} T1=#48 T2=#48
InstanceNormalization 1 (input:T, scale:T, B:T) -> (output:T) {consumed_inputs:ints, epsilon:float} T=#0
InstanceNormalization 6 (input:T, scale:T, B:T) -> (output:T) {epsilon:float} T=#0
InstanceNormalization 22 (input:T, scale:T, B:T) -> (output:T) {epsilon:float} T=#3
IsInf 10 (X:T1) -> (Y:T2) {detect_negative:int, detect_positive:int} T1=#64 T2=#7
IsInf 20 (X:T1) -> (Y:T2) {detect_negative:int, detect_positive:int} T1=#47 T2=#7
IsNaN 9 (X:T1) -> (Y:T2) T1=#0 T2=#7
IsNaN 13 (X:T1) -> (Y:T2) T1=#3 T2=#7
IsNaN 20 (X:T1) -> (Y:T2) T1=#47 T2=#7
LRN 1 (X:T) -> (Y:T) {alpha:float, beta:float, bias:float, size!:int} T=#0
LRN 13 (X:T) -> (Y:T) {alpha:float, beta:float, bias:float, size!:int} T=#3
LSTM 1 (X:T, W:T, R:T, B?:T, sequence_lens?:T1, initial_h?:T, initial_c?:T, P?:T) -> (Y?:T, Y_h?:T, Y_c?:T) {activation_alpha:floats, activation_beta:floats, activations:strings, clip:float, direction:string, hidden_size:int, input_forget:int, output_sequence:int} T=#0 T1=#38
LSTM 7 (X:T, W:T, R:T, B?:T, sequence_lens?:T1, initial_h?:T, initial_c?:T, P?:T) -> (Y?:T, Y_h?:T, Y_c?:T) {activation_alpha:floats, activation_beta:floats, activations:strings, clip:float, direction:string, hidden_size:int, input_forget:int} T=#0 T1=#38
LSTM 14 (X:T, W:T, R:T, B?:T, sequence_lens?:T1, initial_h?:T, initial_c?:T, P?:T) -> (Y?:T, Y_h?:T, Y_c?:T) {activation_alpha:floats, activation_beta:floats, activations:strings, clip:float, direction:string, hidden_size:int, input_forget:int, layout:int} T=#0 T1=#38
LSTM 22 (X:T, W:T, R:T, B?:T, sequence_lens?:T1, initial_h?:T, initial_c?:T, P?:T) -> (Y?:T, Y_h?:T, Y_c?:T) {activation_alpha:floats, activation_beta:floats, activations:strings, clip:float, direction:string, hidden_size:int, input_forget:int, layout:int} T=#3 T1=#38
LayerNormalization 17 (X:T, Scale:T, B?:T) -> (Y:T, Mean?:U, InvStdDev?:U) {axis:int, epsilon:float, stash_type:int} T=#3 U=#65
LeakyRelu 1 (X:T) -> (Y:T) {alpha:float, consumed_inputs:ints} T=#0
LeakyRelu 6 (X:T) -> (Y:T) {alpha:float} T=#0
LeakyRelu 16 (X:T) -> (Y:T) {alpha:float} T=#3
Less 1 (A:T, B:T) -> (C:T1) {axis:int, broadcast:int} T=#0 T1=#7
Less 7 (A:T, B:T) -> (C:T1) T=#0 T1=#7
Less 9 (A:T, B:T) -> (C:T1) T=#1 T1=#7
Less 13 (A:T, B:T) -> (C:T1) T=#2 T1=#7
LessOrEqual 12 (A:T, B:T) -> (C:T1) T=#1 T1=#7
LessOrEqual 16 (A:T, B:T) -> (C:T1) T=#2 T1=#7
LinearAttention 27 (query:T, key:T, value:T, past_state?:S, decay?:T, beta?:T) -> (output:T, present_state:S) {chunk_size:int, kv_num_heads!:int, q_num_heads!:int, scale:float, update_rule:string} T=#22 S=#22
Log 1 (input:T) -> (output:T) {consumed_inputs:ints} T=#0
Log 6 (input:T) -> (output:T) T=#0
Log 13 (input:T) -> (output:T) T=#3
LogSoftmax 1 (input:T) -> (output:T) {axis:int} T=#0
LogSoftmax 11 (input:T) -> (output:T) {axis:int} T=#0
LogSoftmax 13 (input:T) -> (output:T) {axis:int} T=#3
Loop 1 (M?:I, cond?:B, v_initial+~:V) -> (v_final_and_scan_outputs+~:V) {body!:graph} V=#25 I=#6 B=#7
Loop 11 (M?:I, cond?:B, v_initial*~:V) -> (v_final_and_scan_outputs+~:V) {body!:graph} V=#25 I=#6 B=#7
Loop 13 (M?:I, cond?:B, v_initial*~:V) -> (v_final_and_scan_outputs+~:V) {body!:graph} V=#57 I=#6 B=#7
Loop 16 (M?:I, cond?:B, v_initial*~:V) -> (v_final_and_scan_outputs+~:V) {body!:graph} V=#58 I=#6 B=#7
Loop 19 (M?:I, cond?:B, v_initial*~:V) -> (v_final_and_scan_outputs+~:V) {body!:graph} V=#59 I=#6 B=#7
Loop 21 (M?:I, cond?:B, v_initial*~:V) -> (v_final_and_scan_outputs+~:V) {body!:graph} V=#60 I=#6 B=#7
Loop 23 (M?:I, cond?:B, v_initial*~:V) -> (v_final_and_scan_outputs+~:V) {body!:graph} V=#61 I=#6 B=#7
Loop 24 (M?:I, cond?:B, v_initial*~:V) -> (v_final_and_scan_outputs+~:V) {body!:graph} V=#62 I=#6 B=#7
Loop 25 (M?:I, cond?:B, v_initial*~:V) -> (v_final_and_scan_outputs+~:V) {body!:graph} V=#63 I=#6 B=#7
LpNormalization 1 (input:T) -> (output:T) {axis:int, p:int} T=#0
LpNormalization 22 (input:T) -> (output:T) {axis:int, p:int} T=#3
LpPool 1 (X:T) -> (Y:T) {auto_pad:string, kernel_shape:ints, p:float, pads:ints, strides:ints} T=#0
LpPool 2 (X:T) -> (Y:T) {auto_pad:string, kernel_shape!:ints, p:int, pads:ints, strides:ints} T=#0
LpPool 11 (X:T) -> (Y:T) {auto_pad:string, kernel_shape!:ints, p:int, pads:ints, strides:ints} T=#0
LpPool 18 (X:T) -> (Y:T) {auto_pad:string, ceil_mode:int, dilations:ints, kernel_shape!:ints, p:int, pads:ints, strides:ints} T=#0
LpPool 22 (X:T) -> (Y:T) {auto_pad:string, ceil_mode:int, dilations:ints, kernel_shape!:ints, p:int, pads:ints, strides:ints} T=#3
MatMul 1 (A:T, B:T) -> (Y:T) T=#0
MatMul 9 (A:T, B:T) -> (Y:T) T=#4
MatMul 13 (A:T, B:T) -> (Y:T) T=#5
MatMulInteger 10 (A:T1, B:T2, a_zero_point?:T1, b_zero_point?:T2) -> (Y:T3) T1=#37 T2=#37 T3=#38
Max 1 (data_0+:T) -> (max:T) {consumed_inputs:ints} T=#0
Max 6 (data_0+:T) -> (max:T) T=#0
Max 8 (data_0+:T) -> (max:T) T=#0
Max 12 (data_0+:T) -> (max:T) T=#1
Max 13 (data_0+:T) -> (max:T) T=#2
MaxPool 1 (X:T) -> (Y:T) {auto_pad:string, kernel_shape!:ints, pads:ints, strides:ints} T=#0
MaxPool 8 (X:T) -> (Y:T, Indices?:I) {auto_pad:string, kernel_shape!:ints, pads:ints, storage_order:int, strides:ints} T=#0 I=#6
MaxPool 10 (X:T) -> (Y:T, Indices?:I) {auto_pad:string, ceil_mode:int, dilations:ints, kernel_shape!:ints, pads:ints, storage_order:int, strides:ints} T=#0 I=#6
MaxPool 11 (X:T) -> (Y:T, Indices?:I) {auto_pad:string, ceil_mode:int, dilations:ints, kernel_shape!:ints, pads:ints, storage_order:int, strides:ints} T=#0 I=#6
MaxPool 12 (X:T) -> (Y:T, Indices?:I) {auto_pad:string, ceil_mode:int, dilations:ints, kernel_shape!:ints, pads:ints, storage_order:int, strides:ints} T=#66 I=#6
MaxPool 22 (X:T) -> (Y:T, Indices?:I) {auto_pad:string, ceil_mode:int, dilations:ints, kernel_shape!:ints, pads:ints, storage_order:int, strides:ints} T=#67 I=#6
MaxRoiPool 1 (X:T, rois:T) -> (Y:T) {pooled_shape!:ints, spatial_scale:float} T=#0
MaxRoiPool 22 (X:T, rois:T) -> (Y:T) {pooled_shape!:ints, spatial_scale:float} T=#3
MaxUnpool 9 (X:T1, I:T2, output_shape?:T2) -> (output:T1) {kernel_shape!:ints, pads:ints, strides:ints} T1=#0 T2=#6
MaxUnpool 11 (X:T1, I:T2, output_shape?:T2) -> (output:T1) {kernel_shape!:ints, pads:ints, strides:ints} T1=#0 T2=#6
MaxUnpool 22 (X:T1, I:T2, output_shape?:T2) -> (output:T1) {kernel_shape!:ints, pads:ints, strides:ints} T1=#3 T2=#6
Mean 1 (data_0+:T) -> (mean:T) {consumed_inputs:ints} T=#0
Mean 6 (data_0+:T) -> (mean:T) T=#0
Mean 8 (data_0+:T) -> (mean:T) T=#0
Mean 13 (data_0+:T) -> (mean:T) T=#3
MeanVarianceNormalization 9 (X:T) -> (Y:T) {axes:ints} T=#0
MeanVarianceNormalization 13 (X:T) -> (Y:T) {axes:ints} T=#3
MelWeightMatrix 17 (num_mel_bins:T1, dft_length:T1, sample_rate:T1, lower_edge_hertz:T2, upper_edge_hertz:T2) -> (output:T3) {output_datatype:int} T1=#12 T2=#3 T3=#2
Min 1 (data_0+:T) -> (min:T) {consumed_inputs:ints} T=#0
Min 6 (data_0+:T) -> (min:T) T=#0
Min 8 (data_0+:T) -> (min:T) T=#0
Min 12 (data_0+:T) -> (min:T) T=#1
Min 13 (data_0+:T) -> (min:T) T=#2
Mish 18 (X:T) -> (Y:T) T=#0
Mish 22 (X:T) -> (Y:T) T=#3
Mod 10 (A:T, B:T) -> (C:T) {fmod:int} T=#1
Mod 13 (A:T, B:T) -> (C:T) {fmod:int} T=#2
Mod 28 (A:T, B:T) -> (C:T) {fmod:int} T=#2
Mul 1 (A:T, B:T) -> (C:T) {axis:int, broadcast:int, consumed_inputs:ints} T=#0
Mul 6 (A:T, B:T) -> (C:T) {axis:int, broadcast:int} T=#4
Mul 7 (A:T, B:T) -> (C:T) T=#4
Mul 13 (A:T, B:T) -> (C:T) T=#5
Mul 14 (A:T, B:T) -> (C:T) T=#2
Multinomial 7 (input:T1) -> (output:T2) {dtype:int, sample_size:int, seed:float} T1=#0 T2=#12
Multinomial 22 (input:T1) -> (output:T2) {dtype:int, sample_size:int, seed:float} T1=#3 T2=#12
Neg 1 (X:T) -> (Y:T) {consumed_inputs:ints} T=#0
Neg 6 (X:T) -> (Y:T) T=#68
Neg 13 (X:T) -> (Y:T) T=#69
NegativeLogLikelihoodLoss 12 (input:T, target:Tind, weight?:T) -> (loss:T) {ignore_index:int, reduction:string} T=#0 Tind=#12
NegativeLogLikelihoodLoss 13 (input:T, target:Tind, weight?:T) -> (loss:T) {ignore_index:int, reduction:string} T=#0 Tind=#12
NegativeLogLikelihoodLoss 22 (input:T, target:Tind, weight?:T) -> (loss:T) {ignore_index:int, reduction:string} T=#3 Tind=#12
NonMaxSuppression 10 (boxes:tensor(float), scores:tensor(float), max_output_boxes_per_class?:tensor(int64), iou_threshold?:tensor(float), score_threshold?:tensor(float)) -> (selected_indices:tensor(int64)) {center_point_box:int}
NonMaxSuppression 11 (boxes:tensor(float), scores:tensor(float), max_output_boxes_per_class?:tensor(int64), iou_threshold?:tensor(float), score_threshold?:tensor(float)) -> (selected_indices:tensor(int64)) {center_point_box:int}
NonZero 9 (X:T) -> (Y:tensor(int64)) T=#25
NonZero 13 (X:T) -> (Y:tensor(int64)) T=#24
Not 1 (X:T) -> (Y:T) T=#7
OneHot 9 (indices:T1, depth:T2, values:T3) -> (output:T3) {axis:int} T1=#1 T2=#1 T3=#25
OneHot 11 (indices:T1, depth:T2, values:T3) -> (output:T3) {axis:int} T1=#1 T2=#1 T3=#25
OneHot 28 (indices:T1, depth:T2, values:T3) -> (output:T3) {axis:int} T1=#1 T2=#1 T3=#24
Optional 15 (input?:V) -> (output:O) {type:valueType} V=#57 O=#70
Optional 28 (input?:V) -> (output:O) {type:valueType} V=#71 O=#72
OptionalGetElement 15 (input:O) -> (output:V) O=#70 V=#57
OptionalGetElement 18 (input:O) -> (output:V) O=#73 V=#57
OptionalGetElement 28 (input:O) -> (output:V) O=#74 V=#71
OptionalHasElement 15 (input:O) -> (output:B) O=#70 B=#7
OptionalHasElement 18 (input?:O) -> (output:B) O=#73 B=#7
OptionalHasElement 28 (input?:O) -> (output:B) O=#74 B=#7
Or 1 (A:T, B:T) -> (C:T1) {axis:int, broadcast:int} T=#7 T1=#7
Or 7 (A:T, B:T) -> (C:T1) T=#7 T1=#7
PRelu 1 (X:T, slope:T) -> (Y:T) {consumed_inputs:ints} T=#0
PRelu 6 (X:T, slope:T) -> (Y:T) T=#0
PRelu 7 (X:T, slope:T) -> (Y:T) T=#0
PRelu 9 (X:T, slope:T) -> (Y:T) T=#4
PRelu 16 (X:T, slope:T) -> (Y:T) T=#5
Pad 1 (data:T) -> (output:T) {mode:string, paddings!:ints, value:float} T=#0
Pad 2 (data:T) -> (output:T) {mode:string, pads!:ints, value:float} T=#0
Pad 11 (data:T, pads:tensor(int64), constant_value?:T) -> (output:T) {mode:string} T=#1
Pad 13 (data:T, pads:tensor(int64), constant_value?:T) -> (output:T) {mode:string} T=#24
Pad 18 (data:T, pads:tensor(int64), constant_value?:T, axes?:Tind) -> (output:T) {mode:string} T=#24 Tind=#12
Pad 19 (data:T, pads:tensor(int64), constant_value?:T, axes?:Tind) -> (output:T) {mode:string} T=#24 Tind=#12
Pad 21 (data:T, pads:tensor(int64), constant_value?:T, axes?:Tind) -> (output:T) {mode:string} T=#28 Tind=#12
Pad 23 (data:T, pads:tensor(int64), constant_value?:T, axes?:Tind) -> (output:T) {mode:string} T=#29 Tind=#12
Pad 24 (data:T, pads:tensor(int64), constant_value?:T, axes?:Tind) -> (output:T) {mode:string} T=#30 Tind=#12
Pad 25 (data:T, pads:tensor(int64), constant_value?:T, axes?:Tind) -> (output:T) {mode:string} T=#31 Tind=#12
Pow 1 (X:T, Y:T) -> (Z:T) {axis:int, broadcast:int} T=#0
Pow 7 (X:T, Y:T) -> (Z:T) T=#0
Pow 12 (X:T, Y:T1) -> (Z:T) T=#75 T1=#1
Pow 13 (X:T, Y:T1) -> (Z:T) T=#76 T1=#1
Pow 15 (X:T, Y:T1) -> (Z:T) T=#76 T1=#2
QLinearConv 10 (x:T1, x_scale:tensor(float), x_zero_point:T1, w:T2, w_scale:tensor(float), w_zero_point:T2, y_scale:tensor(float), y_zero_point:T3, B?:T4) -> (y:T3) {auto_pad:string, dilations:ints, group:int, kernel_shape:ints, pads:ints, strides:ints} T1=#37 T2=#37 T3=#37 T4=#38
QLinearMatMul 10 (a:T1, a_scale:tensor(float), a_zero_point:T1, b:T2, b_scale:tensor(float), b_zero_point:T2, y_scale:tensor(float), y_zero_point:T3) -> (y:T3) T1=#37 T2=#37 T3=#37
QLinearMatMul 21 (a:T1, a_scale:TS, a_zero_point:T1, b:T2, b_scale:TS, b_zero_point:T2, y_scale:TS, y_zero_point:T3) -> (y:T3) TS=#22 T1=#77 T2=#77 T3=#77
QuantizeLinear 10 (x:T1, y_scale:tensor(float), y_zero_point?:T2) -> (y:T2) T1=#78 T2=#37
QuantizeLinear 13 (x:T1, y_scale:tensor(float), y_zero_point?:T2) -> (y:T2) {axis:int} T1=#78 T2=#37
QuantizeLinear 19 (x:T1, y_scale:T1, y_zero_point?:T2) -> (y:T2) {axis:int, saturate:int} T1=#79 T2=#77
QuantizeLinear 21 (x:T1, y_scale:T1, y_zero_point?:T2) -> (y:T2) {axis:int, block_size:int, output_dtype:int, saturate:int} T1=#79 T2=#80
QuantizeLinear 23 (x:T1, y_scale:T2, y_zero_point?:T3) -> (y:T3) {axis:int, block_size:int, output_dtype:int, precision:int, saturate:int} T1=#79 T2=#79 T3=#81
QuantizeLinear 24 (x:T1, y_scale:T2, y_zero_point?:T3) -> (y:T3) {axis:int, block_size:int, output_dtype:int, precision:int, saturate:int} T1=#79 T2=#82 T3=#81
QuantizeLinear 25 (x:T1, y_scale:T2, y_zero_point?:T3) -> (y:T3) {axis:int, block_size:int, output_dtype:int, precision:int, saturate:int} T1=#79 T2=#82 T3=#83
QuantizeLinear 28 (x:T1, y_scale:T2, y_zero_point?:T3) -> (y:T3) {axis:int, block_size:int, output_dtype:int, precision:int, saturate:int} T1=#79 T2=#82 T3=#84
RMSNormalization 23 (X:T, scale:V) -> (Y:V) {axis:int, epsilon:float, stash_type:int} T=#3 V=#3
RNN 1 (X:T, W:T, R:T, B?:T, sequence_lens?:T1, initial_h?:T) -> (Y?:T, Y_h?:T) {activation_alpha:floats, activation_beta:floats, activations:strings, clip:float, direction:string, hidden_size:int, output_sequence:int} T=#0 T1=#38
RNN 7 (X:T, W:T, R:T, B?:T, sequence_lens?:T1, initial_h?:T) -> (Y?:T, Y_h?:T) {activation_alpha:floats, activation_beta:floats, activations:strings, clip:float, direction:string, hidden_size:int} T=#0 T1=#38
RNN 14 (X:T, W:T, R:T, B?:T, sequence_lens?:T1, initial_h?:T) -> (Y?:T, Y_h?:T) {activation_alpha:floats, activation_beta:floats, activations:strings, clip:float, direction:string, hidden_size:int, layout:int} T=#0 T1=#38
RNN 22 (X:T, W:T, R:T, B?:T, sequence_lens?:T1, initial_h?:T) -> (Y?:T, Y_h?:T) {activation_alpha:floats, activation_beta:floats, activations:strings, clip:float, direction:string, hidden_size:int, layout:int} T=#3 T1=#38
RandomNormal 1 () -> (output:T) {dtype:int, mean:float, scale:float, seed:float, shape!:ints} T=#0
RandomNormal 22 () -> (output:T) {dtype:int, mean:float, scale:float, seed:float, shape!:ints} T=#3
RandomNormalLike 1 (input:T1) -> (output:T2) {dtype:int, mean:float, scale:float, seed:float} T1=#25 T2=#0
RandomNormalLike 22 (input:T1) -> (output:T2) {dtype:int, mean:float, scale:float, seed:float} T1=#24 T2=#3
RandomUniform 1 () -> (output:T) {dtype:int, high:float, low:float, seed:float, shape!:ints} T=#0
RandomUniform 22 () -> (output:T) {dtype:int, high:float, low:float, seed:float, shape!:ints} T=#3
RandomUniformLike 1 (input:T1) -> (output:T2) {dtype:int, high:float, low:float, seed:float} T1=#25 T2=#0
RandomUniformLike 22 (input:T1) -> (output:T2) {dtype:int, high:float, low:float, seed:float} T1=#24 T2=#3
Range 11 (start:T, limit:T, delta:T) -> (output:T) T=#85
Range 27 (start:T, limit:T, delta:T) -> (output:T) {stash_type:int} T=#86
Reciprocal 1 (X:T) -> (Y:T) {consumed_inputs:ints} T=#0
Reciprocal 6 (X:T) -> (Y:T) T=#0
Reciprocal 13 (X:T) -> (Y:T) T=#3
ReduceL1 1 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#4
ReduceL1 11 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#4
ReduceL1 13 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#5
ReduceL1 18 (data:T, axes?:tensor(int64)) -> (reduced:T) {keepdims:int, noop_with_empty_axes:int} T=#5
ReduceL2 1 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#4
ReduceL2 11 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#4
ReduceL2 13 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#5
ReduceL2 18 (data:T, axes?:tensor(int64)) -> (reduced:T) {keepdims:int, noop_with_empty_axes:int} T=#5
ReduceLogSum 1 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#4
ReduceLogSum 11 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#4
ReduceLogSum 13 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#5
ReduceLogSum 18 (data:T, axes?:tensor(int64)) -> (reduced:T) {keepdims:int, noop_with_empty_axes:int} T=#5
ReduceLogSum 28 (data:T, axes?:tensor(int64)) -> (reduced:T) {keepdims:int, noop_with_empty_axes:int} T=#3
ReduceLogSumExp 1 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#4
ReduceLogSumExp 11 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#4
ReduceLogSumExp 13 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#5
ReduceLogSumExp 18 (data:T, axes?:tensor(int64)) -> (reduced:T) {keepdims:int, noop_with_empty_axes:int} T=#5
ReduceLogSumExp 28 (data:T, axes?:tensor(int64)) -> (reduced:T) {keepdims:int, noop_with_empty_axes:int} T=#3
ReduceMax 1 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#4
ReduceMax 11 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#4
ReduceMax 12 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#87
ReduceMax 13 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#88
ReduceMax 18 (data:T, axes?:tensor(int64)) -> (reduced:T) {keepdims:int, noop_with_empty_axes:int} T=#88
ReduceMax 20 (data:T, axes?:tensor(int64)) -> (reduced:T) {keepdims:int, noop_with_empty_axes:int} T=#89
ReduceMean 1 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#4
ReduceMean 11 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#4
ReduceMean 13 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#5
ReduceMean 18 (data:T, axes?:tensor(int64)) -> (reduced:T) {keepdims:int, noop_with_empty_axes:int} T=#5
ReduceMin 1 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#4
ReduceMin 11 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#4
ReduceMin 12 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#87
ReduceMin 13 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#88
ReduceMin 18 (data:T, axes?:tensor(int64)) -> (reduced:T) {keepdims:int, noop_with_empty_axes:int} T=#88
ReduceMin 20 (data:T, axes?:tensor(int64)) -> (reduced:T) {keepdims:int, noop_with_empty_axes:int} T=#89
ReduceProd 1 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#4
ReduceProd 11 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#4
ReduceProd 13 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#5
ReduceProd 18 (data:T, axes?:tensor(int64)) -> (reduced:T) {keepdims:int, noop_with_empty_axes:int} T=#5
ReduceSum 1 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#4
ReduceSum 11 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#4
ReduceSum 13 (data:T, axes?:tensor(int64)) -> (reduced:T) {keepdims:int, noop_with_empty_axes:int} T=#5
ReduceSumSquare 1 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#4
ReduceSumSquare 11 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#4
ReduceSumSquare 13 (data:T) -> (reduced:T) {axes:ints, keepdims:int} T=#5
ReduceSumSquare 18 (data:T, axes?:tensor(int64)) -> (reduced:T) {keepdims:int, noop_with_empty_axes:int} T=#5
RegexFullMatch 20 (X:T1) -> (Y:T2) {pattern:string} T1=#90 T2=#7
Relu 1 (X:T) -> (Y:T) {consumed_inputs:ints} T=#0
Relu 6 (X:T) -> (Y:T) T=#0
Relu 13 (X:T) -> (Y:T) T=#3
Relu 14 (X:T) -> (Y:T) T=#69
Reshape 1 (data:T) -> (reshaped:T) {consumed_inputs:ints, shape:ints} T=#0
Reshape 5 (data:T, shape:tensor(int64)) -> (reshaped:T) T=#25
Reshape 13 (data:T, shape:tensor(int64)) -> (reshaped:T) T=#24
Reshape 14 (data:T, shape:tensor(int64)) -> (reshaped:T) {allowzero:int} T=#24
Reshape 19 (data:T, shape:tensor(int64)) -> (reshaped:T) {allowzero:int} T=#27
Reshape 21 (data:T, shape:tensor(int64)) -> (reshaped:T) {allowzero:int} T=#28
Reshape 23 (data:T, shape:tensor(int64)) -> (reshaped:T) {allowzero:int} T=#29
Reshape 24 (data:T, shape:tensor(int64)) -> (reshaped:T) {allowzero:int} T=#30
Reshape 25 (data:T, shape:tensor(int64)) -> (reshaped:T) {allowzero:int} T=#31
Resize 10 (X:T, scales:tensor(float)) -> (Y:T) {mode:string} T=#25
Resize 11 (X:T1, roi:T2, scales:tensor(float), sizes?:tensor(int64)) -> (Y:T1) {coordinate_transformation_mode:string, cubic_coeff_a:float, exclude_outside:int, extrapolation_value:float, mode:string, nearest_mode:string} T1=#25 T2=#0
Resize 13 (X:T1, roi?:T2, scales?:tensor(float), sizes?:tensor(int64)) -> (Y:T1) {coordinate_transformation_mode:string, cubic_coeff_a:float, exclude_outside:int, extrapolation_value:float, mode:string, nearest_mode:string} T1=#24 T2=#0
Resize 18 (X:T1, roi?:T2, scales?:tensor(float), sizes?:tensor(int64)) -> (Y:T1) {antialias:int, axes:ints, coordinate_transformation_mode:string, cubic_coeff_a:float, exclude_outside:int, extrapolation_value:float, keep_aspect_ratio_policy:string, mode:string, nearest_mode:string} T1=#24 T2=#0
Resize 19 (X:T1, roi?:T2, scales?:tensor(float), sizes?:tensor(int64)) -> (Y:T1) {antialias:int, axes:ints, coordinate_transformation_mode:string, cubic_coeff_a:float, exclude_outside:int, extrapolation_value:float, keep_aspect_ratio_policy:string, mode:string, nearest_mode:string} T1=#24 T2=#0
ReverseSequence 10 (input:T, sequence_lens:tensor(int64)) -> (Y:T) {batch_axis:int, time_axis:int} T=#25
ReverseSequence 28 (input:T, sequence_lens:tensor(int64)) -> (Y:T) {batch_axis:int, time_axis:int} T=#24
RoiAlign 10 (X:T1, rois:T1, batch_indices:T2) -> (Y:T1) {mode:string, output_height:int, output_width:int, sampling_ratio:int, spatial_scale:float} T1=#0 T2=#6
RoiAlign 16 (X:T1, rois:T1, batch_indices:T2) -> (Y:T1) {coordinate_transformation_mode:string, mode:string, output_height:int, output_width:int, sampling_ratio:int, spatial_scale:float} T1=#0 T2=#6
RoiAlign 22 (X:T1, rois:T1, batch_indices:T2) -> (Y:T1) {coordinate_transformation_mode:string, mode:string, output_height:int, output_width:int, sampling_ratio:int, spatial_scale:float} T1=#3 T2=#6
RotaryEmbedding 23 (X:T, cos_cache:T, sin_cache:T, position_ids?:M) -> (Y:T) {interleaved:int, num_heads:int, rotary_embedding_dim:int} T=#22 M=#6
Round 11 (X:T) -> (Y:T) T=#0
Round 22 (X:T) -> (Y:T) T=#3
STFT 17 (signal:T1, frame_step:T2, window?:T1, frame_length?:T2) -> (output:T1) {onesided:int} T1=#3 T2=#12
Scan 8 (sequence_lens?:I, initial_state_and_scan_inputs+~:V) -> (final_state_and_scan_outputs+~:V) {body!:graph, directions:ints, num_scan_inputs!:int} I=#6 V=#25
Scan 9 (initial_state_and_scan_inputs+~:V) -> (final_state_and_scan_outputs+~:V) {body!:graph, num_scan_inputs!:int, scan_input_axes:ints, scan_input_directions:ints, scan_output_axes:ints, scan_output_directions:ints} V=#25
Scan 11 (initial_state_and_scan_inputs+~:V) -> (final_state_and_scan_outputs+~:V) {body!:graph, num_scan_inputs!:int, scan_input_axes:ints, scan_input_directions:ints, scan_output_axes:ints, scan_output_directions:ints} V=#25
Scan 16 (initial_state_and_scan_inputs+~:V) -> (final_state_and_scan_outputs+~:V) {body!:graph, num_scan_inputs!:int, scan_input_axes:ints, scan_input_directions:ints, scan_output_axes:ints, scan_output_directions:ints} V=#24
Scan 19 (initial_state_and_scan_inputs+~:V) -> (final_state_and_scan_outputs+~:V) {body!:graph, num_scan_inputs!:int, scan_input_axes:ints, scan_input_directions:ints, scan_output_axes:ints, scan_output_directions:ints} V=#27
Scan 21 (initial_state_and_scan_inputs+~:V) -> (final_state_and_scan_outputs+~:V) {body!:graph, num_scan_inputs!:int, scan_input_axes:ints, scan_input_directions:ints, scan_output_axes:ints, scan_output_directions:ints} V=#28
Scan 23 (initial_state_and_scan_inputs+~:V) -> (final_state_and_scan_outputs+~:V) {body!:graph, num_scan_inputs!:int, scan_input_axes:ints, scan_input_directions:ints, scan_output_axes:ints, scan_output_directions:ints} V=#29
Scan 24 (initial_state_and_scan_inputs+~:V) -> (final_state_and_scan_outputs+~:V) {body!:graph, num_scan_inputs!:int, scan_input_axes:ints, scan_input_directions:ints, scan_output_axes:ints, scan_output_directions:ints} V=#30
Scan 25 (initial_state_and_scan_inputs+~:V) -> (final_state_and_scan_outputs+~:V) {body!:graph, num_scan_inputs!:int, scan_input_axes:ints, scan_input_directions:ints, scan_output_axes:ints, scan_output_directions:ints} V=#31
Scatter 9 (data:T, indices:Tind, updates:T) -> (output:T) {axis:int} T=#25 Tind=#12
Scatter 11 deprecated (data:T, indices:Tind, updates:T) -> (output:T) {axis:int} T=#25 Tind=#12
ScatterElements 11 (data:T, indices:Tind, updates:T) -> (output:T) {axis:int} T=#25 Tind=#12
ScatterElements 13 (data:T, indices:Tind, updates:T) -> (output:T) {axis:int} T=#24 Tind=#12
ScatterElements 16 (data:T, indices:Tind, updates:T) -> (output:T) {axis:int, reduction:string} T=#24 Tind=#12
ScatterElements 18 (data:T, indices:Tind, updates:T) -> (output:T) {axis:int, reduction:string} T=#24 Tind=#12
ScatterND 11 (data:T, indices:tensor(int64), updates:T) -> (output:T) T=#25
ScatterND 13 (data:T, indices:tensor(int64), updates:T) -> (output:T) T=#24
ScatterND 16 (data:T, indices:tensor(int64), updates:T) -> (output:T) {reduction:string} T=#24
ScatterND 18 (data:T, indices:tensor(int64), updates:T) -> (output:T) {reduction:string} T=#24
Selu 1 (X:T) -> (Y:T) {alpha:float, consumed_inputs:ints, gamma:float} T=#0
Selu 6 (X:T) -> (Y:T) {alpha:float, gamma:float} T=#0
Selu 22 (X:T) -> (Y:T) {alpha:float, gamma:float} T=#3
SequenceAt 11 (input_sequence:S, position:I) -> (tensor:T) S=#26 T=#25 I=#12
SequenceConstruct 11 (inputs+:T) -> (output_sequence:S) T=#25 S=#26
SequenceEmpty 11 () -> (output:S) {dtype:int} S=#26
SequenceErase 11 (input_sequence:S, position?:I) -> (output_sequence:S) S=#26 I=#12
SequenceInsert 11 (input_sequence:S, tensor:T, position?:I) -> (output_sequence:S) T=#25 S=#26 I=#12
SequenceLength 11 (input_sequence:S) -> (length:I) S=#26 I=#6
SequenceMap 17 (input_sequence:S, additional_inputs*~:V) -> (out_sequence+~:S) {body!:graph} S=#26 V=#57
Shape 1 (data:T) -> (shape:T1) T=#25 T1=#6
Shape 13 (data:T) -> (shape:T1) T=#24 T1=#6
Shape 15 (data:T) -> (shape:T1) {end:int, start:int} T=#24 T1=#6
Shape 19 (data:T) -> (shape:T1) {end:int, start:int} T=#27 T1=#6
Shape 21 (data:T) -> (shape:T1) {end:int, start:int} T=#28 T1=#6
Shape 23 (data:T) -> (shape:T1) {end:int, start:int} T=#29 T1=#6
Shape 24 (data:T) -> (shape:T1) {end:int, start:int} T=#30 T1=#6
Shape 25 (data:T) -> (shape:T1) {end:int, start:int} T=#31 T1=#6
Shrink 9 (input:T) -> (output:T) {bias:float, lambd:float} T=#1
Sigmoid 1 (X:T) -> (Y:T) {consumed_inputs:ints} T=#0
Sigmoid 6 (X:T) -> (Y:T) T=#0
Sigmoid 13 (X:T) -> (Y:T) T=#3
Sign 9 (input:T) -> (output:T) T=#1
Sign 13 (input:T) -> (output:T) T=#2
Sin 7 (input:T) -> (output:T) T=#0
Sin 22 (input:T) -> (output:T) T=#3
Sinh 9 (input:T) -> (output:T) T=#0
Sinh 22 (input:T) -> (output:T) T=#3
Size 1 (data:T) -> (size:T1) T=#25 T1=#6
Size 13 (data:T) -> (size:T1) T=#24 T1=#6
Size 19 (data:T) -> (size:T1) T=#27 T1=#6
Size 21 (data:T) -> (size:T1) T=#28 T1=#6
Size 23 (data:T) -> (size:T1) T=#29 T1=#6
Size 24 (data:T) -> (size:T1) T=#30 T1=#6
Size 25 (data:T) -> (size:T1) T=#31 T1=#6
Slice 1 (data:T) -> (output:T) {axes:ints, ends!:ints, starts!:ints} T=#25
Slice 10 (data:T, starts:Tind, ends:Tind, axes?:Tind, steps?:Tind) -> (output:T) T=#25 Tind=#12
Slice 11 (data:T, starts:Tind, ends:Tind, axes?:Tind, steps?:Tind) -> (output:T) T=#25 Tind=#12
Slice 13 (data:T, starts:Tind, ends:Tind, axes?:Tind, steps?:Tind) -> (output:T) T=#24 Tind=#12
Softmax 1 (input:T) -> (output:T) {axis:int} T=#0
Softmax 11 (input:T) -> (output:T) {axis:int} T=#0
Softmax 13 (input:T) -> (output:T) {axis:int} T=#3
SoftmaxCrossEntropyLoss 12 (scores:T, labels:Tind, weights?:T) -> (output:T, log_prob?:T) {ignore_index:int, reduction:string} T=#0 Tind=#12
SoftmaxCrossEntropyLoss 13 (scores:T, labels:Tind, weights?:T) -> (output:T, log_prob?:T) {ignore_index:int, reduction:string} T=#3 Tind=#12
Softplus 1 (X:T) -> (Y:T) T=#0
Softplus 22 (X:T) -> (Y:T) T=#3
Softsign 1 (input:T) -> (output:T) T=#0
Softsign 22 (input:T) -> (output:T) T=#3
SpaceToDepth 1 (input:T) -> (output:T) {blocksize!:int} T=#25
SpaceToDepth 13 (input:T) -> (output:T) {blocksize!:int} T=#24
SpaceToDepth 28 (input:T) -> (output:T) {blocksize!:int, mode:string} T=#24
Split 1 (input:T, split?:T) -> (outputs...+:T) {axis:int, split:ints} T=#0
Split 2 (input:T) -> (outputs+:T) {axis:int, split:ints} T=#25
Split 11 (input:T) -> (outputs+:T) {axis:int, split:ints} T=#25
Split 13 (input:T, split?:tensor(int64)) -> (outputs+:T) {axis:int} T=#24
Split 18 (input:T, split?:tensor(int64)) -> (outputs+:T) {axis:int, num_outputs:int} T=#24
SplitToSequence 11 (input:T, split?:I) -> (output_sequence:S) {axis:int, keepdims:int} T=#25 I=#12 S=#26
SplitToSequence 24 (input:T, split?:I) -> (output_sequence:S) {axis:int, keepdims:int} T=#24 I=#12 S=#91
Sqrt 1 (X:T) -> (Y:T) {consumed_inputs:ints} T=#0
Sqrt 6 (X:T) -> (Y:T) T=#0
Sqrt 13 (X:T) -> (Y:T) T=#3
Squeeze 1 (data:T) -> (squeezed:T) {axes:ints} T=#25
Squeeze 11 (data:T) -> (squeezed:T) {axes:ints} T=#25
Squeeze 13 (data:T, axes?:tensor(int64)) -> (squeezed:T) T=#24
Squeeze 21 (data:T, axes?:tensor(int64)) -> (squeezed:T) T=#28
Squeeze 23 (data:T, axes?:tensor(int64)) -> (squeezed:T) T=#29
Squeeze 24 (data:T, axes?:tensor(int64)) -> (squeezed:T) T=#30
Squeeze 25 (data:T, axes?:tensor(int64)) -> (squeezed:T) T=#31
StringConcat 20 (X:T, Y:T) -> (Z:T) T=#90
StringNormalizer 10 (X:tensor(string)) -> (Y:tensor(string)) {case_change_action:string, is_case_sensitive:int, locale:string, stopwords:strings}
StringSplit 20 (X:T1) -> (Y:T2, Z:T3) {delimiter:string, maxsplit:int} T1=#90 T2=#90 T3=#6
Sub 1 (A:T, B:T) -> (C:T) {axis:int, broadcast:int, consumed_inputs:ints} T=#0
Sub 6 (A:T, B:T) -> (C:T) {axis:int, broadcast:int} T=#4
Sub 7 (A:T, B:T) -> (C:T) T=#4
Sub 13 (A:T, B:T) -> (C:T) T=#5
Sub 14 (A:T, B:T) -> (C:T) T=#2
Sum 1 (data_0+:T) -> (sum:T) {consumed_inputs:ints} T=#0
Sum 6 (data_0+:T) -> (sum:T) T=#0
Sum 8 (data_0+:T) -> (sum:T) T=#0
Sum 13 (data_0+:T) -> (sum:T) T=#3
SwiGLU 28 (A:T, B:T) -> (Y:T) {alpha:float} T=#3
Swish 24 (X:T) -> (Y:T) {alpha:float} T=#3
Tan 7 (input:T) -> (output:T) T=#0
Tan 22 (input:T) -> (output:T) T=#3
Tanh 1 (input:T) -> (output:T) {consumed_inputs:ints} T=#0
Tanh 6 (input:T) -> (output:T) T=#0
Tanh 13 (input:T) -> (output:T) T=#3
TensorScatter 24 (past_cache:T, update:T, write_indices?:tensor(int64)) -> (present_cache:T) {axis:int, mode:string} T=#30
TfIdfVectorizer 9 (X:T) -> (Y:T1) {max_gram_length!:int, max_skip_count!:int, min_gram_length!:int, mode!:string, ngram_counts!:ints, ngram_indexes!:ints, pool_int64s:ints, pool_strings:strings, weights:floats} T=#92 T1=#23
ThresholdedRelu 10 (X:T) -> (Y:T) {alpha:float} T=#0
ThresholdedRelu 22 (X:T) -> (Y:T) {alpha:float} T=#3
Tile 1 (input:T, tiles:T, axis:T) -> (output:T) T=#0
Tile 6 (input:T, repeats:T1) -> (output:T) T=#25 T1=#6
Tile 13 (input:T, repeats:T1) -> (output:T) T=#24 T1=#6
TopK 1 (X:T) -> (Values:T, Indices:I) {axis:int, k!:int} T=#0 I=#6
TopK 10 (X:T, K:tensor(int64)) -> (Values:T, Indices:I) {axis:int} T=#0 I=#6
TopK 11 (X:T, K:tensor(int64)) -> (Values:T, Indices:I) {axis:int, largest:int, sorted:int} T=#1 I=#6
TopK 24 (X:T, K:tensor(int64)) -> (Values:T, Indices:I) {axis:int, largest:int, sorted:int} T=#2 I=#6
Transpose 1 (data:T) -> (transposed:T) {perm:ints} T=#25
Transpose 13 (data:T) -> (transposed:T) {perm:ints} T=#24
Transpose 21 (data:T) -> (transposed:T) {perm:ints} T=#28
Transpose 23 (data:T) -> (transposed:T) {perm:ints} T=#29
Transpose 24 (data:T) -> (transposed:T) {perm:ints} T=#30
Transpose 25 (data:T) -> (transposed:T) {perm:ints} T=#31
Trilu 14 (input:T, k?:tensor(int64)) -> (output:T) {upper:int} T=#24
Unique 11 (X:T) -> (Y:T, indices?:tensor(int64), inverse_indices?:tensor(int64), counts?:tensor(int64)) {axis:int, sorted:int} T=#25
Unique 28 (X:T) -> (Y:T, indices?:tensor(int64), inverse_indices?:tensor(int64), counts?:tensor(int64)) {axis:int, sorted:int} T=#24
Unsqueeze 1 (data:T) -> (expanded:T) {axes!:ints} T=#25
Unsqueeze 11 (data:T) -> (expanded:T) {axes!:ints} T=#25
Unsqueeze 13 (data:T, axes:tensor(int64)) -> (expanded:T) T=#24
Unsqueeze 21 (data:T, axes:tensor(int64)) -> (expanded:T) T=#28
Unsqueeze 23 (data:T, axes:tensor(int64)) -> (expanded:T) T=#29
Unsqueeze 24 (data:T, axes:tensor(int64)) -> (expanded:T) T=#30
Unsqueeze 25 (data:T, axes:tensor(int64)) -> (expanded:T) T=#31
Upsample 1 (X:T) -> (Y:T) {height_scale!:float, mode:string, width_scale!:float} T=#93
Upsample 7 (X:T) -> (Y:T) {mode:string, scales!:floats} T=#25
Upsample 9 (X:T, scales:tensor(float)) -> (Y:T) {mode:string} T=#25
Upsample 10 deprecated (X:T, scales:tensor(float)) -> (Y:T) {mode:string} T=#25
Where 9 (condition:B, X:T, Y:T) -> (output:T) B=#7 T=#25
Where 16 (condition:B, X:T, Y:T) -> (output:T) B=#7 T=#24
Xor 1 (A:T, B:T) -> (C:T1) {axis:int, broadcast:int} T=#7 T1=#7
Xor 7 (A:T, B:T) -> (C:T1) T=#7 T1=#7
`,
  'ai.onnx.ml': `
ArrayFeatureExtractor 1 (X:T, Y:tensor(int64)) -> (Z:T) T=#94
Binarizer 1 (X:T) -> (Y:T) {threshold:float} T=#95
CastMap 1 (X:T1) -> (Y:T2) {cast_to:string, map_form:string, max_map:int} T1=#96 T2=#97
CategoryMapper 1 (X:T1) -> (Y:T2) {cats_int64s:ints, cats_strings:strings, default_int64:int, default_string:string} T1=#98 T2=#98
DictVectorizer 1 (X:T1) -> (Y:T2) {int64_vocabulary:ints, string_vocabulary:strings} T1=#99 T2=#100
FeatureVectorizer 1 (X+:T1) -> (Y:tensor(float)) {inputdimensions:ints} T1=#95
Imputer 1 (X:T) -> (Y:T) {imputed_value_floats:floats, imputed_value_int64s:ints, replaced_value_float:float, replaced_value_int64:int} T=#95
LabelEncoder 1 (X:T1) -> (Y:T2) {classes_strings:strings, default_int64:int, default_string:string} T1=#98 T2=#98
LabelEncoder 2 (X:T1) -> (Y:T2) {default_float:float, default_int64:int, default_string:string, keys_floats:floats, keys_int64s:ints, keys_strings:strings, values_floats:floats, values_int64s:ints, values_strings:strings} T1=#97 T2=#97
LabelEncoder 4 (X:T1) -> (Y:T2) {default_float:float, default_int64:int, default_string:string, default_tensor:tensor, keys_floats:floats, keys_int64s:ints, keys_strings:strings, keys_tensor:tensor, values_floats:floats, values_int64s:ints, values_strings:strings, values_tensor:tensor} T1=#101 T2=#101
LinearClassifier 1 (X:T1) -> (Y:T2, Z:tensor(float)) {classlabels_ints:ints, classlabels_strings:strings, coefficients!:floats, intercepts:floats, multi_class:int, post_transform:string} T1=#95 T2=#98
LinearRegressor 1 (X:T) -> (Y:tensor(float)) {coefficients:floats, intercepts:floats, post_transform:string, targets:int} T=#95
Normalizer 1 (X:T) -> (Y:tensor(float)) {norm:string} T=#95
OneHotEncoder 1 (X:T) -> (Y:tensor(float)) {cats_int64s:ints, cats_strings:strings, zeros:int} T=#94
SVMClassifier 1 (X:T1) -> (Y:T2, Z:tensor(float)) {classlabels_ints:ints, classlabels_strings:strings, coefficients:floats, kernel_params:floats, kernel_type:string, post_transform:string, prob_a:floats, prob_b:floats, rho:floats, support_vectors:floats, vectors_per_class:ints} T1=#95 T2=#98
SVMRegressor 1 (X:T) -> (Y:tensor(float)) {coefficients:floats, kernel_params:floats, kernel_type:string, n_supports:int, one_class:int, post_transform:string, rho:floats, support_vectors:floats} T=#95
Scaler 1 (X:T) -> (Y:tensor(float)) {offset:floats, scale:floats} T=#95
TreeEnsemble 5 (X:T) -> (Y:T) {aggregate_function:int, leaf_targetids!:ints, leaf_weights!:tensor, membership_values:tensor, n_targets:int, nodes_falseleafs!:ints, nodes_falsenodeids!:ints, nodes_featureids!:ints, nodes_hitrates:tensor, nodes_missing_value_tracks_true:ints, nodes_modes!:tensor, nodes_splits!:tensor, nodes_trueleafs!:ints, nodes_truenodeids!:ints, post_transform:int, tree_roots!:ints} T=#0
TreeEnsembleClassifier 1 (X:T1) -> (Y:T2, Z:tensor(float)) {base_values:floats, class_ids:ints, class_nodeids:ints, class_treeids:ints, class_weights:floats, classlabels_int64s:ints, classlabels_strings:strings, nodes_falsenodeids:ints, nodes_featureids:ints, nodes_hitrates:floats, nodes_missing_value_tracks_true:ints, nodes_modes:strings, nodes_nodeids:ints, nodes_treeids:ints, nodes_truenodeids:ints, nodes_values:floats, post_transform:string} T1=#95 T2=#98
TreeEnsembleClassifier 3 (X:T1) -> (Y:T2, Z:tensor(float)) {base_values:floats, base_values_as_tensor:tensor, class_ids:ints, class_nodeids:ints, class_treeids:ints, class_weights:floats, class_weights_as_tensor:tensor, classlabels_int64s:ints, classlabels_strings:strings, nodes_falsenodeids:ints, nodes_featureids:ints, nodes_hitrates:floats, nodes_hitrates_as_tensor:tensor, nodes_missing_value_tracks_true:ints, nodes_modes:strings, nodes_nodeids:ints, nodes_treeids:ints, nodes_truenodeids:ints, nodes_values:floats, nodes_values_as_tensor:tensor, post_transform:string} T1=#95 T2=#98
TreeEnsembleClassifier 5 deprecated (X:T1) -> (Y:T2, Z:tensor(float)) {base_values:floats, base_values_as_tensor:tensor, class_ids:ints, class_nodeids:ints, class_treeids:ints, class_weights:floats, class_weights_as_tensor:tensor, classlabels_int64s:ints, classlabels_strings:strings, nodes_falsenodeids:ints, nodes_featureids:ints, nodes_hitrates:floats, nodes_hitrates_as_tensor:tensor, nodes_missing_value_tracks_true:ints, nodes_modes:strings, nodes_nodeids:ints, nodes_treeids:ints, nodes_truenodeids:ints, nodes_values:floats, nodes_values_as_tensor:tensor, post_transform:string} T1=#95 T2=#98
TreeEnsembleRegressor 1 (X:T) -> (Y:tensor(float)) {aggregate_function:string, base_values:floats, n_targets:int, nodes_falsenodeids:ints, nodes_featureids:ints, nodes_hitrates:floats, nodes_missing_value_tracks_true:ints, nodes_modes:strings, nodes_nodeids:ints, nodes_treeids:ints, nodes_truenodeids:ints, nodes_values:floats, post_transform:string, target_ids:ints, target_nodeids:ints, target_treeids:ints, target_weights:floats} T=#95
TreeEnsembleRegressor 3 (X:T) -> (Y:tensor(float)) {aggregate_function:string, base_values:floats, base_values_as_tensor:tensor, n_targets:int, nodes_falsenodeids:ints, nodes_featureids:ints, nodes_hitrates:floats, nodes_hitrates_as_tensor:tensor, nodes_missing_value_tracks_true:ints, nodes_modes:strings, nodes_nodeids:ints, nodes_treeids:ints, nodes_truenodeids:ints, nodes_values:floats, nodes_values_as_tensor:tensor, post_transform:string, target_ids:ints, target_nodeids:ints, target_treeids:ints, target_weights:floats, target_weights_as_tensor:tensor} T=#95
TreeEnsembleRegressor 5 deprecated (X:T) -> (Y:tensor(float)) {aggregate_function:string, base_values:floats, base_values_as_tensor:tensor, n_targets:int, nodes_falsenodeids:ints, nodes_featureids:ints, nodes_hitrates:floats, nodes_hitrates_as_tensor:tensor, nodes_missing_value_tracks_true:ints, nodes_modes:strings, nodes_nodeids:ints, nodes_treeids:ints, nodes_truenodeids:ints, nodes_values:floats, nodes_values_as_tensor:tensor, post_transform:string, target_ids:ints, target_nodeids:ints, target_treeids:ints, target_weights:floats, target_weights_as_tensor:tensor} T=#95
ZipMap 1 (X:tensor(float)) -> (Z:T) {classlabels_int64s:ints, classlabels_strings:strings} T=#102
`,
  'ai.onnx.preview': `
FlexAttention 1 (Q:T1, K:T1, V:T1) -> (Y:T1) {prob_mod:graph, scale:float, score_mod:graph, softmax_precision:int} T1=#3
`,
  'ai.onnx.preview.training': `
Adagrad 1 (R:T1, T:T2, inputs+~:T3) -> (outputs+~:T3) {decay_factor:float, epsilon:float, norm_coefficient:float} T1=#64 T2=#6 T3=#64
Adam 1 (R:T1, T:T2, inputs+~:T3) -> (outputs+~:T3) {alpha:float, beta:float, epsilon:float, norm_coefficient:float, norm_coefficient_post:float} T1=#64 T2=#6 T3=#64
Gradient 1 (Inputs+~:T1) -> (Outputs+~:T2) {xs!:strings, y!:string, zs:strings} T1=#25 T2=#0
Momentum 1 (R:T1, T:T2, inputs+~:T3) -> (outputs+~:T3) {alpha!:float, beta!:float, mode!:string, norm_coefficient!:float} T1=#64 T2=#6 T3=#64
`,
  'com.microsoft': `
Attention 1 (input:T, weights:T, bias?:T, mask_index?:M, past?:T, attention_bias?:T, past_sequence_length?:M) -> (output:T, present?:T) {do_rotary:int, mask_filter_value:float, num_heads!:int, past_present_share_buffer:int, qkv_hidden_sizes:ints, rotary_embedding_dim:int, scale:float, unidirectional:int} T=#22 M=#38
AttnLSTM 1 (X:T, W:T, R:T, B?:T, sequence_lens?:T1, initial_h?:T, initial_c?:T, P?:T, QW?:T, MW?:T, V?:T, M?:T, memory_seq_lens?:T1, AW?:T) -> (Y?:T, Y_h?:T, Y_c?:T) {activation_alpha:floats, activation_beta:floats, activations:strings, clip:float, direction:string, hidden_size:int, input_forget:int} T=#64 T1=#38
BeamSearch 1 (input_ids:F, max_length:I, min_length?:I, num_beams:I, num_return_sequences:I, length_penalty?:T, repetition_penalty?:T, vocab_mask?:M, prefix_vocab_mask?:M, attention_mask?:I, decoder_input_ids?:I, logits_processor?:I) -> (sequences:I, sequences_scores?:T, scores?:T) {decoder!:graph, decoder_start_token_id:int, early_stopping:int, encoder:graph, eos_token_id!:int, init_decoder:graph, model_type:int, no_repeat_ngram_size:int, pad_token_id!:int, vocab_size:int} T=#103 F=#104 I=#38 M=#38
BiasAdd 1 (X:T, bias:T, skip:T) -> (Y:T) T=#103
BiasDropout 1 (data:T, bias:T, residual?:T, ratio?:T1, training_mode?:T2) -> (output:T, mask?:T2) {seed:int} T=#3 T1=#3 T2=#7
BiasGelu 1 (A:T, B:T) -> (C:T) T=#3
BiasSoftmax 1 (data:T, bias:T) -> (output:T) {axis:int, is_inner_broadcast!:int} T=#0
BiasSplitGelu 1 (X:T, bias:T) -> (Y:T) T=#103
BifurcationDetector 1 (src_tokens:T, cur_tokens:T, prev_suffix_match_idx:T, pred_tokens?:T) -> (tokens:T, suffix_match_idx:T) {max_ngram_size:int, min_ngram_size:int} T=#6
BitmaskBiasDropout 1 (data:T, bias:T, residual?:T, ratio?:T1, training_mode?:T2) -> (output:T, mask?:T3) {seed:int} T=#3 T1=#3 T2=#7 T3=#105
BitmaskDropout 1 (data:T, ratio?:T1, training_mode?:T2) -> (output:T, mask?:T3) {seed:int} T=#3 T1=#3 T2=#7 T3=#105
CDist 1 (A:T, B:T) -> (C:T) {metric:string} T=#64
CausalConvWithState 1 (input:T, weight:T, bias?:T, past_state?:T) -> (output:T, present_state:T) {activation:string, channels_last:int, dilation:int, ndim:int, state_window:int} T=#22
ComplexMul 1 (A:T, B:T) -> (C:T) T=#0
ComplexMulConj 1 (A:T, B:T) -> (C:T) T=#0
ConvTransposeWithDynamicPads 1 (X:T, W:T, Pads?:tensor(int64), B?:T) -> (Y:T) {auto_pad:string, dilations:ints, group:int, kernel_shape:ints, output_padding:ints, strides:ints} T=#0
CropAndResize 1 (X:T1, rois:T1, batch_indices:T2, crop_size:T2) -> (Y:T1) {extrapolation_value:float, mode:string} T1=#0 T2=#38
DecoderAttention 1 (query:T, key:T, q_weight:T, kv_weight:T, bias:T, key_padding_mask?:B, key_cache?:T, value_cache?:T, static_kv:B, use_past:B, has_layer_state:B, has_key_padding_mask:B) -> (output:T, new_key_cache?:T, new_value_cache?:T) {mask_filter_value:float, num_heads!:int} T=#103 B=#7
DecoderMaskedMultiHeadAttention 1 (query:T, key?:T, value?:T, mask_index?:M, attention_bias?:T, past_key?:T, past_value?:T, past_sequence_length?:M, beam_width?:M, cache_indirection?:M, bias?:T) -> (output:T, present_key?:T, present_value?:T, qk?:QK) {mask_filter_value:float, num_heads!:int, output_qk:int, past_present_share_buffer:int, scale:float} T=#103 QK=#103 M=#38
DecoderMaskedSelfAttention 1 (input:T, weights:T, bias:T, mask_index?:M, past:T, attention_bias?:T, past_sequence_length:M, beam_width?:M, cache_indirection?:M) -> (output:T, present:T) {do_rotary:int, mask_filter_value:float, num_heads!:int, past_present_share_buffer:int, scale:float} T=#103 M=#38
DequantizeBFP 1 (x:T1, shape:T2, strides:T2) -> (y:T3) {bfp_type!:int, block_dim:int, dtype:int} T1=#48 T2=#6 T3=#22
DequantizeLinear 1 (x:T1, x_scale:T2, x_zero_point?:T1) -> (y:T2) {axis:int} T1=#106 T2=#103
DequantizeWithOrder 1 (input:Q, scale_input:S) -> (output:F) {order_input!:int, order_output!:int, to!:int} Q=#107 F=#103 S=#23
DynamicQuantizeLSTM 1 (X:T, W:T2, R:T2, B?:T, sequence_lens?:T1, initial_h?:T, initial_c?:T, P?:T, W_scale:T, W_zero_point:T2, R_scale:T, R_zero_point:T2) -> (Y?:T, Y_h?:T, Y_c?:T) {activation_alpha:floats, activation_beta:floats, activations:strings, clip:float, direction:string, hidden_size:int, input_forget:int} T=#23 T1=#38 T2=#37
DynamicQuantizeMatMul 1 (A:T1, B:T2, b_scale:T1, b_zero_point?:T2, bias?:T1) -> (Y:T1) T1=#23 T2=#37
DynamicTimeWarping 1 (input:F) -> (output:I) F=#23 I=#38
EPContext 1 (inputs+~:T) -> (outputs+~:T) {embed_mode:int, ep_cache_context:string, ep_sdk_version:string, hardware_architecture:string, main_context:int, max_size:int, notes:string, onnx_model_filename:string, partition_name:string, source:string} T=#8
EmbedLayerNormalization 1 (input_ids:T1, segment_ids?:T1, word_embedding:T, position_embedding:T, segment_embedding?:T, gamma:T, beta:T, mask?:T1, position_ids?:T1) -> (output:T, mask_index?:T1, embedding_sum?:T) {epsilon:float, mask_index_type:int} T1=#38 T=#103
EngramGate 1 (key:T, query:T, value:T, key_norm_scale:T, query_norm_scale:T) -> (output:T) {epsilon:float} T=#22
ExpandDims 1 (X:T, axis:tensor(int32)) -> (Y:T) T=#25
FastGelu 1 (X:T, bias?:T) -> (Y:T) T=#3
FusedConv 1 (X:T, W:T, B?:T, Z?:T) -> (Y:T) {activation:string, activation_params:floats, auto_pad:string, dilations:ints, group:int, kernel_shape:ints, pads:ints, strides:ints} T=#0
FusedGemm 1 (A:T, B:T, C?:T) -> (Y:T) {activation:string, activation_alpha:float, activation_beta:float, activation_gamma:float, alpha:float, beta:float, transA:int, transB:int} T=#4
FusedMatMul 1 (A:T, B:T) -> (Y:T) {alpha:float, transA:int, transB:int, transBatchA:int, transBatchB:int} T=#3
FusedMatMulActivation 1 (A:T, B:T) -> (Y:T) {activation!:string, activation_alpha:float, activation_axis:int, activation_beta:float, activation_gamma:float, alpha:float, transA:int, transB:int, transBatchA:int, transBatchB:int} T=#3
GatedAdd 1 (X:T, Y:T, gate:T) -> (output:T) T=#22
GatedDeltaNet 1 (query:T, key:T, value:T, cu_seqlens?:TI, decay?:TS, beta?:TS, initial_state?:TS, a_log?:TS, dt_bias?:TS, capture_count?:TI, state_update_active?:TI) -> (output:T, final_state?:TS, state_update?:TS) {beta_activation:string, chunk_size:int, gate_activation:string, qk_l2_norm:int, scale:float, state_update_capacity:int, update_rule:string} T=#22 TS=#23 TI=#38
GatedRMSNorm 1 (X:T, scale:T, gate:T) -> (Y:T) {epsilon:float} T=#22
GatedRelativePositionBias 1 (query_layer:T, query_bias:T, rel_pos:T, weight:T, bias:T, eco_a:T, token_offset?:M) -> (output:T) {num_heads!:int} T=#103 M=#38
GatherBlockQuantized 1 (data:T1, indices:Tind, scales:T2, zero_points?:T1) -> (output:T2) {bits:int, block_size:int, gather_axis:int, quantize_axis:int} T1=#108 T2=#22 Tind=#12
GatherND 1 (data:T, indices:Tind) -> (output:T) T=#25 Tind=#12
Gelu 1 (X:T) -> (Y:T) T=#3
GemmFastGelu 1 (X:T, W:T, bias?:T) -> (Y:T) T=#22
GemmFloat8 1 (A:TA, B:TB, C?:TC, scaleA?:TS, scaleB?:TS, scaleY?:TS) -> (Y:TR) {activation:string, alpha:float, beta:float, dtype:int, transA:int, transB:int} TA=#109 TB=#109 TC=#22 TR=#109 TS=#23
GemmaRotaryEmbedding 1 (emb:U, q:T, q_rot:T, k:T, k_rot:T) -> (output1:T, output2:T) T=#110 U=#23
GreedySearch 1 (input_ids:I, max_length:I, min_length?:I, repetition_penalty?:T, vocab_mask?:I, prefix_vocab_mask?:I, attention_mask?:I) -> (sequences:I) {decoder!:graph, decoder_start_token_id:int, encoder:graph, eos_token_id!:int, init_decoder:graph, model_type:int, no_repeat_ngram_size:int, pad_token_id!:int, vocab_size:int} T=#23 I=#38
GridSample 1 (X:T1, Grid:T1) -> (Y:T2) {align_corners:int, mode:string, padding_mode:string} T1=#25 T2=#0
GroupNorm 1 (X:T, gamma:M, beta:M) -> (Y:T) {activation!:int, channels_last:int, epsilon:float, groups!:int} T=#103 M=#103
GroupQueryAttention 1 (query:T, key?:T, value?:T, past_key?:T_CACHE, past_value?:T_CACHE, seqlens_k:M, total_sequence_length:M, cos_cache?:T, sin_cache?:T, position_ids?:tensor(int64), attention_bias?:T, head_sink?:T, k_scale?:T_KV_SCALE, v_scale?:T_KV_SCALE, q_norm_weight?:T, k_norm_weight?:T) -> (output:T, present_key?:T_CACHE, present_value?:T_CACHE, output_qk?:T) {causal:int, do_rotary:int, k_quant_type:string, kv_cache_bit_width:int, kv_num_heads!:int, local_window_size:int, num_heads!:int, qk_norm_epsilon:float, qk_output:int, rotary_interleaved:int, scale:float, sliding_window_cache:int, smooth_softmax:int, softcap:float, v_quant_type:string} T=#22 T_CACHE=#111 T_KV_SCALE=#23 M=#38
Inverse 1 (X:T) -> (Y:T) T=#0
Irfft 1 (X:T) -> (Y:T) {normalized:int, onesided:int, signal_ndim!:int} T=#0
IsAllFinite 1 (input+:V) -> (output:T) {isinf_only:int, isnan_only:int} V=#3 T=#7
LinearAttention 1 (query:T, key:T, value:T, past_state?:S, decay?:T, beta?:T) -> (output:T, present_state:S) {chunk_size:int, kv_num_heads!:int, q_num_heads!:int, scale:float, state_window:int, update_rule:string} T=#22 S=#22
LinearAttentionGate 1 (a:T, dt_bias:TF, decay_scale:TF, b?:T) -> (decay:T, beta?:T) T=#22 TF=#23
LongformerAttention 1 (input:T, weight:T, bias:T, mask:T, global_weight:T, global_bias:T, global:G) -> (output:T) {num_heads!:int, window!:int} T=#103 G=#38
MRotaryEmbedding 1 (input:T, position_ids:M, cos_cache:T, sin_cache:T) -> (output:T) {interleaved:int, is_packed_batching:int, mrope_layout:int, mrope_section!:ints, num_heads:int, rotary_embedding_dim:int, scale:float} T=#22 M=#6
MatMulBlockQuantizedFp4Weight 1 (A:T, B:T1, weight_scale:T2, weight_scale_2:T3, input_scale?:T3, bias?:T) -> (Y:T) {block_size:int} T=#112 T1=#48 T2=#48 T3=#23
MatMulBlockQuantizedFp8Weight 1 (A:T, B:T1, b_scale:T2, a_scale?:T2, bias?:T) -> (Y:T) {block_size:int} T=#112 T1=#113 T2=#23
MatMulBnb4 1 (A:T1, B:T2, absmax:T1) -> (Y:T1) {K!:int, N!:int, block_size!:int, quant_type!:int, training_mode:int, transB:int} T1=#22 T2=#48
MatMulFpQ4 1 (A:T1, B:T2, B_shape:T3) -> (Y:T1) {blk_quant_type:int} T1=#23 T2=#48 T3=#6
MatMulInteger16 1 (A:T1, B:T2) -> (Y:T3) T1=#114 T2=#114 T3=#115
MatMulIntegerToFloat 1 (A:T1, B:T2, a_scale:T3, b_scale:T3, a_zero_point?:T1, b_zero_point?:T2, bias?:T3) -> (Y:T3) T1=#37 T2=#37 T3=#103
MatMulNBits 1 (A:T1, B:T2, scales:T1, zero_points?:T3, g_idx?:T4, bias?:T1) -> (Y:T1) {K!:int, N!:int, accuracy_level:int, bits:int, block_size!:int, weight_prepacked:int} T1=#22 T2=#48 T3=#116 T4=#38
MatMulNBitsMlp 1 (A:T1, skip?:T1, norm_scale?:T1, gate_B:T2, gate_scales:T1, gate_bias?:T1, up_B:T2, up_scales:T1, up_bias?:T1) -> (Y:T1, input_skip_bias_sum?:T1) {K!:int, N!:int, accuracy_level:int, activation!:string, bits:int, block_size!:int, epsilon:float} T1=#22 T2=#48
MatMulNBitsQkv 1 (A:T1, skip?:T1, norm_scale:T1, q_B:T2, q_scales:T1, q_bias?:T1, k_B:T2, k_scales:T1, k_bias?:T1, v_B:T2, v_scales:T1, v_bias?:T1) -> (Q:T1, K:T1, V:T1, input_skip_bias_sum?:T1) {K!:int, Nkv!:int, Nq!:int, accuracy_level:int, bits:int, block_size!:int, epsilon:float} T1=#22 T2=#48
MaxpoolWithMask 1 (X:T, M:tensor(int32)) -> (Y:T) {auto_pad:string, kernel_shape:ints, pads:ints, storage_order:int, strides:ints} T=#23
MoE 1 (input:T, router_probs:T, fc1_experts_weights:T, fc1_experts_bias?:T, fc2_experts_weights:T, fc2_experts_bias?:T, fc3_experts_weights?:T, fc3_experts_bias?:T) -> (output:T) {activation_alpha:float, activation_beta:float, activation_type:string, k:int, normalize_routing_weights:int, swiglu_fusion:int, swiglu_limit:float, use_sparse_mixer:int} T=#22
MulInteger 1 (A:T, A_zero_point?:T, B:T, B_zero_point?:T) -> (C:T1) T=#37 T1=#38
MultiHeadAttention 1 (query:T, key?:T, value?:T, bias?:T, key_padding_mask?:M, attention_bias?:T, past_key?:T, past_value?:T, past_sequence_length?:M, cache_indirection?:M) -> (output:T, present_key?:T, present_value?:T, qk?:QK) {mask_filter_value:float, num_heads!:int, scale:float, unidirectional:int} T=#22 QK=#22 M=#38
MurmurHash3 1 (X:T1) -> (Y:T2) {positive:int, seed:int} T1=#117 T2=#115
NGramHashMapping 1 (input_ids:M, multipliers:M, vocab_sizes:M, past_ids?:M) -> (hash_ids:M, present_ids?:M) {max_ngram_size!:int, n_head_per_ngram!:int, pad_id!:int} M=#12
NGramRepeatBlock 1 (input_ids:Tid, scores:T) -> (scores_out:T) {ngram_size!:int} Tid=#6 T=#23
NhwcConv 1 (X:T, W:T, B?:T) -> (Y:T) {auto_pad:string, dilations:ints, group:int, kernel_shape:ints, pads:ints, strides:ints} T=#0
NhwcFusedConv 1 (X:T, W:T, B?:T, Z?:T) -> (Y:T) {activation:string, activation_params:floats, auto_pad:string, dilations:ints, group:int, kernel_shape:ints, pads:ints, strides:ints} T=#103
NhwcMaxPool 1 (x:T) -> (y:T) {auto_pad:string, ceil_mode:int, dilations:ints, kernel_shape!:ints, pads:ints, strides:ints} T=#37
PackedAttention 1 (input:T, weights:T, bias:T, token_offset:M, cumulative_sequence_length:M, attention_bias?:T) -> (output:T) {num_heads!:int, qkv_hidden_sizes:ints, scale:float} T=#103 M=#38
PackedMultiHeadAttention 1 (query:T, key?:T, value?:T, bias?:T, token_offset:M, cumulative_sequence_length:M, attention_bias?:T) -> (output:T) {mask_filter_value:float, num_heads!:int, scale:float} T=#103 M=#38
Pad 1 (data:T, pads:tensor(int64), value?:T) -> (output:T) {mode:string} T=#0
PagedAttention 1 (query:T, key?:T, value?:T, key_cache:T_CACHE, value_cache?:T_CACHE, cumulative_sequence_length:S, past_seqlens:S, block_table:S, cos_cache?:T, sin_cache?:T, slot_mapping?:S, head_sink?:T, q_norm_weight?:T, k_norm_weight?:T, k_scale?:T_KV_SCALE, v_scale?:T_KV_SCALE, attention_metadata?:S) -> (output:T, key_cache_out?:T_CACHE, value_cache_out?:T_CACHE) {do_rotary:int, is_causal:int, k_cache_dtype:string, k_quant_type:string, kv_cache_layout:string, kv_num_heads!:int, local_window_size:int, num_heads!:int, qk_norm_epsilon:float, rotary_interleaved:int, rotary_offset:int, scale:float, softcap:float, v_cache_dtype:string, v_head_size:int, v_quant_type:string} T=#112 T_CACHE=#118 T_KV_SCALE=#23 S=#38
QAttention 1 (input:T1, weight:T2, bias:T3, input_scale:T3, weight_scale:T3, mask_index?:T4, input_zero_point?:T1, weight_zero_point?:T2, past?:T3) -> (output:T3, present?:T3) {do_rotary:int, mask_filter_value:float, num_heads!:int, past_present_share_buffer:int, scale:float, unidirectional:int} T1=#37 T2=#37 T3=#103 T4=#38
QEmbedLayerNormalization 1 (input_ids:T1, segment_ids?:T1, word_embedding_quant:T2, position_embedding_quant:T2, segment_embedding?:T2, gamma_quant:T2, beta_quant:T2, mask?:T1, word_embedding_scale:T, position_embedding_scale:T, segment_embedding_scale?:T, gamma_scale:T, beta_scale:T, word_embedding_zero_point:T2, position_embedding_zero_point:T2, segment_embedding_zero_point?:T2, gamma_zero_point:T2, beta_zero_point:T2) -> (layernorm_out:T, mask_index_out:T1) {epsilon:float} T1=#38 T2=#37 T=#23
QGemm 1 (A:TA, a_scale:T, a_zero_point:TA, B:TB, b_scale:T, b_zero_point:TB, C?:TC, y_scale?:T, y_zero_point?:TYZ) -> (Y:TY) {alpha:float, transA:int, transB:int} T=#23 TA=#37 TB=#37 TC=#38 TYZ=#37 TY=#119
QLinearAdd 1 (A:T, A_scale:tensor(float), A_zero_point?:T, B:T, B_scale:tensor(float), B_zero_point?:T, C_scale:tensor(float), C_zero_point?:T) -> (C:T) T=#37
QLinearAveragePool 1 (X:T, x_scale:tensor(float), x_zero_point?:T, y_scale:tensor(float), y_zero_point?:T) -> (Y:T) {auto_pad:string, ceil_mode:int, channels_last:int, count_include_pad:int, kernel_shape!:ints, pads:ints, strides:ints} T=#37
QLinearConcat 1 (Y_scale:TF, Y_zero_point:T8, inputs+~:TV) -> (Y:T8) {axis!:int} T8=#37 TF=#23 TV=#119
QLinearConv 1 (x:T1, x_scale:tensor(float), x_zero_point:T1, w:T2, w_scale:tensor(float), w_zero_point:T2, y_scale:tensor(float), y_zero_point:T3, B?:T4) -> (y:T3) {auto_pad:string, channels_last:int, dilations:ints, group:int, kernel_shape:ints, pads:ints, strides:ints} T1=#37 T2=#37 T3=#37 T4=#38
QLinearGlobalAveragePool 1 (X:T, x_scale:tensor(float), x_zero_point:T, y_scale:tensor(float), y_zero_point:T) -> (Y:T) {channels_last:int} T=#37
QLinearLeakyRelu 1 (X:T, X_scale:tensor(float), X_zero_point?:T, Y_scale:tensor(float), Y_zero_point?:T) -> (Y:T) {alpha:float} T=#37
QLinearMul 1 (A:T, A_scale:tensor(float), A_zero_point?:T, B:T, B_scale:tensor(float), B_zero_point?:T, C_scale:tensor(float), C_zero_point?:T) -> (C:T) T=#37
QLinearReduceMean 1 (data:T, data_scale:tensor(float), data_zero_point?:T, reduced_scale:tensor(float), reduced_zero_point?:T) -> (reduced:T) {axes!:ints, keepdims!:int} T=#37
QLinearSigmoid 1 (X:T, X_scale:tensor(float), X_zero_point?:T, Y_scale:tensor(float), Y_zero_point?:T) -> (Y:T) T=#37
QLinearSoftmax 1 (X:T, X_scale:tensor(float), x_zero_point?:T, y_scale:tensor(float), y_zero_point:T) -> (Y:T) {axis:int, opset!:int} T=#37
QLinearWhere 1 (condition:B, X:T, x_scale:TF, x_zero_point:T, Y:T, y_scale:TF, y_zero_point:T, z_scale:TF, z_zero_point:T) -> (Z:T) B=#7 TF=#23 T=#37
QMoE 1 (input:T, router_probs:T, fc1_experts_weights:T1, fc1_scales?:T2, fc1_experts_bias?:T, fc2_experts_weights:T1, fc2_scales?:T2, fc2_experts_bias?:T, fc3_experts_weights?:T1, fc3_scales?:T2, fc3_experts_bias?:T, fc1_zero_points?:T1, fc2_zero_points?:T1, fc3_zero_points?:T1, router_weights?:T, fc1_global_scale?:T4, fc2_global_scale?:T4, fc1_act_scale?:T4, fc2_act_scale?:T4, fc1_act_block_scale?:T2, fc2_act_block_scale?:T2) -> (output:T) {activation_alpha:float, activation_beta:float, activation_type:string, block_size:int, expert_weight_bits:int, k:int, normalize_routing_weights:int, quant_type:string, swiglu_fusion:int, swiglu_limit:float, use_sparse_mixer:int, weights_prepacked:int} T=#22 T1=#120 T2=#121 T4=#23
QOrderedAttention 1 (input:Q, scale_input:S, scale_Q_gemm:S, scale_K_gemm:S, scale_V_gemm:S, Q_weight:Q, K_weight:Q, V_weight:Q, scale_Q_weight:S, scale_K_weight:S, scale_V_weight:S, Q_bias:S, K_bias:S, V_bias:S, scale_QKT_gemm?:S, scale_QKT_softmax?:S, scale_values_gemm:S, mask_index?:G, past?:Q, attention_bias?:S) -> (output:Q) {num_heads!:int, order_input!:int, order_output!:int, order_weight!:int, qkv_hidden_sizes:ints, unidirectional:int} Q=#107 S=#23 G=#38
QOrderedGelu 1 (X:Q, scale_X:S, scale_Y:S) -> (Y:Q) {order_X:int, order_Y:int} Q=#107 S=#23
QOrderedLayerNormalization 1 (X:Q, scale_X:S, scale:F, B?:F, scale_Y:S) -> (Y:Q) {axis:int, epsilon:float, order_X:int, order_Y:int} F=#103 S=#23 Q=#107
QOrderedLongformerAttention 1 (input:Q, scale_input:S, weight:Q, scale_weight:S, bias:S, scale_bias:S, scale_qkv_gemm:S, mask:F, global_weight:Q, scale_global_weight:S, global_bias:S, scale_global_gemm:S, global:G, scale_output:S) -> (output:Q) {num_heads!:int, order_global_weight!:int, order_input!:int, order_output!:int, order_weight!:int, window!:int} Q=#107 S=#23 G=#38 F=#110
QOrderedMatMul 1 (A:Q, scale_A:S, B:Q, scale_B:S, scale_Y:S, bias?:S, C?:Q, scale_C?:S) -> (Y:Q) {order_A!:int, order_B!:int, order_Y!:int} Q=#107 S=#23
QuantizeBFP 1 (x:T1) -> (y:T2, shape:T3, strides:T3) {bfp_type!:int, block_dim:int} T1=#22 T2=#48 T3=#6
QuantizeLinear 1 (x:T1, y_scale:T1, y_zero_point?:T2) -> (y:T2) {axis:int} T1=#103 T2=#122
QuantizeWithOrder 1 (input:F, scale_input:S) -> (output:Q) {order_input!:int, order_output!:int} Q=#107 F=#103 S=#23
QuickGelu 1 (X:T) -> (Y:T) {alpha:float} T=#3
Range 1 (start:T, limit:T, delta?:T) -> (Y:T) T=#85
ReduceSumInteger 1 (data:T1) -> (reduced:T2) {axes!:ints, keepdims!:int} T1=#37 T2=#115
RelativePositionBias 1 (bias_table:T, query_length:U, key_length:U) -> (output:T) {is_bidirectional:int, max_distance!:int} T=#103 U=#6
RemovePadding 1 (input:T, sequence_token_count:M) -> (output:T, token_offset:M, cumulated_seq_len:M, max_seq_len:M) T=#103 M=#38
RestorePadding 1 (input:T, token_offset:M) -> (output:T) T=#103 M=#38
Rfft 1 (X:T) -> (Y:T) {normalized:int, onesided:int, signal_ndim:int} T=#0
RotaryEmbedding 1 (input:T, position_ids:M, cos_cache:T, sin_cache:T) -> (output:T) {interleaved:int, is_packed_batching:int, num_heads:int, rotary_embedding_dim:int, scale:float} T=#22 M=#6
SampleOp 1 (X:T) -> (Y:T) T=#4
Sampling 1 (input_ids:I, max_length:I, min_length?:I, repetition_penalty?:T, vocab_mask?:I, prefix_vocab_mask?:I, attention_mask?:I, presence_mask?:I, seed?:I) -> (sequences:I, filtered_logits?:T) {custom:int, decoder!:graph, decoder_start_token_id:int, encoder:graph, eos_token_id!:int, filter_value:float, init_decoder:graph, min_tokens_to_keep:int, model_type:int, no_repeat_ngram_size:int, pad_token_id!:int, presence_penalty:float, temperature:float, top_p:float, vocab_size:int} T=#23 I=#38
SkipGroupNorm 1 (X:T, gamma:M, beta:M, skip:T, bias?:T) -> (Y:T, S?:T) {activation!:int, channels_last:int, epsilon:float, groups!:int} T=#103 M=#103
SkipLayerNormalization 1 (input:T, skip:T, gamma:T, beta?:T, bias?:T) -> (output:T, mean?:U, inv_std_var?:U, input_skip_bias_sum?:T) {epsilon:float} T=#22 U=#23
SkipSimplifiedLayerNormalization 1 (input:T, skip:T, gamma:T, bias?:T) -> (output:T, mean?:U, inv_std_var?:U, input_skip_bias_sum?:T) {epsilon:float} T=#22 U=#23
Snpe 1 (inputs+:T) -> (outputs+:T) {DLC!:string, notes:string, snpe_version:string, target_device:string} T=#123
SparseAttention 1 (query:T, key?:T, value?:T, past_key:T, past_value:T, block_row_indices:M, block_col_indices:M, total_sequence_length:M, key_total_sequence_lengths:M, cos_cache?:T, sin_cache?:T) -> (output:T, present_key:T, present_value:T) {do_rotary:int, kv_num_heads!:int, num_heads!:int, rotary_interleaved:int, scale:float, sparse_block_size!:int} T=#22 M=#38
SparseToDenseMatMul 1 (A:T, B:T1) -> (Y:T1) {alpha:float, transA:int, transB:int} T=#124 T1=#39
Tokenizer 1 (X:T) -> (Y:T) {mark!:int, mincharnum!:int, pad_value!:string, separators:strings, tokenexp:string} T=#90
TorchEmbedding 1 (weight:T, indices:tensor(int64), padding_idx?:tensor(int64), scale_grad_by_freq?:tensor(bool)) -> (Y:T) T=#2
TransposeMatMul 1 (A:T, B:T) -> (Y:T) {alpha:float, transA:int, transB:int} T=#3
Trilu 1 (X:T, k?:tensor(int64)) -> (Y:T) {upper:int} T=#8
UnfoldTensor 1 (input:T) -> (output:T) {dim:int, size!:int, step:int} T=#24
Unique 1 (x:T) -> (y:T, idx:tensor(int64), counts:tensor(int64)) T=#25
VarlenCausalConvWithState 1 (input:T, weight:T, cumulative_sequence_length:M, bias?:T, initial_state:T, capture_count?:M) -> (output:T, final_state:T, state_update?:T) {activation:string, dilation:int, state_update_capacity:int} T=#22 M=#38
WhisperBeamSearch 1 (input_ids:F, max_length:I, min_length?:I, num_beams:I, num_return_sequences:I, length_penalty?:T, repetition_penalty?:T, vocab_mask?:M, prefix_vocab_mask?:M, attention_mask?:I, decoder_input_ids?:I, logits_processor?:I, cross_qk_layer_head?:I, extra_decoding_ids?:I, temperature?:T) -> (sequences:I, sequences_scores?:T, scores?:T, cross_qk?:V, non_speech_probs?:T) {beginning_timestamp_token_id:int, decoder!:graph, decoder_output_cross_qk:int, decoder_start_token_id:int, early_stopping:int, encoder:graph, eos_token_id!:int, init_decoder:graph, model_type:int, no_repeat_ngram_size:int, no_speech_token_id:int, no_timestamps_token_id:int, pad_token_id!:int, start_of_lm_token_id:int, transcribe_token_id:int, translate_token_id:int, vocab_size:int} T=#103 F=#104 I=#38 M=#38 V=#23
WordConvEmbedding 1 (Sequence:T, W:T1, B:T1, C:T1) -> (Y:T1) {char_embedding_size:int, conv_window_size:int, embedding_size:int} T=#38 T1=#23
`,
};
