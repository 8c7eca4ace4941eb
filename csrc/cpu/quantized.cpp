// The entry points of quantized_matmul and dequantize: check the call, choose the kernel, spread tiles over threads.
#include "cpu/quantized.h"

#include <algorithm>
#include <memory>
#include <new>

#include "core/checks.h"
#include "core/instruction_set.h"

namespace pytransformers {
namespace {

// Less work than this costs more to hand over than to do.
constexpr int64_t kProductsPerTask = 1 << 18;    // of floats, for many
constexpr int64_t kSumsPerTask = 1 << 20;        // of products of int8
constexpr int64_t kElementsPerTask = 1 << 15;    // of x to pack, of W to decode
constexpr int64_t kPackedElements = 1 << 21;     // of x that are packed at once, which bounds the scratch memory
constexpr int64_t kChunkBytes = 384 << 10;       // of packed x that panels pass over, to stay in the second-level cache

using Tensor = pytransformers_tensor;
using Parallel = pytransformers_parallel;

const QuantizedWeightPaths* const kWeightPaths[kInstructionSets] = COPIES(quantized_weight_paths);
const QuantizedPath* const kDynamicPaths[kInstructionSets] = COPIES_VNNI(quantized_dynamic_path);

#define CHECK(call) if (const pytransformers_status status = (call); status != PYTRANSFORMERS_OK) return status

long long number(int64_t value) { return static_cast<long long>(value); }
int64_t ceiling(int64_t value, int64_t unit) { return (value + unit - 1) / unit; }
int64_t at_least_one(int64_t total, int64_t each) { return std::max<int64_t>(1, total / std::max<int64_t>(1, each)); }
int64_t per_word(int32_t quantization) { return quantization <= PYTRANSFORMERS_QUANTIZED_INT8_DYNAMIC ? 4 : 8; }

// Dense, of this dtype and these sizes.
pytransformers_status check_dense(const char* op, const char* name, const Tensor& tensor, int32_t dtype,
                                  const int64_t* sizes, int rank) {
  const Tensor wanted = {nullptr, sizes, nullptr, rank, dtype};
  bool fits = tensor.rank == rank;
  for (int i = 0; fits && i < rank; ++i) fits = tensor.sizes[i] == sizes[i];
  if (!fits || tensor.dtype != dtype) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected %s of shape %s and dtype %s, got %s and %s, pack the "
                "weight for this shape, quantization and group_size", op, name, shape_text(wanted).c_str(),
                dtype_name(dtype), tensor.rank > kMaxRank ? "more dimensions" : shape_text(tensor).c_str(),
                dtype_name(tensor.dtype));
  }
  if (element_count(tensor) == 0) return PYTRANSFORMERS_OK;
  int64_t dense = 1;
  for (int i = rank - 1; i >= 0; dense *= sizes[i--]) {
    if (tensor.strides != nullptr && sizes[i] > 1 && tensor.strides[i] != dense) {
      return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected contiguous %s, got stride %lld in dimension %d, pass "
                  "a contiguous copy", op, name, number(tensor.strides[i]), i);
    }
  }
  if (tensor.data != nullptr) return PYTRANSFORMERS_OK;
  return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected memory behind %s, got a null pointer, pass a tensor that "
              "holds its values", op, name);
}

pytransformers_status check_weight(const char* op, const Tensor* codes, const Tensor* scales, const Tensor* offsets,
                                   int32_t quantization, int64_t group_size, int64_t n, int64_t k,
                                   QuantizedWeight* weight) {
  if (codes == nullptr || scales == nullptr) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected codes and scales, got NULL, pass the missing tensor",
                op);
  }
  if (quantization < PYTRANSFORMERS_QUANTIZED_INT8 || quantization > PYTRANSFORMERS_QUANTIZED_NF4) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected quantization 0 to 3, got %d, name one of "
                "pytransformers_quantization", op, quantization);
  }
  if (group_size < 0 || group_size % 8 != 0) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected a group_size that is a multiple of 8, or 0 for one "
                "group a row, got %lld, try 32, 64 or 128", op, number(group_size));
  }
  const bool dynamic = quantization == PYTRANSFORMERS_QUANTIZED_INT8_DYNAMIC;
  if (dynamic && (group_size != 0 || offsets != nullptr)) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected int8_dynamic with group_size 0 and without offsets, "
                "got group_size %lld%s, or take int8", op, number(group_size),
                offsets != nullptr ? " and offsets" : "");
  }
  const bool whole = group_size == 0 || group_size >= k;
  const int64_t groups = whole ? 1 : ceiling(k, group_size);
  const int64_t blocks = ceiling(whole ? k : groups * group_size, per_word(quantization));
  const int64_t tiles = ceiling(n, kTileColumns);
  const int64_t code_sizes[] = {tiles, blocks, kTileColumns, 4}, scale_sizes[] = {tiles, groups, kTileColumns};
  CHECK(check_dense(op, "codes", *codes, PYTRANSFORMERS_UINT8, code_sizes, 4));
  CHECK(check_dense(op, "scales", *scales, PYTRANSFORMERS_FLOAT32, scale_sizes, 3));
  if (offsets != nullptr) CHECK(check_dense(op, "offsets", *offsets, PYTRANSFORMERS_FLOAT32, scale_sizes, 3));
  *weight = {static_cast<const uint8_t*>(codes->data), static_cast<const float*>(scales->data),
             offsets != nullptr ? static_cast<const float*>(offsets->data) : nullptr, quantization, n, k,
             whole ? k : group_size, groups, blocks * kTileColumns * 4};
  return PYTRANSFORMERS_OK;
}

// A floating point tensor (..., d) whose rows lie at one distance, `*stride` elements.
pytransformers_status check_matrix(const char* op, const char* name, const Tensor& tensor, int64_t* stride) {
  CHECK(check_rows(op, name, tensor, nullptr));
  const Rows rows = as_rows(tensor);
  *stride = rows.rank == 0 ? 0 : rows.strides[0] / item_size(tensor.dtype);
  if (rows.rank <= 1 || element_count(tensor) == 0) return PYTRANSFORMERS_OK;
  return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected %s with its rows at one distance, got strides that jump, "
              "pass a contiguous copy", op, name);
}

void run(const Parallel* parallel, int64_t count, int64_t grain, pytransformers_task task, const void* context) {
  void* raw = const_cast<void*>(context);
  if (parallel == nullptr || count <= grain) return task(0, count, raw);
  parallel->parallel_for(parallel->host, count, grain, task, raw);
}

// Some rows at a time: packs them, then computes them.
pytransformers_status rows_of(const QuantizedCall& whole, const QuantizedPath& path, int64_t products_per_task,
                              const Parallel* parallel) {
  const int64_t depth = whole.depth, block = path.block_rows;
  const int64_t step = std::min(whole.rows, at_least_one(kPackedElements, depth * block) * block);
  const std::unique_ptr<char[]> packed(new (std::nothrow) char[step * depth * path.packed_bytes + 1]);
  const int64_t groups = whole.weight.groups;  // room for row_scales or row_sums
  const std::unique_ptr<float[]> floats(new (std::nothrow) float[step * groups]);
  const std::unique_ptr<int32_t[]> starts(new (std::nothrow) int32_t[step]);
  if (packed == nullptr || floats == nullptr || starts == nullptr) {
    return fail(PYTRANSFORMERS_OUT_OF_MEMORY, "[quantized_matmul] expected memory for %lld rows of x, got none, free "
                "some", number(step));
  }
  struct Context { QuantizedCall call; const QuantizedPath& path; int64_t blocks, panels, chunk; };
  Context context = {whole, path, 0, ceiling(whole.weight.n, path.panel_tiles * kTileColumns), 0};
  QuantizedCall& call = context.call;
  call.packed = packed.get();
  call.row_sums = call.row_scales = floats.get();
  call.row_starts = starts.get();
  const int64_t item = item_size(whole.dtype);
  for (int64_t row = 0; row < whole.rows; row += step) {
    call.rows = std::min(step, whole.rows - row);
    call.x = static_cast<const char*>(whole.x) + row * whole.x_stride * item;
    call.y = static_cast<char*>(whole.y) + row * whole.y_stride * item;
    context.blocks = ceiling(call.rows, block);
    run(parallel, context.blocks, at_least_one(kElementsPerTask, block * depth),
        [](int64_t begin, int64_t end, void* raw) {
          const Context& context = *static_cast<const Context*>(raw);
          context.path.pack(context.call, begin, end);
        }, &context);
    // Tasks are panels of W for a chunk of the rows, one chunk after the other.
    context.chunk = std::min(context.blocks, at_least_one(kChunkBytes, block * depth * path.packed_bytes));
    const int64_t products = std::min(call.rows, context.chunk * block) * depth * path.panel_tiles * kTileColumns;
    run(parallel, context.panels * ceiling(context.blocks, context.chunk), at_least_one(products_per_task, products),
        [](int64_t begin, int64_t end, void* raw) {
          const Context& context = *static_cast<const Context*>(raw);
          for (int64_t i = begin; i < end; ++i) {
            const int64_t first = i / context.panels * context.chunk;
            context.path.run(context.call, i % context.panels, first, std::min(context.blocks, first + context.chunk));
          }
        }, &context);
  }
  return PYTRANSFORMERS_OK;
}

pytransformers_status matmul(const Tensor* x, const Tensor* codes, const Tensor* scales, const Tensor* offsets,
                             int32_t quantization, int64_t group_size, const Tensor* bias, int32_t activation,
                             const Tensor* y, const Parallel* parallel) {
  const char* op = "quantized_matmul";
  if (x == nullptr || y == nullptr) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected x and y, got NULL, pass the missing tensor", op);
  }
  if (activation < PYTRANSFORMERS_IDENTITY || activation > PYTRANSFORMERS_SILU) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected activation 0 to 4, got %d, name one of "
                "pytransformers_activation", op, activation);
  }
  QuantizedCall call = {};
  CHECK(check_matrix(op, "x", *x, &call.x_stride));
  CHECK(check_matrix(op, "y", *y, &call.y_stride));
  const int64_t k = x->sizes[x->rank - 1], n = y->sizes[y->rank - 1];
  bool fits = y->rank == x->rank && y->dtype == x->dtype;
  for (int i = 0; fits && i + 1 < x->rank; ++i) fits = y->sizes[i] == x->sizes[i];
  if (!fits) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected y of x's dtype %s and of its shape %s but for the last "
                "dimension, got %s and %s, give it those", op, dtype_name(x->dtype), shape_text(*x).c_str(),
                dtype_name(y->dtype), shape_text(*y).c_str());
  }
  CHECK(check_weight(op, codes, scales, offsets, quantization, group_size, n, k, &call.weight));
  if (bias != nullptr) CHECK(check_dense(op, "bias", *bias, PYTRANSFORMERS_FLOAT32, &n, 1));
  if (element_count(*y) == 0) return PYTRANSFORMERS_OK;
  call.x = x->data;
  call.bias = bias != nullptr ? static_cast<const float*>(bias->data) : nullptr;
  call.y = y->data;
  call.rows = element_count(*y) / n;
  call.activation = activation;

  call.dtype = x->dtype;
  call.depth = ceiling(k, per_word(quantization)) * per_word(quantization);
  const bool dynamic = quantization == PYTRANSFORMERS_QUANTIZED_INT8_DYNAMIC;
  const QuantizedWeightPaths& paths = *active(kWeightPaths);
  if (dynamic) return rows_of(call, *active(kDynamicPaths), kSumsPerTask, parallel);
  return rows_of(call, call.rows <= 2 * paths.few.block_rows ? paths.few : paths.many, kProductsPerTask, parallel);
}

pytransformers_status dequantize(const Tensor* codes, const Tensor* scales, const Tensor* offsets, int32_t quantization,
                                 int64_t group_size, const Tensor* weight, const Parallel* parallel) {
  const char* op = "dequantize";
  if (weight == nullptr) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected a weight to write, got NULL, pass the missing tensor",
                op);
  }
  struct Context {
    QuantizedWeight weight;
    int32_t dtype;
    void* out;
    int64_t stride;
    const QuantizedWeightPaths& paths;
  };
  Context context = {{}, weight->dtype, weight->data, 0, *active(kWeightPaths)};
  CHECK(check_matrix(op, "weight", *weight, &context.stride));
  if (weight->rank != 2) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected weight of shape (n, k), got %s, reshape it", op,
                shape_text(*weight).c_str());
  }
  const int64_t n = weight->sizes[0], k = weight->sizes[1];
  CHECK(check_weight(op, codes, scales, offsets, quantization, group_size, n, k, &context.weight));
  if (n == 0 || k == 0) return PYTRANSFORMERS_OK;
  run(parallel, ceiling(n, kTileColumns), at_least_one(kElementsPerTask, k * kTileColumns),
      [](int64_t begin, int64_t end, void* raw) {
        const Context& context = *static_cast<const Context*>(raw);
        context.paths.dequantize(context.weight, context.dtype, context.out, context.stride, begin, end);
      }, &context);
  return PYTRANSFORMERS_OK;
}

}  // namespace
}  // namespace pytransformers

extern "C" {

pytransformers_status pytransformers_quantized_matmul(
    const pytransformers_tensor* x, const pytransformers_tensor* codes, const pytransformers_tensor* scales,
    const pytransformers_tensor* offsets, int32_t quantization, int64_t group_size, const pytransformers_tensor* bias,
    int32_t activation, const pytransformers_tensor* y, const pytransformers_parallel* parallel) {
  return pytransformers::matmul(x, codes, scales, offsets, quantization, group_size, bias, activation, y, parallel);
}

pytransformers_status pytransformers_dequantize(
    const pytransformers_tensor* codes, const pytransformers_tensor* scales, const pytransformers_tensor* offsets,
    int32_t quantization, int64_t group_size, const pytransformers_tensor* weight,
    const pytransformers_parallel* parallel) {
  return pytransformers::dequantize(codes, scales, offsets, quantization, group_size, weight, parallel);
}

}  // extern "C"
