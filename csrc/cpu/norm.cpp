// The entry points of layer_norm and rms_norm: check the call, choose the kernel, spread the rows over the threads.
#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <memory>
#include <new>

#include "core/checks.h"
#include "core/instruction_set.h"
#include "cpu/norm.h"

namespace pytransformers {
namespace {

// Work for less than this many elements costs more to hand over than to do.
constexpr int64_t kElementsPerTask = 65536;
// Results of more bytes than this pass the caches by: they would not be there when they are read.
constexpr int64_t kStreamedBytes = 32 << 20;
constexpr int64_t kAlignment = 64;
// Bounds the partial sums of dweight and dbias; fixed, so that results do not depend on the number of threads.
constexpr int64_t kMaxPartials = 64;

using Tensor = pytransformers_tensor;
using Parallel = pytransformers_parallel;

struct Op {
  const char* name;
  NormTable* const kernels[kInstructionSets];
};

const Op kLayerNorm = {"layer_norm", COPIES(layer_norm_kernels)};
const Op kRmsNorm = {"rms_norm", COPIES(rms_norm_kernels)};

const NormKernels& kernels_for(const Op& op, int32_t dtype, int32_t weight_dtype) {
  const int mixed = weight_dtype != dtype;
  const int index = dtype == PYTRANSFORMERS_FLOAT32   ? kFloat32
                    : dtype == PYTRANSFORMERS_FLOAT16 ? kFloat16 + mixed
                                                      : kBfloat16 + mixed;
  return (*active(op.kernels))[index];
}

void run(const Parallel* parallel, int64_t count, int64_t grain, pytransformers_task task, void* context) {
  if (parallel == nullptr || count <= grain) return task(0, count, context);
  parallel->parallel_for(parallel->host, count, grain, task, context);
}

// Rows of whole registers, aligned to them.
bool is_aligned(const Rows& rows, int64_t row_bytes) {
  bool aligned = reinterpret_cast<uintptr_t>(rows.data) % kAlignment == 0 && row_bytes % kAlignment == 0;
  for (int i = 0; i < rows.rank; ++i) aligned = aligned && rows.strides[i] % kAlignment == 0;
  return aligned;
}

#define CHECK(call) if (const pytransformers_status status = (call); status != PYTRANSFORMERS_OK) return status

pytransformers_status check_eps(const char* op, double eps) {
  if (std::isfinite(eps) && eps >= 0.0) return PYTRANSFORMERS_OK;
  return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected a finite eps of at least 0, got %g, try 1e-5", op, eps);
}

// Weights have x's dtype or float32; the first one given says which.
struct Named { const char* name; const Tensor* tensor; };
pytransformers_status check_weights(const char* op, const Tensor& x, std::initializer_list<Named> weights,
                                    int32_t* dtype) {
  *dtype = x.dtype;
  for (const auto& [name, weight] : weights) {
    if (weight != nullptr && weight->dtype == PYTRANSFORMERS_FLOAT32) *dtype = PYTRANSFORMERS_FLOAT32;
    if (weight != nullptr) break;
  }
  for (const auto& [name, weight] : weights) {
    if (weight != nullptr) CHECK(check_dense_vector(op, name, *weight, x.sizes[x.rank - 1], *dtype));
  }
  return PYTRANSFORMERS_OK;
}

pytransformers_status forward(const Op& op, const Tensor* x, const Tensor* residual, const Tensor* weight,
                              const Tensor* bias, double eps, const Tensor* y, const Tensor* sum,
                              const Parallel* parallel) {
  if (x == nullptr || y == nullptr || (residual == nullptr) != (sum == nullptr)) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected x and y, and sum exactly with residual, got NULL, pass "
                "the missing tensor", op.name);
  }
  CHECK(check_eps(op.name, eps));
  CHECK(check_rows(op.name, "x", *x, nullptr));
  CHECK(check_rows(op.name, "y", *y, x));
  if (residual != nullptr) {
    CHECK(check_rows(op.name, "residual", *residual, x));
    CHECK(check_rows(op.name, "sum", *sum, x));
  }
  int32_t weight_dtype;
  CHECK(check_weights(op.name, *x, {{"weight", weight}, {"bias", bias}}, &weight_dtype));
  const int64_t elements = element_count(*x);
  if (elements == 0) return PYTRANSFORMERS_OK;

  struct Context { NormForward call; const NormKernels& kernels; int64_t scratch_bytes; };
  Context context = {{as_rows(*x), {}, as_rows(*y), {}, weight != nullptr ? weight->data : nullptr,
                      bias != nullptr ? bias->data : nullptr, x->sizes[x->rank - 1], static_cast<float>(eps),
                      false},
                     kernels_for(op, x->dtype, weight_dtype), 0};
  if (residual != nullptr) {
    context.call.residual = as_rows(*residual);
    context.call.sum = as_rows(*sum);
  }
  const int64_t width = context.call.width, row_bytes = width * item_size(x->dtype);
  context.call.streams = elements * item_size(x->dtype) > kStreamedBytes && is_aligned(context.call.y, row_bytes) &&
                         (residual == nullptr || is_aligned(context.call.sum, row_bytes));
  context.scratch_bytes = context.call.streams && residual != nullptr ? row_bytes : 0;
  run(parallel, elements / width, std::max<int64_t>(1, kElementsPerTask / width),
      [](int64_t begin, int64_t end, void* raw) {
        const Context& context = *static_cast<Context*>(raw);
        std::unique_ptr<char[]> scratch;
        NormForward call = context.call;
        if (context.scratch_bytes > 0) {
          scratch.reset(new (std::nothrow) char[context.scratch_bytes]);
          call.streams = scratch != nullptr;
        }
        context.kernels.forward(call, begin, end, scratch.get());
      }, &context);
  return PYTRANSFORMERS_OK;
}

pytransformers_status backward(const Op& op, const Tensor* dy, const Tensor* dsum, const Tensor* x,
                               const Tensor* weight, double eps, const Tensor* dx, const Tensor* dweight,
                               const Tensor* dbias, const Parallel* parallel) {
  if (dy == nullptr || x == nullptr || dx == nullptr) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected dy, x and dx, got NULL, pass the missing tensor",
                op.name);
  }
  CHECK(check_eps(op.name, eps));
  CHECK(check_rows(op.name, "x", *x, nullptr));
  CHECK(check_rows(op.name, "dy", *dy, x));
  CHECK(check_rows(op.name, "dx", *dx, x));
  if (dsum != nullptr) CHECK(check_rows(op.name, "dsum", *dsum, x));
  int32_t weight_dtype;
  CHECK(check_weights(op.name, *x, {{"weight", weight}, {"dweight", dweight}, {"dbias", dbias}}, &weight_dtype));

  const int64_t width = x->sizes[x->rank - 1];
  const int64_t elements = element_count(*x);
  const int64_t rows = width == 0 ? 0 : elements / width;
  const int sums = (dweight != nullptr) + (dbias != nullptr);
  // Float32 partial sums: one set for each range of rows, added up in order at the end.
  const int64_t partials = std::max<int64_t>(
      1, std::min({rows, kMaxPartials, (elements + kElementsPerTask - 1) / kElementsPerTask}));
  std::unique_ptr<float[]> scratch;
  if (sums > 0) {
    scratch.reset(new (std::nothrow) float[partials * sums * width]());
    if (scratch == nullptr) {
      return fail(PYTRANSFORMERS_OUT_OF_MEMORY, "[%s] expected memory for %lld partial sums, got none, free some", op.name,
                  static_cast<long long>(partials * sums * width));
    }
  }
  struct Context {
    NormBackward call;
    const NormKernels& kernels;
    int64_t rows, partials;
    float *dweight, *dbias;  // of the first range, or NULL
    int64_t stride;          // from one range to the next
  };
  Context context = {{as_rows(*dy), {}, as_rows(*x), as_rows(*dx), weight != nullptr ? weight->data : nullptr, width,
                      static_cast<float>(eps), false},
                     kernels_for(op, x->dtype, weight_dtype), rows, partials,
                     dweight != nullptr ? scratch.get() : nullptr,
                     dbias != nullptr ? scratch.get() + (sums - 1) * width : nullptr, sums * width};
  if (dsum != nullptr) context.call.dsum = as_rows(*dsum);
  context.call.streams = elements * item_size(x->dtype) > kStreamedBytes &&
                         is_aligned(context.call.dx, width * item_size(x->dtype));
  if (elements > 0) {
    run(parallel, partials, 1, [](int64_t begin, int64_t end, void* raw) {
      const Context& context = *static_cast<Context*>(raw);
      for (int64_t i = begin; i < end; ++i) {
        const int64_t offset = i * context.stride;
        context.kernels.backward(context.call, i * context.rows / context.partials,
                                 (i + 1) * context.rows / context.partials,
                                 context.dweight != nullptr ? context.dweight + offset : nullptr,
                                 context.dbias != nullptr ? context.dbias + offset : nullptr);
      }
    }, &context);
  }
  for (int64_t i = 1; i < partials && sums > 0; ++i) {
    const float* from = scratch.get() + i * context.stride;
    for (int64_t j = 0; j < context.stride; ++j) scratch[j] += from[j];
  }
  if (dweight != nullptr) context.kernels.store_weights(context.dweight, dweight->data, width);
  if (dbias != nullptr) context.kernels.store_weights(context.dbias, dbias->data, width);
  return PYTRANSFORMERS_OK;
}

}  // namespace
}  // namespace pytransformers

extern "C" {

pytransformers_status pytransformers_layer_norm(
    const pytransformers_tensor* x, const pytransformers_tensor* residual, const pytransformers_tensor* weight,
    const pytransformers_tensor* bias, double eps, const pytransformers_tensor* y, const pytransformers_tensor* sum,
    const pytransformers_parallel* parallel) {
  return pytransformers::forward(pytransformers::kLayerNorm, x, residual, weight, bias, eps, y, sum, parallel);
}

pytransformers_status pytransformers_layer_norm_backward(
    const pytransformers_tensor* dy, const pytransformers_tensor* dsum, const pytransformers_tensor* x,
    const pytransformers_tensor* weight, double eps, const pytransformers_tensor* dx,
    const pytransformers_tensor* dweight, const pytransformers_tensor* dbias, const pytransformers_parallel* parallel) {
  return pytransformers::backward(pytransformers::kLayerNorm, dy, dsum, x, weight, eps, dx, dweight, dbias, parallel);
}

pytransformers_status pytransformers_rms_norm(
    const pytransformers_tensor* x, const pytransformers_tensor* residual, const pytransformers_tensor* weight,
    double eps, const pytransformers_tensor* y, const pytransformers_tensor* sum,
    const pytransformers_parallel* parallel) {
  return pytransformers::forward(pytransformers::kRmsNorm, x, residual, weight, nullptr, eps, y, sum, parallel);
}

pytransformers_status pytransformers_rms_norm_backward(
    const pytransformers_tensor* dy, const pytransformers_tensor* dsum, const pytransformers_tensor* x,
    const pytransformers_tensor* weight, double eps, const pytransformers_tensor* dx,
    const pytransformers_tensor* dweight, const pytransformers_parallel* parallel) {
  return pytransformers::backward(pytransformers::kRmsNorm, dy, dsum, x, weight, eps, dx, dweight, nullptr, parallel);
}

}  // extern "C"
