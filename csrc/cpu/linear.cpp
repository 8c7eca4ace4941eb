// The entry point of linear: check the call, choose the kernel, spread the columns over the threads.
#include "cpu/linear.h"

#include <algorithm>

#include "core/checks.h"
#include "core/instruction_set.h"

namespace pytransformers {
namespace {

// Columns go to a thread in groups; less work than this costs more to hand over than to do.
constexpr int64_t kColumnsPerGroup = 12;
constexpr int64_t kMultiplicationsPerTask = 1 << 19;

LinearKernel* const kKernels[kInstructionSets] = COPIES(linear_kernel);

pytransformers_status check_matrix(const char* name, const pytransformers_tensor& tensor, Rows* rows) {
  if (const auto status = check_rows("linear", name, tensor, nullptr); status != PYTRANSFORMERS_OK) return status;
  if (tensor.dtype != PYTRANSFORMERS_FLOAT32) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[linear] expected %s of dtype float32, got %s, cast it or use the "
                "framework's linear", name, dtype_name(tensor.dtype));
  }
  *rows = as_rows(tensor);
  if (rows->rank <= 1) return PYTRANSFORMERS_OK;
  return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[linear] expected %s with its rows at one distance, got strides that "
              "jump, pass a contiguous copy", name);
}

pytransformers_status one(const pytransformers_tensor* x, const pytransformers_tensor* weight,
                          const pytransformers_tensor* bias, const pytransformers_tensor* y,
                          const pytransformers_parallel* parallel) {
  if (x == nullptr || weight == nullptr || y == nullptr) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[linear] expected x, weight and y, got NULL, pass the missing tensor");
  }
  Rows x_rows, weight_rows, y_rows;
  if (const auto status = check_matrix("x", *x, &x_rows); status != PYTRANSFORMERS_OK) return status;
  if (const auto status = check_matrix("weight", *weight, &weight_rows); status != PYTRANSFORMERS_OK) return status;
  if (const auto status = check_matrix("y", *y, &y_rows); status != PYTRANSFORMERS_OK) return status;
  const int64_t k = x->sizes[x->rank - 1];
  if (weight->rank != 2 || weight->sizes[1] != k) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[linear] expected weight of shape (n, %lld), got %s, match its last "
                "dimension to x's", static_cast<long long>(k), shape_text(*weight).c_str());
  }
  const int64_t columns = weight->sizes[0];
  bool fits = y->rank == x->rank && y->sizes[y->rank - 1] == columns;
  for (int i = 0; fits && i + 1 < x->rank; ++i) fits = y->sizes[i] == x->sizes[i];
  if (!fits) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[linear] expected y of x's shape %s with %lld columns, got %s, give "
                "it that shape", shape_text(*x).c_str(), static_cast<long long>(columns), shape_text(*y).c_str());
  }
  if (bias != nullptr) {
    const auto status = check_dense_vector("linear", "bias", *bias, columns, PYTRANSFORMERS_FLOAT32);
    if (status != PYTRANSFORMERS_OK) return status;
  }
  if (element_count(*y) == 0) return PYTRANSFORMERS_OK;

  const auto distance = [](const Rows& rows) { return rows.rank == 0 ? 0 : rows.strides[0] / 4; };
  const LinearCall call = {reinterpret_cast<const float*>(x_rows.data),
                           reinterpret_cast<const float*>(weight_rows.data),
                           bias != nullptr ? static_cast<const float*>(bias->data) : nullptr,
                           reinterpret_cast<float*>(y_rows.data),
                           element_count(*y) / columns,
                           k,
                           columns,
                           distance(x_rows),
                           distance(weight_rows),
                           distance(y_rows)};
  const auto task = [](int64_t begin, int64_t end, void* context) {
    const LinearCall& call = *static_cast<const LinearCall*>(context);
    active(kKernels)(call, begin * kColumnsPerGroup, std::min(call.columns, end * kColumnsPerGroup));
  };
  const int64_t groups = (columns + kColumnsPerGroup - 1) / kColumnsPerGroup;
  const int64_t per_group = std::max<int64_t>(1, kColumnsPerGroup * call.rows * k);
  const int64_t grain = std::max<int64_t>(1, kMultiplicationsPerTask / per_group);
  void* const context = const_cast<LinearCall*>(&call);
  if (parallel == nullptr || groups <= grain) {
    task(0, groups, context);
  } else {
    parallel->parallel_for(parallel->host, groups, grain, task, context);
  }
  return PYTRANSFORMERS_OK;
}

}  // namespace
}  // namespace pytransformers

using namespace pytransformers;

pytransformers_status pytransformers_linear(const pytransformers_tensor* x, int32_t count,
                                            const pytransformers_tensor* const* weights,
                                            const pytransformers_tensor* const* biases, int32_t activation,
                                            const pytransformers_tensor* const* ys,
                                            const pytransformers_parallel* parallel) {
  if (activation != PYTRANSFORMERS_IDENTITY) return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[linear] no activation yet");
  for (int32_t i = 0; i < count; ++i) {
    const auto status = one(x, weights[i], biases != nullptr ? biases[i] : nullptr, ys[i], parallel);
    if (status != PYTRANSFORMERS_OK) return status;
  }
  return PYTRANSFORMERS_OK;
}
