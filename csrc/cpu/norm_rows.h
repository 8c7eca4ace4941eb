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

// The moments of a row of `value(i, count)`, which is `again` when asked a second time. The variance is summed about a
// mean of four places of the row and corrected by what that is off. Where it is off by more than two deviations, the
// correction would cost digits, and the sums are taken once more about the mean.
template <bool kCentred, class Value, class Again>
INLINE Moments moments(int64_t width, float eps, float about, Value value, Again again) {
  const float n = static_cast<float>(width);
  if (!kCentred) {
    const Sums sums = sum_row(width, [&](int64_t i, int count, Vec&, Vec& second) {
      const Vec v = value(i, count);
      second += v * v;
    });
    return {0.0f, 1.0f / square_root(sums.second / n + eps)};
  }
  float off, variance;
  const auto sum_about = [&](auto&& values) {
    const Vec centre = splat(about);
    const Sums sums = sum_row(width, [&](int64_t i, int count, Vec& first, Vec& second) {
      Vec d = values(i, count) - centre;
      if (count < kLanes) d = select(first_lanes(count), d, Vec{});
      first += d;
      second += d * d;
    });
    off = sums.first / n;
    variance = sums.second / n - off * off;
  };
  sum_about(value);
  if (!(off * off <= 4.0f * variance)) {  // also where one of them is not finite
    about += off;
    sum_about(again);
  }
  return {about + off, 1.0f / square_root((variance > 0.0f ? variance : variance * 0.0f) + eps)};
}

// The mean of four places of a row.
template <class T>
INLINE float sample(const T* x, int64_t width) {
  float sum = 0.0f;
  for (int64_t i = 0; i < 4; ++i) sum += 0.25f * load(x + i * width / 4, 1)[0];
  return sum;
}

INLINE void prefetch(const void* p, int64_t offset) { __builtin_prefetch(static_cast<const char*>(p) + offset); }

template <bool kCentred, class T, class W, bool kWeight, bool kBias>
INLINE void forward_rows(const NormForward& call, int64_t begin, int64_t end, void* scratch) {
  const int64_t width = call.width;
  const W* weight = static_cast<const W*>(call.weight);
  const W* bias = static_cast<const W*>(call.bias);
  for (int64_t row = begin; row < end; ++row) {
    const T* x = reinterpret_cast<const T*>(row_pointer(call.x, row));
    T* y = reinterpret_cast<T*>(row_pointer(call.y, row));
    T* sum = nullptr;
    Moments m;
    if (call.residual.data != nullptr) {
      const T* residual = reinterpret_cast<const T*>(row_pointer(call.residual, row));
      sum = reinterpret_cast<T*>(row_pointer(call.sum, row));
      T* s = call.streams ? static_cast<T*>(scratch) : sum;
      const float about = kCentred ? sample(x, width) + sample(residual, width) : 0.0f;
      m = moments<kCentred>(width, call.eps, about, [&](int64_t i, int count) {
        const Vec v = rounded(load(x + i, count) + load(residual + i, count), s);
        store(s + i, v, count);
        return v;
      }, [&](int64_t i, int count) { return load(s + i, count); });
      x = s;
    } else {
      const auto value = [&](int64_t i, int count) { return load(x + i, count); };
      m = moments<kCentred>(width, call.eps, kCentred ? sample(x, width) : 0.0f, value, value);
    }
    const Vec mean = splat(m.mean), scale = splat(m.scale);
    const auto result = [&](int64_t i, int count) {
      Vec v = load(x + i, count);
      if (kCentred) v -= mean;
      v *= scale;
      if (kWeight) v *= load(weight + i, count);
      if (kBias) v += load(bias + i, count);
      return v;
    };
    if (call.streams) {  // whole registers only; the next row comes into cache meanwhile
      const int64_t next = row + 1 < end ? row + 1 : row;
      const char* next_x = row_pointer(call.x, next);
      const char* next_residual = sum != nullptr ? row_pointer(call.residual, next) : next_x;
      for (int64_t i = 0; i < width; i += kLanes) {
        prefetch(next_x, i * sizeof(T));
        if (sum != nullptr) {
          prefetch(next_residual, i * sizeof(T));
          stream(sum + i, load(x + i, kLanes));
        }
        stream(y + i, result(i, kLanes));
      }
    } else {
      for_row(width, [&](int64_t i, int count) { store(y + i, result(i, count), count); });
    }
  }
  if (call.streams) drain();
}

template <bool kCentred, class T, class W>
void forward(const NormForward& call, int64_t begin, int64_t end, void* scratch) {
  const bool weight = call.weight != nullptr, bias = call.bias != nullptr;
  if (weight && bias) return forward_rows<kCentred, T, W, true, true>(call, begin, end, scratch);
  if (weight) return forward_rows<kCentred, T, W, true, false>(call, begin, end, scratch);
  if (bias) return forward_rows<kCentred, T, W, false, true>(call, begin, end, scratch);
  forward_rows<kCentred, T, W, false, false>(call, begin, end, scratch);
}

// With h the normalised row and g = dy * weight:
//   dx = scale * (g - mean(g) - h * mean(g * h)) + dsum,  dweight += dy * h,  dbias += dy
// and mean(g) is absent for rms_norm.
template <class T>
struct BackwardRow {
  const T *x, *dy, *dsum;
  T* dx;
  float mean, scale, along_one, along_h;  // the last two: mean(g), mean(g * h)
};

// One pass over x and dy gives all four sums. As in `moments`, they are about some value, and taken again where it is
// far from the mean.
template <bool kCentred, class T, class W, bool kWeight>
INLINE void prepare(const NormBackward& call, int64_t row, BackwardRow<T>& result) {
  const int64_t width = call.width;
  const float n = static_cast<float>(width);
  constexpr int64_t kBlock = 256 * 2 * kLanes;
  const W* weight = static_cast<const W*>(call.weight);
  const T* x = result.x = reinterpret_cast<const T*>(row_pointer(call.x, row));
  const T* dy = result.dy = reinterpret_cast<const T*>(row_pointer(call.dy, row));
  result.dx = reinterpret_cast<T*>(row_pointer(call.dx, row));
  result.dsum = call.dsum.data == nullptr ? nullptr : reinterpret_cast<const T*>(row_pointer(call.dsum, row));
  float about = kCentred ? sample(x, width) : 0.0f, off = 0.0f;
  for (int attempt = 0;; ++attempt) {
    const Vec centre = splat(about);
    float one = 0.0f, square = 0.0f, gradient = 0.0f, product = 0.0f;
    for (int64_t start = 0; start < width; start += kBlock) {  // as in sum_row
      const int64_t end = width - start < kBlock ? width : start + kBlock;
      Vec ones[2] = {}, squares[2] = {}, gradients[2] = {}, products[2] = {};
      const auto add = [&](int u, int64_t i, int count) {
        Vec d = load(x + i, count), g = load(dy + i, count);
        if (kCentred) {
          d -= centre;
          if (count < kLanes) d = select(first_lanes(count), d, Vec{});
          ones[u] += d;
        }
        if (kWeight) g *= load(weight + i, count);
        squares[u] += d * d;
        if (kCentred) gradients[u] += g;
        products[u] += g * d;
      };
      int64_t i = start;
      for (; i + 2 * kLanes <= end; i += 2 * kLanes) {
        add(0, i, kLanes);
        add(1, i + kLanes, kLanes);
      }
      for (; i < end; i += kLanes) add(0, i, end - i < kLanes ? static_cast<int>(end - i) : kLanes);
      one += sum_lanes(ones[0] + ones[1]);
      square += sum_lanes(squares[0] + squares[1]);
      gradient += sum_lanes(gradients[0] + gradients[1]);
      product += sum_lanes(products[0] + products[1]);
    }
    off = one / n;
    const float variance = square / n - off * off;
    if (kCentred && attempt == 0 && !(off * off <= 4.0f * variance)) {
      about += off;
      continue;
    }
    result.mean = about + off;
    result.scale = 1.0f / square_root((variance > 0.0f ? variance : variance * 0.0f) + call.eps);
    result.along_one = gradient / n;
    result.along_h = (product / n - off * result.along_one) * result.scale;
    return;
  }
}

// The columns from i on of `count` rows: kSteps registers, of which the last may be partly filled. What goes to dweight
// and dbias stays in registers meanwhile.
template <bool kCentred, class T, class W, bool kWeight, int kSteps>
INLINE void finish(const NormBackward& call, const BackwardRow<T>* rows, int count, int64_t i, int lanes,
                   float* dweight, float* dbias) {
  const W* weight = static_cast<const W*>(call.weight);
  Vec w[kSteps], to_weight[kSteps] = {}, to_bias[kSteps] = {};
  for (int u = 0; u < kSteps; ++u) w[u] = kWeight ? load(weight + i + u * kLanes, lanes) : splat(1.0f);
  for (int r = 0; r < count; ++r) {
    const BackwardRow<T>& row = rows[r];
    const Vec mean = splat(row.mean), scale = splat(row.scale), along_one = splat(row.along_one),
              along_h = splat(row.along_h);
    for (int u = 0; u < kSteps; ++u) {
      const int64_t j = i + u * kLanes;
      Vec h = load(row.x + j, lanes), v = load(row.dy + j, lanes);
      if (kCentred) h -= mean;
      h *= scale;
      to_weight[u] += v * h;
      if (kCentred) to_bias[u] += v;
      if (kWeight) v *= w[u];
      v -= h * along_h;
      if (kCentred) v -= along_one;
      v *= scale;
      if (row.dsum != nullptr) v += load(row.dsum + j, lanes);
      if (call.streams) stream(row.dx + j, v);
      else store(row.dx + j, v, lanes);
    }
  }
  for (int u = 0; u < kSteps; ++u) {
    const int64_t j = i + u * kLanes;
    if (dweight != nullptr) store(dweight + j, load(dweight + j, lanes) + to_weight[u], lanes);
    if (dbias != nullptr) store(dbias + j, load(dbias + j, lanes) + to_bias[u], lanes);
  }
}

// A few rows at a time: their sums, then column by column what needs them, while the rows are in the second cache.
template <bool kCentred, class T, class W, bool kWeight>
INLINE void backward_rows(const NormBackward& call, int64_t begin, int64_t end, float* dweight, float* dbias) {
  constexpr int kRows = 8, kSteps = 4;
  BackwardRow<T> rows[kRows];
  while (begin < end) {
    const int count = end - begin < kRows ? static_cast<int>(end - begin) : kRows;
    for (int r = 0; r < count; ++r) prepare<kCentred, T, W, kWeight>(call, begin + r, rows[r]);
    int64_t i = 0;
    for (; i + kSteps * kLanes <= call.width; i += kSteps * kLanes) {
      finish<kCentred, T, W, kWeight, kSteps>(call, rows, count, i, kLanes, dweight, dbias);
    }
    for (; i < call.width; i += kLanes) {
      const int lanes = call.width - i < kLanes ? static_cast<int>(call.width - i) : kLanes;
      finish<kCentred, T, W, kWeight, 1>(call, rows, count, i, lanes, dweight, dbias);
    }
    begin += count;
  }
  if (call.streams) drain();
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
