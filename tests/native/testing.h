// What the C++ tests of the kernels share: REQUIRE, floating numbers of every dtype, arrays of exactly their extent.
#pragma once

#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/c_api.h"

inline std::atomic<long> checks{0};

#define REQUIRE(condition, ...)                                       \
  do {                                                                \
    ++checks;                                                         \
    if (!(condition)) {                                               \
      std::fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition); \
      std::fprintf(stderr, __VA_ARGS__);                              \
      std::fprintf(stderr, "\n");                                     \
      std::exit(1);                                                   \
    }                                                                 \
  } while (0)

inline double decode(const void* p, int dtype) {
  if (dtype == PYTRANSFORMERS_FLOAT32) { float f; std::memcpy(&f, p, 4); return f; }
  uint16_t bits;
  std::memcpy(&bits, p, 2);
  if (dtype == PYTRANSFORMERS_BFLOAT16) {
    const uint32_t wide = static_cast<uint32_t>(bits) << 16;
    float f;
    std::memcpy(&f, &wide, 4);
    return f;
  }
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const double magnitude = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return bits >> 15 ? -magnitude : magnitude;
}

// Finds the representable value next to v; the tests only need some value of the dtype, not the nearest.
inline void encode(void* p, int dtype, double v) {
  if (dtype == PYTRANSFORMERS_FLOAT32) { const float f = static_cast<float>(v); std::memcpy(p, &f, 4); return; }
  uint16_t bits = 0;
  if (dtype == PYTRANSFORMERS_BFLOAT16) {
    const float f = static_cast<float>(v);
    uint32_t wide;
    std::memcpy(&wide, &f, 4);
    bits = static_cast<uint16_t>(wide >> 16);
  } else {
    int exponent;
    const double fraction = std::frexp(std::fabs(v), &exponent);  // in [0.5, 1)
    const int mantissa = static_cast<int>(fraction * 2048) & 1023;
    if (exponent > -14) bits = static_cast<uint16_t>((exponent + 14) << 10 | mantissa);
    if (v < 0) bits |= 0x8000;
  }
  std::memcpy(p, &bits, 2);
}

// A tensor in memory of exactly its extent, so that AddressSanitizer sees a step outside.
struct Array {
  std::vector<int64_t> sizes, strides;
  int dtype;
  std::unique_ptr<char[]> memory;
  int64_t bytes;

  Array(std::vector<int64_t> sizes_in, std::vector<int64_t> strides_in, int dtype_in)
      : sizes(std::move(sizes_in)), strides(std::move(strides_in)), dtype(dtype_in) {
    int64_t last = 0;
    for (size_t i = 0; i < sizes.size(); ++i) last += (sizes[i] - 1) * strides[i];
    for (int64_t size : sizes) if (size == 0) last = -1;
    bytes = (last + 1) * item();
    memory.reset(new char[bytes]);
    std::memset(memory.get(), 0x5a, bytes);
  }
  static Array dense(std::vector<int64_t> sizes, int dtype) {
    std::vector<int64_t> strides(sizes.size());
    int64_t stride = 1;
    for (size_t i = sizes.size(); i-- > 0; stride *= sizes[i]) strides[i] = stride;
    return Array(std::move(sizes), std::move(strides), dtype);
  }
  int64_t item() const { return dtype == PYTRANSFORMERS_FLOAT32 ? 4 : 2; }
  pytransformers_tensor view() const {
    return {memory.get(), sizes.data(), strides.data(), static_cast<int32_t>(sizes.size()), dtype};
  }
  char* at(int64_t row, int64_t column) const {  // row counts the leading dimensions row-major
    int64_t offset = column * strides.back();
    for (size_t i = sizes.size() - 1; i-- > 0; row /= sizes[i]) offset += row % sizes[i] * strides[i];
    return memory.get() + offset * item();
  }
  double get(int64_t row, int64_t column) const { return decode(at(row, column), dtype); }
  void fill(std::mt19937& random) {
    std::normal_distribution<double> normal;
    for (int64_t i = 0; i < bytes; i += item()) encode(memory.get() + i, dtype, normal(random));
  }
};

// The distance from 1 to the next number.
inline double unit(int dtype) {
  return dtype == PYTRANSFORMERS_FLOAT32 ? 1.2e-7 : dtype == PYTRANSFORMERS_FLOAT16 ? 9.8e-4 : 7.9e-3;
}

// A floating dtype and the one of weights or tables beside it.
constexpr int kDtypePairs[][2] = {{PYTRANSFORMERS_FLOAT32, PYTRANSFORMERS_FLOAT32},
                                  {PYTRANSFORMERS_FLOAT16, PYTRANSFORMERS_FLOAT16},
                                  {PYTRANSFORMERS_FLOAT16, PYTRANSFORMERS_FLOAT32},
                                  {PYTRANSFORMERS_BFLOAT16, PYTRANSFORMERS_BFLOAT16},
                                  {PYTRANSFORMERS_BFLOAT16, PYTRANSFORMERS_FLOAT32}};

// The call was refused, and its message has these words.
inline void refused(pytransformers_status status, const char* words) {
  REQUIRE(status == PYTRANSFORMERS_INVALID_ARGUMENT, "not refused: %s", words);
  REQUIRE(std::strstr(pytransformers_last_error(), words), "'%s' is not in '%s'", words, pytransformers_last_error());
  REQUIRE(pytransformers_last_error()[0] == '[', "%s", pytransformers_last_error());
}
