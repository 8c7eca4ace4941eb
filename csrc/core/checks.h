// Checks on the tensors of a call, with messages of one form: [op] expected X, got Y, do this.
#pragma once

#include <string>

#include "core/error.h"
#include "core/tensor.h"

namespace pytransformers {

const char* dtype_name(int32_t dtype);
std::string shape_text(const pytransformers_tensor& tensor);  // "(2, 3)"
int64_t element_count(const pytransformers_tensor& tensor);

// Each returns PYTRANSFORMERS_OK or fails with a message about the argument called `name`.
pytransformers_status check_dense_vector(const char* op, const char* name, const pytransformers_tensor& tensor,
                                         int64_t size, int32_t dtype);
// A floating point tensor (..., d) with d contiguous; `like` (or NULL) gives the shape and dtype it must have.
pytransformers_status check_rows(const char* op, const char* name, const pytransformers_tensor& tensor,
                                 const pytransformers_tensor* like);
// To be called after check_rows.
Rows as_rows(const pytransformers_tensor& tensor);

}  // namespace pytransformers
