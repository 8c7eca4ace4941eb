// How the paths of quantized_matmul read rows of x and write rows of y. Compiled once per instruction set.
#pragma once

#include "core/vector.h"
#include "cpu/activation.h"
#include "cpu/quantized.h"

namespace pytransformers {
namespace PYTRANSFORMERS_ISA {

constexpr int kParts = kTileColumns / kLanes;  // registers that a tile's columns fill

INLINE Bits load_words(const void* p) { Bits v; __builtin_memcpy(&v, p, sizeof v); return v; }

// Calls body with a value of the dtype of x and y.
template <class Body>
INLINE void with_dtype(int32_t dtype, Body body) {
  if (dtype == PYTRANSFORMERS_FLOAT32) return body(float{});
  if (dtype == PYTRANSFORMERS_FLOAT16) return body(half{});
  body(bfloat16{});
}

// Calls body with a type whose `value` is `count`, from 1 to kMost.
template <int kCount> struct Constant { static constexpr int value = kCount; };
template <int kMost, class Body>
INLINE void with_count(int64_t count, Body body) {
  if constexpr (kMost > 1) {
    if (count < kMost) return with_count<kMost - 1>(count, body);
  }
  body(Constant<kMost>{});
}

// y = activation(sums + bias) for `rows` rows and the columns of `tiles` tiles, sums' rows `stride` apart.
INLINE void finish(const QuantizedCall& call, int64_t row, int64_t rows, int64_t tile, int64_t tiles, const float* sums,
                   int64_t stride) {
  const int64_t column = tile * kTileColumns, count = smaller(tiles * kTileColumns, call.weight.n - column);
  with_dtype(call.dtype, [&](auto zero) {
    const auto each = [&](auto ending) {
      for (int64_t j = 0; j < count; j += kLanes) {
        const int lanes = static_cast<int>(smaller(kLanes, count - j));
        const Vec bias = call.bias != nullptr ? load(call.bias + column + j, lanes) : Vec{};
        auto* y = static_cast<decltype(zero)*>(call.y) + row * call.y_stride + column + j;
        const float* from = sums + j;
        for (int64_t r = 0; r < rows; ++r, y += call.y_stride, from += stride) {
          store(y, ending(widen(from) + bias), lanes);
        }
      }
    };
    if (call.activation == PYTRANSFORMERS_IDENTITY) return each([](Vec v) { return v; });
    each([&](Vec v) { return activate(v, call.activation); });
  });
}

}  // namespace PYTRANSFORMERS_ISA
}  // namespace pytransformers
