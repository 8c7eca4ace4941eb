// From q k^T to the scores that the softmax sees: scale, soft cap, bias, ALiBi, mask, window, and what dropout keeps.
// Tiles are transposed: a row for each key, a lane for each query, so that a softmax never crosses lanes.
#pragma once

#include "cpu/attention.h"
#include "cpu/attention_tile.h"

namespace pytransformers {
namespace PYTRANSFORMERS_ISA {

constexpr float kInfinity = __builtin_inff();

template <class T>
INLINE T* at(const Strided& tensor, int64_t batch, int64_t head, int64_t row) {
  return reinterpret_cast<T*>(tensor.data) + batch * tensor.strides[0] + head * tensor.strides[1] +
         row * tensor.strides[2];
}

// `count` values that lie `stride` apart.
template <class T>
INLINE Vec gather(const T* from, int64_t stride, int count) {
  if (stride == 1) return load(from, count);
  T lanes[kLanes] = {};
  for (int i = 0; i < count; ++i) lanes[i] = from[i * stride];
  return widen(lanes);
}

typedef uint8_t Bytes __attribute__((vector_size(kLanes)));
INLINE Ints gather_set(const uint8_t* from, int64_t stride, int count) {
  Bytes lanes = {};
  if (stride == 1 && count == kLanes) __builtin_memcpy(&lanes, from, sizeof lanes);
  else for (int i = 0; i < count; ++i) lanes[i] = from[i * stride];
#if defined(__AVX512F__)  // GCC 12 converts in quarters
  return (Ints)_mm512_maskz_cvtepu8_epi32(0xffff, (__m128i)lanes) != 0;
#else
  return __builtin_convertvector(lanes, Ints) != 0;
#endif
}

INLINE uint64_t mixed(uint64_t x) {  // the finaliser of splitmix64 (Steele, Lea, Flood 2014)
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// What is known of a block of queries before any key is seen.
struct BlockRows {
  int rows, registers;
  int64_t first_key, last_key;          // keys that some row may attend to: [first_key, last_key)
  int64_t head[kBlockRows], query[kBlockRows];
  int32_t position[kBlockRows];         // the key that a query stands at
  float slopes[kBlockRows];
  uint32_t random[2][kBlockRows];       // two numbers for the dropout of a row
};

INLINE int64_t clamp(int64_t value, int64_t low, int64_t high) {
  return value < low ? low : value > high ? high : value;
}

INLINE void set_rows(const AttentionCall& call, const QueryBlock& block, BlockRows& rows) {
  const AttentionSequence& s = block.sequence;
  const int64_t shift = s.key + s.keys - s.queries - s.query, first = block.query + shift;
  rows.rows = block.heads * block.queries;
  rows.registers = static_cast<int>(padded(rows.rows) / kLanes);
  rows.first_key = clamp(first - call.window_left, s.key, s.key + s.keys);
  rows.last_key = clamp(first + block.queries + call.window_right, rows.first_key, s.key + s.keys);
  int row = 0;
  for (int h = 0; h < block.heads; ++h) {
    const int64_t head = block.head + h;
    for (int i = 0; i < block.queries; ++i, ++row) {
      rows.head[row] = head;
      rows.query[row] = block.query + i;
      rows.position[row] = static_cast<int32_t>(first + i);
      if (call.slopes != nullptr) rows.slopes[row] = call.slopes[head * call.slope_stride];
      if (call.drop_below > 0) {
        const uint64_t place = (block.batch * call.heads + head) * call.queries + block.query + i;
        const uint64_t random = mixed(mixed(call.seed + 0x9e3779b97f4a7c15u) + place * 0x9e3779b97f4a7c15u);
        rows.random[0][row] = static_cast<uint32_t>(random);
        rows.random[1][row] = static_cast<uint32_t>(random >> 32);
      }
    }
  }
  for (; row < rows.registers * kLanes; ++row) {  // lanes without a query repeat the first
    rows.position[row] = rows.position[0];
    rows.slopes[row] = rows.slopes[0];
    rows.random[0][row] = rows.random[1][row] = 0;
  }
}

enum Addend { kNothing, kForKeys, kForPairs };

// Keys [first, first + count) against the rows of a block.
struct BlockKeys {
  int64_t first;
  int count;
  bool windowed;         // some row may not attend to some of them
  Addend addend;
  const float* addends;  // bias, -infinity where masked: (count,) or (count, kBlockRows)
};

template <class T>
INLINE Vec bias_and_mask(const AttentionCall& call, int64_t batch, int64_t head, int64_t query, int64_t key, int count,
                         Ints& seen) {
  Vec v = {};
  if (call.bias.data != nullptr) {
    const int64_t stride = call.bias.strides[3];
    const auto take = [&](const auto* from) __attribute__((always_inline)) {
      __builtin_prefetch(from + kBlockKeys * stride);  // the next block's: too many short runs to be guessed
      return gather(from, stride, count);
    };
    v = call.bias_is_float32 ? take(at<const float>(call.bias, batch, head, query) + key * stride)
                             : take(at<const T>(call.bias, batch, head, query) + key * stride);
  }
  if (call.mask.data != nullptr) {
    const int64_t stride = call.mask.strides[3];
    const uint8_t* const from = at<const uint8_t>(call.mask, batch, head, query) + key * stride;
    __builtin_prefetch(from + kBlockKeys * stride);
    const Ints set = gather_set(from, stride, count);
    v = select(set, v, splat(-kInfinity));
  }
  seen |= (v != -kInfinity) & first_lanes(count);
  return v;
}

INLINE bool any(Ints v) {
  int32_t all = 0;
  for (int i = 0; i < kLanes; ++i) all |= v[i];
  return all != 0;
}

// Gathers what is added to the scores of these keys. False if no row may attend to any of them.
template <class T>
bool set_keys(const AttentionCall& call, const QueryBlock& block, const BlockRows& rows, int64_t first, int count,
              float* addends, BlockKeys& keys) {
  const int64_t last_position = rows.position[0] + block.queries - 1;
  const bool windowed =
      rows.position[0] + call.window_right < first + count - 1 || last_position - call.window_left > first;
  keys = {first, count, windowed, kNothing, addends};
  if (call.bias.data == nullptr && call.mask.data == nullptr) return true;
  const auto differs = [&](const Strided& tensor) {  // from row to row
    return tensor.data != nullptr &&
           ((tensor.strides[1] != 0 && block.heads > 1) || (tensor.strides[2] != 0 && block.queries > 1));
  };
  Ints seen = {};
  if (differs(call.bias) || differs(call.mask)) {
    keys.addend = kForPairs;
    pack_transposed(rows.rows, count, [&](int64_t row, int64_t key, int lanes) __attribute__((always_inline)) {
      return bias_and_mask<T>(call, block.batch, rows.head[row], rows.query[row], first + key, lanes, seen);
    }, addends, kBlockRows);
  } else {
    keys.addend = kForKeys;
    for (int key = 0; key < count; key += kLanes) {
      const int lanes = lanes_left(count - key);
      const Vec v = bias_and_mask<T>(call, block.batch, block.head, block.query, first + key, lanes, seen);
      store(addends + key, v, lanes);
    }
  }
  return any(seen);
}

// Scores from products of q and k. `distance` is key minus position; `slope` receives the derivative of the soft cap.
INLINE Vec score(const AttentionCall& call, Vec product, Ints distance, Vec alibi, bool has_addend, Vec addend,
                 bool windowed, Vec* slope) {
  Vec v = product * call.scale;
  if (call.soft_cap > 0.0f) {
    const Vec t = tanh(v / call.soft_cap);
    v = t * call.soft_cap;
    if (slope != nullptr) *slope = 1.0f - t * t;
  }
  if (call.slopes != nullptr) v -= alibi * magnitude(__builtin_convertvector(distance, Vec));
  if (has_addend) v = select(addend == -kInfinity, addend, v + addend);  // a mask wins over any score, NaN too
  if (windowed) {
    const Ints outside = (distance > static_cast<int32_t>(call.window_right)) |
                         (-distance > static_cast<int32_t>(call.window_left));
    v = select(outside, splat(-kInfinity), v);
  }
  return v;
}

// The same for one key and a register of rows.
INLINE Vec score(const AttentionCall& call, const BlockRows& rows, const BlockKeys& keys, Vec product, int key,
                 int row, Vec* slope) {
  Ints position;
  __builtin_memcpy(&position, rows.position + row, sizeof position);
  const Vec addend = keys.addend == kForKeys    ? splat(keys.addends[key])
                     : keys.addend == kForPairs ? widen(keys.addends + key * kBlockRows + row)
                                                : Vec{};
  return score(call, product, static_cast<int32_t>(keys.first + key) - position, widen(rows.slopes + row),
               keys.addend != kNothing, addend, keys.windowed, slope);
}

// Which weights dropout keeps: two rounds of a multiply and shift hash of a row's two numbers and the key (constants of
// MurmurHash3, Appleby 2011).
INLINE Ints kept_weights(const AttentionCall& call, Bits first, Bits second, Bits key) {
  Bits x = first + key * 0x9e3779b9u;
  x = (x ^ (x >> 16)) * 0x85ebca6bu;
  x = (x ^ (x >> 13) ^ second) * 0xc2b2ae35u;
  x = (x ^ (x >> 16)) * 0x85ebca6bu;
  x ^= x >> 13;
  return (Ints)(x >= call.drop_below);
}

INLINE Vec drop(const AttentionCall& call, const BlockRows& rows, int64_t key, int row, Vec weights) {
  Bits first, second;
  __builtin_memcpy(&first, rows.random[0] + row, sizeof first);
  __builtin_memcpy(&second, rows.random[1] + row, sizeof second);
  const Ints kept = kept_weights(call, first, second, static_cast<uint32_t>(key) + Bits{});
  return select(kept, weights * call.kept, Vec{});
}

}  // namespace PYTRANSFORMERS_ISA
}  // namespace pytransformers
