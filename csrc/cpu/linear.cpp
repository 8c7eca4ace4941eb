// The entry point of linear: check the call, choose the kernel, cut y into blocks and spread them over the threads.
#include "cpu/linear.h"

#include <algorithm>
#include <cstdlib>

#include "core/checks.h"
#include "core/instruction_set.h"

namespace pytransformers {
namespace {

constexpr int kMaxWeights = 8;

// From so many rows on, turning W round pays. It does earlier where rows of W and x lie a multiple of 4 KiB apart and so
// push each other out of the first-level cache.
constexpr int64_t kManyRows = 40, kManyAliasedRows = 12, kAliasingDepth = 1024;

// What a thread is given: few rows go whole. Less work than this costs more to hand over than to do.
constexpr int64_t kColumnsOfFewRows = 12, kRowsOfMany = 64, kMultiplicationsPerTask = 1 << 19;

LinearKernel* const kFewRowsCopies[kInstructionSets] = COPIES(linear_few_rows);
LinearKernel* const kManyRowsCopies[kInstructionSets] = COPIES(linear_many_rows);

// The blocks of every y, numbered: those of one weight after another, in each column after column.
struct Plan {
  LinearCall calls[kMaxWeights];
  int64_t first_block[kMaxWeights + 1];
  int32_t count;
  bool many_rows;
  int64_t block_rows, block_columns, blocks_in_column;
};

void run(const Plan& plan, int64_t begin, int64_t end) {
  LinearKernel* kernel = active(kFewRowsCopies);
  float* scratch = nullptr;
  if (plan.many_rows) {
    scratch = static_cast<float*>(std::aligned_alloc(64, kPackedColumns * kPackedDepth * sizeof(float)));
    if (scratch != nullptr) kernel = active(kManyRowsCopies);  // without memory, the other kernel does it slower
  }
  int32_t i = 0;
  while (begin < end) {
    while (begin >= plan.first_block[i + 1]) ++i;
    const LinearCall& call = plan.calls[i];
    const int64_t block = begin - plan.first_block[i], stop = std::min(end, plan.first_block[i + 1]);
    LinearBlock part = {0, call.rows, block * plan.block_columns, call.columns};
    if (plan.many_rows) {  // one column of blocks, as far as it is ours
      const int64_t column = block / plan.blocks_in_column, row = block % plan.blocks_in_column;
      const int64_t blocks = std::min(stop - begin, plan.blocks_in_column - row);
      part = {row * plan.block_rows, std::min(call.rows, (row + blocks) * plan.block_rows),
              column * plan.block_columns, std::min(call.columns, (column + 1) * plan.block_columns)};
      begin += blocks;
    } else {
      part.column_end = std::min(call.columns, (stop - plan.first_block[i]) * plan.block_columns);
      begin = stop;
    }
    kernel(call, part, scratch);
  }
  std::free(scratch);
}

void run_all(Plan& plan, const pytransformers_parallel* parallel) {
  const int64_t rows = plan.calls[0].rows, k = plan.calls[0].k;
  plan.many_rows = k > 0 && rows >= (k % kAliasingDepth == 0 ? kManyAliasedRows : kManyRows);
  plan.block_rows = plan.many_rows ? kRowsOfMany : std::max<int64_t>(rows, 1);
  plan.block_columns = plan.many_rows ? kPackedColumns : kColumnsOfFewRows;
  plan.blocks_in_column = (rows + plan.block_rows - 1) / plan.block_rows;
  plan.first_block[0] = 0;
  for (int32_t i = 0; i < plan.count; ++i) {
    const int64_t columns = (plan.calls[i].columns + plan.block_columns - 1) / plan.block_columns;
    plan.first_block[i + 1] = plan.first_block[i] + columns * plan.blocks_in_column;
  }
  const int64_t blocks = plan.first_block[plan.count];
  const int64_t work = std::max<int64_t>(1, std::min(plan.block_rows, rows) * plan.block_columns * k);
  const int64_t grain = std::max<int64_t>(1, kMultiplicationsPerTask / work);
  const auto task = [](int64_t begin, int64_t end, void* context) { run(*static_cast<const Plan*>(context), begin, end); };
  if (parallel == nullptr || blocks <= grain) return task(0, blocks, &plan);
  parallel->parallel_for(parallel->host, blocks, grain, task, &plan);
}

pytransformers_status check_matrix(const char* name, const pytransformers_tensor& tensor, Rows* rows) {
  if (const auto status = check_rows("linear", name, tensor, nullptr); status != PYTRANSFORMERS_OK) return status;
  if (tensor.dtype != PYTRANSFORMERS_FLOAT32) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[linear] expected %s of dtype float32, got %s, cast it or use the "
                "framework's linear", name, dtype_name(tensor.dtype));
  }
  *rows = as_rows(tensor);
  if (rows->rank <= 1 || element_count(tensor) == 0) return PYTRANSFORMERS_OK;
  return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[linear] expected %s with its rows at one distance, got strides that "
              "jump, pass a contiguous copy", name);
}

pytransformers_status make_call(const pytransformers_tensor* x, const pytransformers_tensor* weight,
                                const pytransformers_tensor* bias, int32_t activation, const pytransformers_tensor* y,
                                LinearCall* call) {
  if (x == nullptr || weight == nullptr || y == nullptr) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[linear] expected x, weight and y, got NULL, pass the missing tensor");
  }
  Rows x_rows = {}, weight_rows = {}, y_rows = {};
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
  const auto distance = [](const Rows& rows) { return rows.rank == 0 ? 0 : rows.strides[0] / 4; };
  int64_t rows = 1;
  for (int i = 0; i + 1 < x->rank; ++i) rows *= x->sizes[i];
  *call = {reinterpret_cast<const float*>(x_rows.data),
           reinterpret_cast<const float*>(weight_rows.data),
           bias != nullptr ? static_cast<const float*>(bias->data) : nullptr,
           reinterpret_cast<float*>(y_rows.data),
           rows,
           k,
           columns,
           distance(x_rows),
           distance(weight_rows),
           distance(y_rows),
           activation};
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
  if (count < 1 || count > kMaxWeights || weights == nullptr || ys == nullptr) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[linear] expected 1 to %d weights with their results, got %d, call it "
                "again for the rest", kMaxWeights, weights == nullptr || ys == nullptr ? 0 : static_cast<int>(count));
  }
  if (activation < PYTRANSFORMERS_IDENTITY || activation > PYTRANSFORMERS_SILU) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[linear] expected an activation of pytransformers_activation, got %d, "
                "name one of these", static_cast<int>(activation));
  }
  Plan plan;
  plan.count = count;
  for (int32_t i = 0; i < count; ++i) {
    const auto status = make_call(x, weights[i], biases != nullptr ? biases[i] : nullptr, activation, ys[i],
                                  &plan.calls[i]);
    if (status != PYTRANSFORMERS_OK) return status;
  }
  run_all(plan, parallel);
  return PYTRANSFORMERS_OK;
}
