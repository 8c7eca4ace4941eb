// rotary_embedding, head by head: one pass over memory, in place or not. Compiled once per instruction set.
#include "core/vector.h"
#include "cpu/rotary.h"

namespace pytransformers {
namespace PYTRANSFORMERS_ISA {

// Positions whose cosines and sines stay in the first cache while one head after the other passes.
constexpr int64_t kBlock = 32;

INLINE int at_most(int64_t count) { return count < kLanes ? static_cast<int>(count) : kLanes; }

// The even lanes of two registers in a row, the odd ones, and back.
#if defined(__AVX512F__)
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#define LOW_PAIRS(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH_PAIRS(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif defined(__AVX2__)
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15)
#define LOW_PAIRS(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH_PAIRS(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7)
#define LOW_PAIRS(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define HIGH_PAIRS(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#endif

// `sign` is -1 to turn back. Each step reads what it overwrites before it writes, so y may be x.
template <class T, class C, bool kInterleaved>
INLINE void turn(const T* x, T* y, const C* cos, const C* sin, float sign, int64_t half, int64_t width) {
  for (int64_t i = 0; i < half; i += kLanes) {
    const int count = at_most(half - i);
    const Vec c = load(cos + i, count), s = load(sin + i, count) * sign;
    if (kInterleaved) {
      const int low = at_most(2 * count), high = 2 * count - low;
      const Vec first = load(x + 2 * i, low), second = high > 0 ? load(x + 2 * i + low, high) : Vec{};
      const Vec a = EVEN(first, second), b = ODD(first, second);
      const Vec a_turned = a * c - b * s, b_turned = b * c + a * s;
      store(y + 2 * i, LOW_PAIRS(a_turned, b_turned), low);
      if (high > 0) store(y + 2 * i + low, HIGH_PAIRS(a_turned, b_turned), high);
    } else {
      const Vec a = load(x + i, count), b = load(x + half + i, count);
      store(y + i, a * c - b * s, count);
      store(y + half + i, b * c + a * s, count);
    }
  }
  if (y != x) {
    for (int64_t i = 2 * half; i < width; ++i) y[i] = x[i];
  }
}

template <class T, class C, bool kInterleaved>
void rotate(const RotaryCall& call, int64_t begin, int64_t end) {
  const float sign = call.inverse ? -1.0f : 1.0f;
  while (begin < end) {
    const int64_t batch = begin / call.length, first = begin % call.length;
    int64_t last = first + (end - begin < kBlock ? end - begin : kBlock);
    if (last > call.length) last = call.length;
    begin += last - first;
    for (int t = 0; t < call.count; ++t) {
      const RotaryHeads& tensor = call.tensors[t];
      const char* from = tensor.from + batch * tensor.from_batch;
      char* to = tensor.to + batch * tensor.to_batch;
      const auto one = [&](int64_t head, int64_t position) {
        const int64_t place = batch * call.positions_batch + position;
        const int64_t row = call.positions == nullptr ? position
                            : call.wide_positions     ? static_cast<const int64_t*>(call.positions)[place]
                                                      : static_cast<const int32_t*>(call.positions)[place];
        turn<T, C, kInterleaved>(
            reinterpret_cast<const T*>(from + head * tensor.from_head + position * tensor.from_position),
            reinterpret_cast<T*>(to + head * tensor.to_head + position * tensor.to_position),
            reinterpret_cast<const C*>(call.cos.data + batch * call.cos.batch + row * call.cos.row),
            reinterpret_cast<const C*>(call.sin.data + batch * call.sin.batch + row * call.sin.row), sign, call.half,
            call.width);
      };
      // In the order in which they lie in memory.
      if (tensor.from_head < tensor.from_position) {
        for (int64_t position = first; position < last; ++position) {
          for (int64_t head = 0; head < tensor.heads; ++head) one(head, position);
        }
      } else {
        for (int64_t head = 0; head < tensor.heads; ++head) {
          for (int64_t position = first; position < last; ++position) one(head, position);
        }
      }
    }
  }
}

#define BOTH_PAIRINGS(T, C) {&rotate<T, C, false>, &rotate<T, C, true>}
extern RotaryKernels rotary_kernels = {BOTH_PAIRINGS(float, float), BOTH_PAIRINGS(half, half),
                                       BOTH_PAIRINGS(half, float), BOTH_PAIRINGS(bfloat16, bfloat16),
                                       BOTH_PAIRINGS(bfloat16, float)};

}  // namespace PYTRANSFORMERS_ISA
}  // namespace pytransformers
