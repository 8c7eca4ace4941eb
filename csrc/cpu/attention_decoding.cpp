// Attention of few rows (one query and the heads that share its keys): keys and values are read once, as they lie in
// memory. A lane is a feature for the scores, then a key for the softmax, then a feature of the values. Compiled once
// per instruction set.
#include "cpu/attention_scores.h"

namespace pytransformers {
namespace PYTRANSFORMERS_ISA {
namespace {

constexpr int kKeys = 128;  // keys whose scores are held at once

// scores[r][j] = queries[r] . keys[j] for R rows and the keys from j to j + 3, of which `count` are there.
template <int R, class T>
INLINE void dot_four(const float* queries, int64_t features, const T* keys, int64_t key_row, int count, float* scores) {
  const int64_t width = padded(features);
  const T* rows[4];
  UNROLL for (int i = 0; i < 4; ++i) rows[i] = keys + (i < count ? i : count - 1) * key_row;
  Vec sums[R][4];
  UNROLL for (int r = 0; r < R; ++r) { UNROLL for (int i = 0; i < 4; ++i) sums[r][i] = Vec{}; }
  const auto step = [&](int64_t c, int lanes) __attribute__((always_inline)) {
    Vec key[4];
    UNROLL for (int i = 0; i < 4; ++i) key[i] = load(rows[i] + c, lanes);
    UNROLL for (int r = 0; r < R; ++r) {
      const Vec query = widen(queries + r * width + c);
      UNROLL for (int i = 0; i < 4; ++i) sums[r][i] += query * key[i];
    }
  };
  int64_t c = 0;
  for (; c + kLanes <= features; c += kLanes) step(c, kLanes);
  if (c < features) step(c, static_cast<int>(features - c));
  UNROLL for (int r = 0; r < R; ++r) {
    const Four four = sum_four(sums[r][0], sums[r][1], sums[r][2], sums[r][3]);
    __builtin_memcpy(scores + r * kKeys, &four, sizeof four);
  }
}

template <class T>
void dots(int rows, const float* queries, int64_t features, const T* keys, int64_t key_row, int count, float* scores) {
  const int64_t width = padded(features);
  for (int j = 0; j < count; j += 4) {
    const T* const from = keys + j * key_row;
    const int left = count - j < 4 ? count - j : 4;
    for (int i = 0; i < 4; ++i) __builtin_prefetch(from + (16 + i) * key_row);
    int r = 0;
    const auto dot = [&](auto dot, int count) __attribute__((always_inline)) {
      dot(queries + r * width, features, from, key_row, left, scores + r * kKeys + j);
      r += count;
    };
    while (r + 4 <= rows) dot(dot_four<4, T>, 4);
    while (r < rows) dot(dot_four<1, T>, 1);
  }
}

INLINE float highest_lane(Vec v) {
  float highest = v[0];
  for (int i = 1; i < kLanes; ++i) highest = v[i] > highest ? v[i] : highest;
  return highest;
}

// Turns the scores of one row into weights; gives by what earlier sums have to be multiplied.
template <class T>
float weigh(const AttentionCall& call, const QueryBlock& block, const BlockRows& rows, int row, int64_t first,
            int count, float* scores, float& maximum_so_far, float& sum_so_far) {
  Ints numbers;
  for (int i = 0; i < kLanes; ++i) numbers[i] = i;
  const bool has_addend = call.bias.data != nullptr || call.mask.data != nullptr;
  const int32_t position = rows.position[row];
  const bool windowed = position - call.window_left > first || position + call.window_right < first + count - 1;
  Vec highest = splat(maximum_so_far);
  for (int j = 0; j < count; j += kLanes) {
    const int lanes = lanes_left(count - j);
    Ints seen = {};
    const Vec addend = has_addend ? bias_and_mask<T>(call, block.batch, rows.head[row], rows.query[row], first + j,
                                                     lanes, seen)
                                  : Vec{};
    const Ints distance = numbers + static_cast<int32_t>(first + j - position);
    Vec v = score(call, widen(scores + j), distance, splat(rows.slopes[row]), has_addend, addend, windowed, nullptr);
    if (lanes < kLanes) v = select(first_lanes(lanes), v, splat(-kInfinity));
    narrow(scores + j, v);
    highest = maximum(highest, v);
  }
  const float greatest = highest_lane(highest);
  const Vec reference = splat(greatest == -kInfinity ? 0.0f : greatest);
  Vec sum = {};
  for (int j = 0; j < count; j += kLanes) {
    Vec weight = exp(widen(scores + j) - reference);
    sum += weight;
    if (call.drop_below > 0) {
      const Ints kept = kept_weights(call, rows.random[0][row] + Bits{}, rows.random[1][row] + Bits{},
                                     (Bits)(numbers + static_cast<int32_t>(first + j)));
      weight = select(kept, weight * call.kept, Vec{});
    }
    narrow(scores + j, weight);
  }
  const float factor = exp(splat(maximum_so_far) - reference)[0];
  maximum_so_far = greatest;
  sum_so_far = sum_so_far * factor + sum_lanes(sum);
  return factor;
}

// Whether the mask lets any row attend to any of these keys.
bool any_attends(const AttentionCall& call, const QueryBlock& block, const BlockRows& rows, int64_t first, int count) {
  if (call.mask.data == nullptr) return true;
  const bool rows_alike = call.mask.strides[1] == 0 && call.mask.strides[2] == 0;
  const int64_t stride = call.mask.strides[3];
  Ints seen = {};
  for (int r = 0; r < (rows_alike ? 1 : rows.rows); ++r) {
    const uint8_t* const row = at<const uint8_t>(call.mask, block.batch, rows.head[r], rows.query[r]) + first * stride;
    for (int j = 0; j < count; j += kLanes) seen |= gather_set(row + j * stride, stride, lanes_left(count - j));
  }
  return any(seen);
}

// Values that registers can be loaded from, whole.
INLINE const float* value_rows(const float* from, int64_t& row, int64_t rows, int64_t columns, float* scratch) {
  if (columns % kLanes == 0) return from;
  pack_rows(from, row, rows, columns, scratch);
  row = padded(columns);
  return scratch;
}
template <class T>
INLINE const float* value_rows(const T* from, int64_t& row, int64_t rows, int64_t columns, float* scratch) {
  pack_rows(from, row, rows, columns, scratch);
  row = padded(columns);
  return scratch;
}

template <class T>
int64_t scratch(const AttentionCall& call) {
  return kFewRows * (padded(call.features) + kKeys) + kKeys * padded(call.value_features);
}

template <class T>
void run(const AttentionCall& call, const QueryBlock& block, int64_t begin, int64_t end, float* part, float* scratch) {
  const int64_t width = padded(call.features), registers = padded(call.value_features) / kLanes;
  float* const queries = scratch;
  float* const scores = queries + kFewRows * width;
  float* const value_copy = scores + kFewRows * kKeys;
  BlockRows rows;
  set_rows(call, block, rows);
  for (int r = 0; r < rows.rows; ++r) {
    pack_rows(at<const T>(call.query, block.batch, rows.head[r], rows.query[r]), 0, 1, call.features,
              queries + r * width);
    float* const row = part + r * call.part_width;
    row[0] = -kInfinity;
    row[1] = 0.0f;
    for (int64_t i = 0; i < registers; ++i) narrow(row + kPartHeader + i * kLanes, Vec{});
  }
  begin = begin > rows.first_key ? begin : rows.first_key;
  end = end < rows.last_key ? end : rows.last_key;
  for (int64_t first = begin; first < end; first += kKeys) {
    const int count = static_cast<int>(clamp(end - first, 0, kKeys));
    if (!any_attends(call, block, rows, first, count)) continue;
    dots(rows.rows, queries, call.features, at<const T>(call.key, block.batch, block.key_head, first),
         call.key.strides[2], count, scores);
    for (int r = 0; r < rows.rows; ++r) {
      float* const row = part + r * call.part_width;
      const float factor = weigh<T>(call, block, rows, r, first, count, scores + r * kKeys, row[0], row[1]);
      for (int64_t i = 0; i < registers && factor != 1.0f; ++i) {
        float* const out = row + kPartHeader + i * kLanes;
        narrow(out, widen(out) * factor);
      }
    }
    int64_t value_row = call.value.strides[2];
    const float* const values = value_rows(at<const T>(call.value, block.batch, block.key_head, first), value_row,
                                           count, call.value_features, value_copy);
    multiply(rows.rows, registers, count, Scalars<float>{scores, kKeys, 1}, values, value_row, part + kPartHeader,
             call.part_width, kAdd, nullptr);
  }
}

template <class T>
void combine(const AttentionCall& call, const QueryBlock& block, const float* parts, int64_t count, int64_t distance) {
  for (int r = 0; r < block.heads * block.queries; ++r) {
    const int64_t head = block.head + r / block.queries, query = block.query + r % block.queries;
    const float* const row = parts + r * call.part_width;
    float greatest = -kInfinity;
    for (int64_t i = 0; i < count; ++i) greatest = row[i * distance] > greatest ? row[i * distance] : greatest;
    const float reference = greatest == -kInfinity ? 0.0f : greatest;
    const auto factor = [&](int64_t i) __attribute__((always_inline)) {
      return exp(splat(row[i * distance] - reference));
    };
    Vec sum = {};
    for (int64_t i = 0; i < count; ++i) sum += factor(i) * row[i * distance + 1];
    const Ints empty = sum == 0.0f;
    T* const out = at<T>(call.out, block.batch, head, query);
    for (int64_t c = 0; c < call.value_features; c += kLanes) {
      Vec v = {};
      for (int64_t i = 0; i < count; ++i) v += widen(row + i * distance + kPartHeader + c) * factor(i);
      store(out + c, select(empty, Vec{}, v / sum), lanes_left(call.value_features - c));
    }
    if (call.lse == nullptr) continue;
    call.lse[(block.batch * call.heads + head) * call.queries + query] =
        select(empty, splat(-kInfinity), reference + log(sum))[0];
  }
}

}  // namespace

AttentionDecodingTable attention_decoding = {{scratch<float>, run<float>, combine<float>},
                                             {scratch<half>, run<half>, combine<half>},
                                             {scratch<bfloat16>, run<bfloat16>, combine<bfloat16>}};

}  // namespace PYTRANSFORMERS_ISA
}  // namespace pytransformers
