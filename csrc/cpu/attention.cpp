// The entry points of attention: cut the call into tasks and spread them over the threads.
#include <algorithm>
#include <atomic>
#include <memory>
#include <new>
#include <vector>

#include "core/checks.h"
#include "core/instruction_set.h"
#include "cpu/attention_checks.h"

namespace pytransformers {
namespace {

using Tensor = pytransformers_tensor;
using Parallel = pytransformers_parallel;

// Work for less than this many multiplications costs more to hand over than to do.
constexpr int64_t kMultiplicationsPerTask = 1 << 17;
// Few rows are cut along the keys into so many tasks, of at least so many keys.
constexpr int64_t kDecodingTasks = 16, kKeysPerPart = 256;
// Gradients of few heads are cut along the keys, into so many tasks.
constexpr int64_t kGradientTasks = 16, kMaxChunks = 8;

AttentionForwardTable* const kForward[kInstructionSets] = COPIES_BF16(attention_forward);
AttentionDecodingTable* const kDecoding[kInstructionSets] = COPIES(attention_decoding);
AttentionBackwardTable* const kBackward[kInstructionSets] = COPIES(attention_backward);

#define CHECK(call) if (const pytransformers_status status = (call); status != PYTRANSFORMERS_OK) return status

template <class Table>
const auto& kernels_for(Table* const (&copies)[kInstructionSets], int32_t dtype) {
  return (*active(copies))[dtype == PYTRANSFORMERS_FLOAT32   ? kAttentionFloat32
                           : dtype == PYTRANSFORMERS_FLOAT16 ? kAttentionFloat16
                                                             : kAttentionBfloat16];
}

struct Release { void operator()(float* memory) const { ::operator delete[](memory, std::align_val_t{64}); } };
using Floats = std::unique_ptr<float[], Release>;
Floats allocate(int64_t count) { return Floats(new (std::align_val_t{64}, std::nothrow) float[count]); }

pytransformers_status out_of_memory(const char* op) {
  return fail(PYTRANSFORMERS_OUT_OF_MEMORY, "[%s] expected memory for its tiles, got none, free some", op);
}

// Calls work(index, scratch) for [0, count), with scratch of `floats` for each range. False if there was no memory.
template <class Work>
bool for_each(const Parallel* parallel, int64_t count, int64_t multiplications, int64_t floats, Work work) {
  struct Context { Work& work; int64_t floats; std::atomic<bool> failed; } context = {work, floats, {false}};
  const auto task = [](int64_t begin, int64_t end, void* raw) {
    Context& context = *static_cast<Context*>(raw);
    const Floats scratch = allocate(context.floats);
    if (scratch == nullptr) { context.failed = true; return; }
    for (int64_t i = begin; i < end; ++i) context.work(i, scratch.get());
  };
  const int64_t grain = std::clamp<int64_t>(kMultiplicationsPerTask / std::max<int64_t>(multiplications, 1), 1,
                                            std::max<int64_t>(count, 1));
  if (parallel == nullptr || count <= grain) {
    task(0, count, &context);
  } else {
    parallel->parallel_for(parallel->host, count, grain, task, &context);
  }
  return !context.failed;
}

pytransformers_status forward(const Tensor* query, const Tensor* key, const Tensor* value,
                              const pytransformers_attention_options* options, const Tensor* out, const Tensor* lse,
                              const Parallel* parallel) {
  AttentionCall call;
  std::vector<AttentionSequence> sequences;
  CHECK(check_attention("attention", query, key, value, options, out, lse, call, sequences));
  const int64_t batch = query->sizes[0];
  if (batch * call.heads * call.queries == 0) return PYTRANSFORMERS_OK;
  const int64_t group = call.heads / call.key_heads;
  int64_t longest = 1, keys = 1;
  for (const AttentionSequence& s : sequences) longest = std::max(longest, s.queries), keys = std::max(keys, s.keys);
  const bool few = longest <= kFewRows;
  // Heads that share keys go together as far as there is room.
  const int64_t room = few ? kFewRows : kBlockRows, together = std::clamp<int64_t>(room / longest, 1, group);
  const int64_t groups = (group + together - 1) / together;
  std::vector<QueryBlock> blocks;
  for (const AttentionSequence& s : sequences) {
    for (int64_t i = 0; i < s.queries; i += kBlockRows) {
      blocks.push_back({s, 0, 0, 0, s.query + i, 0, static_cast<int>(std::min<int64_t>(kBlockRows, s.queries - i))});
    }
  }
  const int64_t block_count = static_cast<int64_t>(blocks.size());
  const int64_t tasks = batch * call.key_heads * groups * block_count;
  const auto block_at = [&](int64_t index) {
    // The last blocks first: with a causal mask they have the most keys.
    QueryBlock block = blocks[block_count - 1 - index % block_count];
    index /= block_count;
    const int64_t part = index % groups;
    block.key_head = index / groups % call.key_heads;
    block.batch = index / groups / call.key_heads;
    block.head = block.key_head * group + part * together;
    block.heads = static_cast<int>(std::min(together, group - part * together));
    return block;
  };
  const int64_t rows = std::min<int64_t>(kBlockRows, longest * together);
  const int64_t multiplications = rows * keys * (call.features + call.value_features);
  if (!few) {
    const AttentionForward& kernel = kernels_for(kForward, query->dtype);
    const bool done = for_each(parallel, tasks, multiplications, kernel.scratch(call), [&](int64_t i, float* scratch) {
      kernel.run(call, block_at(i), scratch);
    });
    return done ? PYTRANSFORMERS_OK : out_of_memory("attention");
  }
  const AttentionDecoding& kernel = kernels_for(kDecoding, query->dtype);
  const int64_t parts = std::clamp<int64_t>((kDecodingTasks + tasks - 1) / tasks, 1,
                                            (keys + kKeysPerPart - 1) / kKeysPerPart);
  call.part_width = (kPartHeader + call.value_features + 15) / 16 * 16;
  const int64_t part_floats = rows * call.part_width, scratch_floats = (kernel.scratch(call) + 15) / 16 * 16;
  const Floats shared = allocate(parts > 1 ? tasks * parts * part_floats : 0);
  if (shared == nullptr) return out_of_memory("attention");
  const bool done = for_each(parallel, tasks * parts, multiplications / parts, scratch_floats + part_floats,
                             [&](int64_t index, float* scratch) {
    const QueryBlock block = block_at(index / parts);
    const int64_t part = index % parts, first = block.sequence.key, count = block.sequence.keys;
    float* const sums = parts > 1 ? shared.get() + index * part_floats : scratch + scratch_floats;
    kernel.run(call, block, first + part * count / parts, first + (part + 1) * count / parts, sums, scratch);
    if (parts == 1) kernel.combine(call, block, sums, 1, 0);
  });
  for (int64_t i = 0; parts > 1 && i < tasks; ++i) {
    kernel.combine(call, block_at(i), shared.get() + i * parts * part_floats, parts, part_floats);
  }
  return done ? PYTRANSFORMERS_OK : out_of_memory("attention");
}

pytransformers_status backward(const Tensor* dout, const Tensor* query, const Tensor* key, const Tensor* value,
                               const Tensor* out, const Tensor* lse, const pytransformers_attention_options* options,
                               const Tensor* dquery, const Tensor* dkey, const Tensor* dvalue, const Tensor* dbias,
                               const Parallel* parallel) {
  const char* const op = "attention_backward";
  AttentionGradients g = {};
  AttentionCall& call = g.call;
  std::vector<AttentionSequence> sequences;
  CHECK(check_attention(op, query, key, value, options, out, lse, call, sequences));
  if (lse == nullptr) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected lse, got NULL, pass what attention gave", op);
  }
  Strided dquery_strided;
  CHECK(check_attention_like(op, "dout", dout, "out", *out, g.dout));
  CHECK(check_attention_like(op, "dquery", dquery, "query", *query, dquery_strided));
  CHECK(check_attention_like(op, "dkey", dkey, "key", *key, g.dkey));
  CHECK(check_attention_like(op, "dvalue", dvalue, "value", *value, g.dvalue));
  if (dbias != nullptr) CHECK(check_bias_gradient(op, *dbias, options->bias));

  const AttentionBackward& kernel = kernels_for(kBackward, query->dtype);
  const int64_t batch = query->sizes[0], keys = key->sizes[2], rows = batch * call.heads * call.queries;
  const int64_t tasks = batch * call.key_heads, key_blocks = (keys + kBlockKeys - 1) / kBlockKeys;
  g.batch = batch;
  g.chunks = std::clamp<int64_t>(std::min(kMaxChunks, (kGradientTasks + tasks - 1) / std::max<int64_t>(tasks, 1)), 1,
                                 std::max<int64_t>(key_blocks, 1));
  g.dquery_width = (call.features + 15) / 16 * 16;
  const int64_t dquery_floats = rows * g.dquery_width;
  const Floats delta = allocate(rows), shares = allocate(g.chunks * dquery_floats);
  if (delta == nullptr || shares == nullptr) return out_of_memory(op);
  g.delta = delta.get();
  g.dquery = shares.get();
  const int64_t widths = call.features + call.value_features;
  const int64_t per_task = rows * keys * widths * 3 / std::max<int64_t>(tasks * g.chunks, 1);
  for_each(parallel, batch * call.heads, call.queries * call.value_features, 0, [&](int64_t index, float*) {
    kernel.delta(g, index / call.heads, index % call.heads);
  });
  bool done = for_each(parallel, tasks * g.chunks, per_task, kernel.scratch(call), [&](int64_t index, float* scratch) {
    const int64_t chunk = index % g.chunks, batch_index = index / g.chunks / call.key_heads;
    const int64_t key_head = index / g.chunks % call.key_heads, group = call.heads / call.key_heads;
    const int64_t first = (chunk * batch + batch_index) * call.heads + key_head * group;
    float* const share = g.dquery + first * call.queries * g.dquery_width;
    std::fill(share, share + group * call.queries * g.dquery_width, 0.0f);
    kernel.run(g, batch_index, key_head, chunk, scratch);
  });
  const int64_t item = item_size(query->dtype);
  for_each(parallel, rows, g.chunks * g.dquery_width, 0, [&](int64_t row, float*) {
    const int64_t query_index = row % call.queries, head = row / call.queries % call.heads;
    const int64_t offset = row / call.queries / call.heads * dquery_strided.strides[0] +
                           head * dquery_strided.strides[1] + query_index * dquery_strided.strides[2];
    kernel.add_up(g.dquery + row * g.dquery_width, g.chunks, dquery_floats, dquery_strided.data + offset * item,
                  call.features);
  });
  if (dbias == nullptr || element_count(*dbias) == 0) return done ? PYTRANSFORMERS_OK : out_of_memory(op);

  std::copy(dbias->sizes, dbias->sizes + 4, g.bias_sizes);
  const int64_t elements = element_count(*dbias);
  const bool rounded = dbias->dtype != PYTRANSFORMERS_FLOAT32;
  const Floats sums = allocate(rounded ? elements : 0);
  if (sums == nullptr) return out_of_memory(op);
  g.dbias = rounded ? sums.get() : static_cast<float*>(dbias->data);
  std::fill(g.dbias, g.dbias + elements, 0.0f);
  const int64_t blocks = g.bias_sizes[2] > 1   ? (call.queries + kBlockRows - 1) / kBlockRows
                         : g.bias_sizes[3] > 1 ? key_blocks
                                               : 1;
  const int64_t places = g.bias_sizes[0] * g.bias_sizes[1];
  done &= for_each(parallel, places * blocks, rows * keys / (places * blocks) * widths, kernel.scratch(call),
                   [&](int64_t index, float* scratch) {
    const int64_t place = index / blocks;
    kernel.bias(g, place / g.bias_sizes[1], place % g.bias_sizes[1], index % blocks, scratch);
  });
  if (rounded) kernel.add_up(g.dbias, 1, 0, dbias->data, elements);
  return done ? PYTRANSFORMERS_OK : out_of_memory(op);
}

}  // namespace
}  // namespace pytransformers

extern "C" {

pytransformers_status pytransformers_attention(
    const pytransformers_tensor* query, const pytransformers_tensor* key, const pytransformers_tensor* value,
    const pytransformers_attention_options* options, const pytransformers_tensor* out, const pytransformers_tensor* lse,
    const pytransformers_parallel* parallel) {
  return pytransformers::forward(query, key, value, options, out, lse, parallel);
}

pytransformers_status pytransformers_attention_backward(
    const pytransformers_tensor* dout, const pytransformers_tensor* query, const pytransformers_tensor* key,
    const pytransformers_tensor* value, const pytransformers_tensor* out, const pytransformers_tensor* lse,
    const pytransformers_attention_options* options, const pytransformers_tensor* dquery,
    const pytransformers_tensor* dkey, const pytransformers_tensor* dvalue, const pytransformers_tensor* dbias,
    const pytransformers_parallel* parallel) {
  return pytransformers::backward(dout, query, key, value, out, lse, options, dquery, dkey, dvalue, dbias, parallel);
}

}  // extern "C"
