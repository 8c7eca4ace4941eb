// The entry point of rotary_embedding: check the call, choose the kernel, spread the positions over the threads.
#include "cpu/rotary.h"

#include <algorithm>

#include "core/checks.h"
#include "core/instruction_set.h"

namespace pytransformers {
namespace {

constexpr const char* kOp = "rotary_embedding";
// Less work than this many elements costs more to hand over than to do.
constexpr int64_t kElementsPerTask = 65536;

using Tensor = pytransformers_tensor;

RotaryKernels* const kKernels[kInstructionSets] = COPIES(rotary_kernels);

#define CHECK(call) if (const pytransformers_status status = (call); status != PYTRANSFORMERS_OK) return status
#define REFUSE(...) return fail(PYTRANSFORMERS_INVALID_ARGUMENT, __VA_ARGS__)

// In elements.
int64_t stride(const Tensor& tensor, int dimension) {
  if (tensor.strides != nullptr) return tensor.strides[dimension];
  int64_t dense = 1;
  for (int i = tensor.rank - 1; i > dimension; --i) dense *= tensor.sizes[i];
  return dense;
}

pytransformers_status check_heads(const char* name, const char* out_name, const Tensor& query, const Tensor& in,
                                  const Tensor* out, RotaryHeads* heads) {
  CHECK(check_rows(kOp, name, in, nullptr));
  if (in.rank != 4) {
    REFUSE("[%s] expected %s of shape (batch, heads, length, d), got %s, reshape it", kOp, name,
           shape_text(in).c_str());
  }
  const bool fits = in.sizes[0] == query.sizes[0] && in.sizes[2] == query.sizes[2] && in.sizes[3] == query.sizes[3];
  if (!fits) {
    REFUSE("[%s] expected key of query's batch, length and d %s, got %s, reshape one of them", kOp,
           shape_text(query).c_str(), shape_text(in).c_str());
  }
  if (in.dtype != query.dtype) {
    REFUSE("[%s] expected key of query's dtype %s, got %s, cast one of them", kOp, dtype_name(query.dtype),
           dtype_name(in.dtype));
  }
  if (out == nullptr) {
    REFUSE("[%s] expected query_out, and key_out exactly with key, got NULL for %s, pass the missing tensor", kOp,
           out_name);
  }
  CHECK(check_rows(kOp, out_name, *out, nullptr));
  bool alike = out->rank == 4 && out->dtype == in.dtype, same_strides = true;
  for (int i = 0; i < 4 && alike; ++i) {
    alike = out->sizes[i] == in.sizes[i];
    same_strides = same_strides && (in.sizes[i] <= 1 || stride(in, i) == stride(*out, i));
  }
  if (!alike) {
    REFUSE("[%s] expected %s of %s's shape %s and dtype %s, got %s of %s, make it alike", kOp, out_name, name,
           shape_text(in).c_str(), dtype_name(in.dtype), shape_text(*out).c_str(), dtype_name(out->dtype));
  }
  if (in.data == out->data && !same_strides && element_count(in) > 0) {
    REFUSE("[%s] expected %s in other memory than %s or with its strides, got its memory with other strides, pass "
           "other memory", kOp, out_name, name);
  }
  const int64_t item = item_size(in.dtype);
  *heads = {static_cast<const char*>(in.data), static_cast<char*>(out->data), in.sizes[1],
            stride(in, 0) * item, stride(in, 1) * item, stride(in, 2) * item,
            stride(*out, 0) * item, stride(*out, 1) * item, stride(*out, 2) * item};
  return PYTRANSFORMERS_OK;
}

// cos or sin: (batch | 1, length, r), or a table (max_positions, r).
pytransformers_status check_table(const char* name, const Tensor& query, const Tensor& table, bool by_position,
                                  RotaryTable* result) {
  CHECK(check_rows(kOp, name, table, nullptr));
  if (table.dtype != query.dtype && table.dtype != PYTRANSFORMERS_FLOAT32) {
    REFUSE("[%s] expected %s of query's dtype %s or float32, got %s, cast it", kOp, name, dtype_name(query.dtype),
           dtype_name(table.dtype));
  }
  const int64_t item = item_size(table.dtype);
  if (by_position) {
    if (table.rank != 2) {
      REFUSE("[%s] expected %s of shape (max_positions, r) with positions, got %s, reshape it", kOp, name,
             shape_text(table).c_str());
    }
    *result = {static_cast<const char*>(table.data), 0, stride(table, 0) * item};
    return PYTRANSFORMERS_OK;
  }
  const bool fits = table.rank == 3 && (table.sizes[0] == 1 || table.sizes[0] == query.sizes[0]) &&
                    table.sizes[1] == query.sizes[2];
  if (!fits) {
    REFUSE("[%s] expected %s of shape (batch or 1, length, r) for query %s, got %s, reshape it or pass positions", kOp,
           name, shape_text(query).c_str(), shape_text(table).c_str());
  }
  *result = {static_cast<const char*>(table.data), table.sizes[0] == 1 ? 0 : stride(table, 0) * item,
             stride(table, 1) * item};
  return PYTRANSFORMERS_OK;
}

template <class Index>
bool all_below(const Tensor& positions, int64_t limit, int64_t* outside) {
  const Index* values = static_cast<const Index*>(positions.data);
  const int64_t count = element_count(positions);
  for (int64_t i = 0; i < count; ++i) {
    if (values[i] >= 0 && values[i] < limit) continue;
    *outside = values[i];
    return false;
  }
  return true;
}

pytransformers_status check_positions(const Tensor& query, const Tensor& positions, int64_t limit) {
  const bool wide = positions.dtype == PYTRANSFORMERS_INT64;
  if (!wide && positions.dtype != PYTRANSFORMERS_INT32) {
    REFUSE("[%s] expected positions of dtype int32 or int64, got %s, cast them", kOp, dtype_name(positions.dtype));
  }
  const bool fits = positions.rank == 2 && (positions.sizes[0] == 1 || positions.sizes[0] == query.sizes[0]) &&
                    positions.sizes[1] == query.sizes[2];
  if (!fits) {
    REFUSE("[%s] expected positions of shape (batch or 1, length) for query %s, got %s, reshape them", kOp,
           shape_text(query).c_str(), positions.rank < 0 ? "none" : shape_text(positions).c_str());
  }
  if (element_count(positions) == 0) return PYTRANSFORMERS_OK;
  if (positions.data == nullptr) {
    REFUSE("[%s] expected memory behind positions, got a null pointer, pass a tensor that holds its values", kOp);
  }
  const bool dense = (positions.sizes[1] <= 1 || stride(positions, 1) == 1) &&
                     (positions.sizes[0] <= 1 || stride(positions, 0) == positions.sizes[1]);
  if (!dense) REFUSE("[%s] expected contiguous positions, got gaps between them, pass a contiguous copy", kOp);
  int64_t outside = 0;
  if (wide ? all_below<int64_t>(positions, limit, &outside) : all_below<int32_t>(positions, limit, &outside)) {
    return PYTRANSFORMERS_OK;
  }
  REFUSE("[%s] expected positions from 0 to %lld, the rows of cos, got %lld, make the tables longer", kOp,
         static_cast<long long>(limit - 1), static_cast<long long>(outside));
}

pytransformers_status rotary_embedding(const Tensor* query, const Tensor* key, const Tensor* cos, const Tensor* sin,
                                       const Tensor* positions, bool interleaved, bool inverse, const Tensor* query_out,
                                       const Tensor* key_out, const pytransformers_parallel* parallel) {
  if (query == nullptr || cos == nullptr || sin == nullptr || (key == nullptr) != (key_out == nullptr)) {
    REFUSE("[%s] expected query, cos and sin, and key_out exactly with key, got NULL, pass the missing tensor", kOp);
  }
  RotaryCall call = {};
  CHECK(check_heads("query", "query_out", *query, *query, query_out, &call.tensors[0]));
  if (key != nullptr) CHECK(check_heads("key", "key_out", *query, *key, key_out, &call.tensors[1]));
  CHECK(check_table("cos", *query, *cos, positions != nullptr, &call.cos));
  CHECK(check_table("sin", *query, *sin, positions != nullptr, &call.sin));
  const int64_t half = cos->sizes[cos->rank - 1];
  if (sin->sizes[sin->rank - 1] != half || sin->dtype != cos->dtype ||
      (positions != nullptr && sin->sizes[0] != cos->sizes[0])) {
    REFUSE("[%s] expected sin of cos' shape %s and dtype %s, got %s of %s, make them alike", kOp,
           shape_text(*cos).c_str(), dtype_name(cos->dtype), shape_text(*sin).c_str(), dtype_name(sin->dtype));
  }
  call.width = query->sizes[3];
  if (2 * half > call.width) {
    REFUSE("[%s] expected cos for at most half of d = %lld features, got %lld, pass fewer", kOp,
           static_cast<long long>(call.width), static_cast<long long>(half));
  }
  if (positions != nullptr) {
    CHECK(check_positions(*query, *positions, cos->sizes[0]));
    call.positions = positions->data;
    call.wide_positions = positions->dtype == PYTRANSFORMERS_INT64;
    call.positions_batch = positions->sizes[0] == 1 ? 0 : positions->sizes[1];
  }
  call.count = key != nullptr ? 2 : 1;
  call.length = query->sizes[2];
  call.half = half;
  call.inverse = inverse;
  const int64_t places = query->sizes[0] * call.length;
  const int64_t per_place = (call.tensors[0].heads + call.tensors[1].heads) * call.width;
  if (places * per_place == 0) return PYTRANSFORMERS_OK;

  struct Context { const RotaryCall& call; RotaryKernel* kernel; };
  const int dtypes = query->dtype == PYTRANSFORMERS_FLOAT32   ? kRotaryFloat32
                     : query->dtype == PYTRANSFORMERS_FLOAT16 ? kRotaryFloat16 + (cos->dtype != query->dtype)
                                                              : kRotaryBfloat16 + (cos->dtype != query->dtype);
  Context context = {call, (*active(kKernels))[dtypes][interleaved]};
  const auto task = [](int64_t begin, int64_t end, void* raw) {
    const Context& context = *static_cast<const Context*>(raw);
    context.kernel(context.call, begin, end);
  };
  const int64_t grain = std::max<int64_t>(1, kElementsPerTask / per_place);
  if (parallel == nullptr || places <= grain) {
    task(0, places, &context);
  } else {
    parallel->parallel_for(parallel->host, places, grain, task, &context);
  }
  return PYTRANSFORMERS_OK;
}

}  // namespace
}  // namespace pytransformers

extern "C" pytransformers_status pytransformers_rotary_embedding(
    const pytransformers_tensor* query, const pytransformers_tensor* key, const pytransformers_tensor* cos,
    const pytransformers_tensor* sin, const pytransformers_tensor* positions, int32_t interleaved, int32_t inverse,
    const pytransformers_tensor* query_out, const pytransformers_tensor* key_out,
    const pytransformers_parallel* parallel) {
  return pytransformers::rotary_embedding(query, key, cos, sin, positions, interleaved != 0, inverse != 0, query_out,
                                          key_out, parallel);
}
