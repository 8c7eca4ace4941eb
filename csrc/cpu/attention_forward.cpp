// Attention of one block of queries, with an online softmax over blocks of keys. Compiled once per instruction set.
//
// Everything is transposed: scores^T = K Q^T and out^T = V^T P^T. A lane is a query, so K and V are read as scalars, as
// they lie in memory, and the softmax works on whole registers.
#include "cpu/attention_scores.h"

namespace pytransformers {
namespace PYTRANSFORMERS_ISA {
namespace {

// What T is multiplied as.
template <class T>
struct Multiplied { using Element = float; };
#if defined(__AVX512BF16__)
template <>
struct Multiplied<bfloat16> { using Element = Pair; };
#endif
template <class T>
using ElementOf = typename Multiplied<T>::Element;

template <class E>
constexpr int kPerElement = 1;
template <>
constexpr int kPerElement<Pair> = 2;

// A register of a row of queries, from column c of the elements on.
template <class T>
INLINE Vec query_lanes(const T* row, int64_t c, int lanes, int64_t, const float*) { return load(row + c, lanes); }
INLINE Vec query_lanes(const bfloat16* row, int64_t c, int lanes, int64_t features, const Pair*) {
  Vec v = {};
  const int64_t left = features - 2 * c;
  if (lanes == kLanes && left >= 2 * kLanes) __builtin_memcpy(&v, row + 2 * c, sizeof v);
  else __builtin_memcpy(&v, row + 2 * c, (left < 2 * lanes ? left : 2 * lanes) * sizeof(bfloat16));
  return v;
}

// Keys of a block: where they lie if they can be read there, or a copy in scratch.
INLINE Scalars<float> key_scalars(const float* from, int64_t row, int64_t, int64_t, float*) { return {from, row, 1}; }
template <class T>
INLINE Scalars<float> key_scalars(const T* from, int64_t row, int64_t rows, int64_t columns, float* scratch) {
  pack_rows(from, row, rows, columns, scratch);
  return {scratch, padded(columns), 1};
}
INLINE Scalars<Pair> key_scalars(const bfloat16* from, int64_t row, int64_t rows, int64_t columns, Pair* scratch) {
  if (columns % 2 == 0 && row % 2 == 0) return {reinterpret_cast<const Pair*>(from), row / 2, 1};
  const int64_t pairs = (columns + 1) / 2;
  for (int64_t r = 0; r < rows; ++r) {
    scratch[r * pairs + pairs - 1].high = {};
    __builtin_memcpy(scratch + r * pairs, from + r * row, columns * sizeof(bfloat16));
  }
  return {scratch, pairs, 1};
}

// Values of a block, across: (column, key).
INLINE Scalars<float> value_scalars(const float* from, int64_t row, int64_t, int64_t, float*) { return {from, 1, row}; }
template <class T>
INLINE Scalars<float> value_scalars(const T* from, int64_t row, int64_t rows, int64_t columns, float* scratch) {
  pack_rows(from, row, rows, columns, scratch);
  return {scratch, 1, padded(columns)};
}
INLINE Scalars<Pair> value_scalars(const bfloat16* from, int64_t row, int64_t rows, int64_t columns, Pair* scratch) {
  const int64_t width = padded(columns);
  for (int64_t r = 0; r < rows; r += 2) {
    for (int64_t c = 0; c < columns; c += kLanes) {
      const int lanes = lanes_left(columns - c);
      const Vec low = load(from + r * row + c, lanes);
      const Vec high = r + 1 < rows ? load(from + (r + 1) * row + c, lanes) : Vec{};
      const Bits pairs = ((Bits)low >> 16) | (Bits)high;
      __builtin_memcpy(scratch + r / 2 * width + c, &pairs, sizeof pairs);
    }
  }
  return {scratch, 1, width};
}

// Stores the weights of two neighbouring keys over their scores; `column` is that of the first key.
INLINE void store_weights(float* scores, int key, Vec first, Vec second, const float*) {
  narrow(scores + key * kBlockRows, first);
  narrow(scores + (key + 1) * kBlockRows, second);
}
#if defined(__AVX512BF16__)
INLINE void store_weights(float* scores, int key, Vec first, Vec second, const Pair*) {
  const __m512bh both = _mm512_cvtne2ps_pbh((__m512)second, (__m512)first);  // the halves, not yet neighbours
  const __m512i neighbours = _mm512_permutexvar_epi16(
      (__m512i)(Bits{0x00100000, 0x00110001, 0x00120002, 0x00130003, 0x00140004, 0x00150005, 0x00160006, 0x00170007,
                     0x00180008, 0x00190009, 0x001a000a, 0x001b000b, 0x001c000c, 0x001d000d, 0x001e000e, 0x001f000f}),
      (__m512i)both);
  __builtin_memcpy(scores + key / 2 * kBlockRows, &neighbours, sizeof neighbours);
}
#endif

struct Softmax { float maximum[kBlockRows], sum[kBlockRows], factors[kBlockRows]; };

// Turns the products of q and k into weights, and notes by what earlier sums have to be multiplied. kPlain: scores are
// products times a positive scale.
template <class E, bool kPlain>
void weigh(const AttentionCall& call, const BlockRows& rows, const BlockKeys& keys, float* scores, Softmax& softmax) {
  for (int row = 0; row < rows.registers * kLanes; row += kLanes) {
    float* const column = scores + row;
    const Vec before = widen(softmax.maximum + row);
    Vec highest = kPlain ? splat(-kInfinity) : before;
    for (int key = 0; key < keys.count; ++key) {
      Vec v = widen(column + key * kBlockRows);
      if (!kPlain) {
        v = score(call, rows, keys, v, key, row, nullptr);
        narrow(column + key * kBlockRows, v);
      }
      highest = maximum(highest, v);
    }
    if (kPlain) highest = maximum(before, highest * call.scale);
    const Vec reference = select(highest == -kInfinity, Vec{}, highest);
    const Vec factor = exp(before - reference);
    Vec sum = widen(softmax.sum + row) * factor;
    const auto weight = [&](int key) __attribute__((always_inline)) {
      const Vec v = widen(column + key * kBlockRows);
      const Vec w = exp(kPlain ? v * call.scale - reference : v - reference);
      sum += w;
      return !kPlain && call.drop_below > 0 ? drop(call, rows, keys.first + key, row, w) : w;
    };
    int key = 0;
    for (; key + 1 < keys.count; key += 2) {
      const Vec first = weight(key), second = weight(key + 1);
      store_weights(column, key, first, second, static_cast<const E*>(nullptr));
    }
    if (key < keys.count) store_weights(column, key, weight(key), Vec{}, static_cast<const E*>(nullptr));
    narrow(softmax.maximum + row, highest);
    narrow(softmax.sum + row, sum);
    narrow(softmax.factors + row, factor);
  }
}

template <class T>
int64_t scratch(const AttentionCall& call) {
  const int64_t copied = sizeof(T) == sizeof(float) ? 0 : padded(call.features) + padded(call.value_features);
  return (call.features + call.value_features + 2 * kBlockKeys + 1) * kBlockRows + copied * kBlockKeys;
}

template <class T>
void run(const AttentionCall& call, const QueryBlock& block, float* scratch) {
  using E = ElementOf<T>;
  constexpr int per = kPerElement<E>;
  const int64_t features = call.features, value_features = call.value_features, elements = (features + per - 1) / per;
  float* const queries = scratch;  // transposed, as are the next three
  float* const out = queries + features * kBlockRows;
  float* const scores = out + value_features * kBlockRows;
  float* const addends = scores + (kBlockKeys + 1) * kBlockRows;
  float* const key_copy = addends + kBlockKeys * kBlockRows;
  float* const value_copy = key_copy + kBlockKeys * padded(features);

  BlockRows rows;
  set_rows(call, block, rows);
  pack_transposed(rows.rows, elements, [&](int64_t row, int64_t column, int lanes) __attribute__((always_inline)) {
    return query_lanes(at<const T>(call.query, block.batch, rows.head[row], rows.query[row]), column, lanes, features,
                       static_cast<const E*>(nullptr));
  }, queries, kBlockRows);
  const bool plain = call.scale > 0.0f && call.soft_cap == 0.0f && call.slopes == nullptr && call.drop_below == 0;
  Softmax softmax;
  const int lanes = rows.registers * kLanes;
  for (int row = 0; row < lanes; row += kLanes) {
    narrow(softmax.maximum + row, splat(-kInfinity));
    narrow(softmax.sum + row, Vec{});
    for (int64_t i = 0; i < value_features; ++i) narrow(out + i * kBlockRows + row, Vec{});
  }

  for (int64_t first = rows.first_key; first < rows.last_key; first += kBlockKeys) {
    const int count = static_cast<int>(clamp(rows.last_key - first, 0, kBlockKeys));
    BlockKeys keys;
    if (!set_keys<T>(call, block, rows, first, count, addends, keys)) continue;
    const auto key = key_scalars(at<const T>(call.key, block.batch, block.key_head, first), call.key.strides[2], count,
                                 features, reinterpret_cast<E*>(key_copy));
    multiply(count, rows.registers, elements, key, reinterpret_cast<const E*>(queries), kBlockRows, scores, kBlockRows,
             kFromZero, nullptr);
    if (plain && !keys.windowed && keys.addend == kNothing) weigh<E, true>(call, rows, keys, scores, softmax);
    else weigh<E, false>(call, rows, keys, scores, softmax);
    const auto value = value_scalars(at<const T>(call.value, block.batch, block.key_head, first), call.value.strides[2],
                                     count, value_features, reinterpret_cast<E*>(value_copy));
    multiply(value_features, rows.registers, (count + per - 1) / per, value, reinterpret_cast<const E*>(scores),
             kBlockRows, out, kBlockRows, kAddScaled, softmax.factors);
  }

  for (int row = 0; row < lanes; row += kLanes) {
    const Vec sum = widen(softmax.sum + row), inverse = 1.0f / sum;
    const Ints empty = sum == 0.0f;
    for (int64_t c = 0; c < value_features; c += kLanes) {
      const int count = lanes_left(value_features - c);
      Vec tile[kLanes];
      UNROLL for (int i = 0; i < kLanes; ++i) {
        tile[i] = i < count ? select(empty, Vec{}, widen(out + (c + i) * kBlockRows + row) * inverse) : Vec{};
      }
      transpose(tile);
      for (int i = 0; i < kLanes && row + i < rows.rows; ++i) {
        store(at<T>(call.out, block.batch, rows.head[row + i], rows.query[row + i]) + c, tile[i], count);
      }
    }
    if (call.lse == nullptr) continue;
    const Vec lse = select(empty, splat(-kInfinity), widen(softmax.maximum + row) + log(sum));
    for (int i = 0; i < kLanes && row + i < rows.rows; ++i) {
      call.lse[(block.batch * call.heads + rows.head[row + i]) * call.queries + rows.query[row + i]] = lse[i];
    }
  }
}

}  // namespace

AttentionForwardTable attention_forward = {{scratch<float>, run<float>}, {scratch<half>, run<half>},
                                           {scratch<bfloat16>, run<bfloat16>}};

}  // namespace PYTRANSFORMERS_ISA
}  // namespace pytransformers
