#include "core/checks.h"

#include <utility>

namespace pytransformers {

const char* dtype_name(int32_t dtype) {
  static const char* const names[] = {"float32", "float16", "bfloat16", "another dtype", "bool",
                                      "int8",    "uint8",   "int32",    "int64"};
  return dtype >= 0 && dtype < 9 ? names[dtype] : "another dtype";
}

std::string shape_text(const pytransformers_tensor& tensor) {
  std::string text = "(";
  for (int i = 0; i < tensor.rank; ++i) text += (i > 0 ? ", " : "") + std::to_string(tensor.sizes[i]);
  return text + (tensor.rank == 1 ? ",)" : ")");
}

int64_t element_count(const pytransformers_tensor& tensor) {
  int64_t count = 1;
  for (int i = 0; i < tensor.rank; ++i) count *= tensor.sizes[i];
  return count;
}

static bool same_shape(const pytransformers_tensor& a, const pytransformers_tensor& b) {
  if (a.rank != b.rank) return false;
  for (int i = 0; i < a.rank; ++i) {
    if (a.sizes[i] != b.sizes[i]) return false;
  }
  return true;
}

static pytransformers_status check_data(const char* op, const char* name, const pytransformers_tensor& tensor) {
  if (tensor.data != nullptr || element_count(tensor) == 0) return PYTRANSFORMERS_OK;
  return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected memory behind %s %s, got a null pointer, pass a tensor "
              "that holds its values", op, name, shape_text(tensor).c_str());
}

pytransformers_status check_dense_vector(const char* op, const char* name, const pytransformers_tensor& tensor,
                                         int64_t size, int32_t dtype) {
  if (tensor.rank != 1 || tensor.sizes[0] != size) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected %s of shape (%lld,), got %s, give it one value for each "
                "place in the last dimension of x", op, name, static_cast<long long>(size), shape_text(tensor).c_str());
  }
  if (tensor.dtype != dtype) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected %s of dtype %s, got %s, cast it to x's dtype or to "
                "float32, weight and bias alike", op, name, dtype_name(dtype), dtype_name(tensor.dtype));
  }
  if (size > 1 && tensor.strides != nullptr && tensor.strides[0] != 1) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected contiguous %s, got stride %lld, pass a contiguous copy",
                op, name, static_cast<long long>(tensor.strides[0]));
  }
  return check_data(op, name, tensor);
}

pytransformers_status check_rows(const char* op, const char* name, const pytransformers_tensor& tensor,
                                 const pytransformers_tensor* like) {
  if (tensor.rank < 1 || tensor.rank > kMaxRank) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected %s of 1 to %d dimensions, got %d, reshape it to "
                "(..., features)", op, name, kMaxRank, tensor.rank);
  }
  if (tensor.dtype < PYTRANSFORMERS_FLOAT32 || tensor.dtype > PYTRANSFORMERS_BFLOAT16) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected %s of dtype float32, float16 or bfloat16, got %s, cast "
                "it or use the reference kernel", op, name, dtype_name(tensor.dtype));
  }
  for (int i = 0; i < tensor.rank; ++i) {
    if (tensor.sizes[i] < 0) {
      return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected %s of sizes at least 0, got %s, check its shape", op,
                  name, shape_text(tensor).c_str());
    }
  }
  if (like != nullptr && !same_shape(tensor, *like)) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected %s of x's shape %s, got %s, expand or reshape it first",
                op, name, shape_text(*like).c_str(), shape_text(tensor).c_str());
  }
  if (like != nullptr && tensor.dtype != like->dtype) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected %s of x's dtype %s, got %s, cast one of them", op, name,
                dtype_name(like->dtype), dtype_name(tensor.dtype));
  }
  const int last = tensor.rank - 1;
  if (tensor.strides != nullptr && tensor.sizes[last] > 1 && tensor.strides[last] != 1 && element_count(tensor) > 0) {
    return fail(PYTRANSFORMERS_INVALID_ARGUMENT, "[%s] expected %s contiguous in its last dimension, got stride %lld, "
                "pass a contiguous copy", op, name, static_cast<long long>(tensor.strides[last]));
  }
  return check_data(op, name, tensor);
}

Rows as_rows(const pytransformers_tensor& tensor) {
  const int64_t item = item_size(tensor.dtype);
  const int last = tensor.rank - 1;
  Rows rows = {static_cast<char*>(tensor.data), 0, {1}, {0}};
  int64_t dense = tensor.sizes[last];
  // From the last leading dimension outwards, so that neighbours merge; turned round at the end.
  for (int i = last - 1; i >= 0; --i) {
    const int64_t size = tensor.sizes[i];
    const int64_t stride = (tensor.strides != nullptr ? tensor.strides[i] : dense) * item;
    dense *= size;
    if (size == 1) continue;
    const int outer = rows.rank - 1;
    if (outer >= 0 && stride == rows.strides[outer] * rows.sizes[outer]) {
      rows.sizes[outer] *= size;
    } else {
      rows.sizes[rows.rank] = size;
      rows.strides[rows.rank++] = stride;
    }
  }
  for (int i = 0, j = rows.rank - 1; i < j; ++i, --j) {
    std::swap(rows.sizes[i], rows.sizes[j]);
    std::swap(rows.strides[i], rows.strides[j]);
  }
  return rows;
}

}  // namespace pytransformers
