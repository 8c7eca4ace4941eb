// Gradients of attention. Weights are computed again from the saved log-sum-exp, a block of keys against a block of
// queries at a time. Compiled once per instruction set.
//
// A task owns some blocks of keys of one key head: their dkey and dvalue are sums over all queries, and what they give
// to dquery goes to an array of the task's own, so that no two tasks add to one place. With the tiles transposed as in
// attention_forward.cpp, s^T = K Q^T and dp^T = V dout^T, and then
//   ds = p (dp - delta),  dvalue = p^T dout,  dkey = ds^T Q,  dquery = ds K.
#include "cpu/attention_scores.h"

namespace pytransformers {
namespace PYTRANSFORMERS_ISA {
namespace {

constexpr int64_t kTile = kBlockRows * kBlockKeys;

struct Scratch {
  float *keys, *values, *dkeys, *dvalues;                    // rows filled up to whole registers
  float *queries, *douts, *queries_across, *douts_across;    // the last two transposed
  float *scores, *dscores, *addends;                         // transposed tiles
};

int64_t split(const AttentionCall& call, float* from, Scratch& scratch) {
  const int64_t width = padded(call.features), value_width = padded(call.value_features);
  float* next = from;
  const auto take = [&](int64_t count) { float* taken = next; next += count; return taken; };
  scratch.keys = take(width * kBlockKeys);
  scratch.values = take(value_width * kBlockKeys);
  scratch.dkeys = take(width * kBlockKeys);
  scratch.dvalues = take(value_width * kBlockKeys);
  scratch.queries = take(width * kBlockRows);
  scratch.douts = take(value_width * kBlockRows);
  scratch.queries_across = take(width * kBlockRows);
  scratch.douts_across = take(value_width * kBlockRows);
  scratch.scores = take(kTile);
  scratch.dscores = take(kTile);
  scratch.addends = take(kTile);
  return next - from;
}

int64_t scratch_floats(const AttentionCall& call) {
  static float nothing[1];
  Scratch scratch;
  return split(call, nothing, scratch);
}

template <class T>
void take_keys(const AttentionCall& call, int64_t batch, int64_t key_head, int64_t first, int64_t count,
               const Scratch& scratch) {
  pack_rows(at<const T>(call.key, batch, key_head, first), call.key.strides[2], count, call.features, scratch.keys);
  pack_rows(at<const T>(call.value, batch, key_head, first), call.value.strides[2], count, call.value_features,
            scratch.values);
}

// A block of queries (of one head) against the keys in scratch: `scores` becomes the weights after dropout, `dscores`
// the gradient of the scores, before soft cap and scale if `of_products`. False where nothing attends.
template <class T>
bool gradients(const AttentionGradients& g, const QueryBlock& block, int64_t first, int count, bool of_products,
               const Scratch& scratch, BlockRows& rows) {
  const AttentionCall& call = g.call;
  set_rows(call, block, rows);
  if (rows.last_key <= first || rows.first_key >= first + count) return false;
  BlockKeys keys;
  if (!set_keys<T>(call, block, rows, first, count, scratch.addends, keys)) return false;
  const auto pack = [&](const Strided& tensor, int64_t columns, float* straight, float* across) {
    const T* from = at<const T>(tensor, block.batch, block.head, block.query);
    pack_rows(from, tensor.strides[2], block.queries, columns, straight);
    pack_transposed(block.queries, columns, [&](int64_t row, int64_t column, int) __attribute__((always_inline)) {
      return widen(straight + row * padded(columns) + column);
    }, across, kBlockRows);
  };
  pack(call.query, call.features, scratch.queries, scratch.queries_across);
  pack(g.dout, call.value_features, scratch.douts, scratch.douts_across);
  const Scalars<float> keys_in = {scratch.keys, padded(call.features), 1};
  const Scalars<float> values_in = {scratch.values, padded(call.value_features), 1};
  multiply(count, rows.registers, call.features, keys_in, scratch.queries_across, kBlockRows, scratch.scores,
           kBlockRows, kFromZero, nullptr);
  multiply(count, rows.registers, call.value_features, values_in, scratch.douts_across, kBlockRows, scratch.dscores,
           kBlockRows, kFromZero, nullptr);

  const int64_t place = (block.batch * call.heads + block.head) * call.queries + block.query;
  for (int row = 0; row < rows.registers * kLanes; row += kLanes) {
    const int lanes = lanes_left(block.queries - row);
    const Vec saved = load(call.lse + place + row, lanes), delta = load(g.delta + place + row, lanes);
    const Vec lse = select(saved == -kInfinity, splat(kInfinity), saved);  // nothing to attend to: all weights are 0
    for (int key = 0; key < count; ++key) {
      float* const scores = scratch.scores + key * kBlockRows + row;
      float* const dscores = scratch.dscores + key * kBlockRows + row;
      Vec slope = splat(1.0f);
      const Vec weight = exp(score(call, rows, keys, widen(scores), key, row, &slope) - lse);
      Vec dropped = weight, dweight = widen(dscores);
      if (call.drop_below > 0) {
        dropped = drop(call, rows, first + key, row, weight);
        dweight = drop(call, rows, first + key, row, dweight);
      }
      Vec dscore = weight * (dweight - delta);
      if (of_products) dscore *= slope * call.scale;
      if (lanes < kLanes) {
        dscore = select(first_lanes(lanes), dscore, Vec{});
        dropped = select(first_lanes(lanes), dropped, Vec{});
      }
      narrow(scores, dropped);
      narrow(dscores, dscore);
    }
  }
  return true;
}

// The blocks of queries of one head in a sequence.
template <class Body>
INLINE void for_queries(const AttentionSequence& sequence, int64_t begin, int64_t end, int64_t batch, int64_t key_head,
                        int64_t head, Body body) {
  begin = begin > sequence.query ? begin : sequence.query;
  end = end < sequence.query + sequence.queries ? end : sequence.query + sequence.queries;
  for (int64_t query = begin; query < end; query += kBlockRows) {
    body(QueryBlock{sequence, batch, key_head, head, query, 1, static_cast<int>(clamp(end - query, 0, kBlockRows))});
  }
}

template <class T>
void run(const AttentionGradients& g, int64_t batch, int64_t key_head, int64_t chunk, float* memory) {
  const AttentionCall& call = g.call;
  const int64_t width = padded(call.features), value_width = padded(call.value_features);
  const int64_t group = call.heads / call.key_heads;
  Scratch scratch;
  split(call, memory, scratch);
  BlockRows rows;
  int64_t number = 0;
  for (int64_t s = 0; s < call.sequence_count; ++s) {
    const AttentionSequence& sequence = call.sequences[s];
    const int64_t end = sequence.key + sequence.keys;
    for (int64_t first = sequence.key; first < end; first += kBlockKeys) {
      if (number++ % g.chunks != chunk) continue;
      const int count = static_cast<int>(clamp(end - first, 0, kBlockKeys));
      take_keys<T>(call, batch, key_head, first, count, scratch);
      for (int64_t i = 0; i < count * width; i += kLanes) narrow(scratch.dkeys + i, Vec{});
      for (int64_t i = 0; i < count * value_width; i += kLanes) narrow(scratch.dvalues + i, Vec{});
      for (int64_t head = key_head * group; head < (key_head + 1) * group; ++head) {
        for_queries(sequence, 0, call.queries, batch, key_head, head, [&](const QueryBlock& block) {
          if (!gradients<T>(g, block, first, count, true, scratch, rows)) return;
          const Scalars<float> weights = {scratch.scores, kBlockRows, 1}, dscores = {scratch.dscores, kBlockRows, 1};
          multiply(count, value_width / kLanes, block.queries, weights, scratch.douts, value_width, scratch.dvalues,
                   value_width, kAdd, nullptr);
          multiply(count, width / kLanes, block.queries, dscores, scratch.queries, width, scratch.dkeys, width, kAdd,
                   nullptr);
          const int64_t place = ((chunk * g.batch + batch) * call.heads + head) * call.queries + block.query;
          multiply(block.queries, width / kLanes, count, Scalars<float>{scratch.dscores, 1, kBlockRows}, scratch.keys,
                   width, g.dquery + place * g.dquery_width, g.dquery_width, kAdd, nullptr);
        });
      }
      unpack_rows(scratch.dkeys, count, call.features, at<T>(g.dkey, batch, key_head, first), g.dkey.strides[2]);
      unpack_rows(scratch.dvalues, count, call.value_features, at<T>(g.dvalue, batch, key_head, first),
                  g.dvalue.strides[2]);
    }
  }
}

// Adds a tile of dscores to dbias.
void add_to_bias(const AttentionGradients& g, const QueryBlock& block, int64_t first, int count, float* dbias,
                 const Scratch& scratch) {
  const bool per_query = g.bias_sizes[2] > 1, per_key = g.bias_sizes[3] > 1;
  const int64_t query_stride = per_query ? g.bias_sizes[3] : 0;
  for (int64_t r = 0; r < block.queries; r += kLanes) {
    for (int64_t k = 0; k < count; k += kLanes) {
      Vec tile[kLanes];
      const int keys = lanes_left(count - k);
      UNROLL for (int i = 0; i < kLanes; ++i) {
        tile[i] = i < keys ? widen(scratch.dscores + (k + i) * kBlockRows + r) : Vec{};
      }
      transpose(tile);
      for (int i = 0; i < kLanes && r + i < block.queries; ++i) {
        float* const to = dbias + (block.query + r + i) * query_stride;
        if (per_key) store(to + first + k, load(to + first + k, keys) + tile[i], keys);
        else to[0] += sum_lanes(tile[i]);
      }
    }
  }
}

template <class T>
void bias(const AttentionGradients& g, int64_t bias_batch, int64_t bias_head, int64_t number, float* memory) {
  const AttentionCall& call = g.call;
  const int64_t group = call.heads / call.key_heads;
  const bool per_query = g.bias_sizes[2] > 1, per_key = g.bias_sizes[3] > 1;
  const int64_t first_query = per_query ? number * kBlockRows : 0;
  const int64_t last_query = per_query ? first_query + kBlockRows : call.queries;
  float* const dbias = g.dbias + (bias_batch * g.bias_sizes[1] + bias_head) * g.bias_sizes[2] * g.bias_sizes[3];
  Scratch scratch;
  split(call, memory, scratch);
  BlockRows rows;
  for (int64_t batch = 0; batch < g.batch; ++batch) {
    if (g.bias_sizes[0] > 1 && batch != bias_batch) continue;
    for (int64_t head = 0; head < call.heads; ++head) {
      if (g.bias_sizes[1] > 1 && head != bias_head) continue;
      for (int64_t s = 0; s < call.sequence_count; ++s) {
        const AttentionSequence& sequence = call.sequences[s];
        const bool own_keys = !per_query && per_key;
        const int64_t begin = own_keys ? number * kBlockKeys : 0, end = sequence.key + sequence.keys;
        const int64_t stop = own_keys && begin + kBlockKeys < end ? begin + kBlockKeys : end;
        for (int64_t first = begin > sequence.key ? begin : sequence.key; first < stop; first += kBlockKeys) {
          const int count = static_cast<int>(clamp(stop - first, 0, kBlockKeys));
          take_keys<T>(call, batch, head / group, first, count, scratch);
          for_queries(sequence, first_query, last_query, batch, head / group, head, [&](const QueryBlock& block) {
            if (!gradients<T>(g, block, first, count, false, scratch, rows)) return;
            add_to_bias(g, block, first, count, dbias, scratch);
          });
        }
      }
    }
  }
}

template <class T>
void delta(const AttentionGradients& g, int64_t batch, int64_t head) {
  const AttentionCall& call = g.call;
  for (int64_t query = 0; query < call.queries; ++query) {
    const T* out = at<const T>(call.out, batch, head, query);
    const T* dout = at<const T>(g.dout, batch, head, query);
    Vec sum = {};
    for (int64_t c = 0; c < call.value_features; c += kLanes) {
      const int count = lanes_left(call.value_features - c);
      sum += load(out + c, count) * load(dout + c, count);
    }
    g.delta[(batch * call.heads + head) * call.queries + query] = sum_lanes(sum);
  }
}

template <class T>
void add_up(const float* from, int64_t count, int64_t distance, void* to, int64_t width) {
  for (int64_t c = 0; c < width; c += kLanes) {
    const int lanes = lanes_left(width - c);
    Vec sum = {};
    for (int64_t i = 0; i < count; ++i) sum += load(from + i * distance + c, lanes);
    store(static_cast<T*>(to) + c, sum, lanes);
  }
}

}  // namespace

AttentionBackwardTable attention_backward = {
    {scratch_floats, delta<float>, run<float>, bias<float>, add_up<float>},
    {scratch_floats, delta<half>, run<half>, bias<half>, add_up<half>},
    {scratch_floats, delta<bfloat16>, run<bfloat16>, bias<bfloat16>, add_up<bfloat16>}};

}  // namespace PYTRANSFORMERS_ISA
}  // namespace pytransformers
