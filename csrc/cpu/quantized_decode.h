// From a word of codes to the values that they stand for, a register of columns at a time. Compiled once per
// instruction set.
#pragma once

#include "core/c_api.h"
#include "core/vector.h"

namespace pytransformers {
namespace PYTRANSFORMERS_ISA {

// The bits of `mask`, from bit 4 * place on, as a number, without a shift: put under the exponent of
// 2^(23 - 4 * place), where they count ones, and that power taken off again. `flip` turns the top bit of a signed code
// over, which adds what `zero`, the code that stands for 0, takes off with the power.
INLINE Vec number_at(Bits word, int place, uint32_t mask, uint32_t flip, float zero) {
  const uint32_t power = static_cast<uint32_t>(150 - 4 * place) << 23;
  float offset;
  __builtin_memcpy(&offset, &power, 4);
  return (Vec)((word & (mask << (4 * place))) ^ (power | flip << (4 * place))) - (offset + zero);
}

struct Int8 {
  static constexpr int kCodes = 4;  // in a word
  __attribute__((always_inline)) Vec decode(Bits word, int i) const {
    return i < 2 ? number_at(word, 2 * i, 255, 128, 128.0f) : number_at(word >> 16, 2 * i - 4, 255, 128, 128.0f);
  }
};

struct Int4 {
  static constexpr int kCodes = 8;
  __attribute__((always_inline)) Vec decode(Bits word, int i) const {
    return i < 5 ? number_at(word, i, 15, 0, 8.0f) : number_at(word >> 12, i - 3, 15, 0, 8.0f);
  }
};

alignas(64) constexpr float kNf4[16] = {
    -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f,
    -0.18477343022823334f, -0.09105003625154495f, 0.0f, 0.07958029955625534f, 0.16093020141124725f,
    0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f};

struct Nf4 {
  static constexpr int kCodes = 8;
#if defined(__AVX512F__)
  Vec table = widen(kNf4);
  __attribute__((always_inline)) Vec decode(Bits word, int i) const {  // the instruction reads the low four bits only
    return (Vec)_mm512_maskz_permutexvar_ps(0xffff, (__m512i)(word >> (4 * i)), (__m512)table);
  }
#elif defined(__AVX2__)
  Vec low = widen(kNf4), high = widen(kNf4 + 8);
  __attribute__((always_inline)) Vec decode(Bits word, int i) const {
    const __m256i code = (__m256i)(word >> (4 * i));  // its low three bits choose in each half, the fourth the half
    const __m256 below = _mm256_permutevar8x32_ps((__m256)low, code);
    const __m256 above = _mm256_permutevar8x32_ps((__m256)high, code);
    return (Vec)_mm256_blendv_ps(below, above, _mm256_castsi256_ps(_mm256_slli_epi32(code, 28)));
  }
#else
  __attribute__((always_inline)) Vec decode(Bits word, int i) const {
    const Bits code = word >> (4 * i) & 15;
    Vec v;
    for (int lane = 0; lane < kLanes; ++lane) v[lane] = kNf4[code[lane]];
    return v;
  }
#endif
};

template <class Body>
INLINE void with_format(int32_t quantization, Body body) {
  if (quantization == PYTRANSFORMERS_QUANTIZED_INT4) return body(Int4{});
  if (quantization == PYTRANSFORMERS_QUANTIZED_NF4) return body(Nf4{});
  body(Int8{});
}

}  // namespace PYTRANSFORMERS_ISA
}  // namespace pytransformers
