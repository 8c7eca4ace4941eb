// The activations that a matrix product may end with. Compiled once per instruction set.
#pragma once

#include "core/c_api.h"
#include "core/vector_math.h"

namespace pytransformers {
namespace PYTRANSFORMERS_ISA {

INLINE Vec activate(Vec x, int32_t activation) {
  switch (activation) {
    case PYTRANSFORMERS_RELU: return x < 0.0f ? Vec{} : x;
    case PYTRANSFORMERS_GELU: return 0.5f * x * (1.0f + erf(x * 0.707106781f));
    // 0.5 x (1 + tanh(u)) = x / (1 + e^-2u), u = sqrt(2 / pi) (x + 0.044715 x^3)
    case PYTRANSFORMERS_GELU_TANH: return x / (1.0f + exp(x * (x * x * -0.0713548163f - 1.59576912f)));
    case PYTRANSFORMERS_SILU: return x / (1.0f + exp(-x));
    default: return x;
  }
}

// y (rows, columns), its rows `stride` apart, becomes activation(y + bias); bias (columns,) or NULL.
INLINE void add_bias_and_activate(float* y, int64_t stride, int64_t rows, int64_t columns, const float* bias,
                                  int32_t activation) {
  if (bias == nullptr && activation == PYTRANSFORMERS_IDENTITY) return;
  for (int64_t column = 0; column < columns; column += kLanes) {
    const int count = static_cast<int>(columns - column < kLanes ? columns - column : kLanes);
    const Vec more = bias != nullptr ? load(bias + column, count) : Vec{};
    for (int64_t row = 0; row < rows; ++row) {
      float* value = y + row * stride + column;
      store(value, activate(load(value, count) + more, activation), count);
    }
  }
}

}  // namespace PYTRANSFORMERS_ISA
}  // namespace pytransformers
