// Attention of one block of queries, with an online softmax over blocks of keys. Compiled once per instruction set.
//
// Everything is transposed: scores^T = K Q^T and out^T = V^T P^T. A lane is a query, so K and V are read as scalars, as
// they lie in memory, and the softmax works on whole registers.
#include "cpu/attention_scores.h"

namespace pytransformers {
namespace PYTRANSFORMERS_ISA {
namespace {

// Keys or values of a block as floats: where they lie, or widened into scratch.
INLINE Scalars as_floats(const float* from, int64_t row, int64_t, int64_t, float*) { return {from, row, 1}; }
template <class T>
INLINE Scalars as_floats(const T* from, int64_t row, int64_t rows, int64_t columns, float* scratch) {
  pack_rows(from, row, rows, columns, scratch);
  return {scratch, padded(columns), 1};
}

struct Softmax { float maximum[kBlockRows], sum[kBlockRows], factors[kBlockRows]; };

// Turns the products of q and k into weights, and notes by what earlier sums have to be multiplied.
void weigh(const AttentionCall& call, const BlockRows& rows, const BlockKeys& keys, float* scores, Softmax& softmax) {
  for (int row = 0; row < rows.registers * kLanes; row += kLanes) {
    float* const column = scores + row;
    const Vec before = widen(softmax.maximum + row);
    Vec highest = before;
    for (int key = 0; key < keys.count; ++key) {
      const Vec v = score(call, rows, keys, widen(column + key * kBlockRows), key, row, nullptr);
      narrow(column + key * kBlockRows, v);
      highest = maximum(highest, v);
    }
    const Vec reference = select(highest == -kInfinity, Vec{}, highest);
    const Vec factor = exp(before - reference);
    Vec sum = widen(softmax.sum + row) * factor;
    for (int key = 0; key < keys.count; ++key) {
      Vec weight = exp(widen(column + key * kBlockRows) - reference);
      sum += weight;
      if (call.drop_below > 0) {
        weight = select(kept_weights(call, rows, keys.first + key, row), weight * call.kept, Vec{});
      }
      narrow(column + key * kBlockRows, weight);
    }
    narrow(softmax.maximum + row, highest);
    narrow(softmax.sum + row, sum);
    narrow(softmax.factors + row, factor);
  }
}

template <class T>
int64_t scratch(const AttentionCall& call) {
  const int64_t widened = sizeof(T) == sizeof(float) ? 0 : padded(call.features) + padded(call.value_features);
  return (call.features + call.value_features + 2 * kBlockKeys) * kBlockRows + widened * kBlockKeys;
}

template <class T>
void run(const AttentionCall& call, const QueryBlock& block, float* scratch) {
  const int64_t features = call.features, value_features = call.value_features;
  float* const queries = scratch;  // transposed, as are the next two
  float* const out = queries + features * kBlockRows;
  float* const scores = out + value_features * kBlockRows;
  float* const addends = scores + kBlockKeys * kBlockRows;
  float* const wide_keys = addends + kBlockKeys * kBlockRows;
  float* const wide_values = wide_keys + kBlockKeys * padded(features);

  BlockRows rows;
  set_rows(call, block, rows);
  pack_transposed(rows.rows, features, [&](int64_t row, int64_t column, int lanes) __attribute__((always_inline)) {
    return load(at<const T>(call.query, block.batch, block.head + row / block.queries,
                            block.query + row % block.queries) + column, lanes);
  }, queries, kBlockRows);
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
    const Scalars key = as_floats(at<const T>(call.key, block.batch, block.key_head, first), call.key.strides[2], count,
                                  features, wide_keys);
    multiply(count, rows.registers, features, key, queries, kBlockRows, scores, kBlockRows, kFromZero, nullptr);
    weigh(call, rows, keys, scores, softmax);
    const Scalars value = as_floats(at<const T>(call.value, block.batch, block.key_head, first), call.value.strides[2],
                                    count, value_features, wide_values);
    multiply(value_features, rows.registers, count, Scalars{value.data, 1, value.row}, scores, kBlockRows, out,
             kBlockRows, kAddScaled, softmax.factors);
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
        const int64_t head = block.head + (row + i) / block.queries, query = block.query + (row + i) % block.queries;
        store(at<T>(call.out, block.batch, head, query) + c, tile[i], count);
      }
    }
    if (call.lse == nullptr) continue;
    const Vec lse = select(empty, splat(-kInfinity), widen(softmax.maximum + row) + log(sum));
    for (int i = 0; i < kLanes && row + i < rows.rows; ++i) {
      const int64_t head = block.head + (row + i) / block.queries, query = block.query + (row + i) % block.queries;
      call.lse[(block.batch * call.heads + head) * call.queries + query] = lse[i];
    }
  }
}

}  // namespace

AttentionForwardTable attention_forward = {{scratch<float>, run<float>}, {scratch<half>, run<half>},
                                           {scratch<bfloat16>, run<bfloat16>}};

}  // namespace PYTRANSFORMERS_ISA
}  // namespace pytransformers
