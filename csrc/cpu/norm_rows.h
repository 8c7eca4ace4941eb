// The two norms, row by row. A row is read from memory once and stays in cache for the passes that follow.
// kCentred is layer_norm; without it the mean is taken as zero, which is rms_norm.
#pragma once

#include "core/vector.h"
#include "cpu/norm.h"

namespace pytransformers {
namespace PYTRANSFORMERS_ISA {

struct Sums { float first, second; };

// Sums `term(i, count, first, second)` over a row. Eight registers at most are live, and no lane adds up more than
// kBlock numbers in a row, which keeps the rounding error flat for long rows.
template <class Term>
INLINE Sums sum_row(int64_t width, Term term) {
  constexpr int kUnroll = 4;
  constexpr int64_t kBlock = 256 * kUnroll * kLanes;
  Sums total = {0.0f, 0.0f};
  for (int64_t start = 0; start < width; start += kBlock) {
    const int64_t end = width - start < kBlock ? width : start + kBlock;
    Vec first[kUnroll] = {}, second[kUnroll] = {};
    int64_t i = start;
    for (; i + kUnroll * kLanes <= end; i += kUnroll * kLanes) {
      for (int u = 0; u < kUnroll; ++u) term(i + u * kLanes, kLanes, first[u], second[u]);
    }
    for (; i + kLanes <= end; i += kLanes) term(i, kLanes, first[0], second[0]);
    if (i < end) term(i, static_cast<int>(end - i), first[1], second[1]);
    total.first += sum_lanes((first[0] + first[1]) + (first[2] + first[3]));
    total.second += sum_lanes((second[0] + second[1]) + (second[2] + second[3]));
  }
  return total;
}

template <class Body>
INLINE void for_row(int64_t width, Body body) {
  int64_t i = 0;
  for (; i + kLanes <= width; i += kLanes) body(i, kLanes);
  if (i < width) body(i, static_cast<int>(width - i));
}

struct Moments { float mean, scale; };  // scale: 1 / standard deviation, or 1 / root mean square

// The moments of a row, given its plain sums. The variance is taken about the float32 mean and then corrected by what
// that mean is off, so that a large offset costs no digits.
template <bool kCentred, class T>
INLINE Moments moments(const T* x, int64_t width, float eps, Sums sums) {
  const float n = static_cast<float>(width);
  if (!kCentred) return {0.0f, 1.0f / square_root(sums.second / n + eps)};
  const float mean = sums.first / n;
  const Vec centre = splat(mean);
  const Sums off = sum_row(width, [&](int64_t i, int count, Vec& first, Vec& second) {
    Vec d = load(x + i, count) - centre;
    if (count < kLanes) d = select(first_lanes(count), d, Vec{});
    first += d;
    second += d * d;
  });
  const float correction = off.first / n;
  const float variance = off.second / n - correction * correction;
  return {mean + correction, 1.0f / square_root((variance > 0.0f ? variance : variance * 0.0f) + eps)};
}

template <bool kCentred, class T>
INLINE void accumulate(Vec v, Vec& first, Vec& second) {
  if (kCentred) first += v;
  else second += v * v;
}

template <bool kCentred, class T, class W, bool kWeight, bool kBias>
INLINE void forward_rows(const NormForward& call, int64_t begin, int64_t end) {
  const int64_t width = call.width;
  const W* weight = static_cast<const W*>(call.weight);
  const W* bias = static_cast<const W*>(call.bias);
  for (int64_t row = begin; row < end; ++row) {
    const T* x = reinterpret_cast<const T*>(row_pointer(call.x, row));
    T* y = reinterpret_cast<T*>(row_pointer(call.y, row));
    Sums sums;
    if (call.residual.data != nullptr) {
      const T* residual = reinterpret_cast<const T*>(row_pointer(call.residual, row));
      T* s = reinterpret_cast<T*>(row_pointer(call.sum, row));
      sums = sum_row(width, [&](int64_t i, int count, Vec& first, Vec& second) {
        const Vec v = rounded(load(x + i, count) + load(residual + i, count), s);
        store(s + i, v, count);
        accumulate<kCentred, T>(v, first, second);
      });
      x = s;
    } else {
      sums = sum_row(width, [&](int64_t i, int count, Vec& first, Vec& second) {
        accumulate<kCentred, T>(load(x + i, count), first, second);
      });
    }
    const Moments m = moments<kCentred>(x, width, call.eps, sums);
    const Vec mean = splat(m.mean), scale = splat(m.scale);
    for_row(width, [&](int64_t i, int count) {
      Vec v = load(x + i, count);
      if (kCentred) v -= mean;
      v *= scale;
      if (kWeight) v *= load(weight + i, count);
      if (kBias) v += load(bias + i, count);
      store(y + i, v, count);
    });
  }
}

template <bool kCentred, class T, class W>
void forward(const NormForward& call, int64_t begin, int64_t end) {
  if (call.weight != nullptr && call.bias != nullptr) return forward_rows<kCentred, T, W, true, true>(call, begin, end);
  if (call.weight != nullptr) return forward_rows<kCentred, T, W, true, false>(call, begin, end);
  if (call.bias != nullptr) return forward_rows<kCentred, T, W, false, true>(call, begin, end);
  forward_rows<kCentred, T, W, false, false>(call, begin, end);
}

// With h the normalised row and g = dy * weight:
//   dx = scale * (g - mean(g) - h * mean(g * h)) + dsum,  dweight += dy * h,  dbias += dy
// and mean(g) is absent for rms_norm.
template <bool kCentred, class T, class W, bool kWeight>
INLINE void backward_rows(const NormBackward& call, int64_t begin, int64_t end, float* dweight, float* dbias) {
  const int64_t width = call.width;
  const float n = static_cast<float>(width);
  const W* weight = static_cast<const W*>(call.weight);
  for (int64_t row = begin; row < end; ++row) {
    const T* x = reinterpret_cast<const T*>(row_pointer(call.x, row));
    const T* dy = reinterpret_cast<const T*>(row_pointer(call.dy, row));
    T* dx = reinterpret_cast<T*>(row_pointer(call.dx, row));
    const T* dsum = call.dsum.data == nullptr ? nullptr : reinterpret_cast<const T*>(row_pointer(call.dsum, row));
    const Sums sums = sum_row(width, [&](int64_t i, int count, Vec& first, Vec& second) {
      accumulate<kCentred, T>(load(x + i, count), first, second);
    });
    const Moments m = moments<kCentred>(x, width, call.eps, sums);
    const Vec mean = splat(m.mean), scale = splat(m.scale);
    const auto normalised = [&](int64_t i, int count) {
      Vec v = load(x + i, count);
      if (kCentred) v -= mean;
      return v * scale;
    };
    const auto gradient = [&](int64_t i, int count) {
      Vec v = load(dy + i, count);
      if (kWeight) v *= load(weight + i, count);
      return v;
    };
    const Sums inner = sum_row(width, [&](int64_t i, int count, Vec& first, Vec& second) {
      const Vec g = gradient(i, count);  // zero past the end of the row
      if (kCentred) first += g;
      second += g * normalised(i, count);
    });
    const Vec along_one = splat(inner.first / n), along_h = splat(inner.second / n);
    for_row(width, [&](int64_t i, int count) {
      const Vec h = normalised(i, count);
      if (dweight != nullptr) store(dweight + i, load(dweight + i, count) + load(dy + i, count) * h, count);
      if (dbias != nullptr) store(dbias + i, load(dbias + i, count) + load(dy + i, count), count);
      Vec v = gradient(i, count) - h * along_h;
      if (kCentred) v -= along_one;
      v *= scale;
      if (dsum != nullptr) v += load(dsum + i, count);
      store(dx + i, v, count);
    });
  }
}

template <bool kCentred, class T, class W>
void backward(const NormBackward& call, int64_t begin, int64_t end, float* dweight, float* dbias) {
  if (call.weight != nullptr) return backward_rows<kCentred, T, W, true>(call, begin, end, dweight, dbias);
  backward_rows<kCentred, T, W, false>(call, begin, end, dweight, dbias);
}

template <class W>
void store_weights(const float* from, void* to, int64_t width) {
  for_row(width, [&](int64_t i, int count) { store(static_cast<W*>(to) + i, load(from + i, count), count); });
}

template <bool kCentred, class T, class W>
constexpr NormKernels norm_kernels = {forward<kCentred, T, W>, backward<kCentred, T, W>, store_weights<W>};

#define NORM_TABLE(centred)                                                                        \
  {                                                                                                \
    norm_kernels<centred, float, float>, norm_kernels<centred, half, half>,                        \
        norm_kernels<centred, half, float>, norm_kernels<centred, bfloat16, bfloat16>,             \
        norm_kernels<centred, bfloat16, float>                                                     \
  }

}  // namespace PYTRANSFORMERS_ISA
}  // namespace pytransformers
