// One register of floats and how float32, float16 and bfloat16 get in and out of it. Compiled once per instruction
// set: PYTRANSFORMERS_ISA names the namespace, the compiler flags pick the width. No standard header may come in here,
// or its inline functions would be compiled for the wrong processor.
#pragma once

#include <stdint.h>

#if defined(__F16C__)
#include <immintrin.h>
#endif

namespace pytransformers {
namespace PYTRANSFORMERS_ISA {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

#define INLINE static inline __attribute__((always_inline))

struct half { uint16_t bits; };
struct bfloat16 { uint16_t bits; };

typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef uint32_t Bits __attribute__((vector_size(kLanes * 4)));
typedef int32_t Ints __attribute__((vector_size(kLanes * 4)));
typedef uint16_t Shorts __attribute__((vector_size(kLanes * 2)));

INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE Vec splat(float value) { return value - Vec{}; }
INLINE Vec select(Ints mask, Vec yes, Vec no) { return (Vec)((mask & (Ints)yes) | (~mask & (Ints)no)); }

// The first `count` lanes.
INLINE Ints first_lanes(int count) {
  Ints lanes;
  for (int i = 0; i < kLanes; ++i) lanes[i] = i;
  return lanes < count;
}

// The sum of the 128-bit parts.
typedef float Four __attribute__((vector_size(16)));
INLINE Four fold(Vec v) {
#if defined(__AVX512F__)
  typedef float Eight __attribute__((vector_size(32)));
  const Eight half = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
                     __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
  return __builtin_shufflevector(half, half, 0, 1, 2, 3) + __builtin_shufflevector(half, half, 4, 5, 6, 7);
#elif defined(__AVX2__)
  return __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
#else
  return v;
#endif
}

INLINE float sum_lanes(Vec v) {
  const Four four = fold(v), two = four + __builtin_shufflevector(four, four, 2, 3, 0, 1);
  return two[0] + two[1];
}

// The sums of the lanes of four registers. Each step adds neighbours and halves what is left, within 128 bits first.
#if defined(__AVX512F__)
#define SHUFFLE_EACH_FOUR(a, b, i, j, k, l)                                                                    \
  __builtin_shufflevector(a, b, i, j, k, l, i + 4, j + 4, k + 4, l + 4, i + 8, j + 8, k + 8, l + 8, i + 12, j + 12, \
                          k + 12, l + 12)
#elif defined(__AVX2__)
#define SHUFFLE_EACH_FOUR(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l, i + 4, j + 4, k + 4, l + 4)
#else
#define SHUFFLE_EACH_FOUR(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#endif
INLINE Vec add_neighbours(Vec a, Vec b) {  // a0+a2 b0+b2 a1+a3 b1+b3
  constexpr int n = kLanes;
  return SHUFFLE_EACH_FOUR(a, b, 0, n + 0, 1, n + 1) + SHUFFLE_EACH_FOUR(a, b, 2, n + 2, 3, n + 3);
}
INLINE Four sum_four(Vec a, Vec b, Vec c, Vec d) {
  constexpr int n = kLanes;
  const Vec ab = add_neighbours(a, b), cd = add_neighbours(c, d);
  const Vec all = SHUFFLE_EACH_FOUR(ab, cd, 0, 1, n + 0, n + 1) + SHUFFLE_EACH_FOUR(ab, cd, 2, 3, n + 2, n + 3);
  return fold(all);
}

#define UNROLL _Pragma("GCC unroll 16")

// Element i of the first half of a, then of b, alternating; then of the second halves.
#if defined(__AVX512F__)
#define INTERLEAVE_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define INTERLEAVE_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif defined(__AVX2__)
#define INTERLEAVE_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define INTERLEAVE_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define INTERLEAVE_LOW 0, 4, 1, 5
#define INTERLEAVE_HIGH 2, 6, 3, 7
#endif

// kLanes rows become columns: each step interleaves the first half of the rows with the second.
INLINE void transpose(Vec (&rows)[kLanes]) {
  UNROLL for (int step = 1; step < kLanes; step *= 2) {
    Vec next[kLanes];
    UNROLL for (int i = 0; i < kLanes / 2; ++i) {
      next[2 * i] = __builtin_shufflevector(rows[i], rows[i + kLanes / 2], INTERLEAVE_LOW);
      next[2 * i + 1] = __builtin_shufflevector(rows[i], rows[i + kLanes / 2], INTERLEAVE_HIGH);
    }
    UNROLL for (int i = 0; i < kLanes; ++i) rows[i] = next[i];
  }
}

// Stops the compiler from reading a value again from memory at each use.
#if defined(__x86_64__)
#define KEEP_IN_REGISTER(value) asm("" : "+v"(value))
#elif defined(__aarch64__)
#define KEEP_IN_REGISTER(value) asm("" : "+w"(value))
#else
#define KEEP_IN_REGISTER(value) (void)0
#endif

// 16 bits a lane to 32 and back, where these hold no more than 16. (GCC 12 takes detours for __builtin_convertvector.)
INLINE Bits to_bits(Shorts bits) {
#if defined(__AVX512F__)
  return (Bits)_mm512_maskz_cvtepu16_epi32(0xffff, (__m256i)bits);
#elif defined(__AVX2__)
  return (Bits)_mm256_cvtepu16_epi32((__m128i)bits);
#else
  return __builtin_convertvector(bits, Bits);
#endif
}
INLINE Shorts to_shorts(Bits bits) {
#if defined(__AVX512F__)
  return (Shorts)_mm512_maskz_cvtepi32_epi16(0xffff, (__m512i)bits);
#elif defined(__AVX2__)
  const __m256i v = (__m256i)bits;
  return (Shorts)_mm_packus_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
#else
  return __builtin_convertvector(bits, Shorts);
#endif
}

INLINE Vec from_bfloat16(Shorts bits) { return (Vec)(to_bits(bits) << 16); }

// Round to nearest, ties to even; a NaN keeps its sign and stays quiet.
INLINE Shorts to_bfloat16(Vec v) {
  const Bits bits = (Bits)v;
  const Bits rounded = bits + 0x7fff + ((bits >> 16) & 1), quiet = bits | 0x400000;
#if defined(__AVX512F__)
  const __mmask16 is_nan = _mm512_cmp_ps_mask((__m512)v, (__m512)v, _CMP_UNORD_Q);
  return to_shorts((Bits)_mm512_mask_mov_epi32((__m512i)rounded, is_nan, (__m512i)quiet) >> 16);
#else
  return to_shorts((Bits)select(v != v, (Vec)quiet, (Vec)rounded) >> 16);
#endif
}

INLINE Vec from_half(Shorts bits) {
#if defined(__AVX512F__)
  return (Vec)_mm512_maskz_cvtph_ps(0xffff, (__m256i)bits);  // maskz: GCC 12 warns about the plain form
#elif defined(__F16C__)
  return (Vec)_mm256_cvtph_ps((__m128i)bits);
#else
  // Exponent and mantissa move to float32's places; a multiplication by 2^112 rebiases, subnormals included.
  const Bits wide = to_bits(bits);
  const Bits magnitude = (wide & 0x7fff) << 13;
  const Vec finite = (Vec)magnitude * splat(0x1p112f);
  const Ints special = (Ints)((wide & 0x7c00) == 0x7c00);
  const Vec value = select(special, (Vec)(magnitude | 0x7f800000), finite);
  return (Vec)((Bits)value | ((wide & 0x8000) << 16));
#endif
}

INLINE Shorts to_half(Vec v) {
#if defined(__AVX512F__)
  return (Shorts)_mm512_maskz_cvtps_ph(0xffff, (__m512)v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#elif defined(__F16C__)
  return (Shorts)_mm256_cvtps_ph((__m256)v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
  const Bits bits = (Bits)v;
  const Bits sign = (bits >> 16) & 0x8000;
  const Bits magnitude = bits & 0x7fffffff;
  // Normal results: rebias by subtraction, round half to even by adding. Subnormal ones: adding 0.5 lets the float
  // adder round at the right bit.
  const Bits normal = (magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  const Bits subnormal = (Bits)((Vec)magnitude + splat(0.5f)) - 0x3f000000;
  const Ints is_small = (Ints)magnitude < 0x38800000;
  const Ints is_large = (Ints)magnitude >= 0x47800000;
  const Ints is_nan = v != v;
  Bits result = ((Bits)is_small & subnormal) | (~(Bits)is_small & normal);
  result = ((Bits)is_large & 0x7c00) | (~(Bits)is_large & result);
  result = ((Bits)is_nan & 0x7e00) | (~(Bits)is_nan & result);
  return to_shorts(result | sign);
#endif
}

INLINE Vec widen(const float* p) { Vec v; __builtin_memcpy(&v, p, sizeof v); return v; }
INLINE Vec widen(const half* p) { Shorts v; __builtin_memcpy(&v, p, sizeof v); return from_half(v); }
INLINE Vec widen(const bfloat16* p) { Shorts v; __builtin_memcpy(&v, p, sizeof v); return from_bfloat16(v); }

INLINE void narrow(float* p, Vec v) { __builtin_memcpy(p, &v, sizeof v); }
INLINE void narrow(half* p, Vec v) { const Shorts s = to_half(v); __builtin_memcpy(p, &s, sizeof s); }
INLINE void narrow(bfloat16* p, Vec v) { const Shorts s = to_bfloat16(v); __builtin_memcpy(p, &s, sizeof s); }

#if defined(__AVX512F__)
INLINE Vec widen_first(const float* p, __mmask16 lanes) { return (Vec)_mm512_maskz_loadu_ps(lanes, p); }
INLINE Vec widen_first(const half* p, __mmask16 lanes) { return from_half((Shorts)_mm256_maskz_loadu_epi16(lanes, p)); }
INLINE Vec widen_first(const bfloat16* p, __mmask16 lanes) {
  return from_bfloat16((Shorts)_mm256_maskz_loadu_epi16(lanes, p));
}
INLINE void narrow_first(float* p, Vec v, __mmask16 lanes) { _mm512_mask_storeu_ps(p, lanes, (__m512)v); }
INLINE void narrow_first(half* p, Vec v, __mmask16 lanes) { _mm256_mask_storeu_epi16(p, lanes, (__m256i)to_half(v)); }
INLINE void narrow_first(bfloat16* p, Vec v, __mmask16 lanes) {
  _mm256_mask_storeu_epi16(p, lanes, (__m256i)to_bfloat16(v));
}
#endif

// `count` is kLanes or, at the end of a row, less: then the other lanes read as zero and are not written.
template <class T>
INLINE Vec load(const T* p, int count) {
  if (count == kLanes) return widen(p);
#if defined(__AVX512F__)
  return widen_first(p, static_cast<__mmask16>((1u << count) - 1));
#else
  T lanes[kLanes] = {};
  for (int i = 0; i < count; ++i) lanes[i] = p[i];
  return widen(lanes);
#endif
}

template <class T>
INLINE void store(T* p, Vec v, int count) {
  if (count == kLanes) return narrow(p, v);
#if defined(__AVX512F__)
  narrow_first(p, v, static_cast<__mmask16>((1u << count) - 1));
#else
  T lanes[kLanes];
  narrow(lanes, v);
  for (int i = 0; i < count; ++i) p[i] = lanes[i];
#endif
}

// Stores past the caches, for results that no cache holds: p aligned to the bytes stored, `drain` once after the last.
#if defined(__AVX512F__)
INLINE void stream(float* p, Vec v) { _mm512_stream_ps(p, (__m512)v); }
INLINE void stream(half* p, Vec v) { _mm256_stream_si256((__m256i*)p, (__m256i)to_half(v)); }
INLINE void stream(bfloat16* p, Vec v) { _mm256_stream_si256((__m256i*)p, (__m256i)to_bfloat16(v)); }
INLINE void drain() { _mm_sfence(); }
#elif defined(__AVX2__)
INLINE void stream(float* p, Vec v) { _mm256_stream_ps(p, (__m256)v); }
INLINE void stream(half* p, Vec v) { _mm_stream_si128((__m128i*)p, (__m128i)to_half(v)); }
INLINE void stream(bfloat16* p, Vec v) { _mm_stream_si128((__m128i*)p, (__m128i)to_bfloat16(v)); }
INLINE void drain() { _mm_sfence(); }
#else
template <class T> INLINE void stream(T* p, Vec v) { narrow(p, v); }
INLINE void drain() {}
#endif

// What storing v as T and reading it back gives.
INLINE Vec rounded(Vec v, const float*) { return v; }
INLINE Vec rounded(Vec v, const half*) { return from_half(to_half(v)); }
INLINE Vec rounded(Vec v, const bfloat16*) { return from_bfloat16(to_bfloat16(v)); }

INLINE float square_root(float value) { return __builtin_sqrtf(value); }

}  // namespace PYTRANSFORMERS_ISA
}  // namespace pytransformers
