// exp, log, tanh and erf of a register of floats, within 2 units in the last place (exp: also of results below the
// smallest normal). NaN stays NaN. Coefficients are minimax fits in float64. Compiled once per instruction set, as
// core/vector.h.
#pragma once

#include "core/vector.h"

namespace pytransformers {
namespace PYTRANSFORMERS_ISA {

INLINE Vec magnitude(Vec x) { return (Vec)((Bits)x & 0x7fffffff); }
INLINE Vec with_sign_of(Vec value, Vec x) { return (Vec)((Bits)value | ((Bits)x & 0x80000000)); }

// Of a NaN and a number, the second argument. (maskz: GCC 12 warns about the plain form.)
#if defined(__AVX512F__)
INLINE Vec maximum(Vec a, Vec b) { return (Vec)_mm512_maskz_max_ps(0xffff, (__m512)a, (__m512)b); }
INLINE Vec minimum(Vec a, Vec b) { return (Vec)_mm512_maskz_min_ps(0xffff, (__m512)a, (__m512)b); }
#elif defined(__AVX2__)
INLINE Vec maximum(Vec a, Vec b) { return (Vec)_mm256_max_ps((__m256)a, (__m256)b); }
INLINE Vec minimum(Vec a, Vec b) { return (Vec)_mm256_min_ps((__m256)a, (__m256)b); }
#else
INLINE Vec maximum(Vec a, Vec b) { return a > b ? a : b; }
INLINE Vec minimum(Vec a, Vec b) { return a < b ? a : b; }
#endif

// e^x = 2^n e^r with n = round(x / ln 2), so that |r| <= ln 2 / 2.
INLINE Vec exp(Vec x) {
  x = minimum(splat(89.0f), maximum(splat(-104.0f), x));
  const Vec shifted = x * 1.44269504f + 0x1.8p23f;  // so large that the rest of the bits hold n
  const Vec n = shifted - 0x1.8p23f;
  const Vec r = (x - n * 0x1.62e4p-1f) - n * 0x1.7f7d1cp-20f;  // ln 2 in two parts; the first has few bits
  Vec p = splat(0.00138145883f);
  p = p * r + 0.00836872123f;
  p = p * r + 0.041668389f;
  p = p * r + 0.166665211f;
  p = p * r + 0.49999994f;
  p = (p * r) * r + r + 1.0f;
#if defined(__AVX512F__)
  return (Vec)_mm512_maskz_scalef_ps(0xffff, (__m512)p, (__m512)n);
#else
  // In two steps, since 2^n alone may be out of range where the result is not.
  const Ints whole = (Ints)((Bits)shifted << 9) >> 9, half = whole >> 1;
  return p * (Vec)((half + 127) << 23) * (Vec)((whole - half + 127) << 23);
#endif
}

// Of a positive normal number or infinity; log(0) is -infinity. x = 2^n (1 + t) with 1 + t from sqrt(1/2) to sqrt(2).
INLINE Vec log(Vec x) {
  const Ints whole = ((Ints)x - 0x3f3504f3) >> 23;
  const Vec n = __builtin_convertvector(whole, Vec);
  const Vec t = (Vec)((Ints)x - (whole << 23)) - 1.0f, z = t * t;
  Vec p = splat(0.06675321086f);
  p = p * t + -0.1164649407f;
  p = p * t + 0.1190472272f;
  p = p * t + -0.1241125864f;
  p = p * t + 0.1421788843f;
  p = p * t + -0.1666764423f;
  p = p * t + 0.2000220439f;
  p = p * t + -0.2500001627f;
  p = p * t + 0.333333109f;
  const Vec finite = n * 0x1.62e4p-1f + (t + (p * (z * t) - z * 0.5f + n * 0x1.7f7d1cp-20f));
  const Vec infinity = splat(__builtin_inff());
  return x == 0.0f ? -infinity : x < infinity ? finite : x;
}

// Near zero x + x^3 p(x^2), else 1 - 2 / (e^2x + 1).
INLINE Vec tanh(Vec x) {
  const Vec t = magnitude(x), z = x * x;
  Vec p = splat(-0.00571704051f);
  p = p * z + 0.0206505843f;
  p = p * z + -0.0537434965f;
  p = p * z + 0.133314908f;
  p = p * z + -0.333332837f;
  const Vec small = (p * z) * t + t, large = 1.0f - 2.0f / (exp(t + t) + 1.0f);
  return with_sign_of(t < 0.625f ? small : large, x);
}

// Near zero x + x p(x^2), else 1 - e^(-x q(x)); from 4 on it rounds to 1.
INLINE Vec erf(Vec x) {
  Vec t = magnitude(x);
  const Vec z = x * x;
  Vec p = splat(-0.000609029317f);
  p = p * z + 0.00501194783f;
  p = p * z + -0.0267788973f;
  p = p * z + 0.1128214f;
  p = p * z + -0.376125246f;
  p = p * z + 0.12837915f;
  const Vec small = p * t + t;
  t = t > 4.0f ? splat(4.0f) : t;
  Vec q = splat(-0.000214154439f);
  q = q * t + 0.00321645616f;
  q = q * t + -0.0228951387f;
  q = q * t + 0.105270527f;
  q = q * t + 0.635711253f;
  q = q * t + 1.12851655f;
  const Vec large = 1.0f - exp(-(q * t));
  return with_sign_of(t < 0.9f ? small : large, x);
}

}  // namespace PYTRANSFORMERS_ISA
}  // namespace pytransformers
